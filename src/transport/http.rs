//! One question over HTTP: what hosts publish beside their mail service, policies and revocation lists.
//!
//! HTTP/1.0 knows no chunks, and its connection ends with the answer. Redirects are not followed: the answer must come
//! from where the question went.

use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::dial::{DialOptions, dial};
use super::io_words;
use crate::target::{Scheme, Target};
use crate::wire::escape::visible;

/// The longest header that is read.
const LONGEST_HEADER: u64 = 16 * 1024;

/// Why there is no answer. Safe to show.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(super) struct HttpError(String);

impl HttpError {
    fn new(said: impl AsRef<str>) -> Self {
        HttpError(visible(said.as_ref().as_bytes()))
    }
}

/// What is asked for. Host and path are ASCII without spaces.
pub(super) struct Question<'a> {
    /// The host as the answering server knows it.
    pub host: &'a str,
    /// The path, from its `/` on.
    pub path: &'a str,
    /// What is posted, with its media type; nothing for a GET.
    pub body: Option<(&'a str, &'a [u8])>,
}

impl Question<'_> {
    fn bytes(&self) -> Vec<u8> {
        let Question { host, path, .. } = self;
        let (verb, head, content) = match self.body {
            None => ("GET", String::new(), &[][..]),
            Some((kind, content)) => {
                let length = content.len();
                ("POST", format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n"), content)
            }
        };
        let head = format!("{verb} {path} HTTP/1.0\r\nHost: {host}\r\n{head}Connection: close\r\n\r\n");
        [head.as_bytes(), content].concat()
    }
}

/// Asks over an open stream, which is of no use afterwards. At most `largest` octets of content are taken, and the wait
/// ends after `limit`.
///
/// # Errors
/// When no complete answer with status 200 came.
pub(super) async fn ask<S>(
    stream: &mut S,
    question: &Question<'_>,
    largest: u64,
    limit: Duration,
) -> Result<Vec<u8>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut answer = Vec::new();
    let exchange = async {
        stream.write_all(&question.bytes()).await?;
        stream.flush().await?;
        let read = stream.take(largest + LONGEST_HEADER).read_to_end(&mut answer).await;
        // Some servers end without TLS's farewell; what came is looked at all the same.
        if answer.is_empty() { read.map(|_| ()) } else { Ok(()) }
    };
    match timeout(limit, exchange).await {
        Ok(Ok(())) => content(answer, largest),
        Ok(Err(error)) => Err(HttpError::new(io_words(&error))),
        Err(_) => Err(HttpError::new(format!("no complete answer within {} s", limit.as_secs_f32()))),
    }
}

/// The content of a complete answer with status 200.
fn content(mut answer: Vec<u8>, largest: u64) -> Result<Vec<u8>, HttpError> {
    let end = memchr::memmem::find(&answer, b"\r\n\r\n");
    let end = end.ok_or_else(|| HttpError::new("the answer is no HTTP"))?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer);
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(HttpError::new(format!("the server said {status}")));
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let length = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.filter_map(|(_, value)| value.trim().parse::<u64>().ok()).next();
    if body.len() as u64 > largest || length.is_some_and(|length| length > largest) {
        return Err(HttpError::new(format!("the answer is larger than {} KiB", largest / 1024)));
    }
    match length.is_some_and(|length| length > body.len() as u64) {
        true => Err(HttpError::new("the answer was cut off")),
        false => Ok(body),
    }
}

/// Asks at an `http:` URL, over a connection of its own.
///
/// # Errors
/// As [`ask`]; also where the URL is another kind or its host cannot be reached.
pub(super) async fn fetch(
    url: &str,
    body: Option<(&str, &[u8])>,
    largest: u64,
    options: &DialOptions,
    limit: Duration,
) -> Result<Vec<u8>, HttpError> {
    let (authority, path) = parts(url)?;
    let with_port = match authority.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_owned(),
        _ => format!("{authority}:80"),
    };
    let target: Target = with_port.parse().map_err(|_| HttpError::new(format!("{url} names no host")))?;
    let target = Target { scheme: Scheme::Smtp, mx: false, ..target };
    let options = DialOptions { timeout: options.timeout.min(limit), ..options.clone() };
    let mut dialed = dial(&target, &options).await.map_err(|error| HttpError::new(error.to_string()))?;
    ask(&mut dialed.tcp, &Question { host: authority, path, body }, largest, limit).await
}

/// Host with port, and path.
fn parts(url: &str) -> Result<(&str, &str), HttpError> {
    let rest = url.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).and(url.get(7..));
    let rest = rest.filter(|rest| rest.bytes().all(|byte| byte.is_ascii_graphic()));
    let rest =
        rest.ok_or_else(|| HttpError::new(format!("{url} is no http: URL, and others are not asked")))?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    Ok((authority, if path.is_empty() { "/" } else { path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answer: &str) -> Result<Vec<u8>, String> {
        content(answer.as_bytes().to_vec(), 10).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_complete_answer_counts() {
        assert_eq!(judged("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), Ok(b"abc".to_vec()));
        assert_eq!(judged("HTTP/1.0 200 OK\r\n\r\n"), Ok(Vec::new()));
        for (answer, why) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc", "cut off"),
            ("HTTP/1.1 200 OK\r\n\r\n01234567890", "larger than"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nabc", "larger than"),
            (
                "HTTP/1.1 301 Moved \x1b[2J\r\nLocation: x\r\n\r\n",
                r"the server said HTTP/1.1 301 Moved \x1b[2J",
            ),
            ("220 mx ESMTP\r\n", "no HTTP"),
            ("", "no HTTP"),
        ] {
            assert!(judged(answer).unwrap_err().contains(why), "{answer:?}");
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(parts("http://crl.example.org/a/b.crl"), Ok(("crl.example.org", "/a/b.crl")));
        assert_eq!(parts("HTTP://[::1]:8080"), Ok(("[::1]:8080", "/")));
        for bad in ["ldap://x/", "https://x/", "http://a b/", "http://x/\r\nHost: y", "http:", ""] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_host_that_never_ends_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let held = tokio::spawn(async move { listener.accept().await });
        let error = fetch(&url, None, 10, &DialOptions::default(), Duration::from_millis(50)).await;
        assert_eq!(error.unwrap_err().to_string(), "no complete answer within 0.05 s");
        drop(held);
    }
}
