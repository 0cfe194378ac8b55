//! `curl -v smtp://…`, with or without `--trace-time`.

use super::super::ClosedBy;
use super::builder::Builder;
use super::smtplib::untimed;

pub(super) fn line(builder: &mut Builder, line: &[u8]) {
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

fn about(builder: &mut Builder, hint: &[u8], line: &[u8]) {
    let text = String::from_utf8_lossy(hint.trim_ascii()).into_owned();
    if let Some((name, peer)) = connected(&text) {
        if let Some((_, port)) = peer.rsplit_once(':') {
            builder.target(&name, port);
        }
        return builder.connected(&peer, None);
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
        builder.closed(ClosedBy::Client);
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
