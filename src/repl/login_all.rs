//! `/auth --all`: which of the offered mechanisms take the same credentials.
//!
//! Each is tried once, on a connection of its own, with a pause between them. Trying stops as soon as the server asks for
//! patience, or it looks as if the secret were wrong, so that no account is locked by it.

use std::time::Duration;

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::sasl::{self, Credentials, MechanismInfo, Needs};
use crate::session::Answer;
use crate::transcript::Info;
use crate::transport::look::Place;
use crate::transport::{AuthError, side};
use crate::wire::Class;
use crate::wire::escape::visible;

use super::operator::Operator;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// How many refusals there may be while nothing has been accepted.
const MOST_REFUSALS: usize = 3;

/// How long a server gets to say good-bye.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a server said to one mechanism.
enum Outcome {
    /// Yes; its words.
    Accepted(String),
    /// No; its words.
    Refused(String),
    /// Not now (421, 4yz); its words.
    Later(String),
    /// It could not be tried.
    Failed(String),
    /// It was not tried.
    Skipped(&'static str),
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Outcome::Accepted(_) => "accepted",
            Outcome::Refused(_) => "refused",
            Outcome::Later(_) => "not now",
            Outcome::Failed(_) => "failed",
            Outcome::Skipped(_) => "not tried",
        }
    }

    fn said(&self) -> &str {
        match self {
            Outcome::Accepted(said)
            | Outcome::Refused(said)
            | Outcome::Later(said)
            | Outcome::Failed(said) => said,
            Outcome::Skipped(why) => why,
        }
    }

    fn style(&self) -> Style {
        match self {
            Outcome::Accepted(_) => Style::Good,
            Outcome::Skipped(_) => Style::Dim,
            _ => Style::Warn,
        }
    }
}

impl Operator {
    /// Goes through the mechanisms, after an explicit yes.
    pub(super) async fn authenticate_all(&mut self) -> Result<Vec<Answer>, Problem> {
        self.ensure_greeted().await?;
        let rows = self.offered_for_secret()?;
        let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        let question = format!(
            "This logs in up to {} times with the same credentials, by {}. Is it your own account, and shall it be done?",
            rows.len(),
            names.join(", ")
        );
        if !self.asker.confirm(&question, false).await {
            return Err(Problem::new(
                Status::Usage,
                "no mechanism was tried: /auth --all wants a yes at a terminal",
            ));
        }
        let first = names.first().copied().unwrap_or_default();
        let credentials = self.credentials(first).await?;
        self.connection()?.log().keep_secret(&credentials.secret);
        self.try_each(&rows, credentials).await?;
        Ok(Vec::new())
    }

    /// The offered mechanisms that the secret fits: what shows it first, as it tells best whether the secret is right;
    /// then the strongest first.
    fn offered_for_secret(&mut self) -> Result<Vec<&'static MechanismInfo>, Problem> {
        let token = self.login.token.is_some() && self.login.password.is_none();
        let needs = if token { Needs::Token } else { Needs::Password };
        let state = self.connection()?.state();
        let offered = state.capabilities.as_ref().map(|c| c.mechanisms()).unwrap_or_default();
        let known = sasl::MECHANISMS.iter().filter(|row| offered.iter().any(|name| name == row.name));
        let mut rows: Vec<&MechanismInfo> = known.filter(|row| row.needs == needs).collect();
        rows.sort_by_key(|row| (!row.clear_text, std::cmp::Reverse(row.strength)));
        if rows.is_empty() {
            let word = if token { "token" } else { "password" };
            let what = format!("the server offers no mechanism that a {word} fits");
            return Err(Problem::new(Status::AuthRefused, what));
        }
        Ok(rows)
    }

    async fn try_each(&mut self, rows: &[&MechanismInfo], credentials: Credentials) -> Result<(), Problem> {
        let tls = self.connection()?.state().tls();
        let place = self.place().await?;
        let (mut accepted, mut refused, mut stop) = (0, 0, None);
        for row in rows {
            let outcome = match stop {
                Some(why) => Outcome::Skipped(why),
                None if row.clear_text && !tls && !self.login.allow_plaintext => {
                    Outcome::Skipped("it shows the secret, and the link is not encrypted")
                }
                None => {
                    if accepted + refused > 0 {
                        tokio::time::sleep(PAUSE).await;
                    }
                    self.try_one(row.name, credentials.clone(), &place, tls).await
                }
            };
            match &outcome {
                Outcome::Accepted(_) => accepted += 1,
                Outcome::Refused(_) => refused += 1,
                Outcome::Later(_) => stop = Some("the server asks for patience"),
                _ => {}
            }
            if matches!(outcome, Outcome::Refused(_))
                && accepted == 0
                && (row.clear_text || refused >= MOST_REFUSALS)
            {
                stop = stop.or(Some("the secret seems to be wrong, and more tries might lock the account"));
            }
            self.tell_outcome(row.name, &outcome)?;
        }
        Ok(())
    }

    fn tell_outcome(&mut self, name: &str, outcome: &Outcome) -> Result<(), Problem> {
        let (word, said) = (outcome.word(), outcome.said());
        self.view.text(outcome.style(), &format!("     {name:<19} {word:<10} {said}"));
        let pair = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
        let attributes = vec![pair("mechanism", name), pair("outcome", word), pair("words", said)];
        self.connection()?.log().told(Info::of("auth-try", attributes));
        Ok(())
    }

    /// One mechanism on a connection of its own, encrypted if the session is.
    async fn try_one(&self, name: &str, credentials: Credentials, place: &Place, tls: bool) -> Outcome {
        let failed = |error: &dyn std::fmt::Display| Outcome::Failed(visible(error.to_string().as_bytes()));
        let mut side = match side::session(&self.setup, place, tls).await {
            Ok(side) => side,
            Err(error) => return failed(&error),
        };
        let channel_binding = side.tls().and_then(|info| info.binding.clone());
        let mechanism = match sasl::client(name, &Credentials { channel_binding, ..credentials }) {
            Ok(mechanism) => mechanism,
            Err(error) => return failed(&error),
        };
        let outcome = match side.authenticate(mechanism, self.login.initial_response).await {
            Ok((answer, _)) => Outcome::Accepted(last_line(&answer)),
            Err(AuthError::Refused(answer)) if answer.reply.class() == Some(Class::Transient) => {
                Outcome::Later(last_line(&answer))
            }
            Err(AuthError::Refused(answer)) => Outcome::Refused(last_line(&answer)),
            Err(AuthError::Challenge { error, .. }) => {
                Outcome::Refused(visible(error.to_string().as_bytes()))
            }
            Err(error) => failed(&error),
        };
        // What it says to QUIT is of no interest.
        let _ = tokio::time::timeout(FAREWELL, side.command(b"QUIT")).await;
        outcome
    }
}

fn last_line(answer: &Answer) -> String {
    answer.reply.last_line().map(|line| visible(line.line.bytes)).unwrap_or_default()
}
