//! The configuration file with its named profiles: `heloise @work`.
//!
//! ```toml
//! [profiles.work]
//! target = "submission://mail.example.org"
//! starttls = true
//! user = "alice@example.org"
//! auth = ""
//! password-command = "pass show mail/work"
//! ```
//!
//! A profile is turned into options that stand before those of the command line, so that the latter win and
//! that there is one description of every option. Names are the long options without their hyphens. What a subcommand
//! has no use for, as `keep-going` in a check, is passed over, and so is what the command line says in its own way.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory, Id};
use etcetera::BaseStrategy;

use crate::cli::Cli;
use crate::report::{Problem, Status};

/// Where the configuration is: `HELOISE_CONFIG`, else `heloise/config.toml` in the XDG config folder.
fn path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("HELOISE_CONFIG") {
        return Some(PathBuf::from(path));
    }
    let base = etcetera::base_strategy::choose_base_strategy().ok()?;
    Some(base.config_dir().join("heloise").join("config.toml"))
}

/// Replaces the first target of the form `@name` by the profile's target, and puts the profile's options
/// in front. Arguments without one come back as they are, and no file is looked at.
pub fn expand(args: Vec<OsString>) -> Result<Vec<OsString>, Problem> {
    if !args.iter().any(|arg| profile_of(arg).is_some()) {
        return Ok(args);
    }
    let mut whole = Cli::command();
    whole.build();
    let line = Line::of(&whole, &args);
    let profile = |at: &usize| Some((*at, profile_of(args.get(*at)?)?.to_owned()));
    let Some((at, name)) = line.targets.iter().find_map(profile) else { return Ok(args) };
    let Some(path) = path() else {
        return Err(Problem::new(Status::Usage, format!("no home folder to look for the profile {name} in")));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Problem { status: Status::Usage, ..Problem::file("read the configuration", &path, &error) }
            .advise(format!("write one that has a section [profiles.{name}] with target = \"…\""))
    })?;
    let (target, options) = lookup(&text, &name)
        .map_err(|what| Problem::new(Status::Usage, format!("{}: {what}", path.display())))?;
    let options: Vec<String> =
        options.into_iter().filter(|option| line.has_use_for(&whole, option)).collect();
    let first = line.first;
    let mut expanded = Vec::with_capacity(args.len() + options.len());
    for (index, arg) in args.into_iter().enumerate() {
        if index == first {
            expanded.extend(options.iter().map(OsString::from));
        }
        if index == at {
            match arg.to_str().and_then(|text| text.strip_suffix(&format!("@{name}"))) {
                Some(option) if !option.is_empty() => expanded.push(format!("{option}{target}").into()),
                _ => expanded.extend(target.split_ascii_whitespace().map(OsString::from)),
            }
        } else {
            expanded.push(arg);
        }
    }
    Ok(expanded)
}

/// The name of the profile that an argument stands for: `@work`, or `--target=@work`.
fn profile_of(arg: &OsString) -> Option<&str> {
    let text = arg.to_str()?;
    let name = text.strip_prefix("--target=").unwrap_or(text).strip_prefix('@')?;
    (!name.is_empty()).then_some(name)
}

/// Options that a subcommand shares with sessions and refuses, as it has no use for them.
const REFUSED: [(&str, &[&str]); 2] =
    [("rerun", &["starttls", "auth", "tls-versions", "save-certs"]), ("send", &["tls-versions"])];

/// The command line as far as it was typed.
struct Line<'a> {
    command: &'a Command,
    /// Where its options begin: behind the subcommand's name, where there is one.
    first: usize,
    /// Where a target may stand. A value such as that of `-c '@x'` or `--subject '@x'` is none, nor is the file that some
    /// subcommands read.
    targets: Vec<usize>,
    /// The options on it.
    given: Vec<&'a Arg>,
}

impl<'a> Line<'a> {
    fn of(whole: &'a Command, args: &[OsString]) -> Line<'a> {
        let named = args.get(1).and_then(|arg| arg.to_str()).and_then(|name| whole.find_subcommand(name));
        let command = named.unwrap_or(whole);
        let positional = command.get_arguments().any(|arg| arg.is_positional() && arg.get_id() == "target");
        let first = if named.is_some() { 2 } else { 1 };
        let mut line = Line { command, first, targets: Vec::new(), given: Vec::new() };
        let mut at = first;
        while let Some(arg) = args.get(at) {
            let text = arg.to_str().unwrap_or_default();
            let options = options_in(command, text);
            let takes_next = options.last().filter(|(_, complete)| !complete).map(|(option, _)| *option);
            match takes_next {
                Some(option) if option.get_long() == Some("target") => line.targets.push(at + 1),
                None if text.starts_with("--target=") => line.targets.push(at),
                None if positional && !(text.len() > 1 && text.starts_with('-')) => line.targets.push(at),
                _ => {}
            }
            line.given.extend(options.iter().map(|(option, _)| *option));
            at += if takes_next.is_some() { 2 } else { 1 };
        }
        line
    }

    /// Whether an option of a profile is to be taken: it is of use here, and the command line has not said it, or what
    /// excludes it. One profile serves all, so what other subcommands know is passed over. A word that means nothing
    /// anywhere stays, for the person to be told.
    fn has_use_for(&self, whole: &Command, option: &str) -> bool {
        let name = option.trim_start_matches('-').split('=').next().unwrap_or_default();
        let Some(known) = long(self.command, name) else {
            let mut all = whole.get_subcommands().chain([whole]);
            return !all.any(|command| long(command, name).is_some());
        };
        let refused = REFUSED.iter().find(|(command, _)| *command == self.command.get_name());
        let refused = refused.is_some_and(|(_, options)| options.contains(&name));
        !refused
            && !self.given.iter().any(|given| given.get_id() == known.get_id() || self.exclude(known, given))
    }

    /// Whether two options cannot stand beside each other.
    fn exclude(&self, one: &Arg, other: &Arg) -> bool {
        let declared = |a: &Arg, b: &Arg| {
            self.command.get_arg_conflicts_with(a).iter().any(|arg| arg.get_id() == b.get_id())
        };
        let grouped = self.command.get_groups().any(|group| {
            let holds = |id: &Id| group.get_args().any(|member| member == id);
            !group.clone().is_multiple() && holds(one.get_id()) && holds(other.get_id())
        });
        declared(one, other) || declared(other, one) || grouped
    }
}

/// The option of this long name.
fn long<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| {
        arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|others| others.contains(&name))
    })
}

/// The options that an argument names, as `--subject`, `--user=x`, `-c`, `-4c`; each with whether nothing of it stands in
/// the next argument.
fn options_in<'a>(command: &'a Command, text: &str) -> Vec<(&'a Arg, bool)> {
    let needs_value = |arg: &Arg| {
        arg.get_action().takes_values() && arg.get_num_args().is_none_or(|range| range.min_values() > 0)
    };
    if let Some(words) = text.strip_prefix("--") {
        let (name, value) = words.split_once('=').map_or((words, None), |(name, value)| (name, Some(value)));
        let known = long(command, name);
        return known.map(|arg| (arg, value.is_some() || !needs_value(arg))).into_iter().collect();
    }
    let Some(letters) = text.strip_prefix('-') else { return Vec::new() };
    let mut found = Vec::new();
    for (at, letter) in letters.char_indices() {
        let Some(arg) = command.get_arguments().find(|arg| arg.get_short() == Some(letter)) else { break };
        // In `-cX` the value stands behind its letter.
        let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
        let needs = needs_value(arg);
        found.push((arg, !needs || !rest.is_empty()));
        if needs {
            break;
        }
    }
    found
}

/// A profile's target and its options in the form of arguments.
fn lookup(text: &str, name: &str) -> Result<(String, Vec<String>), String> {
    let file: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let profiles = file.get("profiles").and_then(toml::Value::as_table);
    let Some(profile) = profiles.and_then(|all| all.get(name)).and_then(toml::Value::as_table) else {
        let known: Vec<&str> = profiles.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let known = if known.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there is {}", known.join(", "))
        };
        return Err(format!("no profile named {name}; {known}"));
    };
    let mut target = None;
    let mut options = Vec::new();
    for (key, value) in profile {
        match (key.as_str(), value) {
            ("target", toml::Value::String(text)) => target = Some(text.clone()),
            ("password" | "token", _) => {
                return Err(format!(
                    "profile {name}: a {key} does not belong into a file; use password-command"
                ));
            }
            (key, toml::Value::Boolean(true)) => options.push(format!("--{key}")),
            (_, toml::Value::Boolean(false)) => {}
            (key, toml::Value::String(text)) => options.push(format!("--{key}={text}")),
            (key, toml::Value::Integer(number)) => options.push(format!("--{key}={number}")),
            (key, toml::Value::Float(number)) => options.push(format!("--{key}={number}")),
            (key, _) => return Err(format!("profile {name}: {key} must be a text, a number, true or false")),
        }
    }
    let target = target.ok_or_else(|| format!("profile {name} has no target"))?;
    Ok((target, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "[profiles.work]\ntarget = 'mx.example.org 587'\nstarttls = true\ninsecure = false\ntimeout = 5\n";

    #[test]
    fn a_profile_becomes_options() {
        let (target, options) = lookup(FILE, "work").unwrap();
        assert_eq!(target, "mx.example.org 587");
        assert_eq!(options, ["--starttls", "--timeout=5"]);
    }

    fn takes(line: &str, option: &str) -> bool {
        let mut whole = Cli::command();
        whole.build();
        Line::of(&whole, &words(line)).has_use_for(&whole, option)
    }

    #[test]
    fn a_profile_serves_other_subcommands_too() {
        for (line, option, taken) in [
            ("heloise send @x", "--starttls", true),
            ("heloise send @x", "--keep-going", false),
            ("heloise check @x", "--timeout=5", true),
            ("heloise check @x", "--explain=none", false),
            ("heloise check @x", "--no-such-thing", true),
            ("heloise @x", "--from=a@b", false),
            ("heloise @x", "--no-such-thing", true),
            ("heloise rerun f --target @x", "--starttls", false),
            ("heloise rerun f --target @x", "--ca=f", true),
        ] {
            assert_eq!(takes(line, option), taken, "{line}: {option}");
        }
    }

    #[test]
    fn the_command_line_wins() {
        let command = "--password-command=pass show x";
        for (line, option, taken) in [
            ("heloise @x --password-file pw", command, false),
            ("heloise @x --netrc-file=n", command, false),
            ("heloise @x --netrc", command, false),
            ("heloise @x --user u -c --netrc", command, true),
            ("heloise @x -4", "--ipv6", false),
            ("heloise @x -6c NOOP", "--ipv4", false),
            ("heloise send --to d@d @x", "--to=q@q", false),
            ("heloise send --cc d@d @x", "--to=q@q", true),
            ("heloise send --text t @x", "--eml=f", false),
        ] {
            assert_eq!(takes(line, option), taken, "{line}: {option}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(lookup(FILE, "home").unwrap_err(), "no profile named home; there is work");
        assert!(lookup("[profiles.x]\nstarttls = true", "x").unwrap_err().contains("no target"));
        let secret = lookup("[profiles.x]\ntarget = 'a'\npassword = 'hunter2'", "x").unwrap_err();
        assert!(secret.contains("password-command") && !secret.contains("hunter2"), "{secret}");
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn arguments_without_a_profile_stay() {
        for line in [
            "heloise mx -c @x",
            "heloise mx -c EHLO -c @x",
            "heloise send --to b@y --subject @work mx",
            "heloise send --text @all --to @y mx",
            "heloise import @f",
            "heloise explain @work",
        ] {
            assert_eq!(expand(words(line)).unwrap(), words(line), "{line}");
        }
    }

    #[test]
    fn a_profile_stands_where_a_target_does() {
        for (line, place) in [
            ("heloise @work -c @x", Some(1)),
            ("heloise --starttls @work", Some(2)),
            ("heloise -c EHLO @work", Some(3)),
            ("heloise --auth @work", Some(2)),
            ("heloise send --to @y @work", Some(4)),
            ("heloise check @work", Some(2)),
            ("heloise rerun @file --target @work", Some(4)),
            ("heloise rerun @file --target=@work", Some(3)),
        ] {
            let (args, whole) = (words(line), Cli::command());
            let mut targets = Line::of(&whole, &args).targets.into_iter();
            let found = targets.find(|at| profile_of(&args[*at]).is_some());
            assert_eq!(found, place, "{line}");
        }
    }
}
