//! `/pipeline`: commands that go out in one write, before any of their replies has come (RFC 2920).

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::session::Answer;
use crate::wire::escape::visible;
use crate::wire::{CommandLine, Verb};

use super::operator::Operator;

impl Operator {
    /// `/pipeline` begins to collect lines, `go` sends them, `cancel` drops them; `ONE | OTHER` is sent at once.
    pub(super) async fn pipeline(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        let lines = match argument {
            "" => {
                self.show_held();
                return Ok(Vec::new());
            }
            "cancel" => {
                let count = self.held.take().map_or(0, |lines| lines.len());
                self.view.text(Style::Dim, &format!("=== nothing was sent; {count} lines are dropped"));
                return Ok(Vec::new());
            }
            "go" => self.held.take().unwrap_or_default(),
            group => group.split('|').map(|line| line.trim().as_bytes().to_vec()).collect(),
        };
        if lines.is_empty() {
            return Err(Problem::new(Status::Usage, "no line has been collected")
                .advise("/pipeline, then the lines, then /pipeline go")
                .advise("/pipeline MAIL FROM:<a@example.org> | RCPT TO:<b@example.net> | DATA"));
        }
        for line in &lines {
            goes_in_a_group(line)?;
        }
        self.connection()?;
        self.flag(&lines);
        self.connection()?.send_group(&lines).await?;
        self.settle().await
    }

    /// Keeps a line for the group that is being collected, if one is; says whether it did.
    pub(super) fn hold(&mut self, line: &[u8]) -> Result<bool, Problem> {
        let Some(held) = &mut self.held else { return Ok(false) };
        if let Err(problem) = goes_in_a_group(line) {
            self.auth_held_back = true;
            return Err(problem);
        }
        held.push(line.to_vec());
        Ok(true)
    }

    /// Lines that were collected for a session that is over are not for the next one. They are shown once more.
    pub(super) fn drop_held(&mut self) {
        let held = self.held.take().unwrap_or_default();
        if !held.is_empty() {
            let text = listed(
                "=== what /pipeline has collected was not sent, and is dropped with the session",
                &held,
            );
            self.view.text(Style::Warn, &text);
        }
    }

    fn show_held(&mut self) {
        let held = self.held.get_or_insert_default();
        let title =
            "=== lines are collected from here on; /pipeline go sends them, /pipeline cancel drops them";
        let text = listed(title, held);
        self.view.text(Style::Dim, &text);
    }

    /// Says what is against the rules. It is sent all the same.
    fn flag(&self, lines: &[Vec<u8>]) {
        let capabilities = self.state().and_then(|state| state.capabilities.as_ref());
        if !capabilities.is_some_and(|offered| offered.has("PIPELINING")) {
            let text = "=== the server does not offer PIPELINING; it is tried all the same";
            self.view.text(Style::Warn, text);
        }
        let (_, early) = lines.split_last().unwrap_or((const { &Vec::new() }, &[]));
        for verb in early.iter().map(|line| CommandLine::parse(line).verb).filter(must_be_last) {
            let name = verb.as_str();
            let text =
                format!("=== {name} must be the last command of a group; the rest is sent all the same");
            self.view.text(Style::Warn, &text);
        }
    }
}

fn listed(title: &str, lines: &[Vec<u8>]) -> String {
    let lines = lines.iter().map(|line| format!("     {}\n", visible(line)));
    std::iter::once(format!("{title}\n")).chain(lines).collect()
}

/// Whether what follows the command depends on its reply (RFC 2920 §3.1, RFC 3207 §4).
fn must_be_last(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Ehlo
            | Verb::Helo
            | Verb::Lhlo
            | Verb::Data
            | Verb::Vrfy
            | Verb::Expn
            | Verb::Quit
            | Verb::Noop
            | Verb::StartTls
    )
}

/// What is collected is kept and shown as it is, which credentials must not be.
fn goes_in_a_group(line: &[u8]) -> Result<(), Problem> {
    match CommandLine::parse(line).verb {
        Verb::Auth => {
            Err(Problem::new(Status::Usage, "AUTH goes by itself: what follows depends on its challenges")
                .advise("/raw sends any bytes in one write"))
        }
        _ => Ok(()),
    }
}
