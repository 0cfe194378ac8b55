//! One DNS question, asked directly, so that the answer's "authentic data" bit is seen: whether the resolver
//! vouches for it by DNSSEC (RFC 4035 §3.2.3, RFC 6840 §5.7).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::dial::DialOptions;
use super::resolve::{NameProblem, of_ours};
use crate::wire::escape::visible;

/// The longest wait for one server.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many servers are asked, as in the C library.
const MOST_SERVERS: usize = 3;

/// The longest answer taken over UDP; longer ones come over TCP (DNS flag day 2020).
const UDP_SIZE: u16 = 1232;

/// An answer.
pub(super) struct Reply {
    pub(super) message: Message,
    /// The resolver vouches for it by DNSSEC.
    pub(super) authentic: bool,
    /// The resolver.
    pub(super) by: SocketAddr,
}

/// Asks the resolver of the options, else those of the system in turn.
pub(super) async fn ask(name: &str, kind: RecordType, options: &DialOptions) -> Result<Reply, NameProblem> {
    let name = self::name(name)?;
    let mut problem = NameProblem::ServerFailed;
    for server in servers(options)? {
        let limit = options.timeout.min(PATIENCE);
        problem = match timeout(limit, exchange(&name, kind, server)).await {
            Ok(Ok(message)) => match message.metadata.response_code {
                ResponseCode::NoError => {
                    let authentic = message.metadata.authentic_data;
                    return Ok(Reply { message, authentic, by: server });
                }
                ResponseCode::NXDomain => return Err(NameProblem::NoSuchName),
                _ => NameProblem::ServerFailed,
            },
            Ok(Err(_)) => NameProblem::ServerFailed,
            Err(_) => NameProblem::TimedOut(limit),
        };
    }
    Err(problem)
}

/// The name in the form that DNS has it. Any octets can stand between dots there, underscores among them (RFC 2181 §11);
/// what host names are made of is another matter.
///
/// # Errors
/// When it is too long, or nothing stands between two dots.
pub(super) fn name(text: &str) -> Result<Name, NameProblem> {
    let labels = text.trim_end_matches('.').split('.').map(str::as_bytes);
    let no_name = |_| NameProblem::Other("no name can be of this form (RFC 2181 §11)".to_owned());
    let mut name = Name::from_labels(labels).map_err(no_name)?;
    name.set_fqdn(true);
    Ok(name)
}

/// A name out of an answer, in lower case and without its final dot; safe to show.
pub(super) fn shown(name: &Name) -> String {
    let labels = name.iter().map(|label| visible(&label.to_ascii_lowercase()).replace('.', "\\."));
    labels.collect::<Vec<_>>().join(".")
}

fn servers(options: &DialOptions) -> Result<Vec<SocketAddr>, NameProblem> {
    if let Some(server) = options.resolver {
        return Ok(vec![server]);
    }
    let (config, _) = read_system_conf().map_err(|error| of_ours(&error))?;
    let known = config.name_servers().iter();
    let known = known.map(|server| {
        let port = server.connections.first().map_or(53, |connection| connection.port);
        SocketAddr::new(server.ip, port)
    });
    Ok(known.take(MOST_SERVERS).collect())
}

async fn exchange(name: &Name, kind: RecordType, server: SocketAddr) -> io::Result<Message> {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.metadata.authentic_data = true;
    question.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_SIZE);
    question.set_edns(edns);
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let answer = over_udp(&question, &bytes, server).await?;
    match answer.metadata.truncation {
        true => over_tcp(&question, &bytes, server).await,
        false => Ok(answer),
    }
}

async fn over_udp(question: &Message, bytes: &[u8], server: SocketAddr) -> io::Result<Message> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut buffer = vec![0; usize::from(UDP_SIZE)];
    loop {
        let count = socket.recv(&mut buffer).await?;
        // What does not answer this question is somebody's guess; the right one may still come.
        if let Some(answer) = read(question, buffer.get(..count).unwrap_or_default()) {
            return Ok(answer);
        }
    }
}

async fn over_tcp(question: &Message, bytes: &[u8], server: SocketAddr) -> io::Result<Message> {
    let mut tcp = TcpStream::connect(server).await?;
    tcp.write_u16(u16::try_from(bytes.len()).map_err(io::Error::other)?).await?;
    tcp.write_all(bytes).await?;
    let mut buffer = vec![0; usize::from(tcp.read_u16().await?)];
    tcp.read_exact(&mut buffer).await?;
    read(question, &buffer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The answer to the question, if the bytes are one.
fn read(question: &Message, bytes: &[u8]) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let fits = answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == MessageType::Response
        && answer.metadata.op_code == OpCode::Query
        && answer.queries == question.queries;
    fits.then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_what_host_names_may_not() {
        for (text, back) in [
            ("mx_1.test", "mx_1.test"),
            ("_25._tcp.MX.test.", "_25._tcp.mx.test"),
            ("http://mx.test.", "http://mx.test"),
        ] {
            assert_eq!(shown(&name(text).unwrap()), back);
        }
        for bad in ["a..test", "", &format!("{}.test", "x".repeat(64))] {
            assert!(matches!(name(bad), Err(NameProblem::Other(_))), "{bad}");
        }
        let odd = Name::from_labels([&b"a.b\x1b"[..], b"test"]).unwrap();
        assert_eq!(shown(&odd), r"a\.b\x1b.test");
    }
}
