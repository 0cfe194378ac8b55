//! A name server on loopback that says what a test wants: right, wrong, nothing at all, in circles, or slowly.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, TLSA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

/// The records; all other names do not exist.
#[derive(Clone, Default)]
pub struct Zone {
    records: HashMap<String, Vec<RData>>,
    codes: HashMap<String, ResponseCode>,
    silent: Vec<String>,
    secure: bool,
    delay: Duration,
}

impl Zone {
    fn add(mut self, name: &str, data: RData) -> Zone {
        self.records.entry(full(name)).or_default().push(data);
        self
    }

    pub fn address(self, name: &str, ip: &str) -> Zone {
        let data = match ip.parse().unwrap() {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        self.add(name, data)
    }

    pub fn mx(self, domain: &str, preference: u16, host: &str) -> Zone {
        self.add(domain, RData::MX(MX::new(preference, name_of(host))))
    }

    pub fn text(self, name: &str, text: &str) -> Zone {
        self.add(name, RData::TXT(TXT::new(vec![text.to_owned()])))
    }

    pub fn alias(self, name: &str, to: &str) -> Zone {
        self.add(name, RData::CNAME(CNAME(Name::from_ascii(full(to)).unwrap())))
    }

    /// The name of 127.0.0.1.
    pub fn reverse(self, name: &str) -> Zone {
        self.add("1.0.0.127.in-addr.arpa", RData::PTR(PTR(Name::from_ascii(full(name)).unwrap())))
    }

    pub fn tlsa(self, name: &str, usage: u8, data: Vec<u8>) -> Zone {
        self.add(name, RData::TLSA(TLSA::new(usage.into(), 1.into(), 1.into(), data)))
    }

    /// Answers about this name with this code.
    pub fn fails(mut self, name: &str, code: ResponseCode) -> Zone {
        self.codes.insert(full(name), code);
        self
    }

    /// Never answers about this name.
    pub fn silent(mut self, name: &str) -> Zone {
        self.silent.push(full(name));
        self
    }

    /// Says that its answers are vouched for by DNSSEC.
    pub fn secure(self) -> Zone {
        Zone { secure: true, ..self }
    }

    /// Waits before each answer.
    pub fn slow(self, delay: Duration) -> Zone {
        Zone { delay, ..self }
    }

    /// A domain with nothing wrong, whose mail host is on loopback.
    pub fn healthy() -> Zone {
        Zone::default()
            .mx("good.test", 10, "mx.good.test")
            .address("mx.good.test", "127.0.0.1")
            .reverse("mx.good.test")
            .address("mx.example.org", "127.0.0.1")
            .text("good.test", "v=spf1 mx -all")
            .text("_dmarc.good.test", "v=DMARC1; p=reject")
            .text("_smtp._tls.good.test", "v=TLSRPTv1; rua=mailto:tls@good.test")
    }

    /// Serves on a free port.
    pub fn serve(self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let zone = Arc::new(self);
        std::thread::spawn(move || {
            let mut buffer = [0; 2000];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                let (zone, socket) = (zone.clone(), socket.try_clone().unwrap());
                let question = buffer[..count].to_vec();
                std::thread::spawn(move || {
                    if let Some(reply) = zone.answer(&question) {
                        std::thread::sleep(zone.delay);
                        socket.send_to(&reply.to_vec().unwrap(), from).unwrap();
                    }
                });
            }
        });
        addr
    }

    fn answer(&self, question: &[u8]) -> Option<Message> {
        let question = Message::from_vec(question).unwrap();
        let asked = question.queries[0].clone();
        let name = asked.name().to_ascii().to_ascii_lowercase();
        if self.silent.contains(&name) {
            return None;
        }
        let mut reply = question.clone();
        reply.edns = None;
        reply.metadata.message_type = MessageType::Response;
        reply.metadata.recursion_available = true;
        reply.metadata.authentic_data = self.secure;
        reply.answers = self.chase(&name, asked.query_type());
        reply.metadata.response_code = match self.codes.get(&name) {
            Some(code) => *code,
            None if self.records.contains_key(&name) => ResponseCode::NoError,
            None => ResponseCode::NXDomain,
        };
        Some(reply)
    }

    /// The records, behind the aliases that lead to them, as a resolver answers.
    fn chase(&self, name: &str, kind: RecordType) -> Vec<Record> {
        let mut answers = Vec::new();
        let mut current = name.to_owned();
        for _ in 0..4 {
            let here = self.records.get(&current).cloned().unwrap_or_default();
            let owner = Name::from_ascii(&current).unwrap();
            let alias = here.iter().find_map(|data| match data {
                RData::CNAME(CNAME(to)) => Some(to.to_ascii()),
                _ => None,
            });
            let wanted =
                here.into_iter().filter(|data| data.record_type() == kind || matches!(data, RData::CNAME(_)));
            answers.extend(wanted.map(|data| Record::from_rdata(owner.clone(), 60, data)));
            match alias {
                Some(to) if kind != RecordType::CNAME => current = to,
                _ => break,
            }
        }
        answers
    }
}

/// Any octets can stand between the dots of a name.
fn name_of(text: &str) -> Name {
    match text {
        "." => Name::root(),
        text => Name::from_labels(text.split('.').map(str::as_bytes)).unwrap(),
    }
}

fn full(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}
