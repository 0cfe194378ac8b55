//! Which versions of TLS a server takes, asked one by one.
//!
//! The question is a ClientHello of our own that offers a single version, and the answer is read off the server's
//! first records. So old versions can be asked for, too, that this machine's TLS library would not offer. No key is
//! ever agreed on.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::hello::{self, client_hello};
use super::link::{Link, Plain};
use super::open::Setup;
use super::side;
use super::tap::{Alert, Ears, ProtocolVersion, Seen};
use super::tls::Version;
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

/// Asks for each version, oldest first, on a side connection of its own. Where the first one cannot be asked, none can.
pub async fn versions(
    setup: &Setup,
    peer: SocketAddr,
    host: &Host,
    own_name: &str,
) -> Vec<(Version, Answer)> {
    let mut answers: Vec<(Version, Answer)> = Vec::new();
    for version in Version::ALL {
        let answer = match answers.first() {
            Some((_, first @ Answer::NotAsked(_))) => first.clone(),
            _ => one(setup, peer, host, own_name, version).await,
        };
        answers.push((version, answer));
    }
    answers
}

/// Asks for one version, on a side connection. What is older than TLS 1.3 a server may answer with an older one.
pub async fn one(setup: &Setup, peer: SocketAddr, host: &Host, own_name: &str, version: Version) -> Answer {
    match side::to_tls(setup, peer, own_name).await {
        Ok(link) => {
            let name = hello::name_for(setup.tls.options(), host);
            ask(link, version, name.as_deref(), setup.tls.options().timeout).await
        }
        Err(error) => Answer::NotAsked(error.to_string()),
    }
}

async fn ask(mut link: Link<Plain>, version: Version, name: Option<&str>, limit: Duration) -> Answer {
    let mut ears = Ears::default();
    let hello = match client_hello(version, name, false) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
