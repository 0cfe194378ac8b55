//! Names, MX, TLSA and MTA-STS records, asked of a name server of our own.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use heloise::explain::Failure;
use heloise::target::{Host, Target};
use heloise::transport::cert::CertInfo;
use heloise::transport::dane::{self, Fit, Tlsa, Verdict};
use heloise::transport::dial::{DialOptions, Family, dial};
use heloise::transport::mta_sts;
use heloise::transport::resolve::{MxHost, NameProblem, addresses, mx};
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, TLSA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

/// What a name server knows: the records of a name, and how the question went.
pub type Zone = dyn Fn(&str, RecordType) -> (ResponseCode, Vec<RData>) + Send + Sync;

/// A name server on loopback that knows the zone below.
fn name_server() -> DialOptions {
    serve(zone)
}

/// A name server on loopback. Names with "secure" in them are vouched for.
pub fn serve(
    zone: impl Fn(&str, RecordType) -> (ResponseCode, Vec<RData>) + Send + Sync + 'static,
) -> DialOptions {
    let zone: Arc<Zone> = Arc::new(zone);
    // The same port for UDP and TCP, as a truncated answer sends the client from one to the other.
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let resolver = Some(udp.local_addr().unwrap());
    let known = zone.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 2000];
        while let Ok((count, from)) = udp.recv_from(&mut buffer) {
            let mut reply = answer(&buffer[..count], &*known);
            if reply.answers.len() > 20 {
                reply = reply.truncate();
            }
            udp.send_to(&reply.to_vec().unwrap(), from).unwrap();
        }
    });
    std::thread::spawn(move || serve_tcp(&tcp, &*zone));
    DialOptions { resolver, ..DialOptions::default() }
}

fn serve_tcp(listener: &TcpListener, zone: &Zone) {
    use std::io::{Read, Write};
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut length = [0; 2];
        while stream.read_exact(&mut length).is_ok() {
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut question).unwrap();
            let reply = answer(&question, zone).to_vec().unwrap();
            stream.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes()).unwrap();
            stream.write_all(&reply).unwrap();
        }
    }
}

fn answer(bytes: &[u8], zone: &Zone) -> Message {
    let question = Message::from_vec(bytes).unwrap();
    let asked = question.queries[0].clone();
    let (code, data) = zone(&asked.name().to_ascii().to_ascii_lowercase(), asked.query_type());
    let mut reply = question.clone();
    reply.edns = None;
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.recursion_available = true;
    reply.metadata.response_code = code;
    reply.metadata.authentic_data = asked.name().to_ascii().contains("secure");
    reply.answers = data.into_iter().map(|data| Record::from_rdata(asked.name().clone(), 60, data)).collect();
    reply
}

fn zone(name: &str, kind: RecordType) -> (ResponseCode, Vec<RData>) {
    let host = |name: &str| Name::from_ascii(name).unwrap();
    let to = |preference, name: &str| RData::MX(MX::new(preference, host(name)));
    let txt = |text: &str| RData::TXT(TXT::new(vec![text.to_owned()]));
    let tlsa = |byte: u8| RData::TLSA(TLSA::new(3.into(), 1.into(), 1.into(), vec![byte; 32]));
    let data = match (name, kind) {
        ("mx1.test.", RecordType::A) => vec![RData::A(A::new(127, 0, 0, 1)), RData::A(A::new(127, 0, 0, 1))],
        ("mx1.test.", RecordType::AAAA) => vec![RData::AAAA(AAAA::new(0, 0, 0, 0, 0, 0, 0, 1))],
        ("v4.test." | "nomx.test.", RecordType::A) => vec![RData::A(A::new(127, 0, 0, 1))],
        ("v4.test." | "nomx.test." | "mx1.test." | "null.test.", _) if kind != RecordType::MX => vec![],
        ("nomx.test.", RecordType::MX) => vec![],
        ("good.test.", RecordType::MX) => vec![to(20, "v4.test."), to(10, "MX1.test."), to(30, "gone.test.")],
        ("null.test.", RecordType::MX) => vec![to(0, ".")],
        ("_25._tcp.secure.test.", RecordType::TLSA) => vec![tlsa(1)],
        ("_25._tcp.plain.test.", RecordType::TLSA) => (0..40).map(tlsa).collect(),
        ("_mta-sts.sts.test.", RecordType::TXT) => vec![txt("other"), txt("v=STSv1; id=42;")],
        ("_mta-sts.twice.test.", RecordType::TXT) => vec![txt("v=STSv1; id=1;"), txt("v=STSv1; id=2;")],
        ("broken.test.", _) => return (ResponseCode::ServFail, vec![]),
        _ => return (ResponseCode::NXDomain, vec![]),
    };
    (ResponseCode::NoError, data)
}

#[tokio::test]
async fn addresses_by_family_without_repetition() {
    let options = name_server();
    let shown = |found: Vec<std::net::IpAddr>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut both = shown(addresses("mx1.test", &options).await.unwrap());
    both.sort();
    assert_eq!(both, ["127.0.0.1", "::1"]);
    let v4 = DialOptions { family: Family::V4, ..options.clone() };
    assert_eq!(shown(addresses("mx1.test", &v4).await.unwrap()), ["127.0.0.1"]);
    let v6 = DialOptions { family: Family::V6, ..options.clone() };
    let error = addresses("v4.test", &v6).await.unwrap_err();
    assert!(matches!(error.problem, NameProblem::NoAddress(_)), "{error}");
}

#[tokio::test]
async fn each_failure_of_a_name_is_told() {
    let options = name_server();
    let problem = async |name| addresses(name, &options).await.unwrap_err().problem;
    assert_eq!(problem("gone.test").await, NameProblem::NoSuchName);
    assert_eq!(problem("broken.test").await, NameProblem::ServerFailed);
    let target: Target = "gone.test".parse().unwrap();
    let error = dial(&target, &options).await.unwrap_err();
    assert_eq!(
        (error.failure(), error.to_string().as_str()),
        (Some(Failure::NoSuchName), "the name gone.test does not exist")
    );
}

#[tokio::test]
async fn the_hosts_file_is_respected() {
    let found = addresses("localhost", &name_server()).await.unwrap();
    assert!(found.iter().all(std::net::IpAddr::is_loopback), "{found:?}");
}

#[tokio::test]
async fn mail_hosts_in_order_of_preference() {
    let options = name_server();
    let hosts = mx("good.test", &options).await.unwrap();
    let shown: Vec<_> = hosts.iter().map(|host| (host.preference, host.name.as_str())).collect();
    assert_eq!(shown, [(10, "mx1.test"), (20, "v4.test"), (30, "gone.test")]);
    let implicit = MxHost { preference: 0, name: "nomx.test".to_owned(), implicit: true };
    assert_eq!(mx("nomx.test", &options).await.unwrap(), [implicit]);
    assert_eq!(mx("null.test", &options).await.unwrap_err().problem, NameProblem::NullMx);
    assert_eq!(mx("gone.test", &options).await.unwrap_err().problem, NameProblem::NoSuchName);
    assert_eq!(mx("broken.test", &options).await.unwrap_err().problem, NameProblem::ServerFailed);
}

#[tokio::test]
async fn a_mail_domain_is_dialled_host_by_host() {
    let options = DialOptions { family: Family::V4, ..name_server() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let target = Target::parse(&["someone@good.test", &port], true).unwrap();
    let dialed = dial(&target, &options).await.unwrap();
    assert_eq!(dialed.host, Host::Name("mx1.test".to_owned()));

    let addr = listener.local_addr().unwrap();
    drop(listener);
    // Nobody else gets the port meanwhile.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind(addr).unwrap();
    let error = dial(&target, &options).await.unwrap_err();
    let names: Vec<_> = error.attempts().iter().filter_map(|attempt| attempt.name.as_deref()).collect();
    assert_eq!(names, ["mx1.test", "v4.test"]);
    assert_eq!(error.failure(), Some(Failure::ConnectionRefused));
    let target = Target::parse(&["null.test"], true).unwrap();
    assert_eq!(dial(&target, &options).await.unwrap_err().failure(), Some(Failure::NullMx));
}

/// DNS names the mail hosts, and not the person: which was reached, and which were not, is told.
#[test]
fn a_session_with_a_mail_domain_says_which_host_it_is() {
    let options = serve(|name, kind| {
        let mx = |preference, name: &str| RData::MX(MX::new(preference, Name::from_ascii(name).unwrap()));
        let data = match (name, kind) {
            ("some.test.", RecordType::MX) => {
                vec![mx(1, "gone.test."), mx(5, "down.test."), mx(9, "up.test.")]
            }
            ("none.test.", RecordType::MX) => vec![mx(1, "gone.test.")],
            ("down.test.", RecordType::A) => vec![RData::A(A::new(127, 0, 0, 2))],
            ("up.test.", RecordType::A) => vec![RData::A(A::new(127, 0, 0, 1))],
            ("down.test." | "up.test.", _) => vec![],
            _ => return (ResponseCode::NXDomain, vec![]),
        };
        (ResponseCode::NoError, data)
    });
    let resolver = options.resolver.unwrap().to_string();
    let ask = |domain: &str, port: &str| {
        let args = ["--resolver", &resolver, "--mx", domain, port, "-c", "NOOP"];
        crate::binary::Heloise::new().run(&args, b"")
    };
    let say = |text: &str| crate::peer::Act::Send(text.as_bytes().to_vec());
    let addr = crate::peer::peer(vec![say("220 hi\r\n"), crate::peer::Act::Await("NOOP"), say("250 ok\r\n")]);
    let port = addr.port().to_string();
    let reached = ask("some.test", &port);
    let told = format!(
        "=== passed-over gone.test why=\"the name gone.test does not exist\"\n\
         === passed-over down.test 127.0.0.2:{port} why=\"connection refused\"\n\
         === mail-host up.test\n=== connected 127.0.0.1:{port} from "
    );
    assert!(reached.stdout.starts_with(&told), "{}", reached.all());

    let refused = ask("some.test", &closed_port().port().to_string());
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("cannot connect to the mail hosts of some.test: down.test 127.0.0.2:"),
        "{}",
        refused.all()
    );
    let dangling = ask("none.test", "25");
    let what = "the name gone.test does not exist; an MX record of none.test names it";
    assert!(dangling.stderr.contains(what), "{}", dangling.all());
    for run in [refused, dangling] {
        assert!(!run.stderr.contains("heloise --mx"), "that was asked for: {}", run.stderr);
    }
}

#[tokio::test]
async fn tlsa_records_and_whether_they_are_vouched_for() {
    let options = name_server();
    let found = dane::lookup("secure.test", 25, &options).await.unwrap().unwrap();
    assert!(found.authentic);
    assert_eq!(found.resolver, options.resolver.unwrap());
    assert_eq!(found.records[0].to_string(), format!("3 1 1 {}", "01".repeat(32)));
    let many = dane::lookup("plain.test.", 25, &options).await.unwrap().unwrap();
    assert_eq!((many.records.len(), many.authentic), (40, false), "the rest came over TCP");
    assert_eq!(dane::lookup("mx1.test", 25, &options).await.unwrap(), None);
    let error =
        dane::lookup("broken.test", 25, &DialOptions { resolver: Some(closed_port()), ..options }).await;
    assert_eq!(error.unwrap_err().problem, NameProblem::ServerFailed);
}

fn closed_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn mta_sts_records() {
    let options = name_server();
    assert_eq!(mta_sts::lookup("sts.test", &options).await.unwrap().as_deref(), Some("42"));
    assert_eq!(mta_sts::lookup("good.test", &options).await.unwrap(), None);
    let twice = mta_sts::lookup("twice.test", &options).await.unwrap_err();
    assert_eq!(twice.to_string(), "the MTA-STS record is malformed: there are 2 of them");
}

#[test]
fn tlsa_records_are_compared_with_the_chain() {
    use crate::tls::pki::{NAME, Pki};
    use sha2::{Digest, Sha256, Sha512};

    let (pki, stranger) = (Pki::new(), Pki::named("Strange"));
    let leaf = pki.leaf(&[NAME], |_| {});
    let info = |der: &[u8]| CertInfo::from_der(der).unwrap();
    let chain = vec![info(&leaf.der), info(&pki.intermediate), info(&stranger.intermediate)];
    let host = Host::parse(NAME).unwrap();
    let record =
        |usage, selector, matching, data: &[u8]| Tlsa { usage, selector, matching, data: data.to_vec() };
    let own_key = Sha256::digest(chain[0].spki());
    for (tlsa, expected) in [
        (record(3, 1, 1, &own_key), Fit::Server),
        (record(3, 0, 0, chain[0].der()), Fit::Server),
        (record(3, 0, 2, &Sha512::digest(chain[0].der())), Fit::Server),
        (record(3, 0, 1, &own_key), Fit::Nothing),
        (record(2, 0, 1, &Sha256::digest(chain[1].der())), Fit::Authority),
        (record(2, 0, 1, &Sha256::digest(chain[2].der())), Fit::NotVouched),
        (record(2, 1, 1, &[0; 32]), Fit::Nothing),
        (record(1, 1, 1, &own_key), Fit::Unusable),
        (record(3, 1, 9, &own_key), Fit::Unusable),
        (record(3, 1, 1, &own_key[..2]), Fit::Unusable),
        (record(3, 1, 2, &own_key), Fit::Unusable),
        (record(3, 0, 0, &[]), Fit::Unusable),
    ] {
        let records = dane::TlsaRecords { records: vec![tlsa], authentic: true, resolver: closed_port() };
        let (verdict, fits) = dane::check(&records, &chain, &host);
        assert_eq!(fits, [expected], "{}", records.records[0]);
        assert_eq!(
            verdict,
            match expected {
                Fit::Server | Fit::Authority => Verdict::Authenticated,
                Fit::Unusable => Verdict::Unusable,
                _ => Verdict::Failed,
            }
        );
        let unsigned = dane::TlsaRecords { authentic: false, ..records };
        assert_eq!(dane::check(&unsigned, &chain, &host).0, Verdict::NotSecure);
    }
    let authority = record(2, 0, 1, &Sha256::digest(chain[1].der()));
    let records = dane::TlsaRecords { records: vec![authority], authentic: true, resolver: closed_port() };
    let other = Host::parse("other.example").unwrap();
    assert_eq!(dane::check(&records, &chain, &other).1, [Fit::WrongName]);
}
