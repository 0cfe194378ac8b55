//! The arguments of `heloise send`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::SessionArgs;

/// Sending a test message.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise send --to bob@example.net mx.example.net
  heloise send --mx --to bob@example.net              the recipient's own mail exchangers
  heloise send --starttls --auth --user alice@example.org --to bob@example.net mail.example.org:587
  heloise send --to bob@example.net --text 'It does.' --attach log.txt mx.example.net
  heloise send --to bob@example.net --eml message.eml mx.example.net
  heloise send --to bob@example.net --quit-after rcpt mx.example.net    is the address taken?
  heloise send --to a@example.org,b@example.org --no-pipelining lmtp://localhost:24

EHLO is sent, as a message needs it. The link is encrypted with --starttls (or smtps://), never
unasked. What is built here is ASCII on the wire; a file given with --eml goes out as it is, with
its line ends made CRLF.

Exit status: the worst reply's, 4 (4yz) or 5 (5yz), even where other recipients were accepted;
5 too where the server has said beforehand that it cannot take the message; 8 where no reply to
the content came, so that nobody knows whether it was taken, or a yes came in a wrong place; else
those of a session.")]
pub struct SendArgs {
    /// host, host:port, host port, [v6]:port, smtp:// smtps:// submission:// lmtp:// URL, or @profile
    #[arg(value_name = "TARGET", num_args = 0..=2, value_hint = ValueHint::Hostname)]
    pub target: Vec<String>,
    /// Take TARGET, or the recipients' domain where there is none, as a domain and try its MX hosts in order
    #[arg(long)]
    pub mx: bool,
    /// The envelope.
    #[command(flatten)]
    pub envelope: EnvelopeArgs,
    /// The message.
    #[command(flatten)]
    pub message: MessageArgs,
    /// How it is sent.
    #[command(flatten)]
    pub delivery: DeliveryArgs,
    /// How the session is run.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Who sends to whom.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Envelope")]
pub struct EnvelopeArgs {
    /// The sender: an address, with a name if you like, or <> for nobody [default: --user, else you at this machine]
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress)]
    pub from: Option<String>,
    /// A recipient; repeat for more, or write a list with commas
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress)]
    pub to: Vec<String>,
    /// A recipient named in Cc
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress)]
    pub cc: Vec<String>,
    /// A recipient that the message does not name
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::EmailAddress)]
    pub bcc: Vec<String>,
    /// When a report is wanted: success, failure and delay with commas between, or never (DSN, RFC 3461)
    #[arg(long, value_name = "WHEN", value_delimiter = ',')]
    pub notify: Vec<NotifyWhen>,
    /// What a report shall carry (DSN)
    #[arg(long, value_name = "WHAT")]
    pub ret: Option<ReturnWhat>,
    /// An identifier for reports (DSN)
    #[arg(long, value_name = "TEXT")]
    pub envid: Option<String>,
    /// The message must never travel without TLS, on no part of its way (REQUIRETLS, RFC 8689)
    #[arg(long, conflicts_with = "insecure")]
    pub require_tls: bool,
}

/// What is sent.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Message")]
pub struct MessageArgs {
    /// The subject [default: names the time and this machine]
    #[arg(long, value_name = "TEXT", conflicts_with = "eml")]
    pub subject: Option<String>,
    /// The text, from a file in UTF-8; - is standard input [default: says what the message is]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "eml"], value_hint = ValueHint::FilePath)]
    pub body: Option<PathBuf>,
    /// The text itself
    #[arg(long, value_name = "TEXT", conflicts_with = "eml")]
    pub text: Option<String>,
    /// HTML, from a file in UTF-8; beside --text or --body as an alternative to it
    #[arg(long, value_name = "FILE", conflicts_with = "eml", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// A header field; one that is made anyway, such as Subject or From, takes its place. Repeat for more
    #[arg(long = "header", value_name = "NAME: VALUE", conflicts_with = "eml")]
    pub headers: Vec<String>,
    /// A file to attach; its type is guessed from its name. Repeat for more
    #[arg(long, value_name = "FILE", conflicts_with = "eml", value_hint = ValueHint::FilePath)]
    pub attach: Vec<PathBuf>,
    /// Send this whole message as it is, with line ends made CRLF and dots stuffed; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub eml: Option<PathBuf>,
}

/// How it is sent.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Delivery")]
pub struct DeliveryArgs {
    /// Wait for each reply, even where the server offers PIPELINING
    #[arg(long)]
    pub no_pipelining: bool,
    /// Send the content with BDAT (CHUNKING, RFC 3030) instead of DATA
    #[arg(long)]
    pub bdat: bool,
    /// Send it even where the server did not offer what the message or these options need
    #[arg(long)]
    pub force: bool,
    /// Say QUIT after this stage; nothing is delivered unless it is dot
    #[arg(long, value_name = "STAGE", ignore_case = true)]
    pub quit_after: Option<Stage>,
}

/// An element of `--notify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NotifyWhen {
    /// It was delivered
    Success,
    /// It could not be delivered
    Failure,
    /// It takes long
    Delay,
    /// No report at all
    Never,
}

/// The value of `--ret`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReturnWhat {
    /// The whole message
    Full,
    /// Its header
    Hdrs,
}

/// A stage after which to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// The greeting
    #[value(alias = "banner")]
    Connect,
    /// The first EHLO, before STARTTLS
    #[value(aliases = ["first-ehlo", "first-lhlo"])]
    FirstHelo,
    /// STARTTLS and the handshake
    #[value(alias = "starttls")]
    Tls,
    /// The EHLO that counts
    #[value(aliases = ["ehlo", "lhlo"])]
    Helo,
    /// AUTH
    Auth,
    /// MAIL
    #[value(alias = "from")]
    Mail,
    /// RCPT for all recipients
    #[value(alias = "to")]
    Rcpt,
    /// The consent to DATA; the link is closed without QUIT, which would be content
    Data,
    /// The end of the content
    Dot,
}
