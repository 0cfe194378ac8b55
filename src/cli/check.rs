//! The arguments of `heloise check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::{AuthArgs, ColorChoice, NetworkArgs, TlsArgs, parse_seconds};

const EXAMPLES: &str = "\
Examples:
  heloise check mx.example.org                 the usual ports (25, 465, 587, 2525) side by side
  heloise check mail.example.org:587           one port
  heloise check smtps://mail.example.org       TLS from the first byte
  heloise check --mx alice@example.org         a domain: its DNS and all its MX hosts
  heloise check mail.example.org:587 --user alice@example.org --password-file pw
  heloise check mx.example.org:25 --from me@example.net --to alice@example.org
  heloise check mail.example.org:465 --json | jq .findings
  heloise check mail.example.org:465 --report mail.html
  heloise check mail.example.org:465 --format nagios
  heloise check mail.example.org:465 --format prometheus > /var/lib/prometheus/node-exporter/smtp.prom.$$

Nothing is ever sent but the commands named by --dry-run; DATA is not among them.

Exit status: 0 nothing wrong · 9 problems found · 2 nobody was reached · 3 no TLS, where it is needed to go on ·
  6 the credentials were refused · 1, 8, 10 as everywhere
With --format nagios: 0 OK · 1 WARNING · 2 CRITICAL · 3 UNKNOWN, the check could not be made";

/// A diagnosis.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("starttls", |arg| arg.hide(true)))]
#[command(group = clap::ArgGroup::new("what").required(true).args(["target"]))]
pub struct CheckArgs {
    /// host, host:port, host port, [v6]:port, or a smtp:// smtps:// submission:// lmtp:// URL; a domain with --mx
    #[arg(value_name = "TARGET", num_args = 1..=2, value_hint = ValueHint::Hostname)]
    pub target: Vec<String>,
    /// Take TARGET as a domain or an address: check its DNS and all its MX hosts
    #[arg(long)]
    pub mx: bool,
    /// The name given in EHLO [default: this machine's full name, else its address literal]
    #[arg(long, value_name = "NAME")]
    pub ehlo: Option<String>,
    /// Wait no longer than this for anything, in seconds [default: 10 to connect, 30 for a reply]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub timeout: Option<Duration>,
    /// Try this sender: MAIL, RCPT, then RSET. Empty for the null sender
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    pub from: Option<String>,
    /// Try this recipient; repeat for more
    #[arg(long, value_name = "ADDRESS")]
    pub to: Vec<String>,
    /// Ask the server to take mail for a stranger from a stranger (an open relay?). On a server of your own only
    #[arg(long)]
    pub relay_test: bool,
    /// Warn of a certificate that ends within so many days
    #[arg(long, value_name = "N", default_value_t = 21)]
    pub cert_days: u32,
    /// The exit status is 9 from this severity on
    #[arg(long, value_name = "SEVERITY", default_value = "problem")]
    pub fail_on: FailOn,
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: CheckFormat,
    /// The report as one line of JSON (the same as --format json)
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write the whole report as one HTML page, too; an existing file is not overwritten
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// Record the sessions in this file; an existing one is not overwritten
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// With --record: append to an existing file
    #[arg(long, requires = "record")]
    pub append: bool,
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

/// From which severity on a check has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Warnings and problems
    Warning,
    /// Problems
    #[default]
    Problem,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    #[default]
    Text,
    /// One line of JSON for each target
    Json,
    /// A status line with performance data, and the exit statuses 0 to 3 of monitoring plugins
    Nagios,
    /// Prometheus' text exposition, for a textfile collector
    Prometheus,
}
