//! `/open`: the options of a session that it takes, and the session that it opens.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::report::{Problem, Status};
use crate::session::Timeouts;
use crate::target::Target;
use crate::transport::tls::{Sni, TlsSetup, TlsSetupError, Version};
use crate::transport::{DialOptions, Family, Setup, TlsOptions};
use crate::wire::escape::visible;

use super::commands;
use super::operator::{Done, Operator};

/// The port of a name server.
const DNS_PORT: u16 = 53;

/// The versions of TLS, as they are written.
const VERSIONS: &str = "1.0|1.1|1.2|1.3";

/// An option of the command line that `/open` takes, too.
pub(super) struct OpenOption {
    /// Its names, with their dashes.
    pub(super) names: &'static [&'static str],
    /// What it takes: a word for it, or the choices.
    pub(super) argument: Option<&'static str>,
    /// Takes note of it; nothing where the argument is none of its kind.
    apply: fn(&mut Opening, &str) -> Option<()>,
}

const fn flag(names: &'static [&'static str], apply: fn(&mut Opening, &str) -> Option<()>) -> OpenOption {
    OpenOption { names, argument: None, apply }
}

const fn with(
    names: &'static [&'static str],
    argument: &'static str,
    apply: fn(&mut Opening, &str) -> Option<()>,
) -> OpenOption {
    OpenOption { names, argument: Some(argument), apply }
}

/// What says how to reach a server and how far to trust it.
pub(super) const OPTIONS: &[OpenOption] = &[
    flag(&["--mx"], |to, _| set(&mut to.mx, true)),
    flag(&["--starttls"], |to, _| set(&mut to.starttls, true)),
    flag(&["--insecure"], |to, _| set(&mut to.tls().insecure, true)),
    with(&["--ca"], "FILE", |to, file| set(&mut to.tls().ca, Some(commands::path(file)))),
    flag(&["--no-system-ca"], |to, _| set(&mut to.tls().no_system_ca, true)),
    with(&["--cert"], "FILE", |to, file| set(&mut to.tls().cert, Some(commands::path(file)))),
    with(&["--key"], "FILE", |to, file| set(&mut to.tls().key, Some(commands::path(file)))),
    with(&["--sni"], "NAME", |to, name| set(&mut to.tls().sni, Sni::named(name))),
    with(&["--verify-name"], "NAME", |to, name| set(&mut to.tls().verify_name, Some(name.to_owned()))),
    with(&["--tls-min"], VERSIONS, |to, text| set(&mut to.tls().min, Version::numbered(text)?)),
    with(&["--tls-max"], VERSIONS, |to, text| set(&mut to.tls().max, Some(Version::numbered(text)?))),
    with(&["--ciphers"], "LIST", |to, list| set(&mut to.tls().ciphers, Some(list.to_owned()))),
    with(&["--ciphersuites"], "LIST", |to, list| set(&mut to.tls().ciphersuites, Some(list.to_owned()))),
    with(&["--groups"], "LIST", |to, list| set(&mut to.tls().groups, Some(list.to_owned()))),
    flag(&["--check-revocation"], |to, _| set(&mut to.tls().check_revocation, true)),
    with(&["--resolver"], "IP:PORT", |to, text| set(&mut to.dial.resolver, Some(name_server(text)?))),
    with(&["--source"], "ADDR", |to, text| set(&mut to.dial.source, Some(text.parse().ok()?))),
    flag(&["-4", "--ipv4"], |to, _| set(&mut to.dial.family, Family::V4)),
    flag(&["-6", "--ipv6"], |to, _| set(&mut to.dial.family, Family::V6)),
    with(&["--timeout"], "SECONDS", |to, text| to.wait(seconds(text)?)),
    with(&["--ehlo"], "NAME", |to, name| set(&mut to.ehlo, Some(name.to_owned()))),
];

fn set<T>(place: &mut T, value: T) -> Option<()> {
    *place = value;
    Some(())
}

fn name_server(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, DNS_PORT)))
}

/// A time to wait for something: up to a day.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= 86_400.0)?;
    Some(Duration::from_secs_f64(seconds))
}

/// How a session is to be opened.
#[derive(Clone, Debug, Default)]
struct Opening {
    mx: bool,
    starttls: bool,
    ehlo: Option<String>,
    dial: DialOptions,
    timeouts: Timeouts,
    tls: TlsOptions,
    /// Whether an option has changed those of TLS.
    tls_differs: bool,
}

impl Opening {
    /// As the session was set up.
    fn like(setup: &Setup) -> Opening {
        let (dial, timeouts) = (setup.dial.clone(), setup.timeouts);
        Opening { dial, timeouts, tls: setup.tls.options().clone(), ..Opening::default() }
    }

    fn tls(&mut self) -> &mut TlsOptions {
        self.tls_differs = true;
        &mut self.tls
    }

    fn wait(&mut self, time: Duration) -> Option<()> {
        (self.timeouts, self.dial.timeout, self.tls().timeout) = (Timeouts::all(time), time, time);
        Some(())
    }

    /// Takes note of what stands behind `/open`, and gives the target.
    fn read(&mut self, argument: &str) -> Result<Target, Problem> {
        let usage = |what: String| Problem::new(Status::Usage, what);
        let words = commands::words(argument).map_err(|unclosed| usage(unclosed.to_string()))?;
        let (mut words, mut target) = (words.into_iter(), Vec::new());
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                target.push(word);
                continue;
            }
            let (name, value) =
                word.split_once('=').map_or((&*word, None), |(name, value)| (name, Some(value)));
            let Some(option) = find(name) else {
                let what = format!("/open does not know {}", visible(name.as_bytes()));
                return Err(usage(what).advise("/help /open tells what it takes"));
            };
            let value = match (option.argument, value) {
                (Some(_), None) => words.next(),
                (None, Some(_)) => return Err(usage(format!("{name} takes nothing"))),
                (_, value) => Some(value.unwrap_or_default().to_owned()),
            };
            if value.and_then(|value| (option.apply)(self, &value)).is_none() {
                return Err(usage(format!("{name} takes {}", option.argument.unwrap_or_default())));
            }
        }
        if target.is_empty() {
            return Err(usage("/open needs a target, as on the command line".to_owned()));
        }
        Target::parse(&target, self.mx).map_err(|error| usage(error.to_string()))
    }
}

/// The names of all options, and whether they take something.
pub fn open_options() -> impl Iterator<Item = (&'static str, bool)> {
    OPTIONS.iter().flat_map(|option| option.names.iter().map(|name| (*name, option.argument.is_some())))
}

/// The option of this name.
pub(super) fn find(name: &str) -> Option<&'static OpenOption> {
    OPTIONS.iter().find(|option| option.names.contains(&name))
}

/// Whether `/open` takes this.
pub(super) fn takes(argument: &str) -> bool {
    Opening::default().read(argument).is_ok()
}

impl Operator {
    /// `/open`: leaves this server politely and opens a session with another.
    pub(super) async fn open_target(&mut self, argument: &str) -> Result<Done, Problem> {
        let mut opening = Opening::like(&self.as_given);
        let target = opening.read(argument)?;
        let tls = match opening.tls_differs {
            true => self.load(opening.tls).await?,
            false => self.as_given.tls.clone(),
        };
        self.quit().await;
        if target.host != self.setup.target.host {
            self.login.leave_host();
        }
        let (dial, timeouts) = (opening.dial, opening.timeouts);
        self.setup = Setup { target, dial, timeouts, tls, ..self.as_given.clone() };
        self.ehlo = opening.ehlo.or(self.ehlo.take());
        // A consent was given for another server.
        self.login.allow_plaintext = false;
        if !opening.starttls {
            return Ok(Done::Replies(self.connect_or_type_on().await?.into_iter().collect()));
        }
        let mut answers = vec![self.connect().await?];
        answers.extend(self.starttls().await?);
        Ok(Done::Replies(answers))
    }

    /// Loads what the options name. A passphrase is asked for where one is needed.
    async fn load(&mut self, options: TlsOptions) -> Result<TlsSetup, Problem> {
        match TlsSetup::load(&options) {
            Err(TlsSetupError::PassphraseNeeded(file)) => {
                let question = format!("passphrase of {file}:");
                let Some(passphrase) = self.asker.secret(&question).await else {
                    let what = format!("{file} is protected by a passphrase, and none was given");
                    return Err(Problem::new(Status::Usage, what));
                };
                Ok(TlsSetup::load(&TlsOptions { passphrase: Some(passphrase), ..options })?)
            }
            loaded => Ok(loaded?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(argument: &str) -> Result<(Target, Opening), String> {
        let mut opening = Opening::default();
        let target = opening.read(argument).map_err(|problem| problem.what)?;
        Ok((target, opening))
    }

    #[test]
    fn options_stand_anywhere_and_say_what_they_change() {
        let line =
            "--tls-max 1.2 -4 'smtps://mx.example.org' --ca=\"a file.pem\" --resolver 9.9.9.9 --timeout 5";
        let (target, opening) = read(line).unwrap();
        assert_eq!(target.typed(), "smtps://mx.example.org");
        assert_eq!((opening.tls.max, opening.tls.ca), (Some(Version::V1_2), Some("a file.pem".into())));
        assert_eq!((opening.dial.family, opening.dial.resolver), (Family::V4, "9.9.9.9:53".parse().ok()));
        assert_eq!(opening.dial.timeout, Duration::from_secs(5));
        assert!(opening.tls_differs && !opening.starttls);
        assert!(!read("--mx --starttls example.org").unwrap().1.tls_differs);
        assert_eq!(read("mx.example.org 587").unwrap().0.port, 587);
    }

    #[test]
    fn what_it_does_not_take_is_named() {
        for (line, what) in [
            ("", "/open needs a target, as on the command line"),
            ("mx.example.org -c /tls", "/open does not know -c"),
            ("--tls-max 1.4 mx.example.org", "--tls-max takes 1.0|1.1|1.2|1.3"),
            ("mx.example.org --ca", "--ca takes FILE"),
            ("--mx=yes example.org", "--mx takes nothing"),
            ("\"mx.example.org", "the quotes are not closed"),
        ] {
            assert_eq!(read(line).unwrap_err(), what);
        }
        assert!(!takes("check --mx mx.example.org") && !takes("check mx.example.org"));
    }
}
