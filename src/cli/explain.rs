//! What `heloise explain` takes.

use clap::{Args, ValueEnum};

use super::ColorChoice;

/// Explaining.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise explain 550 5.7.1 Relaying denied
  heloise explain --verb RCPT '554 5.7.1 <bob@example.net>: Relay access denied'
  heloise explain 5.7.26
  heloise explain STARTTLS
  heloise explain < bounce.eml
  grep 'status=bounced' mail.log | heloise explain --summary
  zcat mail.log.*.gz | heloise explain --json | jq -r 'select(.reason == \"blocked\") | .recipient'")]
pub struct ExplainArgs {
    /// A reply, an enhanced code, a verb, an EHLO keyword or a reason; else standard input is read
    #[arg(value_name = "REPLY")]
    pub words: Vec<String>,
    /// The command that the reply answered
    #[arg(long, value_name = "VERB")]
    pub verb: Option<String>,
    /// The server's host name
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// The link was encrypted
    #[arg(long)]
    pub tls: bool,
    /// The client had authenticated
    #[arg(long)]
    pub authenticated: bool,
    /// Count the replies by reason and by domain instead of explaining each
    #[arg(long)]
    pub summary: bool,
    /// What standard input holds: replies, logs and bounces, or a JSON object a line with "reply", "command", "host"
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub from: InputFormat,
    /// One JSON object for each reply
    #[arg(long)]
    pub json: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// What `heloise explain` reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Replies, log lines of mail servers, delivery status notifications
    #[default]
    Text,
    /// One JSON object a line
    Json,
}
