//! The arguments of `heloise check`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::session::{parse_ehlo, parse_seconds};
use super::{AuthArgs, ColorChoice, NetworkArgs, TlsArgs};

const EXAMPLES: &str = "\
Examples:
  heloise check mx.example.org                 the usual ports (25, 465, 587, 2525) side by side
  heloise check mail.example.org:587           one port
  heloise check smtps://mail.example.org       TLS from the first byte
  heloise check --mx alice@example.org         a domain: its DNS and all its MX hosts
  heloise check mail.example.org:587 --user alice@example.org --password-file pw
  heloise check mx.example.org:25 --from me@example.net --to alice@example.org
  heloise check --provider gmail --user alice@gmail.com
  heloise check --targets servers.txt -j 20    many, 20 at a time; - reads standard input
  heloise check mail.example.org:465 --json | jq .findings
  heloise check mail.example.org:465 --report mail.html
  heloise check mail.example.org:465 --format nagios
  heloise check mail.example.org:465 --format prometheus > /var/lib/prometheus/node-exporter/smtp.prom.$$
  heloise check mail.example.org --every 5m    changes only, until interrupted

Nothing is ever sent but the commands named by --dry-run; DATA is not among them.

Exit status: 0 nothing wrong · 9 problems found · 2 nobody was reached · 3 no TLS, where it is needed to go on ·
  6 the credentials were refused · 1, 8, 10 as everywhere
With --format nagios: 0 OK · 1 WARNING · 2 CRITICAL · 3 UNKNOWN, the check could not be made,
  or it was ended before it was done";

/// A diagnosis.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("starttls", |arg| arg.hide(true)))]
#[command(group = clap::ArgGroup::new("what").args(["target", "provider", "targets"]))]
pub struct CheckArgs {
    /// host, host:port, host port, [v6]:port, a smtp:// smtps:// submission:// lmtp:// URL, or @profile; a domain with --mx
    #[arg(value_name = "TARGET", num_args = 1..=2, value_hint = ValueHint::Hostname)]
    pub target: Vec<String>,
    /// Take TARGET as a domain or an address: check its DNS and all its MX hosts
    #[arg(long)]
    pub mx: bool,
    /// Check a provider's submission servers: gmail, microsoft365, ses, sendgrid, yahoo, icloud, …
    #[arg(long, value_name = "NAME", conflicts_with = "mx")]
    pub provider: Option<String>,
    /// Check all targets in this file, one a line; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub targets: Option<PathBuf>,
    /// Walk every address of a host the whole way, not only one of each family
    #[arg(long)]
    pub all_addresses: bool,
    /// How many targets are checked at a time
    #[arg(short = 'j', long, value_name = "N", default_value = "10", value_parser = parse_jobs)]
    pub jobs: NonZeroUsize,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Try again what fails for the moment (4yz, timeouts, greylisting), so often at most, at growing intervals
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub retry: u32,
    /// Check again and again at this interval (30s, 5m, 1h), and show changes only
    #[arg(long, value_name = "INTERVAL", value_parser = parse_interval, conflicts_with = "report")]
    pub every: Option<Duration>,
    /// The name given in EHLO [default: this machine's full name, else its address literal]
    #[arg(long, value_name = "NAME", value_parser = parse_ehlo)]
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

fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "a number from 1 up is wanted".to_owned())
}

/// `30s`, `5m`, `1h`, or seconds.
fn parse_interval(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let seconds =
        number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    let seconds = seconds.filter(|seconds| (1..=31 * 86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "an interval is wanted, such as 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        let seconds = |text| parse_interval(text).ok().map(|interval| interval.as_secs());
        assert_eq!(["45", "30s", "5m", "2h"].map(seconds), [Some(45), Some(30), Some(300), Some(7200)]);
        assert_eq!(["", "0", "5d", "m", "-1", "99999999999999999999h"].map(seconds), [None; 6]);
    }
}
