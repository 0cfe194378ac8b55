//! The arguments of what is done with transcripts.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};

use crate::transcript::import::Source;
use crate::transcript::pseudonym::What;

use super::{ColorChoice, ExplainLevel};

/// Showing a transcript.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise play bug.heloise
  heloise play --explain full bug.heloise | less -R
  heloise play - < bug.heloise")]
pub struct PlayArgs {
    /// The transcript; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// How much explanation is shown beside replies
    #[arg(long, value_name = "HOW", default_value = "brief")]
    pub explain: ExplainLevel,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// Being a server.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise serve --practice                        on a free loopback port, which is printed
  heloise serve --practice --listen 127.0.0.1:2525")]
pub struct ServeArgs {
    /// Be the practice server, which knows the rules of SMTP and answers as real servers do
    #[arg(long, required = true)]
    pub practice: bool,
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Write the practice server's CA certificate here, for clients' --ca
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write_ca: Option<PathBuf>,
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
}

/// Exporting a transcript.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise export bug.heloise --to html --output bug.html
  heloise export bug.heloise --to markdown --redact addresses,hosts,ips
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

fn parse_what(text: &str) -> Result<What, String> {
    What::parse(text)
        .map_err(|word| format!("\"{word}\" is none of addresses, hosts, ips, content, subjects, all"))
}
