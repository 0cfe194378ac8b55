//! Which versions of TLS a server takes, asked one by one.
//!
//! The question is a ClientHello of our own that offers a single version, and the answer is read off the server's
//! first records. So old versions can be asked for, too, that this machine's TLS library would not offer. No key is
//! ever agreed on.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::link::{Link, Plain};
use super::open::Setup;
use super::side;
use super::tap::{Alert, Ears, ProtocolVersion, Seen};
use super::tls::{Sni, TlsOptions, Version};
use crate::target::Host;
use crate::wire::escape::visible;

/// What a server says to one version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It takes it, with this cipher suite.
    Taken(String),
    /// It refuses with an alert.
    Refused(Alert),
    /// It answers with another version, which is a no.
    Instead(ProtocolVersion),
    /// It closes or cuts the connection, which most often is a no.
    Closed,
    /// It does not answer in time.
    Silent(Duration),
    /// It does not speak TLS here.
    NotTls(String),
    /// It could not be asked.
    NotAsked(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Taken(cipher) => write!(f, "yes · {cipher}"),
            Answer::Refused(alert) => write!(f, "no · alert {alert}"),
            Answer::Instead(version) => write!(f, "no · offers {version} instead"),
            Answer::Closed => f.write_str("no · the server closed the connection"),
            Answer::Silent(limit) => write!(f, "no answer within {} s", limit.as_secs_f32()),
            Answer::NotTls(said) => write!(f, "the server does not speak TLS here; it said \"{said}\""),
            Answer::NotAsked(why) => write!(f, "could not be asked: {why}"),
        }
    }
}

/// The server name that goes into the ClientHello: as the options have it, else the host's own if it has one.
fn named(options: &TlsOptions, host: &Host) -> Option<String> {
    match &options.sni {
        Sni::Name(name) => Some(name.clone()),
        Sni::None => None,
        Sni::Default => host.name().map(str::to_owned),
    }
}

/// Asks for each version, oldest first, on a side connection of its own.
pub async fn versions(
    setup: &Setup,
    peer: SocketAddr,
    host: &Host,
    own_name: &str,
) -> Vec<(Version, Answer)> {
    let mut answers = Vec::new();
    for version in Version::ALL {
        answers.push((version, one(setup, peer, host, own_name, version).await));
    }
    answers
}

/// Asks for one version, on a side connection. What is older than TLS 1.3 a server may answer with an older one.
pub async fn one(setup: &Setup, peer: SocketAddr, host: &Host, own_name: &str, version: Version) -> Answer {
    match side::to_tls(setup, peer, own_name).await {
        Ok(link) => {
            let name = named(setup.tls.options(), host);
            ask(link, version, name.as_deref(), setup.tls.options().timeout).await
        }
        Err(error) => Answer::NotAsked(error.to_string()),
    }
}

async fn ask(mut link: Link<Plain>, version: Version, name: Option<&str>, limit: Duration) -> Answer {
    let mut ears = Ears::default();
    let hello = match client_hello(version, name) {
        Ok(hello) => hello,
        Err(error) => return Answer::NotAsked(error.to_string()),
    };
    ears.sent(&hello);
    let heard = timeout(limit, async {
        link.write_all(&hello).await?;
        let mut piece = [0; 4096];
        while !is_answer(ears.seen()) {
            let count = link.read(&mut piece).await?;
            ears.received(piece.get(..count).unwrap_or_default());
        }
        // A warning alert: nothing is wrong, we only go away.
        link.write_all(&[21, 3, 1, 0, 2, 1, 0]).await
    });
    let timed_out = heard.await.is_err();
    judge(ears.seen(), version, timed_out.then_some(limit))
}

fn is_answer(seen: &Seen) -> bool {
    seen.version.is_some() || seen.alert_received.is_some() || seen.not_tls.is_some() || seen.closed
}

fn judge(seen: &Seen, asked: Version, timed_out: Option<Duration>) -> Answer {
    match (seen.version, seen.alert_received, &seen.not_tls) {
        (_, _, Some(said)) => Answer::NotTls(visible(said.trim_ascii_end())),
        (Some(version), _, _) if version == asked.on_the_wire() => {
            Answer::Taken(seen.cipher.clone().unwrap_or_default())
        }
        (Some(version), _, _) => Answer::Instead(version),
        (None, Some(alert), _) => Answer::Refused(alert),
        (None, None, None) => timed_out.map_or(Answer::Closed, Answer::Silent),
    }
}

/// Cipher suites up to TLS 1.2, strong ones first and then what old servers may have (IANA numbers).
const OLD_SUITES: &[u16] = &[
    0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F, 0xCCAA, 0xC023, 0xC027, 0xC009, 0xC013,
    0xC024, 0xC028, 0xC00A, 0xC014, 0x0067, 0x006B, 0x0033, 0x0039, 0x009C, 0x009D, 0x003C, 0x003D, 0x002F,
    0x0035, 0xC008, 0xC012, 0x0016, 0x000A, 0x0005, 0x0004,
];

/// The cipher suites of TLS 1.3 (RFC 8446 appendix B.4).
const NEW_SUITES: &[u16] = &[0x1301, 0x1302, 0x1303];

/// x25519, P-256, P-384, P-521.
const GROUPS: &[u16] = &[29, 23, 24, 25];

/// Signature schemes, from ECDSA and RSA-PSS with SHA-256 down to RSA with SHA-1.
const SIGNATURES: &[u16] =
    &[0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201];

/// A ClientHello that offers one version (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), in its record.
fn client_hello(version: Version, name: Option<&str>) -> io::Result<Vec<u8>> {
    let mut random = [0; 96];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let (random, rest) = random.split_at(32);
    let (session, share) = rest.split_at(32);
    let is_new = version == Version::V1_3;
    // Since TLS 1.3 the old field stays at 1.2 and an extension tells.
    let old_field = version.min(Version::V1_2).on_the_wire().0.to_be_bytes();
    let mut hello = old_field.to_vec();
    hello.extend(random);
    hello.extend(sized8(if is_new { session } else { &[] }));
    hello.extend(sized16(&numbers(if is_new { NEW_SUITES } else { OLD_SUITES })));
    hello.extend([1, 0]);
    hello.extend(sized16(&extensions(is_new, name, share)));
    let length = u32::try_from(hello.len()).map_err(io::Error::other)?.to_be_bytes();
    let message = [&[1], length.get(1..).unwrap_or_default(), &hello].concat();
    Ok([&[22, 3, 1][..], &sized16(&message)].concat())
}

fn extensions(is_new: bool, name: Option<&str>, share: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(name) = name {
        all.extend(extension(0, &sized16(&[&[0][..], &sized16(name.as_bytes())].concat())));
    }
    all.extend(extension(10, &sized16(&numbers(GROUPS))));
    all.extend(extension(11, &[1, 0]));
    all.extend(extension(13, &sized16(&numbers(SIGNATURES))));
    if is_new {
        all.extend(extension(43, &[2, 3, 4]));
        // Any 32 bytes are a public key of x25519; nobody has to know the private one here.
        all.extend(extension(51, &sized16(&[&numbers(&[29])[..], &sized16(share)].concat())));
    } else {
        all.extend(extension(0xFF01, &[0]));
    }
    all
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized16(content)].concat()
}

fn numbers(list: &[u16]) -> Vec<u8> {
    list.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Content with its length before it. All of it is ours and short.
fn sized16(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], content].concat()
}

fn sized8(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[length][..], content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hello_is_understood_as_it_is_meant() {
        for version in Version::ALL {
            let mut ears = Ears::default();
            ears.sent(&client_hello(version, Some("mx.example.org")).unwrap());
            let seen = ears.seen();
            assert!(seen.hello_sent);
            assert_eq!(seen.offered_versions, [version.on_the_wire()]);
            assert_eq!(seen.sni.as_deref(), Some("mx.example.org"));
        }
    }

    #[test]
    fn answers_are_judged() {
        let seen = |version| Seen { version, cipher: Some("X".to_owned()), ..Seen::default() };
        let taken = seen(Some(ProtocolVersion::TLS_1_2));
        assert_eq!(judge(&taken, Version::V1_2, None), Answer::Taken("X".to_owned()));
        assert_eq!(judge(&taken, Version::V1_3, None), Answer::Instead(ProtocolVersion::TLS_1_2));
        let alert = Alert { fatal: true, code: 70 };
        let refused = Seen { alert_received: Some(alert), ..Seen::default() };
        assert_eq!(judge(&refused, Version::V1_0, None), Answer::Refused(alert));
        assert_eq!(judge(&Seen::default(), Version::V1_0, None), Answer::Closed);
        let limit = Duration::from_secs(2);
        assert_eq!(judge(&Seen::default(), Version::V1_0, Some(limit)).to_string(), "no answer within 2 s");
    }
}
