//! From the options of a session to the things they stand for. All local files are read, and found fault
//! with, before any connection is opened.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{
    AuthArgs, Binding, ColorChoice, ExplainLevel, NetworkArgs, SessionArgs, TlsArgs, TlsVersion,
};
use crate::narrate::{Layout, Level};
use crate::repl::{Form, Login, Printer, View, known_mechanism, recording};
use crate::report::{Problem, Status};
use crate::sasl::BindingKind;
use crate::session::{Caps, Timeouts};
use crate::target::Target;
use crate::transport::dial::{DialOptions, Family};
use crate::transport::pin::Pin;
use crate::transport::tls::{Sni, TlsOptions, TlsSetup, TlsSetupError, Version};
use crate::transport::{Log, Setup};

use super::{netrc, secrets};

/// How long one attempt to connect may take unless `--timeout` says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Columns for text that goes to no terminal.
const PIPE_WIDTH: usize = 100;

/// How to reach `target` with these options.
pub fn setup(target: Target, args: &SessionArgs) -> Result<Setup, Problem> {
    Ok(Setup {
        target,
        dial: dial_options(&args.network, args.timeout),
        tls: tls_setup(tls_options(&args.tls, args.timeout)?)?,
        timeouts: args.timeout.map_or_else(Timeouts::default, Timeouts::all),
        caps: Caps::default(),
        title: args.recording.title.clone(),
        options: again(&args.network, &args.tls),
    })
}

/// The options without which this server might not be reached or trusted, as they would be typed.
fn again(network: &NetworkArgs, tls: &TlsArgs) -> Vec<String> {
    let flags = [(network.ipv4, "-4"), (network.ipv6, "-6"), (tls.no_system_ca, "--no-system-ca")];
    let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let arguments = [
        ("--source", network.source.map(|address| address.to_string())),
        ("--resolver", network.resolver.map(|address| address.to_string())),
        ("--ca", path(&tls.ca)),
        ("--cert", path(&tls.cert)),
        ("--key", path(&tls.key)),
        ("--sni", tls.sni.clone()),
        ("--verify-name", tls.verify_name.clone()),
    ];
    let with = |(name, argument): (&str, Option<String>)| Some(format!("{name} {}", word(&argument?)));
    flags.chain(arguments.into_iter().filter_map(with)).collect()
}

/// One word of a command line, in quotes where a shell would read it otherwise.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(|c| plain(c) || c.is_alphabetic()) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// How names and addresses are treated.
pub fn dial_options(args: &NetworkArgs, timeout: Option<Duration>) -> DialOptions {
    let family = match (args.ipv4, args.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    };
    DialOptions {
        timeout: timeout.unwrap_or(CONNECT_TIMEOUT),
        source: args.source,
        family,
        resolver: args.resolver,
    }
}

/// Loads what the options name. A passphrase is asked for where one is needed.
fn tls_setup(options: TlsOptions) -> Result<TlsSetup, Problem> {
    match TlsSetup::load(&options) {
        Err(TlsSetupError::PassphraseNeeded(file)) => {
            let passphrase = Some(secrets::passphrase(&file)?);
            Ok(TlsSetup::load(&TlsOptions { passphrase, ..options })?)
        }
        loaded => Ok(loaded?),
    }
}

/// How links are encrypted, with these options.
pub fn tls(args: &TlsArgs, timeout: Option<Duration>) -> Result<TlsSetup, Problem> {
    tls_setup(tls_options(args, timeout)?)
}

fn tls_options(args: &TlsArgs, timeout: Option<Duration>) -> Result<TlsOptions, Problem> {
    let default = TlsOptions::default();
    Ok(TlsOptions {
        ca: args.ca.clone(),
        no_system_ca: args.no_system_ca,
        cert: args.cert.clone(),
        key: args.key.clone(),
        sni: args.sni.as_deref().map_or(Sni::Default, Sni::named),
        verify_name: args.verify_name.clone(),
        min: args.tls_min.into(),
        max: args.tls_max.map(Version::from),
        insecure: args.insecure,
        pins: pins(&args.pins)?,
        crls: args.crls.clone(),
        check_revocation: args.check_revocation,
        keylog: args.keylog.clone().or_else(keylog_of_environment),
        ciphers: args.ciphers.clone(),
        ciphersuites: args.ciphersuites.clone(),
        groups: args.groups.clone(),
        binding: match args.channel_binding {
            Binding::TlsServerEndPoint => BindingKind::TlsServerEndPoint,
            Binding::TlsExporter => BindingKind::TlsExporter,
        },
        timeout: timeout.unwrap_or(default.timeout),
        ..default
    })
}

/// The file that browsers and curl add their keys to, too. It is for all programs, so it is no error where none are told.
fn keylog_of_environment() -> Option<PathBuf> {
    let told = cfg!(not(any(target_os = "windows", target_vendor = "apple")));
    let file = std::env::var_os("SSLKEYLOGFILE").filter(|file| told && !file.is_empty());
    file.map(PathBuf::from)
}

/// Several may stand in one argument, with semicolons between them, as curl has it.
fn pins(given: &[String]) -> Result<Vec<Pin>, Problem> {
    let pins = given.iter().flat_map(|pins| pins.split(';')).map(|pin| pin.trim().parse::<Pin>());
    pins.collect::<Result<_, _>>().map_err(|bad| {
        Problem::new(Status::Usage, bad.to_string()).advise("/tls shows the pin of a server's key")
    })
}

impl From<TlsVersion> for Version {
    fn from(version: TlsVersion) -> Version {
        match version {
            TlsVersion::V1_0 => Version::V1_0,
            TlsVersion::V1_1 => Version::V1_1,
            TlsVersion::V1_2 => Version::V1_2,
            TlsVersion::V1_3 => Version::V1_3,
        }
    }
}

/// What was given for AUTH with `target`.
pub fn login(auth: &AuthArgs, target: &Target) -> Result<Login, Problem> {
    known_mechanism(auth.auth.as_deref().unwrap_or_default())?;
    let login = Login {
        user: auth.user.clone(),
        authzid: auth.authzid.clone(),
        password: secrets::password(auth)?,
        token: secrets::token(auth)?,
        allow_plaintext: auth.allow_plaintext_auth,
        initial_response: !auth.no_initial_response,
        ..Login::default()
    };
    let host = target.host.to_string();
    match netrc::account(auth, &host)? {
        Some(account) => Ok(Login { user: login.user.or(account.user), kept: account.password, ..login }),
        None => with_keyring(login, auth, &host),
    }
}

#[cfg(feature = "keyring")]
fn with_keyring(login: Login, args: &AuthArgs, host: &str) -> Result<Login, Problem> {
    let Some(user) = login.user.as_deref().filter(|_| args.keyring) else { return Ok(login) };
    let kept = super::keyring::secret(host, user)?;
    Ok(Login { kept, keeper: Some(super::keyring::keeper(host)), ..login })
}

#[cfg(not(feature = "keyring"))]
fn with_keyring(login: Login, _: &AuthArgs, _: &str) -> Result<Login, Problem> {
    Ok(login)
}

/// The stream of entries: recorded if that is asked for, shown by `view`.
pub fn log(args: &SessionArgs, view: &View) -> Result<Log, Problem> {
    let mut log = Log::new(Box::new(view.clone()), args.recording.record_data);
    if let Some(path) = &args.recording.record {
        log.record(Some(recording::create(path, args.recording.append)?));
    }
    Ok(log)
}

/// What shows a session on standard output.
pub fn view(args: &SessionArgs, print: Printer) -> View {
    let form = if args.json { Form::Json } else { Form::Told };
    View::new(layout(args.explain), form, colour(args.color), print)
}

/// How text is laid out on standard output.
pub fn layout(level: ExplainLevel) -> Layout {
    let terminal = std::io::stdout().is_terminal();
    let level = match level {
        ExplainLevel::None => Level::None,
        ExplainLevel::Brief => Level::Brief,
        ExplainLevel::Full => Level::Full,
    };
    Layout {
        level,
        width: if terminal { terminal_width() } else { PIPE_WIDTH },
        timing: terminal,
        prompt: false,
    }
}

fn terminal_width() -> usize {
    Layout::readable(terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)))
}

/// Whether standard output gets colour.
pub fn colour(choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !refused && !dumb && std::io::stdout().is_terminal()
        }
    }
}

/// Prints to standard output.
pub fn stdout_printer() -> Printer {
    let mut out = std::io::stdout();
    Box::new(move |text| writeln!(out, "{text}").and_then(|()| out.flush()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_a_server_is_given_again() {
        let network = NetworkArgs { ipv4: true, ..NetworkArgs::default() };
        let tls =
            TlsArgs { ca: Some("it's mine/ca.pem".into()), sni: Some("none".into()), ..TlsArgs::default() };
        assert_eq!(again(&network, &tls), ["-4", r"--ca 'it'\''s mine/ca.pem'", "--sni none"]);
        assert!(again(&NetworkArgs::default(), &TlsArgs::default()).is_empty());
        assert_eq!(word("/etc/ssl/ca-2.pem"), "/etc/ssl/ca-2.pem");
    }
}
