//! `curl -v smtp://…`, with or without `--trace-time`.

use super::super::ClosedBy;
use super::builder::Builder;
use super::smtplib::untimed;

pub(super) fn line(builder: &mut Builder, line: &[u8]) {
    let line = without_meter(line);
    if line.is_empty()
        || ["  % Total ", "                                 Dload "]
            .iter()
            .any(|head| line.starts_with(head.as_bytes()))
    {
        return;
    }
    let (time, words) = untimed(line);
    if let Some(time) = time {
        builder.clock(time);
    }
    match words {
        [b'<', b' ', received @ ..] => builder.received(None, received),
        [b'>', b' ', sent @ ..] => builder.sent(None, sent),
        [b'*', b' ', hint @ ..] => about(builder, hint, line),
        _ => match words.strip_prefix(b"curl: ") {
            Some(problem) => builder.problem(problem),
            None => builder.comment(line),
        },
    }
}

/// How wide the meter is that curl draws, and draws again behind a CR, on the line where the next remark will stand.
const METER: usize = 78;

/// A line without the meter before it.
pub(super) fn without_meter(line: &[u8]) -> &[u8] {
    let drawn = |b: &u8| {
        b.is_ascii_digit()
            || matches!(b, b' ' | b'.' | b':' | b'-' | b'k' | b'M' | b'G' | b'T' | b'P' | b'd' | b'h')
    };
    let mut rest = line;
    while let Some((meter, behind)) = rest.strip_prefix(b"\r").unwrap_or(rest).split_at_checked(METER)
        && meter.iter().all(drawn)
        && memchr::memmem::find(meter, b":").is_some()
    {
        rest = behind;
    }
    rest
}

fn about(builder: &mut Builder, hint: &[u8], line: &[u8]) {
    let text = String::from_utf8_lossy(hint.trim_ascii()).into_owned();
    if let Some((name, peer)) = connected(&text) {
        if let Some((_, port)) = peer.rsplit_once(':') {
            builder.target(&name, port);
        }
        return builder.connected(&peer, None);
    }
    // `Failed to connect to NAME port N after …`
    if let Some(rest) = text.strip_prefix("Failed to connect to ")
        && let Some((name, behind)) = rest.split_once(" port ")
    {
        builder.target(name, behind.split(' ').next().unwrap_or_default());
        return builder.comment(line);
    }
    if let Some(rest) = text.strip_prefix("SSL connection using ") {
        let mut parts = rest.split(" / ").map(str::to_owned);
        let tls = builder.tls();
        (tls.version, tls.cipher) = (parts.next(), parts.next());
    } else if let Some(subject) = text.strip_prefix("subject: ") {
        builder.tls().subject = Some(subject.to_owned());
    } else if let Some(issuer) = text.strip_prefix("issuer: ") {
        builder.tls().issuer = Some(issuer.to_owned());
    } else if text.starts_with("SSL certificate verify ok")
        || text.starts_with("SSL certificate verified via")
    {
        builder.tls().verified = Some(true);
    } else if let Some(why) = text.strip_prefix("SSL certificate verify result: ") {
        let tls = builder.tls();
        tls.verified = Some(false);
        tls.insecure = why.contains("continuing anyway");
        tls.why = Some(why.trim_end_matches(", continuing anyway.").to_owned());
    } else if text.starts_with("SSL certificate problem: ") || text.starts_with("OpenSSL/") {
        builder.problem(hint);
    } else if text.starts_with("Closing connection") || text.starts_with("shutting down connection") {
        builder.closed(ClosedBy::Client, line);
    } else {
        builder.comment(line);
    }
}

/// `Connected to NAME (ADDRESS) port N`, and what newer versions say.
fn connected(text: &str) -> Option<(String, String)> {
    let rest =
        text.strip_prefix("Connected to ").or_else(|| text.strip_prefix("Established connection to "))?;
    let (name, inside) = rest.split_once('(')?;
    let (address, after) = inside.split_once(')')?;
    let (address, after) =
        address.split_once(" port ").unwrap_or((address, after.trim_start_matches(" port ")));
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some((name.trim().to_owned(), format!("{address}:{port}")))
}
