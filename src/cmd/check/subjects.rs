//! Whom to check, out of the arguments or a file.

use std::io::BufRead;
use std::path::Path;

use strsim::osa_distance;

use crate::check::Subject;
use crate::cli::CheckArgs;
use crate::cmd::files;
use crate::explain::Submission;
use crate::report::{Problem, Status};
use crate::target::{Host, Target};
use crate::wire::escape::visible;

/// How many slips of the finger a provider's name may hold and still be guessed.
const MOST_SLIPS: usize = 2;

/// More lines than this are no list of servers.
const MOST: usize = 1_000_000;

/// All that the arguments name.
pub fn of(args: &CheckArgs) -> Result<Vec<Subject>, Problem> {
    if let Some(path) = &args.targets {
        return listed(path, args.mx);
    }
    match &args.provider {
        Some(name) => provider(name).map(|subject| vec![subject]),
        None => Ok(vec![typed(&args.target, args.mx)?]),
    }
}

/// The subject that these words name.
fn typed(words: &[String], mx: bool) -> Result<Subject, Problem> {
    let target = Target::parse(words, mx).map_err(|error| {
        Problem::new(Status::Usage, error.to_string())
            .advise("heloise check --help shows the forms of a target")
    })?;
    Ok(match &target.host {
        Host::Name(domain) if target.mx => Subject::Domain(domain.clone(), target.port),
        _ if names_port(words) => Subject::Port(target),
        host => Subject::Host(host.clone()),
    })
}

/// Whether a port, or a scheme, which has one, was named.
fn names_port(words: &[String]) -> bool {
    let fits = |text: &str| Target::parse(&[text], false).is_ok();
    match words {
        [only] => only.contains("://") || !fits(&format!("{only}:25")),
        _ => true,
    }
}

fn provider(name: &str) -> Result<Subject, Problem> {
    let Some(found) = Submission::named(name) else {
        let known: Vec<&str> = Submission::all().iter().map(|one| one.id).collect();
        let what = format!("the provider {} is not known", visible(name.as_bytes()));
        let problem = Problem::new(Status::Usage, what);
        let problem = match nearest(name, &known) {
            Some(meant) => problem.advise(format!("perhaps --provider {meant}")),
            None => problem,
        };
        return Err(problem.advise(format!("one of {}", known.join(", "))));
    };
    let targets = found.targets.iter().filter_map(|target| target.parse().ok()).collect();
    Ok(Subject::Provider { name: found.name.to_owned(), targets })
}

/// What was meant by a name with a slip of the finger or two.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let near = known.iter().filter(|known| name.len().abs_diff(known.len()) <= MOST_SLIPS);
    let slips = near.map(|known| (osa_distance(&name, known), *known));
    let few = slips.filter(|(slips, known)| *slips <= MOST_SLIPS && *slips < known.len().min(name.len()));
    few.min_by_key(|(slips, _)| *slips).map(|(_, known)| known)
}

/// One a line; blank lines and those that begin with # are passed over.
fn listed(path: &Path, mx: bool) -> Result<Vec<Subject>, Problem> {
    let doing = "read the list of targets";
    let mut subjects = Vec::new();
    for (number, line) in files::open(path, doing)?.lines().enumerate() {
        let line = line.map_err(|error| Problem::file(doing, path, &error))?;
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if words.first().is_none_or(|word| word.starts_with('#')) {
            continue;
        }
        let subject = typed(&words, mx).map_err(|problem| {
            let what = format!("{}, line {}: {}", files::name(path), number + 1, problem.what);
            Problem { what, ..problem }
        })?;
        subjects.push(subject);
        if subjects.len() > MOST {
            return Err(Problem::new(
                Status::Usage,
                format!("more than {MOST} targets in {}", files::name(path)),
            ));
        }
    }
    match subjects.is_empty() {
        true => Err(Problem::new(Status::Usage, format!("no target in {}", files::name(path)))
            .advise("one a line: host, host:port, host port, or a URL")),
        false => Ok(subjects),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_named_or_not() {
        let named = |text: &str| {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            names_port(&words)
        };
        for with in
            ["mx.example.org:25", "mx.example.org 25", "smtps://mx.example.org", "[::1]:25", "127.0.0.1:2525"]
        {
            assert!(named(with), "{with}");
        }
        for without in ["mx.example.org", "::1", "[::1]", "192.0.2.1"] {
            assert!(!named(without), "{without}");
        }
    }

    #[test]
    fn every_provider_can_be_checked() {
        let all = Submission::all();
        assert!(all.len() >= 12);
        for one in all {
            let Ok(Subject::Provider { targets, .. }) = provider(one.id) else { panic!("{}", one.id) };
            assert_eq!(targets.len(), one.targets.len(), "{}: each is a target", one.id);
            assert_eq!(provider(&one.name.to_uppercase()).unwrap(), provider(one.id).unwrap());
        }
        let meant = |name| nearest(name, &["gmail", "gmx", "ses", "microsoft365"]);
        assert_eq!(
            ["gmial", "GMAL", "microsoft356"].map(meant),
            [Some("gmail"), Some("gmail"), Some("microsoft365")]
        );
        assert_eq!(["nobody", "", "sx", "\u{1b}[2J"].map(meant), [None; 4]);
        assert!(provider("gmial").unwrap_err().to_string().contains("perhaps --provider gmail"));
        assert!(provider("nobody").unwrap_err().to_string().contains("gmail"));
    }
}
