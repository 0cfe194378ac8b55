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
//! has no use for, as `keep-going` in a check, is passed over.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory;
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
    let is_profile = |arg: &OsString| arg.to_str().is_some_and(|a| a.len() > 1 && a.starts_with('@'));
    if !args.iter().any(is_profile) {
        return Ok(args);
    }
    let Some(at) = targets(&args).find(|at| args.get(*at).is_some_and(is_profile)) else { return Ok(args) };
    let name =
        args.get(at).and_then(|arg| arg.to_str()).unwrap_or_default().trim_start_matches('@').to_owned();
    let Some(path) = path() else {
        return Err(Problem::new(Status::Usage, format!("no home folder to look for the profile {name} in")));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Problem { status: Status::Usage, ..Problem::file("read the configuration", &path, &error) }
            .advise(format!("write one that has a section [profiles.{name}] with target = \"…\""))
    })?;
    let (target, options) = lookup(&text, &name)
        .map_err(|what| Problem::new(Status::Usage, format!("{}: {what}", path.display())))?;
    let subcommand = args.get(1).and_then(|arg| arg.to_str()).and_then(Takes::of_subcommand);
    // Options may follow the subcommand's name only, where there is one.
    let first = if subcommand.is_some() { 2 } else { 1 };
    let options: Vec<String> = match subcommand {
        Some(takes) => options.into_iter().filter(|option| takes.makes_sense_of(option)).collect(),
        None => options,
    };
    let mut expanded = Vec::with_capacity(args.len() + options.len());
    for (index, arg) in args.into_iter().enumerate() {
        if index == first {
            expanded.extend(options.iter().map(OsString::from));
        }
        if index == at {
            expanded.extend(target.split_ascii_whitespace().map(OsString::from));
        } else {
            expanded.push(arg);
        }
    }
    Ok(expanded)
}

/// Where a target may stand among the arguments. A value such as that of `-c '@x'` or `--subject '@x'` is none, nor is the
/// file that some subcommands read.
fn targets(args: &[OsString]) -> impl Iterator<Item = usize> + use<> {
    let whole = Cli::command();
    let named = args.get(1).and_then(|arg| arg.to_str()).and_then(|name| whole.find_subcommand(name));
    let command = named.unwrap_or(&whole);
    let positional = command.get_arguments().any(|arg| arg.is_positional() && arg.get_id() == "target");
    let mut found = Vec::new();
    let mut at = if named.is_some() { 2 } else { 1 };
    while let Some(arg) = args.get(at) {
        let option = arg.to_str().and_then(|text| option_before_value(command, text));
        let is_option = arg.to_str().is_some_and(|text| text.len() > 1 && text.starts_with('-'));
        match option {
            Some(option) if option.get_long() == Some("target") => found.push(at + 1),
            None if positional && !is_option => found.push(at),
            _ => {}
        }
        at += if option.is_some() { 2 } else { 1 };
    }
    found.into_iter()
}

/// The option that has its value in the next argument, if this is one: `--subject`, `-c`, and `-vc`.
fn option_before_value<'a>(command: &'a clap::Command, text: &str) -> Option<&'a clap::Arg> {
    let needs_value = |arg: &&clap::Arg| {
        arg.get_action().takes_values() && arg.get_num_args().is_none_or(|range| range.min_values() > 0)
    };
    let short = |c: char| command.get_arguments().find(|arg| arg.get_short() == Some(c)).filter(needs_value);
    match text.strip_prefix("--") {
        Some(name) => command
            .get_arguments()
            .find(|arg| {
                arg.get_long() == Some(name)
                    || arg.get_all_aliases().is_some_and(|others| others.contains(&name))
            })
            .filter(needs_value),
        // In `-cX` the value stands behind its letter.
        None => {
            let letters = text.strip_prefix('-')?;
            let (at, option) = letters.char_indices().find_map(|(at, c)| Some((at, short(c)?)))?;
            letters.get(at..)?.chars().nth(1).is_none().then_some(option)
        }
    }
}

/// The long options that a subcommand takes.
struct Takes {
    here: Vec<String>,
    in_a_session: Vec<String>,
}

impl Takes {
    /// Those of the subcommand of this name, if there is one.
    fn of_subcommand(name: &str) -> Option<Takes> {
        let whole = Cli::command();
        let long = |command: &clap::Command| -> Vec<String> {
            command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
        };
        let found = whole.find_subcommand(name)?;
        Some(Takes { here: long(found), in_a_session: long(&whole) })
    }

    /// What is of use in a session at the prompt only is passed over elsewhere: one profile serves all. A word that
    /// means nothing anywhere stays, for the person to be told.
    fn makes_sense_of(&self, option: &str) -> bool {
        let name = option.trim_start_matches('-').split('=').next().unwrap_or_default();
        let has = |list: &[String]| list.iter().any(|known| known == name);
        has(&self.here) || !has(&self.in_a_session)
    }
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

    #[test]
    fn a_profile_serves_other_subcommands_too() {
        for (subcommand, option, taken) in [
            ("send", "--starttls", true),
            ("send", "--keep-going", false),
            ("check", "--timeout=5", true),
            ("check", "--explain=none", false),
            ("check", "--no-such-thing", true),
        ] {
            let takes = Takes::of_subcommand(subcommand).unwrap();
            assert_eq!(takes.makes_sense_of(option), taken, "{subcommand} {option}");
        }
        assert!(Takes::of_subcommand("mx.example.org").is_none());
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
        ] {
            let args = words(line);
            let found = targets(&args).find(|at| args[*at].to_str().is_some_and(|arg| arg.starts_with('@')));
            assert_eq!(found, place, "{line}");
        }
    }
}
