//! What a handshake tells to a listener: records in, facts out. Pure; nothing here waits or fails.
//!
//! Each direction is followed until it is encrypted: after ChangeCipherSpec, and under TLS 1.3 after the
//! ServerHello, what looks like an alert would be ciphertext.

use tls_parser::{
    MAX_RECORD_LEN, SNIType, TlsClientHelloContents, TlsExtension, TlsMessage, TlsMessageHandshake,
    TlsRecordHeader, TlsRecordType, TlsServerHelloContents, parse_dh_params,
    parse_tls_extension_alpn_content, parse_tls_extension_sni_content, parse_tls_extension_unknown,
    parse_tls_message_alert, parse_tls_message_handshake, parse_tls_record_header,
};

use super::names::{self, Alert, ProtocolVersion};
use crate::wire::escape::visible;

/// The header of a record.
const HEADER: usize = 5;

/// The longest handshake message that is followed. OpenSSL takes certificate lists of up to 100 KiB.
const LONGEST_MESSAGE: usize = 128 * 1024;

/// How much is kept of what a peer says that does not speak TLS.
const PLAINTEXT_KEPT: usize = 512;

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// The facts of a handshake that could be seen from outside. "Sent" is what the client sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// A ClientHello went out.
    pub hello_sent: bool,
    /// The versions that the client offered.
    pub offered_versions: Vec<ProtocolVersion>,
    /// How many cipher suites the client offered.
    pub offered_ciphers: usize,
    /// The server name that the client sent.
    pub sni: Option<String>,
    /// The application protocols that the client offered.
    pub offered_alpn: Vec<String>,
    /// The version that the server chose.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite that the server chose.
    pub cipher: Option<String>,
    /// The group, or size, of the key exchange.
    pub group: Option<String>,
    /// The server wanted another key share first (HelloRetryRequest).
    pub retried: bool,
    /// An earlier session was resumed, so no certificate was sent.
    pub resumed: bool,
    /// The server's certificates in DER as it sent them; visible up to TLS 1.2 only.
    pub chain: Vec<Vec<u8>>,
    /// The OCSP answer that the server stapled, in DER; visible up to TLS 1.2 only.
    pub stapled: Option<Vec<u8>>,
    /// The server has said all that comes before keys are agreed on; up to TLS 1.2 only.
    pub hello_done: bool,
    /// The server asked for a client certificate; visible up to TLS 1.2 only.
    pub certificate_asked: bool,
    /// The last alert that the client sent in clear.
    pub alert_sent: Option<Alert>,
    /// The last alert that the server sent in clear.
    pub alert_received: Option<Alert>,
    /// The first bytes of a server that does not speak TLS.
    pub not_tls: Option<Vec<u8>>,
    /// The server has sent something.
    pub heard: bool,
    /// The server has closed the connection.
    pub closed: bool,
    /// The connection was cut off.
    pub reset: bool,
}

/// Who sent the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Client,
    Server,
}

/// One direction's bytes under way.
#[derive(Default)]
struct Direction {
    record: Vec<u8>,
    message: Vec<u8>,
    over: bool,
}

/// Listens to both directions of a handshake, however their bytes are cut.
#[derive(Default)]
pub struct Ears {
    client: Direction,
    server: Direction,
    client_session: Vec<u8>,
    answered: bool,
    seen: Seen,
}

impl Ears {
    /// What has been seen so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Whether nothing more can be seen.
    pub fn over(&self) -> bool {
        self.client.over && self.server.over
    }

    /// Bytes that the client sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        self.hear(Who::Client, bytes);
    }

    /// Bytes that the server sent; none means that it closed.
    pub fn received(&mut self, bytes: &[u8]) {
        match bytes {
            [] => self.seen.closed = true,
            bytes => {
                self.seen.heard = true;
                self.hear(Who::Server, bytes);
            }
        }
    }

    /// The connection was cut off.
    pub fn reset(&mut self) {
        self.seen.reset = true;
    }

    fn side(&mut self, who: Who) -> &mut Direction {
        match who {
            Who::Client => &mut self.client,
            Who::Server => &mut self.server,
        }
    }

    fn hear(&mut self, who: Who, bytes: &[u8]) {
        if let (Who::Server, Some(plain)) = (who, &mut self.seen.not_tls) {
            let room = PLAINTEXT_KEPT.saturating_sub(plain.len());
            plain.extend(bytes.iter().take(room));
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() && !self.side(who).over {
            rest = self.fill_record(who, rest);
        }
    }

    /// Takes what the record under way still needs and gives back the rest.
    fn fill_record<'a>(&mut self, who: Who, bytes: &'a [u8]) -> &'a [u8] {
        let side = self.side(who);
        let wanted = match header_of(&side.record) {
            Some(header) => HEADER + usize::from(header.len),
            None => HEADER,
        };
        let (taken, rest) = bytes.split_at(bytes.len().min(wanted.saturating_sub(side.record.len())));
        side.record.extend_from_slice(taken);
        if !looks_like_tls(&side.record) {
            let said = std::mem::take(&mut side.record);
            side.over = true;
            if who == Who::Server {
                self.seen.not_tls = Some(said);
                self.hear(who, rest);
            }
            return &[];
        }
        match header_of(&side.record) {
            Some(header) if header.len > MAX_RECORD_LEN => side.over = true,
            Some(header) if side.record.len() >= HEADER + usize::from(header.len) => {
                let record = std::mem::take(&mut side.record);
                self.hear_record(who, header.record_type, record.get(HEADER..).unwrap_or_default());
            }
            _ => {}
        }
        rest
    }

    fn hear_record(&mut self, who: Who, kind: TlsRecordType, body: &[u8]) {
        match kind {
            TlsRecordType::Handshake => self.hear_messages(who, body),
            TlsRecordType::Alert => self.hear_alert(who, body),
            // Between a HelloRetryRequest and the real ServerHello both sides may send one that means
            // nothing (RFC 8446 appendix D.4).
            TlsRecordType::ChangeCipherSpec if self.seen.retried && !self.answered => {}
            _ => self.side(who).over = true,
        }
    }

    fn hear_alert(&mut self, who: Who, body: &[u8]) {
        let Ok((_, TlsMessage::Alert(alert))) = parse_tls_message_alert(body) else { return };
        let alert = Alert { fatal: alert.severity.0 == 2, code: alert.code.0 };
        match who {
            Who::Client => self.seen.alert_sent = Some(alert),
            Who::Server => self.seen.alert_received = Some(alert),
        }
    }

    /// Joins handshake messages that are cut over records, and parts those that share one.
    fn hear_messages(&mut self, who: Who, body: &[u8]) {
        self.side(who).message.extend_from_slice(body);
        while let Some(length) = message_length(&self.side(who).message) {
            let side = self.side(who);
            if length > LONGEST_MESSAGE {
                side.over = true;
                side.message = Vec::new();
                return;
            }
            if side.message.len() < length {
                return;
            }
            let rest = side.message.split_off(length);
            let message = std::mem::replace(&mut side.message, rest);
            if let Ok((_, TlsMessage::Handshake(message))) = parse_tls_message_handshake(&message) {
                self.hear_message(who, &message);
            }
            if self.side(who).over {
                return;
            }
        }
    }

    fn hear_message(&mut self, who: Who, message: &TlsMessageHandshake<'_>) {
        match (who, message) {
            (Who::Client, TlsMessageHandshake::ClientHello(hello)) => self.hear_client_hello(hello),
            (Who::Server, TlsMessageHandshake::ServerHello(hello)) => self.hear_server_hello(hello),
            (Who::Server, TlsMessageHandshake::Certificate(list)) => {
                self.seen.chain = list.cert_chain.iter().map(|cert| cert.data.to_vec()).collect();
            }
            (Who::Server, TlsMessageHandshake::ServerKeyExchange(exchange)) => {
                self.seen.group = self.key_exchange(exchange.parameters);
            }
            (Who::Server, TlsMessageHandshake::CertificateRequest(_)) => self.seen.certificate_asked = true,
            (Who::Server, TlsMessageHandshake::CertificateStatus(status)) => {
                self.seen.stapled = (status.status_type == STATUS_OCSP).then(|| status.blob.to_vec());
            }
            (Who::Server, TlsMessageHandshake::ServerDone(_)) => self.seen.hello_done = true,
            _ => {}
        }
    }

    fn hear_client_hello(&mut self, hello: &TlsClientHelloContents<'_>) {
        self.seen.hello_sent = true;
        self.seen.offered_versions = vec![ProtocolVersion(hello.version.0)];
        self.seen.offered_ciphers = hello.ciphers.len();
        self.client_session = hello.session_id.unwrap_or_default().to_vec();
        for (kind, content) in extensions(hello.ext) {
            match kind {
                EXT_SERVER_NAME => self.seen.sni = server_name(content),
                EXT_ALPN => self.seen.offered_alpn = protocols(content),
                EXT_SUPPORTED_VERSIONS => {
                    let list = content.get(1..).unwrap_or_default().chunks_exact(2).filter_map(number);
                    self.seen.offered_versions = list.map(ProtocolVersion).collect();
                }
                _ => {}
            }
        }
    }

    fn hear_server_hello(&mut self, hello: &TlsServerHelloContents<'_>) {
        let mut version = ProtocolVersion(hello.version.0);
        let mut resumed = false;
        for (kind, content) in extensions(hello.ext) {
            match kind {
                EXT_SUPPORTED_VERSIONS => version = number(content).map_or(version, ProtocolVersion),
                EXT_KEY_SHARE => self.seen.group = number(content).map(names::group),
                EXT_PRE_SHARED_KEY => resumed = true,
                _ => {}
            }
        }
        self.seen.version = Some(version);
        self.seen.cipher = Some(names::cipher(hello.cipher.0));
        if hello.random == RETRY_RANDOM {
            self.seen.retried = true;
            return;
        }
        self.answered = true;
        if version >= ProtocolVersion::TLS_1_3 {
            self.seen.resumed = resumed;
            self.server.over = true;
        } else {
            let session = hello.session_id.unwrap_or_default();
            self.seen.resumed = !session.is_empty() && session == self.client_session;
        }
    }

    /// The group of an ECDHE exchange, or the size of a DHE one (RFC 5246 §7.4.3, RFC 8422 §5.4).
    fn key_exchange(&self, parameters: &[u8]) -> Option<String> {
        const NAMED_CURVE: u8 = 3;
        let cipher = self.seen.cipher.as_deref().unwrap_or_default();
        if cipher.contains("_ECDH") {
            return match parameters {
                [NAMED_CURVE, high, low, ..] => Some(names::group(u16::from_be_bytes([*high, *low]))),
                _ => None,
            };
        }
        let (_, dh) = parse_dh_params(parameters).ok()?;
        let prime = dh.dh_p.iter().skip_while(|byte| **byte == 0).count();
        cipher.contains("_DH").then(|| format!("DH {} bits", prime * 8))
    }
}

/// The kind of certificate status that is an OCSP answer (RFC 6066 §8).
const STATUS_OCSP: u8 = 1;

const EXT_SERVER_NAME: u16 = 0;
const EXT_ALPN: u16 = 16;
const EXT_PRE_SHARED_KEY: u16 = 41;
const EXT_SUPPORTED_VERSIONS: u16 = 43;
const EXT_KEY_SHARE: u16 = 51;

fn header_of(record: &[u8]) -> Option<TlsRecordHeader> {
    parse_tls_record_header(record).ok().map(|(_, header)| header)
}

/// Whether the bytes can be the beginning of a record: a known type, and a version 3.x.
fn looks_like_tls(record: &[u8]) -> bool {
    match record {
        [] => true,
        [kind] => (0x14..=0x18).contains(kind),
        [kind, major, ..] => (0x14..=0x18).contains(kind) && *major == 3,
    }
}

/// The length of the message that begins here, with its header, once that has come.
fn message_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [_, a, b, c, ..] => Some(4 + (usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c))),
        _ => None,
    }
}

fn extensions(list: Option<&[u8]>) -> Vec<(u16, &[u8])> {
    let mut rest = list.unwrap_or_default();
    let mut found = Vec::new();
    while let Ok((after, TlsExtension::Unknown(kind, content))) = parse_tls_extension_unknown(rest) {
        found.push((kind.0, content));
        rest = after;
    }
    found
}

fn number(bytes: &[u8]) -> Option<u16> {
    match bytes {
        [high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

fn server_name(content: &[u8]) -> Option<String> {
    let Ok((_, TlsExtension::SNI(list))) = parse_tls_extension_sni_content(content) else { return None };
    list.iter().find(|(kind, _)| *kind == SNIType::HostName).map(|(_, name)| visible(name))
}

fn protocols(content: &[u8]) -> Vec<String> {
    match parse_tls_extension_alpn_content(content) {
        Ok((_, TlsExtension::ALPN(list))) => list.iter().map(|name| visible(name)).collect(),
        _ => Vec::new(),
    }
}
