//! The command line: types only. Completions and the man page are made from them.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "these texts are help for a terminal, where [v6] stands for itself"
)]

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

mod check;
mod explain;
mod send;
mod session;
mod transcripts;

pub use check::{CheckArgs, CheckFormat, FailOn};
pub use explain::{ExplainArgs, InputFormat};
pub use send::{DeliveryArgs, EnvelopeArgs, MessageArgs, NotifyWhen, ReturnWhat, SendArgs, Stage};
pub use session::{AuthArgs, Binding, NetworkArgs, RecordArgs, ScriptArgs, SessionArgs, TlsArgs, TlsVersion};
pub use transcripts::{
    Closeness, DiffArgs, ExportArgs, ExportFormat, ImportArgs, Matching, PlayArgs, RerunArgs, ServeArgs,
};

const EXAMPLES: &str = "\
Examples:
  heloise mx.example.org                      open a session on port 25 and type
  heloise --starttls mail.example.org:587     banner, EHLO, STARTTLS, EHLO, then the prompt
  heloise smtps://mail.example.org            TLS from the first byte (port 465)
  heloise --mx alice@example.org              the domain's own mail exchangers
  heloise demo                                practise: no network, no account
  heloise mx.example.org -c 'EHLO me.example' -c QUIT
  heloise --record bug.heloise mx.example.org < script.txt
  heloise send --to bob@example.net mx.example.net   a test message
  heloise play bug.heloise                    watch a transcript, explained; . and , step
  heloise rerun bug.heloise --target mx2      its commands sent again, the replies compared
  heloise serve bug.heloise                   be its server, for a test suite
  heloise export bug.heloise --to html        for a colleague's browser
  heloise check mail.example.org              the whole diagnosis, with what to do first

Inside a session a line that begins with / is for Heloise (try /help); all else goes on the wire.

Exit status:
  0 all went well · 1 usage, or a key, CA or secret file that cannot be used · 2 no connection ·
  3 TLS failed · 4 a 4yz reply ended a script · 5 a 5yz reply did · 6 authentication refused ·
  7 transcripts differ · 8 protocol broken or timed out · 9 a check found problems ·
  10 another local file could not be read or written";

/// Type SMTP by hand: raw sessions with TLS upgrade, AUTH help, explained replies and replayable transcripts
#[derive(Debug, Parser)]
#[command(name = "heloise", version, max_term_width = 110)]
#[command(args_conflicts_with_subcommands = true, args_override_self = true, disable_help_subcommand = true)]
pub struct Cli {
    /// The session to open when no subcommand is named.
    #[command(flatten)]
    pub session: ConnectArgs,
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<Sub>,
}

/// The names of the subcommands.
const SUBCOMMANDS: [&str; 13] = [
    "connect",
    "demo",
    "send",
    "play",
    "serve",
    "rerun",
    "diff",
    "export",
    "import",
    "explain",
    "check",
    "completions",
    "man",
];

/// The command line where it names no subcommand.
#[derive(Debug, Parser)]
#[command(name = "heloise", version, args_override_self = true)]
struct Session {
    #[command(flatten)]
    args: ConnectArgs,
}

impl Cli {
    /// Reads the command line. Describing all subcommands takes as long as a short session; where none is named
    /// that is done only if something is wrong, for the message.
    ///
    /// # Errors
    /// What is wrong, or the help that was asked for.
    pub fn read(args: &[OsString]) -> Result<Cli, clap::Error> {
        if let Some(help) = asked_for_help(args) {
            return Cli::try_parse_from(help);
        }
        let named = args.iter().any(|arg| SUBCOMMANDS.iter().any(|name| arg == name));
        match Some(args).filter(|_| !named).map(Session::try_parse_from) {
            Some(Ok(session)) => Ok(Cli { session: session.args, command: None }),
            Some(Err(version)) if version.kind() == ErrorKind::DisplayVersion => Err(version),
            _ => Cli::try_parse_from(args),
        }
    }
}

/// `help` and `help SUBCOMMAND` as `--help`, what they mean: a host of that name is `smtp://help`.
fn asked_for_help(args: &[OsString]) -> Option<Vec<OsString>> {
    let words: Vec<&str> = args.iter().skip(1).map_while(|arg| arg.to_str()).collect();
    let program = args.first()?.clone();
    match words.as_slice() {
        ["help"] => Some(vec![program, "--help".into()]),
        ["help", name] if SUBCOMMANDS.contains(name) => Some(vec![program, name.into(), "--help".into()]),
        _ => None,
    }
}

/// The subcommand that a word may have been meant for: one letter is missing, too many, another, or two have changed
/// places.
pub fn meant_subcommand(word: &str) -> Option<&'static str> {
    SUBCOMMANDS.into_iter().find(|name| is_one_slip_off(word.as_bytes(), name.as_bytes()))
}

fn is_one_slip_off(word: &[u8], name: &[u8]) -> bool {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let head = word.iter().zip(name).take_while(same).count();
    let tail = word.iter().rev().zip(name.iter().rev()).take_while(same).count();
    let (longer, shorter) = (word.len().max(name.len()), word.len().min(name.len()));
    let swapped = word.get(head..).zip(name.get(head..)).is_some_and(|rest| match rest {
        ([a, b, more @ ..], [c, d, others @ ..]) => a == d && b == c && more == others,
        _ => false,
    });
    word != name && longer > 3 && (longer - shorter <= 1 && head + tail >= longer - 1 || swapped)
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Sub {
    /// Open a session (the same as naming the target alone)
    Connect(ConnectArgs),
    /// Open a session with the embedded practice server on loopback
    Demo(DemoArgs),
    /// Send a test message
    Send(Box<SendArgs>),
    /// Watch a transcript, with its timing and explanations
    Play(PlayArgs),
    /// Be the server of transcripts, or the practice server
    Serve(ServeArgs),
    /// Send a transcript's commands to a server and compare the replies
    Rerun(RerunArgs),
    /// Compare two transcripts, aligned by command
    Diff(DiffArgs),
    /// Turn a transcript into text, Markdown, HTML, JSON, a cast, swaks output or a script
    Export(ExportArgs),
    /// Make a transcript out of what another tool printed
    Import(ImportArgs),
    /// Explain replies, codes, commands and keywords
    Explain(ExplainArgs),
    /// Diagnose a server: DNS, connection, TLS, AUTH and envelope, with what to do about each fault
    Check(Box<CheckArgs>),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// A session and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ConnectArgs {
    /// host, host:port, host port, [v6]:port, smtp:// smtps:// submission:// lmtp:// URL, or @profile
    #[arg(value_name = "TARGET", num_args = 1..=2, value_hint = ValueHint::Hostname)]
    pub target: Vec<String>,
    /// Take TARGET as a domain or an address and try its MX hosts in order of preference
    #[arg(long)]
    pub mx: bool,
    /// What is sent without a person.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// How the session is run.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// How much is said beside a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExplainLevel {
    /// Nothing
    None,
    /// What surprises, in a few lines
    #[default]
    Brief,
    /// Every reply, with causes, fixes and sources
    Full,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The demonstration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise demo                            type with the practice server; it prints what to try
  printf 'EHLO me\\nQUIT\\n' | heloise demo  run a script against it
  heloise demo --record lesson.heloise    keep the session")]
pub struct DemoArgs {
    /// What is sent without a person.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// How the session is run.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Completions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heloise completions bash > ~/.local/share/bash-completion/completions/heloise
  heloise completions zsh  > ~/.zfunc/_heloise
  heloise completions fish > ~/.config/fish/completions/heloise.fish")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_subcommand_is_known_by_its_name() {
        let command = Cli::command();
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(names, SUBCOMMANDS);
        let read = |words: &[&str]| Cli::read(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(read(&["heloise", "mx", "--explain", "none"]).unwrap().session.target, ["mx"]);
        assert!(matches!(read(&["heloise", "demo"]).unwrap().command, Some(Sub::Demo(_))));
        assert_eq!(read(&["heloise", "--version"]).unwrap_err().kind(), ErrorKind::DisplayVersion);
        assert!(read(&["heloise", "--help"]).unwrap_err().to_string().contains("rerun"));
    }

    #[test]
    fn help_is_asked_for_in_words_too() {
        let read = |words: &[&str]| Cli::read(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(read(&["heloise", "help"]).unwrap_err().to_string().contains("rerun"));
        assert!(read(&["heloise", "help", "send"]).unwrap_err().to_string().contains("--attach"));
        for words in
            [&["heloise", "help", "25"][..], &["heloise", "smtp://help"], &["heloise", "help", "-c", "QUIT"]]
        {
            assert_eq!(read(words).unwrap().session.target[0], words[1]);
        }
    }

    #[test]
    fn a_slip_of_the_fingers_is_told_from_another_word() {
        for (word, name) in
            [("sned", "send"), ("chek", "check"), ("chekc", "check"), ("rrun", "rerun"), ("plays", "play")]
        {
            assert_eq!(meant_subcommand(word), Some(name), "{word}");
        }
        for word in ["send", "mail", "mx1", "mn", "main-server", "localhost", "der", ""] {
            assert_eq!(meant_subcommand(word), None, "{word}");
        }
    }

    #[test]
    fn open_takes_options_of_the_command_line() {
        let command = Cli::command();
        for (name, takes) in crate::repl::open_options() {
            let is_it = |arg: &&clap::Arg| match name.strip_prefix("--") {
                Some(long) => arg.get_long() == Some(long),
                None => arg.get_short().map(|short| format!("-{short}")).as_deref() == Some(name),
            };
            let arg = command.get_arguments().find(is_it).unwrap_or_else(|| panic!("no option {name}"));
            assert_eq!(arg.get_action().takes_values(), takes, "{name}");
        }
    }

    #[test]
    fn a_target_needs_no_subcommand() {
        let cli = Cli::try_parse_from(["heloise", "--starttls", "mx.example.org", "587"]).unwrap();
        assert_eq!(cli.session.target, ["mx.example.org", "587"]);
        let cli = Cli::try_parse_from(["heloise", "connect", "demo"]).unwrap();
        assert!(matches!(cli.command, Some(Sub::Connect(args)) if args.target == ["demo"]));
    }

    #[test]
    fn auth_takes_a_mechanism_or_none() {
        let parse = |words: &[&str]| Cli::try_parse_from(words).unwrap().session.session.auth.auth;
        assert_eq!(parse(&["heloise", "mx", "--auth"]).as_deref(), Some(""));
        assert_eq!(parse(&["heloise", "mx", "--auth", "PLAIN"]).as_deref(), Some("PLAIN"));
    }
}
