//! Each form that a secret takes in an AUTH exchange, in the notation of each tool: none comes through an import.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::program::run_with;

/// Who says what in an exchange.
#[derive(Clone)]
enum Line {
    Client(String),
    Server(String),
}
use Line::{Client, Server};

/// An exchange, and what must not be seen of it.
struct Exchange {
    name: &'static str,
    lines: Vec<Line>,
    secrets: Vec<String>,
}

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

/// An exchange in which each answer is a secret. An answer of nothing is no answer.
fn exchange(name: &'static str, auth: &str, steps: &[(&str, &str)]) -> Exchange {
    let mut lines = vec![Client(auth.trim_end().to_owned())];
    let mut secrets: Vec<String> =
        auth.split(' ').skip(2).filter(|word| *word != "=").map(str::to_owned).collect();
    for (challenge, answer) in steps {
        lines.push(Server(format!("334 {}", b64(challenge))));
        lines.push(Client(b64(answer)));
        secrets.extend((!answer.is_empty()).then(|| b64(answer)));
    }
    lines.push(Server("535 5.7.8 no".to_owned()));
    Exchange { name, lines, secrets }
}

fn exchanges() -> Vec<Exchange> {
    let token = "user=alice\u{1}auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\u{1}\u{1}";
    let bearer = "n,a=alice@example.org,\u{1}host=mx\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==\u{1}\u{1}";
    let digest = "username=\"alice\",realm=\"mx\",nonce=\"OA6MG9tEQGm2hh\",cnonce=\"OA6MHXh6VqTrRk\",nc=00000001,qop=auth,\
                  digest-uri=\"smtp/mx\",response=d388dad90d4bbd760a152321f2143af7";
    let first = "r=fyko+d2lbbFgONRv9qkxdawLs=,s=QSXCR+Q6sek8bf92,i=4096";
    let last = "c=biws,r=fyko+d2lbbFgONRv9qkxdawLs=,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
    let mut scram =
        exchange("SCRAM", "AUTH SCRAM-SHA-1 biwsbj1hbGljZSxyPWZ5a28rZDJsYmJGZ09OUnY=", &[(first, last)]);
    // The verifier, too, lets a password be guessed (RFC 5802 §3).
    let verifier = b64("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
    scram.lines.pop();
    scram.lines.extend([
        Server(format!("334 {verifier}")),
        Client(String::new()),
        Server("235 ok".to_owned()),
    ]);
    scram.secrets.push(verifier);
    let ntlm = "NTLMSSP\0\u{3}\0\0\0\u{18}\0\u{18}\0@\0\0\0proofofthepassword";
    vec![
        exchange("PLAIN", &format!("AUTH PLAIN {}", b64("\0alice\0hunter2hunter2")), &[]),
        exchange("PLAIN, asked for", "AUTH PLAIN", &[("", "\0alice\0hunter2hunter2")]),
        exchange("PLAIN in small letters", &format!("auth plain {}", b64("\0alice\0hunter2hunter2")), &[]),
        exchange("LOGIN", "AUTH LOGIN", &[("Username:", "alice"), ("Password:", "hunter2hunter2")]),
        exchange("LOGIN with the name", "AUTH LOGIN YWxpY2U=", &[("Password:", "hunter2hunter2")]),
        exchange("CRAM-MD5", "AUTH CRAM-MD5", &[("<1896@mx>", "alice b913a602c7eda7a495b4e6e7334d3890")]),
        exchange("XOAUTH2", &format!("AUTH XOAUTH2 {}", b64(token)), &[]),
        exchange("XOAUTH2, asked for", "AUTH XOAUTH2", &[("", token)]),
        exchange("OAUTHBEARER", &format!("AUTH OAUTHBEARER {}", b64(bearer)), &[]),
        exchange("DIGEST-MD5", "AUTH DIGEST-MD5", &[("realm=\"mx\",nonce=\"OA6MG9tEQGm2hh\"", digest)]),
        exchange("NTLM", "AUTH NTLM TlRMTVNTUAABAAAAB4IIAA==", &[("NTLMSSP\0\u{2}", ntlm)]),
        exchange("one unknown", "AUTH X-LATER", &[("prove it", "something secret")]),
        scram,
    ]
}

/// The notations: what stands before a line of the server and of the client, and behind both.
const NOTATIONS: [(&str, &str, &str, &str); 9] = [
    ("swaks", "<-  ", " -> ", ""),
    ("swaks", "<~  ", " ~> ", ""),
    ("curl", "< ", "> ", ""),
    ("msmtp", "<-- ", "--> ", ""),
    ("postfix", " Out: ", " In:  ", ""),
    ("letters", "S: ", "C: ", ""),
    ("letters", "   S: ", "   C: ", ""),
    ("paste", "", "", ""),
    ("smtplib", "reply: b'", "send: '", "\\r\\n'"),
];

/// The exchange as a tool prints it.
fn printed(exchange: &Exchange, (_, server, client, end): (&str, &str, &str, &str)) -> String {
    let before = [Server("220 mx ESMTP".into()), Client("EHLO x".into()), Server("250 mx".into())];
    let lines = before.into_iter().chain(exchange.lines.iter().cloned());
    let lines = lines.map(|line| match line {
        Server(text) => {
            // smtplib says all that it hears twice.
            let again = if server.starts_with("reply") {
                let (code, words) = text.split_at(3);
                format!("reply: retcode ({code}); Msg: b'{}'\n", words.trim_start())
            } else {
                String::new()
            };
            format!("{server}{text}{end}\n{again}")
        }
        Client(text) => format!("{client}{text}{end}\n"),
    });
    lines.collect()
}

/// A cast in which a terminal shows the text.
fn filmed(text: &str) -> String {
    let events =
        text.lines().map(|line| format!("[0.1, \"o\", {}]\n", serde_json::json!(format!("{line}\r\n"))));
    format!("{{\"version\": 2, \"width\": 80, \"height\": 24}}\n{}", events.collect::<String>())
}

fn check(exchange: &Exchange, from: &str, text: &str) {
    let ran = run_with(&["import", "-", "--from", from], text);
    let what = format!("{} from {from}:\n{}{}", exchange.name, ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(0), "{what}");
    assert!(ran.stdout.contains(" AUTH ") || ran.stdout.contains(" auth "), "{what}");
    assert!(!ran.stderr.contains("no secrets redacted"), "{what}");
    assert!(!ran.stderr.contains("still in it"), "{what}");
    for secret in &exchange.secrets {
        // Nor a part of it, which a narrow screen may have broken off.
        let tail = &secret[secret.len().saturating_sub(12)..];
        assert!(!ran.stdout.contains(secret.as_str()) && !ran.stdout.contains(tail), "{secret} in {what}");
    }
}

#[test]
fn no_form_of_a_secret_comes_through_from_any_tool() {
    for exchange in exchanges() {
        for notation in NOTATIONS {
            let text = printed(&exchange, notation);
            check(&exchange, notation.0, &text);
            if notation.0 == "paste" {
                check(&exchange, "cast", &filmed(&text));
            }
        }
    }
}

#[test]
fn nor_where_a_line_was_broken() {
    for exchange in exchanges() {
        for notation in [("letters", "   S: ", "   C: ", ""), ("paste", "", "", "")] {
            let text = printed(&exchange, notation);
            let broken = text.lines().map(|line| {
                let cut = line.len().min(line.rfind(' ').unwrap_or(0) + 9);
                let sent = exchange.lines.iter().any(
                    |said| matches!(said, Client(text) if line.ends_with(text.as_str()) && !text.is_empty()),
                );
                if sent && line.len() > 20 && !line.ends_with("CRAM-MD5") && !line.ends_with("SCRAM-SHA-1") {
                    format!("{}\n{}\n", &line[..cut], &line[cut..])
                } else {
                    format!("{line}\n")
                }
            });
            check(&exchange, notation.0, &broken.collect::<String>());
        }
    }
}
