//! Opening a session, and waiting for the server's greeting.

use std::time::Duration;

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::session::{Answer, Input};
use crate::target::{Scheme, Target};
use crate::transport::OpenError;

use super::operator::Operator;

/// Greetings mostly come within this time.
const SOON: Duration = Duration::from_secs(6);

/// What can be done while the greeting is waited for.
const HOW_TO_LEAVE: &str = " (Ctrl-C stops waiting)";
const TYPE_ON: &str = " (you can type meanwhile)";

impl Operator {
    /// Opens a session and waits for the greeting. One that is open is given up.
    pub async fn connect(&mut self) -> Result<Answer, Problem> {
        self.dial().await?;
        if let Some(answer) = self.soon_greeted(HOW_TO_LEAVE).await? {
            return Ok(answer);
        }
        Ok(self.connection()?.reply().await?)
    }

    /// The same, but for a person who can type on: nothing comes back where the greeting does not come soon.
    pub(super) async fn connect_or_type_on(&mut self) -> Result<Option<Answer>, Problem> {
        if !self.prompts() {
            return self.connect().await.map(Some);
        }
        self.dial().await?;
        self.soon_greeted(TYPE_ON).await
    }

    /// Opens a session. One that is open is given up.
    async fn dial(&mut self) -> Result<(), Problem> {
        (self.exchange, self.consented) = (None, false);
        self.drop_held();
        self.auth_held_back = false;
        self.looked = None;
        self.tls_refused = false;
        self.starttls.new_session();
        if let Some(old) = self.connection.take() {
            self.log = Some(old.into_log());
        }
        let Some(log) = self.log.take() else {
            return Err(Problem::new(Status::Protocol, "the record of the session is gone"));
        };
        let mut connection = match self.setup.open(log).await {
            Ok(connection) => connection,
            Err((log, error)) => {
                self.log = Some(log);
                return Err(match error {
                    OpenError::Tls(error) => self.tls_failed(error).await,
                    OpenError::Dial(_) => Problem::opening(error, &self.setup, self.prompts()),
                });
            }
        };
        let login = &self.login;
        for secret in [&login.password, &login.token, &login.kept].into_iter().flatten() {
            connection.log().keep_secret(secret);
        }
        let name = self.ehlo.clone().unwrap_or_else(|| connection.own_name());
        self.view.narrator(|narrator| narrator.greet_as(&name));
        self.connection = Some(connection);
        Ok(())
    }

    /// The greeting, if it comes soon. If not, what that may mean is said; at a prompt, with what can be done.
    async fn soon_greeted(&mut self, at_prompt: &str) -> Result<Option<Answer>, Problem> {
        let greeting = self.connection()?.reply();
        if let Ok(answer) = tokio::time::timeout(SOON, greeting).await {
            return Ok(Some(answer?));
        }
        let text = no_greeting_yet(&self.setup.target, self.prompts().then_some(at_prompt));
        self.view.text(Style::Dim, &text);
        Ok(None)
    }

    /// Whether the server has not greeted yet.
    pub(super) fn awaits_greeting(&self) -> bool {
        let awaited = self.open().and_then(|connection| connection.dialogue().awaiting());
        awaited.is_some_and(|command| command.input == Input::Connect)
    }
}

/// What silence in place of a greeting may mean, and at a prompt, what can be done meanwhile.
fn no_greeting_yet(target: &Target, at_prompt: Option<&str>) -> String {
    let meanwhile = at_prompt.unwrap_or_default();
    let waiting = format!("=== no greeting yet{meanwhile}: some servers delay it, to see who cannot wait");
    if target.implicit_tls() {
        return waiting;
    }
    let verb = if at_prompt.is_some() { "/open" } else { "heloise" };
    let smtps = Target { scheme: Scheme::Smtps, ..target.clone() };
    format!("{waiting}; one that expects TLS from the first byte waits for us: {verb} {smtps}")
}
