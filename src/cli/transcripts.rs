//! The arguments of what is done with transcripts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};

use crate::transcript::import::Source;
use crate::transcript::pseudonym::What;

use super::session::{RecordArgs, parse_ehlo, parse_seconds};
use super::{AuthArgs, ColorChoice, ExplainLevel, NetworkArgs, TlsArgs};

/// Showing a transcript.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise play bug.heloise                  at a terminal: ? lists the keys, . and , step
  heloise play --speed 4 --idle-limit 1 bug.heloise
  heloise play --explain full bug.heloise | less -R
  heloise play - < bug.heloise")]
pub struct PlayArgs {
    /// The transcript; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// How many times as fast as it was
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_speed)]
    pub speed: f64,
    /// Let no pause last longer than this, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
    pub idle_limit: Duration,
    /// Show all of it at once, as on a pipe
    #[arg(long)]
    pub no_timing: bool,
    /// How much explanation is shown beside replies
    #[arg(long, value_name = "HOW", default_value = "brief")]
    pub explain: ExplainLevel,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// Running a transcript again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise rerun bug.heloise --target mx2.example.org
  heloise rerun bug.heloise --target mail.example.org:587 --compare code --record again.heloise
  HELOISE_PASSWORD=... heloise rerun login.heloise --target submission://mail.example.org

STARTTLS upgrades for real, and where it is refused the session ends. AUTH takes its secret as a session does. Content
that the transcript left out is made up to the same length. Of several sessions in the file the first is run.

Exit status: 0 the same replies, 7 others; and those of a session: 2 no connection, 3 TLS failed, 10 the file.")]
// These are for the transcript to say; who gives them all the same is told so.
#[command(mut_args(|arg| {
    let for_the_transcript = ["starttls", "auth", "tls_versions", "save_certs"].contains(&arg.get_id().as_str());
    arg.hide(for_the_transcript)
}))]
pub struct RerunArgs {
    /// The transcript; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The server: host, host:port, [v6]:port, smtp:// smtps:// submission:// lmtp:// URL
    #[arg(long, value_name = "TARGET", value_hint = ValueHint::Hostname)]
    pub target: String,
    /// Take TARGET as a domain or an address and try its MX hosts in order of preference
    #[arg(long)]
    pub mx: bool,
    /// How closely replies are compared
    #[arg(long, value_name = "HOW", default_value = "text")]
    pub compare: Closeness,
    /// Keep the pauses between replies and commands
    #[arg(long)]
    pub keep_time: bool,
    /// Give this name in EHLO instead of the recorded one
    #[arg(long, value_name = "NAME", value_parser = parse_ehlo)]
    pub ehlo: Option<String>,
    /// What is kept of it.
    #[command(flatten)]
    pub recording: RecordArgs,
    /// Wait no longer than this for anything, in seconds [default: the limits of RFC 5321]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub timeout: Option<Duration>,
    /// One JSON object for each turn that differs
    #[arg(long)]
    pub json: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// How to reach the server.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How to encrypt.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// How to authenticate.
    #[command(flatten)]
    pub auth: AuthArgs,
}

/// How a mock server finds the reply to a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Matching {
    /// By verb, and where the transcript has several of it, by the nearest argument
    #[default]
    Lenient,
    /// Only the transcript's very next command; another gets 503, and the exit status is 7
    Strict,
}

/// Being a server.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["files", "practice"]))]
#[command(after_help = "\
Examples:
  heloise serve bug.heloise                       be the server of a transcript, on a free port
  heloise serve --once --match strict bug.heloise for a test suite: exit 7 if the client differs
  heloise serve --record-dir got *.heloise        several, told apart by EHLO name or commands
  HELOISE_PASSWORD=x heloise serve --user alice scram.heloise
  heloise serve --practice                        on a free loopback port, which is printed
  heloise serve --practice --listen 127.0.0.1:2525

Transcripts are served to 250 clients at a time; others are turned away with 421.

Exit status: 0 · 7 with --match strict, a client differed or was turned away · 1 a wrong option · 2 no port ·
  10 a file could not be read or written")]
pub struct ServeArgs {
    /// The transcripts to be the server of
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Be the practice server, which knows the rules of SMTP and answers as real servers do
    #[arg(long)]
    pub practice: bool,
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// How the reply to a command is found
    #[arg(long = "match", value_name = "HOW", default_value = "lenient", conflicts_with = "practice")]
    pub matching: Matching,
    /// Answer as slowly as the recorded server did
    #[arg(long, conflicts_with = "practice")]
    pub timing: bool,
    /// End after the first session
    #[arg(long, conflicts_with = "practice")]
    pub once: bool,
    /// Keep what clients send in this folder, a transcript for each session
    #[arg(long, value_name = "DIR", conflicts_with = "practice", value_hint = ValueHint::DirPath)]
    pub record_dir: Option<PathBuf>,
    /// Know the password of this user, so that SCRAM, DIGEST-MD5 and CRAM-MD5 are held for real. It comes from
    /// HELOISE_PASSWORD or one of the next two
    #[arg(long, value_name = "NAME", conflicts_with = "practice")]
    pub user: Option<String>,
    /// Read the password from the first line of this file
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "password_command", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// Run this with the shell and take the first line that it prints as the password
    #[arg(long, value_name = "COMMAND", requires = "user", value_hint = ValueHint::CommandString)]
    pub password_command: Option<String>,
    /// Certificate for TLS, PEM with its chain [default: made on the fly]
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "practice", value_hint = ValueHint::FilePath)]
    pub cert: Option<PathBuf>,
    /// Private key of the certificate, PEM (PKCS#8)
    #[arg(long, value_name = "FILE", requires = "cert", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// Write the CA of the certificate made on the fly here, for clients' --ca
    #[arg(long, value_name = "FILE", conflicts_with = "cert", value_hint = ValueHint::FilePath)]
    pub write_ca: Option<PathBuf>,
    /// Say where it listens as a line of JSON
    #[arg(long)]
    pub json: bool,
    /// Let an address other than loopback be listened on
    #[arg(long)]
    pub allow_remote: bool,
}

/// How closely replies are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Closeness {
    /// The reply codes alone
    Code,
    /// The enhanced codes too, where both sessions have one
    Enhanced,
    /// Everything but the volatile parts: dates, queue ids, host names, message ids, sizes, addresses
    #[default]
    Text,
}

/// Comparing transcripts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise diff before.heloise after.heloise
  heloise diff --compare code ours.heloise theirs.heloise
  heloise diff --json a.heloise b.heloise | jq .right.code

However closely replies are compared, commands, content, and how the link was protected count: TLS, and whether the
certificate was verified.

Exit status: 0 the sessions are the same, 7 they differ, 10 a file could not be read.")]
pub struct DiffArgs {
    /// The first transcript; - is standard input
    #[arg(value_name = "A", value_hint = ValueHint::FilePath)]
    pub left: PathBuf,
    /// The second transcript
    #[arg(value_name = "B", value_hint = ValueHint::FilePath)]
    pub right: PathBuf,
    /// How closely replies are compared
    #[arg(long, value_name = "HOW", default_value = "text")]
    pub compare: Closeness,
    /// One JSON object for each turn that differs
    #[arg(long)]
    pub json: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// A form that a transcript can be exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Plain text with explanations
    Text,
    /// Markdown, for a ticket
    Markdown,
    /// One self-contained page, for a browser
    Html,
    /// JSON lines, one object an entry
    Json,
    /// A recording for asciinema
    Cast,
    /// What swaks would have printed
    Swaks,
    /// What `heloise TARGET < script` takes
    Script,
    /// The transcript again, to pass on with --redact: it still plays, reruns and serves
    Transcript,
}

/// Exporting a transcript.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise export bug.heloise --to html --output bug.html
  heloise export bug.heloise --to markdown --redact addresses,hosts,ips
  heloise export bug.heloise --to transcript --redact all --output share.heloise
  heloise export bug.heloise --to json | jq 'select(.error)'
  heloise export bug.heloise --to script | heloise mx.example.net")]
pub struct ExportArgs {
    /// The transcript; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The form
    #[arg(long, value_name = "FORMAT")]
    pub to: ExportFormat,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Replace by pseudonyms: addresses, hosts, ips, content, subjects, or all; with commas between them
    #[arg(long, value_name = "LIST", value_parser = parse_what)]
    pub redact: Option<What>,
    /// Version of the cast: asciinema 3 writes 3, older players want 2
    #[arg(long, value_name = "VERSION", default_value = "2", value_parser = clap::value_parser!(u8).range(2..=3))]
    pub cast_version: u8,
    /// How much explanation stands beside replies, in forms that have room for it
    #[arg(long, value_name = "HOW", default_value = "brief")]
    pub explain: ExplainLevel,
    /// When to use colour in --to text; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// Importing what another tool printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  swaks --to bob@example.org 2>&1 | heloise import - --output swaks.heloise
  heloise import --from postfix bounce.txt | heloise play -
  curl -v smtp://mx.example.org 2>&1 | heloise import -

Credentials are redacted on the way in. What could not be placed is kept as a comment.")]
pub struct ImportArgs {
    /// What the tool printed; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Which tool printed it [default: guessed]
    #[arg(long, value_name = "FORMAT", value_parser = source_parser())]
    pub from: Option<Source>,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

fn source_parser() -> impl TypedValueParser<Value = Source> {
    let names = PossibleValuesParser::new(Source::ALL.map(Source::name));
    names.try_map(|name| Source::from_name(&name).ok_or("not a known source"))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "a number is wanted, such as 2 or 0.5".to_owned())?;
    if !(0.01..=1000.0).contains(&speed) {
        return Err("between 0.01 and 1000, please".to_owned());
    }
    Ok(speed)
}

fn parse_what(text: &str) -> Result<What, String> {
    What::parse(text)
        .map_err(|word| format!("\"{word}\" is none of addresses, hosts, ips, content, subjects, all"))
}
