//! The options of a session: script, network, TLS, authentication.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};

use super::{ColorChoice, ExplainLevel};
use crate::sasl;

/// Takes any word, as it may be the target, and names the mechanisms for completions.
#[derive(Clone)]
struct AnyMechanism;

impl TypedValueParser for AnyMechanism {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue>>> {
        Some(Box::new(sasl::MECHANISMS.iter().map(|mechanism| PossibleValue::new(mechanism.name))))
    }
}

/// What a session is fed with when nobody types.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Script")]
pub struct ScriptArgs {
    /// Send this line and wait for its reply; repeat for more. The session ends after the last
    #[arg(short = 'c', long = "command", value_name = "LINE", value_parser = parse_line)]
    pub commands: Vec<String>,
    /// Send QUIT and leave after the steps asked for, without a prompt or standard input
    #[arg(long)]
    pub quit: bool,
    /// Go on after a 4yz or 5yz reply; the exit status still tells of the worst
    #[arg(long)]
    pub keep_going: bool,
}

/// The options of a session.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Session")]
pub struct SessionArgs {
    /// What is kept of it.
    #[command(flatten)]
    pub recording: RecordArgs,
    /// The name given in EHLO [default: this machine's full name, else its address literal]
    #[arg(long, value_name = "NAME", value_parser = parse_ehlo)]
    pub ehlo: Option<String>,
    /// Wait no longer than this for anything, in seconds [default: the limits of RFC 5321]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub timeout: Option<std::time::Duration>,
    /// How much explanation is shown beside replies
    #[arg(long, value_name = "HOW", default_value = "brief")]
    pub explain: ExplainLevel,
    /// Print the transcript's entries as JSON lines instead of the session
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

/// What is kept of a session.
#[derive(Clone, Debug, Default, Args)]
pub struct RecordArgs {
    /// Record the session in this file; an existing one is not overwritten
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// With --record: append to an existing file
    #[arg(long, requires = "record")]
    pub append: bool,
    /// How much message content the transcript keeps before it folds the rest, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024)]
    pub record_data: u64,
    /// The title of the transcript
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
}

/// Addresses and names.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Connect from this local address
    #[arg(long, value_name = "ADDR")]
    pub source: Option<IpAddr>,
    /// Ask this DNS server instead of the system's resolver
    #[arg(long, value_name = "IP:PORT", value_parser = parse_resolver)]
    pub resolver: Option<SocketAddr>,
    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub ipv6: bool,
}

/// Options of the encrypted link.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Go through banner, EHLO, STARTTLS and EHLO before the first prompt or command
    #[arg(long)]
    pub starttls: bool,
    /// Trust the certificates in this file (PEM or DER), or in the files of this folder, too
    #[arg(long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub ca: Option<PathBuf>,
    /// Do not trust the system's certificate authorities
    #[arg(long)]
    pub no_system_ca: bool,
    /// Client certificate: PEM with its chain, or PKCS#12. A passphrase is asked for, or HELOISE_PASSPHRASE
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate in PEM [default: it is in the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// The name sent in the handshake, or "none" [default: the target's name]
    #[arg(long, value_name = "NAME|none")]
    pub sni: Option<String>,
    /// Check the certificate against this name instead of the target's
    #[arg(long, value_name = "NAME")]
    pub verify_name: Option<String>,
    /// Lowest protocol version
    #[arg(long, value_name = "VERSION", default_value = "1.2")]
    pub tls_min: TlsVersion,
    /// Highest protocol version
    #[arg(long, value_name = "VERSION")]
    pub tls_max: Option<TlsVersion>,
    /// Offer these ciphers up to TLS 1.2, in OpenSSL's words, such as ECDHE+AESGCM
    #[arg(long, value_name = "LIST")]
    pub ciphers: Option<String>,
    /// Offer these cipher suites of TLS 1.3, such as TLS_CHACHA20_POLY1305_SHA256; several with colons between them
    #[arg(long, value_name = "LIST")]
    pub ciphersuites: Option<String>,
    /// Offer these groups for the key exchange, such as P-256:X25519
    #[arg(long, value_name = "LIST")]
    pub groups: Option<String>,
    /// Add the keys of the link to this file, for Wireshark: whoever reads it can read the session [env: SSLKEYLOGFILE]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub keylog: Option<PathBuf>,
    /// What SCRAM-…-PLUS ties to: the server's certificate, or this very session, which takes TLS 1.3
    #[arg(long, value_name = "KIND", default_value = "tls-server-end-point")]
    pub channel_binding: Binding,
    /// Demand this SHA-256 of the server's certificate or public key: hex, with colons or without, or sha256//BASE64
    #[arg(long = "pin", value_name = "SHA256")]
    pub pins: Vec<String>,
    /// Revocation lists (PEM or DER) to judge the server's certificates by; may be given again
    #[arg(long = "crl", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub crls: Vec<PathBuf>,
    /// Ask whether the certificate was revoked: the stapled OCSP answer, its OCSP responder, its published list
    #[arg(long)]
    pub check_revocation: bool,
    /// Go on when the certificate does not verify. Said in every later view of the session
    #[arg(long)]
    pub insecure: bool,
    /// Save the certificates that the server sends in this PEM file; an existing one is not overwritten
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save_certs: Option<PathBuf>,
    /// Try each version of TLS on a connection of its own, list what the server takes, and leave
    #[arg(long)]
    pub tls_versions: bool,
}

/// Options of authentication. A password is never an argument: other users could read it in `ps`.
///
/// Without any of these a secret comes from `HELOISE_PASSWORD` or `HELOISE_TOKEN`, or is asked for.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthArgs {
    /// Authenticate before the first prompt or command; without MECH by the strongest mechanism offered
    #[arg(long, value_name = "MECH", num_args = 0..=1, default_missing_value = "", hide_possible_values = true)]
    #[arg(value_parser = AnyMechanism)]
    pub auth: Option<String>,
    /// The user name
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Act as this identity rather than as the user (PLAIN, DIGEST-MD5, SCRAM, EXTERNAL, OAUTHBEARER)
    #[arg(long, value_name = "NAME")]
    pub authzid: Option<String>,
    /// Read the password from the first line of this file, which nobody else may read
    #[arg(long, value_name = "FILE", group = "password", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// Run this with the shell and take the first line that it prints as the password
    #[arg(long, value_name = "COMMAND", group = "password", value_hint = ValueHint::CommandString)]
    pub password_command: Option<String>,
    /// Read the OAuth token for XOAUTH2 and OAUTHBEARER from the first line of this file
    #[arg(long, value_name = "FILE", group = "token", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// Run this with the shell and take the first line that it prints as the OAuth token
    #[arg(long, value_name = "COMMAND", group = "token", value_hint = ValueHint::CommandString)]
    pub token_command: Option<String>,
    /// Take user and password from ~/.netrc (or the file that NETRC names), which nobody else may read
    #[arg(long, group = "password")]
    pub netrc: bool,
    /// The same from this file
    #[arg(long, value_name = "FILE", group = "password", value_hint = ValueHint::FilePath)]
    pub netrc_file: Option<PathBuf>,
    /// Take the password (or token) from the system's keyring; one that is typed may be kept there
    #[cfg(feature = "keyring")]
    #[arg(long, requires = "user", group = "password")]
    pub keyring: bool,
    /// Wait for the server's first challenge instead of sending the first response behind AUTH
    #[arg(long)]
    pub no_initial_response: bool,
    /// Let credentials go over a link that is not encrypted
    #[arg(long)]
    pub allow_plaintext_auth: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum TlsVersion {
    /// TLS 1.0 (obsolete, RFC 8996)
    #[value(name = "1.0")]
    V1_0,
    /// TLS 1.1 (obsolete, RFC 8996)
    #[value(name = "1.1")]
    V1_1,
    /// TLS 1.2
    #[default]
    #[value(name = "1.2")]
    V1_2,
    /// TLS 1.3
    #[value(name = "1.3")]
    V1_3,
}

/// What ties SASL to its TLS link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Binding {
    /// The hash of the server's certificate (RFC 5929)
    #[default]
    TlsServerEndPoint,
    /// Keying material of the session (RFC 9266)
    TlsExporter,
}

pub(super) fn parse_seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds is wanted, such as 10 or 0.5".to_owned())?;
    if !(seconds > 0.0 && seconds <= 86_400.0) {
        return Err("more than 0 and at most 86400 seconds, please".to_owned());
    }
    Ok(std::time::Duration::from_secs_f64(seconds))
}

/// A name for EHLO: any word, right or wrong, but one word of one line.
pub(super) fn parse_ehlo(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(
            "a name or an address literal is wanted, such as mail.example.org or [192.0.2.1]".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// A line: its end is added when it is sent, so that one inside would make two commands of it.
fn parse_line(text: &str) -> Result<String, String> {
    if text.contains(['\r', '\n']) {
        return Err(
            "one line is wanted: give -c once for each command, or /raw \"…\\r\\n\" for odd bytes".to_owned()
        );
    }
    Ok(text.to_owned())
}

fn parse_resolver(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse().or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)));
    with_port.map_err(|_| {
        "an address of a DNS server is wanted, such as 192.0.2.53 or [2001:db8::53]:53".to_owned()
    })
}
