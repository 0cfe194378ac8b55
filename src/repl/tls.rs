//! What can be found out about the server's TLS: `/tls`, `--save-certs`, `--tls-versions`, and a closer look at a
//! certificate that was refused.

use std::io::Write as _;
use std::path::Path;

use chrono::Utc;

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::session::Answer;
use crate::transcript::Info;
use crate::transport::cert::CertInfo;
use crate::transport::inspect::Inspection;
use crate::transport::look::{self, Looked, Place};
use crate::transport::revocation::{Report, Standing};
use crate::transport::tls::Version;
use crate::transport::versions::{Answer as VersionAnswer, versions};
use crate::transport::{TlsError, chain};
use crate::wire::escape::visible;

use super::commands;
use super::operator::Operator;

impl Operator {
    /// `/tls`, `/tls here`, `/tls versions`, `/tls save FILE`.
    pub(super) async fn tls(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        let (word, rest) =
            argument.split_once(' ').map_or((argument, ""), |(word, rest)| (word, rest.trim()));
        match (word, rest) {
            ("", _) => self.show_tls(true).await?,
            ("here", "") => self.show_tls(false).await?,
            ("versions", "") => {
                self.tls_versions().await?;
            }
            ("save", file) if !file.is_empty() => self.save_certs(&commands::path(file)).await?,
            _ => {
                let forms = "/tls, /tls here, /tls versions or /tls save FILE";
                return Err(Problem::new(Status::Usage, forms));
            }
        }
        Ok(Vec::new())
    }

    /// Everything about the link's encryption; with `beside`, also what only a second connection and DNS tell.
    async fn show_tls(&mut self, beside: bool) -> Result<(), Problem> {
        let info = self.connection.as_ref().and_then(|connection| connection.tls()).cloned();
        let plain = info.is_none() && !self.setup.target.implicit_tls() && !self.tls_refused;
        if plain {
            self.view.text(Style::Plain, "     The link is not encrypted. /starttls does it; /tls versions asks what the server takes.");
            return Ok(());
        }
        let mut lines = info.as_ref().map(|info| info.describe(Utc::now())).unwrap_or_default();
        if beside {
            let looked = self.looked().await?;
            lines.extend(describe(&looked));
            let log = self.log();
            if let Some(log) = log {
                entries(&looked).into_iter().for_each(|info| log.told(info));
            }
        } else if info.as_ref().is_some_and(|info| !info.chain_visible()) {
            lines.push(row("chain", "hidden by TLS 1.3; /tls alone looks at it over a second connection"));
        }
        self.show_rows(&lines);
        Ok(())
    }

    fn show_rows(&self, lines: &[String]) {
        self.view.text(Style::Plain, &lines.iter().map(|line| format!("     {line}\n")).collect::<String>());
    }

    /// What a closer look shows. It is made once for a session.
    async fn looked(&mut self) -> Result<Looked, Problem> {
        if let Some(looked) = &self.looked {
            return Ok(looked.clone());
        }
        let place = self.place().await?;
        let seen = self.connection.as_ref().and_then(|connection| connection.tls());
        let looked = look::look(&self.setup, &place, seen).await;
        self.looked = Some(looked.clone());
        Ok(looked)
    }

    /// Where the session is, or would be.
    pub(super) async fn place(&mut self) -> Result<Place, Problem> {
        if let Ok(connection) = self.connection()
            && let Some((peer, host)) = connection.place()
        {
            let host = host.cloned().unwrap_or_else(|| self.setup.target.host.clone());
            return Ok(Place { peer, host, own_name: self.own_name()? });
        }
        let prompt = self.prompts();
        let found = Place::find(&self.setup, self.ehlo.clone()).await;
        found.map_err(|error| Problem::opening(error.into(), &self.setup, prompt))
    }

    /// A refused certificate is looked at over a second connection where TLS 1.3 hid it, which is said.
    pub(super) async fn tls_failed(&mut self, error: TlsError) -> Problem {
        self.tls_refused = true;
        let error = match self.place().await {
            Ok(place) => {
                let (error, inspection) = look::closer(&self.setup, &place, error).await;
                if let Some(inspection) = &inspection {
                    self.tell_of(inspection);
                }
                error
            }
            Err(_) => error,
        };
        Problem::tls(error, &self.setup, self.prompts())
    }

    fn tell_of(&mut self, inspection: &Inspection) {
        let text = format!("=== {}", how(inspection));
        self.view.text(Style::Dim, &text);
        if let Some(leaf) = inspection.chain.first() {
            let names = leaf.host_names().join(", ");
            self.view.text(
                Style::Dim,
                &format!("     {} · names {names} · issued by {}", leaf.subject, leaf.issuer),
            );
        }
    }

    /// `--tls-versions` and `/tls versions`: asks for each version on a connection of its own. Says whether any is
    /// taken.
    pub async fn tls_versions(&mut self) -> Result<bool, Problem> {
        let place = self.place().await?;
        let answers = versions(&self.setup, place.peer, &place.host, &place.own_name).await;
        let rows: Vec<String> =
            answers.iter().map(|(version, answer)| version_row(*version, answer)).collect();
        let (setup, alone) = (self.setup.clone(), self.connection.is_none());
        if let Some(log) = self.log() {
            if alone {
                setup.begin(log);
            }
            answers.iter().for_each(|(version, answer)| log.told(version_entry(*version, answer)));
        }
        if let [(_, VersionAnswer::NotAsked(why)), ..] = answers.as_slice()
            && answers.iter().all(|(_, answer)| matches!(answer, VersionAnswer::NotAsked(_)))
        {
            let problem =
                Problem::new(Status::Tls, format!("the versions of TLS could not be asked for: {why}"));
            return Err(match self.setup.target.implicit_tls() {
                true => problem,
                false => problem.advise("smtps://, if the port has TLS from the first byte"),
            });
        }
        self.show_rows(&rows);
        Ok(answers.iter().any(|(_, answer)| matches!(answer, VersionAnswer::Taken(_))))
    }

    /// `--save-certs` and `/tls save`: the certificates as the server sent them, in PEM.
    pub async fn save_certs(&mut self, path: &Path) -> Result<(), Problem> {
        can_save_certs(path)?;
        let info = self.connection.as_ref().and_then(|connection| connection.tls());
        let (chain, note) = match info.filter(|info| info.chain_visible()) {
            Some(info) => (info.chain.clone(), String::new()),
            None => match self.looked().await?.inspection {
                Some(Ok(found)) => {
                    let note = format!(" ({})", how(&found));
                    (found.chain, note)
                }
                Some(Err(said)) => {
                    let what = format!("the server's certificates cannot be seen: {said}");
                    return Err(Problem::new(Status::Tls, what));
                }
                None => (Vec::new(), String::new()),
            },
        };
        write_new(path, &chain)?;
        let shown = visible(path.as_os_str().as_encoded_bytes());
        let count = if chain.len() == 1 {
            "1 certificate".to_owned()
        } else {
            format!("{} certificates", chain.len())
        };
        self.view.text(Style::Dim, &format!("=== {count} saved in {shown}{note}"));
        Ok(())
    }
}

/// Certificates are public, so the file may be read by anybody; but no file is overwritten.
fn write_new(path: &Path, certificates: &[CertInfo]) -> Result<(), Problem> {
    let written = create_new(path)?.write_all(chain::to_pem(certificates).as_bytes());
    written.map_err(|error| Problem::file("write the certificates", path, &error))
}

/// Whether a file for certificates can be made, which is tried before any connection is opened.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn can_save_certs(path: &Path) -> Result<(), Problem> {
    create_new(path)?;
    std::fs::remove_file(path).map_err(|error| Problem::file("write the certificates", path, &error))
}

fn create_new(path: &Path) -> Result<std::fs::File, Problem> {
    let made = std::fs::File::options().write(true).create_new(true).open(path);
    made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Problem::file("write the certificates", path, &error),
    })
}

fn exists(path: &Path) -> Problem {
    let shown = visible(path.as_os_str().as_encoded_bytes());
    Problem::new(Status::LocalFile, format!("{shown} exists and is not overwritten")).advise("another name")
}

fn row(label: &str, value: impl std::fmt::Display) -> String {
    format!("{label:<12}{value}")
}

/// How an inspection was made.
fn how(inspection: &Inspection) -> String {
    let version = inspection.version.map_or("TLS".to_owned(), |version| version.to_string());
    let what = match inspection.complete {
        true => "seen over a second connection",
        false => {
            "the server's own alone, seen over a second connection: it has TLS 1.3 only, which hides the rest"
        }
    };
    format!("{what} ({version}, for a look at its certificates, nothing else was sent)")
}

fn describe(looked: &Looked) -> Vec<String> {
    let mut rows = Vec::new();
    match &looked.inspection {
        None => {}
        Some(Err(said)) => rows.push(row(
            "chain",
            format!("hidden by TLS 1.3, and a second connection did not show it: {said}"),
        )),
        Some(Ok(found)) => {
            rows.push(row("chain", how(found)));
            rows.extend(chain::describe(&found.chain, Utc::now()));
            rows.extend(found.root.as_ref().map(|root| row("root", root)));
        }
    }
    rows.extend(looked.stapled.as_ref().map(|said| match &said.standing {
        Standing::Unknown(why) => row("stapling", why),
        _ => row("stapling", said),
    }));
    for word in &looked.policies {
        let label = if word.policy == "dane" { "DANE" } else { "MTA-STS" };
        rows.push(row(label, format!("{} · {}", word.outcome, word.words)));
        rows.extend(word.details.iter().map(|detail| row("", detail)));
    }
    rows
}

/// The same for the transcript.
fn entries(looked: &Looked) -> Vec<Info> {
    let found = looked.inspection.iter().flatten();
    let chain = found.flat_map(|found| chain::entries(&found.chain, Utc::now()));
    let stapled = looked.stapled.iter().map(|said| Report { testimonies: vec![said.clone()] }.info());
    chain.chain(stapled).chain(looked.policies.iter().map(|word| word.info())).collect()
}

fn version_row(version: Version, answer: &VersionAnswer) -> String {
    let obsolete = version < Version::V1_2 && matches!(answer, VersionAnswer::Taken(_));
    row(&version.to_string(), format!("{answer}{}", if obsolete { " · obsolete (RFC 8996)" } else { "" }))
}

fn version_entry(version: Version, answer: &VersionAnswer) -> Info {
    let pair = |key: &str, value: String| (key.to_owned(), Some(value));
    let (taken, detail) = match answer {
        VersionAnswer::Taken(cipher) => ("yes", pair("cipher", cipher.clone())),
        other => ("no", pair("why", other.to_string())),
    };
    let attributes = vec![pair("version", version.to_string()), pair("taken", taken.to_owned()), detail];
    Info::of("tls-version", attributes)
}
