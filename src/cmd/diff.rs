//! `heloise diff`: two transcripts side by side.

use std::io::Write;

use crate::cli::{Closeness, DiffArgs};
use crate::report::{Problem, Status};
use crate::transcript::diff::{Compare, diff, starttls_lost, write_json, write_unified};
use crate::transcript::turns::turns;

use super::{files, setup};

impl From<Closeness> for Compare {
    fn from(closeness: Closeness) -> Compare {
        match closeness {
            Closeness::Code => Compare::Code,
            Closeness::Enhanced => Compare::Enhanced,
            Closeness::Text => Compare::Text,
        }
    }
}

/// Compares, and prints what differs.
pub fn run(args: &DiffArgs) -> Result<Status, Problem> {
    let (left_header, left) = files::whole(&args.left)?;
    let (right_header, right) = files::whole(&args.right)?;
    let (left, right) = (turns(&left), turns(&right));
    let found = diff(&left, &right, args.compare.into());
    let mut out = files::output(None)?;
    let names = (files::name(&args.left), files::name(&args.right));
    super::tell_unverified(&names.0, &left);
    super::tell_unverified(&names.1, &right);
    if starttls_lost(&left, &right) {
        let others =
            files::server(&left_header).zip(files::server(&right_header)).is_some_and(|(a, b)| a != b);
        super::complain(&Problem::starttls_lost(&names.0, &names.1, !others));
    }
    let written = match args.json {
        true => write_json(&mut out, &found),
        false => write_unified(&mut out, &found, (&names.0, &names.1), setup::colour(args.color)),
    };
    super::written(written.and_then(|()| out.flush()))?;
    Ok(if found.same() { Status::Ok } else { Status::Differs })
}
