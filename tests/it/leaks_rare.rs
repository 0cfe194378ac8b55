//! As `leaks`, for the mechanisms that the practice server does not offer: a server of the library's own verifier, and for
//! NTLM, which has none, one that asks and then refuses.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heloise::sasl::server::Seed;
use heloise::sasl::{ServerStep, Verifier};
use heloise::secret::Secret;

use crate::at_terminal::AtTerminal;
use crate::binary::Heloise;
use crate::leaks::{assert_clean, assert_home_clean};

const SECRET: &str = "open-wonderland-7";

/// The mechanisms, and whether the server comes to accept the secret.
const MECHANISMS: &[(&str, bool)] = &[("DIGEST-MD5", true), ("SCRAM-SHA-512", true), ("NTLM", false)];

/// Where a server listens that offers one mechanism, without TLS.
fn serve(mechanism: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        // The client ends the talk.
        let _ = talk(&listener.accept().unwrap().0, mechanism);
    });
    address
}

fn talk(mut link: &TcpStream, mechanism: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(link).lines();
    link.write_all(b"220 mx.example.org ESMTP\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words.as_slice() {
            ["EHLO", _] => format!("250-mx.example.org\r\n250 AUTH {mechanism}\r\n"),
            ["AUTH", _, rest @ ..] => {
                let mut server = server(mechanism, rest.first().map(|text| STANDARD.decode(text).unwrap()));
                loop {
                    match server.next() {
                        Ok(challenge) => {
                            link.write_all(format!("334 {}\r\n", STANDARD.encode(challenge)).as_bytes())?;
                        }
                        Err(true) => break "235 2.7.0 welcome\r\n".to_owned(),
                        Err(false) => break "535 5.7.8 no\r\n".to_owned(),
                    }
                    let Some(response) = lines.next().transpose()? else { return Ok(()) };
                    server.take(STANDARD.decode(response).unwrap());
                }
            }
            ["QUIT"] => "221 2.0.0 bye\r\n".to_owned(),
            _ => "250 2.0.0 ok\r\n".to_owned(),
        };
        link.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The server's side of an exchange.
enum Exchange {
    Verified(Box<Verifier>, ServerStep),
    /// NTLM: how many responses have come.
    Ntlm(usize),
}

fn server(mechanism: &str, initial: Option<Vec<u8>>) -> Exchange {
    if mechanism == "NTLM" {
        return Exchange::Ntlm(usize::from(initial.is_some()));
    }
    let seed = Seed { nonce: "3rfcNHYJY1ZVvWVs7j".to_owned(), seconds: 0, host: "mx.example.org".to_owned() };
    let mut verifier = Verifier::new(|_| Some(Secret::new(SECRET)), seed);
    let step = verifier.start(mechanism, initial.as_deref());
    Exchange::Verified(Box::new(verifier), step)
}

impl Exchange {
    /// The challenge, or whether the client is let in.
    fn next(&self) -> Result<Vec<u8>, bool> {
        match self {
            Exchange::Verified(_, ServerStep::Challenge(challenge)) => Ok(challenge.clone()),
            Exchange::Verified(_, step) => Err(matches!(step, ServerStep::Accept { .. })),
            Exchange::Ntlm(0) => Ok(Vec::new()),
            // Type 2, without a name, Unicode, a nonce (MS-NLMP §2.2.1.2).
            Exchange::Ntlm(1) => {
                Ok([&b"NTLMSSP\0\x02\0\0\0"[..], &[0; 8], &0x0008_0201_u32.to_le_bytes(), &[9; 8], &[0; 8]]
                    .concat())
            }
            Exchange::Ntlm(_) => Err(false),
        }
    }

    fn take(&mut self, response: Vec<u8>) {
        match self {
            Exchange::Verified(verifier, step) => *step = verifier.step(&response),
            Exchange::Ntlm(count) => *count += 1,
        }
    }
}

#[test]
fn by_script() {
    for (mechanism, accepts) in MECHANISMS {
        for more in [&[][..], &["--json", "--no-initial-response"]] {
            let (heloise, address) = (Heloise::new(), serve(mechanism).to_string());
            let record = heloise.path("session.heloise");
            let heloise = heloise.var("HELOISE_PASSWORD", SECRET);
            let own = [&*address, "--allow-plaintext-auth", "--auth", mechanism, "--user", "alice", "--quit"];
            let run = heloise.run(&[&own, &["--record", &record][..], more].concat(), b"");
            assert_eq!(run.code, Some(if *accepts { 0 } else { 6 }), "{mechanism}: {}", run.all());
            assert_clean("what was printed", &run.all(), SECRET);
            assert_home_clean(&heloise, &record, SECRET);
        }
    }
}

#[test]
fn at_a_terminal() {
    for (mechanism, accepts) in MECHANISMS {
        for way in ["/auth ", "AUTH "] {
            let (heloise, address) = (Heloise::new(), serve(mechanism).to_string());
            let record = heloise.path("session.heloise");
            let args = [&*address, "--allow-plaintext-auth", "--record", &record];
            let mut terminal = AtTerminal::start_in(heloise.home.path(), &args);
            terminal.wait_for("220 ");
            terminal.press("EHLO me.example\r");
            terminal.wait_for("250 AUTH");
            terminal.press(&format!("{way}{mechanism}\r"));
            terminal.wait_for("user name:");
            terminal.press("alice\r");
            terminal.wait_for("password");
            terminal.press(&format!("{SECRET}\r"));
            terminal.wait_for(if *accepts { "235 2.7.0" } else { "535 5.7.8" });
            terminal.press("QUIT\r");
            terminal.wait_for("221 ");
            terminal.child.wait().unwrap();
            assert_clean("the screen", &terminal.all, SECRET);
            assert_home_clean(&heloise, &record, SECRET);
        }
    }
}
