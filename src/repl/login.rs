//! Authentication: by the helper, and by hand with help.

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::sasl::by_hand::{ByHand, Next};
use crate::sasl::{self, ChannelBinding, Credentials, Have, Needs};
use crate::secret::Secret;
use crate::session::{Answer, Phase};
use crate::transport::{AuthError, accepted, challenge_of};
use crate::wire::Class;
use crate::wire::escape::visible;

use super::asker::Asker;
use super::operator::{Done, Exchange, Operator};

/// A mechanism that is named must be one that is spoken here; that is looked at before anything is sent. No name is
/// none in particular.
pub fn known_mechanism(named: &str) -> Result<(), Problem> {
    if named.is_empty() || sasl::info(named).is_some() {
        return Ok(());
    }
    if named.contains(char::is_whitespace) {
        let what = "the name of a mechanism is one word; user and password are asked for when it is used";
        return Err(Problem::new(Status::Usage, what));
    }
    let known: Vec<&str> = sasl::MECHANISMS.iter().map(|m| m.name).collect();
    // What is written otherwise (RFC 4422 §3.1) may be a secret, typed too early.
    let of_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let is_name = named.len() <= 20 && named.bytes().all(of_name);
    let shown = if is_name { named } else { "this" };
    let what = format!("{shown} is no mechanism that is known here");
    Err(Problem::new(Status::Usage, what)
        .advise(format!("one of {}", known.join(", ")))
        .advise("type AUTH yourself: raw lines go out as they are"))
}

/// A -PLUS mechanism may be refused for the kind of its channel binding: no server has to know all of them, and few say
/// so.
fn refused_binding(name: &str, refusal: AuthError) -> Problem {
    let refused = matches!(refusal, AuthError::Refused(_));
    let problem = Problem::from(refusal);
    match name.strip_suffix("-PLUS").filter(|_| refused) {
        None => problem,
        Some(bare) => problem.advise(format!(
            "if the password is right, another kind of channel binding: --channel-binding, or {bare} without -PLUS"
        )),
    }
}

impl Operator {
    /// `/auth [MECH]` and `--auth`: greets if that has not been done, chooses a mechanism, asks for what is
    /// missing, and goes through the exchange.
    pub async fn authenticate(&mut self, mechanism: &str) -> Result<Answer, Problem> {
        known_mechanism(mechanism)?;
        self.ensure_greeted().await?;
        self.mind_second_login();
        let name = self.choose(mechanism)?;
        self.consent_to_plaintext().await?;
        let mut credentials = self.credentials(&name).await?;
        let mut outcome = self.exchange(&name, &credentials).await?;
        if let Err(refusal) = &outcome
            && self.kept_is_outdated(&credentials, refusal)
        {
            credentials = self.credentials(&name).await?;
            outcome = self.exchange(&name, &credentials).await?;
        }
        let answer = outcome.map_err(|refusal| refused_binding(&name, refusal))?;
        self.offer_to_keep(&credentials).await;
        Ok(answer)
    }

    /// One exchange. What comes of AUTH is inside, what keeps it from being begun outside.
    async fn exchange(
        &mut self,
        name: &str,
        credentials: &Credentials,
    ) -> Result<Result<Answer, AuthError>, Problem> {
        let mechanism =
            sasl::client(name, credentials).map_err(|e| Problem::new(Status::Usage, e.to_string()))?;
        let initial_response = self.login.initial_response;
        let connection = self.connection()?;
        connection.log().keep_secret(&credentials.secret);
        Ok(match connection.authenticate(mechanism, initial_response).await {
            Ok((answer, outcome)) => {
                self.proved(Some(&outcome));
                Ok(answer)
            }
            Err(error) => Err(error),
        })
    }

    /// Whether the refusal is of what the keyring holds, and a person is there to type what is right now. It is
    /// forgotten then; what is typed and accepted can be kept in its place.
    fn kept_is_outdated(&mut self, credentials: &Credentials, refusal: &AuthError) -> bool {
        let AuthError::Refused(answer) = refusal else { return false };
        let login = &mut self.login;
        let from_keyring = login.keeper.is_some()
            && login.kept.as_ref().is_some_and(|kept| kept.expose() == credentials.secret.expose());
        let for_good = answer.reply.class() == Some(Class::Permanent);
        if !from_keyring || !for_good || matches!(self.asker, Asker::Nobody) {
            return false;
        }
        login.kept = None;
        let text =
            format!("=== what the keyring holds for {} was refused", visible(credentials.user.as_bytes()));
        self.view.text(Style::Warn, &text);
        true
    }

    /// What was typed and accepted may go to the keyring, if there is one and the person says so.
    async fn offer_to_keep(&mut self, credentials: &Credentials) {
        let login = &self.login;
        let given = login.password.is_some() || login.token.is_some() || login.kept.is_some();
        let Some(keeper) = login.keeper.clone().filter(|_| !given && !credentials.secret.is_empty()) else {
            return;
        };
        let question = format!("Keep it in the keyring for {}?", credentials.user);
        if self.asker.confirm(&question, false).await {
            self.login.kept = Some(credentials.secret.clone());
            match keeper.keep(&credentials.user, &credentials.secret) {
                Ok(()) => self.view.text(Style::Dim, "=== kept in the keyring"),
                Err(words) => self.view.text(Style::Warn, &format!("*** {words}")),
            }
        }
    }

    /// A session takes one successful AUTH (RFC 4954 §4). A second one is flagged, before anything is asked for it.
    fn mind_second_login(&self) {
        let Some(who) = self.state().and_then(|state| state.authenticated.as_ref()) else { return };
        let name = who.user.as_ref().map(|user| format!(" as {}", visible(user.as_bytes())));
        let text = format!(
            "=== you are authenticated already{}, and servers refuse a second AUTH; /reconnect begins anew",
            name.unwrap_or_default()
        );
        self.view.text(Style::Warn, &text);
    }

    /// The mechanism to use: the one named, else the strongest of those offered.
    fn choose(&mut self, named: &str) -> Result<String, Problem> {
        let binding = self.channel_binding().is_some();
        let has_certificate = self.setup.tls.options().cert.is_some();
        let state = self.connection()?.state();
        let offered = state.capabilities.as_ref().map(|c| c.mechanisms()).unwrap_or_default();
        let (tls, starttls) = (state.tls(), state.capabilities.as_ref().is_some_and(|c| c.has("STARTTLS")));
        let mut offer =
            if offered.is_empty() { "none".to_owned() } else { visible(offered.join(" ").as_bytes()) };
        if let Some(log) = self.log() {
            log.mask_text(&mut offer);
        }
        if !named.is_empty() {
            let name = named.to_ascii_uppercase();
            if !offered.contains(&name) {
                let text =
                    format!("=== {name} is not offered here (offered: {offer}); it is tried all the same");
                self.view.text(Style::Warn, &text);
            }
            return Ok(name);
        }
        let password = self.login.password.is_some() || self.login.kept.is_some();
        let token = self.login.token.is_some();
        // With nothing given, it is the password that people know by heart.
        let have = Have { password: password || !token, token, certificate: has_certificate, binding };
        match sasl::strongest(&offered, have, tls) {
            Some(choice) => {
                let text = format!("=== {}", choice.why);
                self.view.text(Style::Dim, &text);
                Ok(choice.name.to_owned())
            }
            None => {
                let problem = Problem::new(
                    Status::AuthRefused,
                    format!(
                        "the server offers no mechanism that a {} fits (offered: {offer})",
                        if have.password { "password" } else { "token" }
                    ),
                );
                Err(match (starttls && !tls, offered.iter().any(|m| m == "XOAUTH2" || m == "OAUTHBEARER")) {
                    (true, _) => problem.advise("encrypt first: many servers offer AUTH only over TLS"),
                    (_, true) => problem.advise("give a token: --token-command COMMAND, or /auth XOAUTH2"),
                    _ => problem.advise("another port: 587 or 465 are for authenticated clients"),
                })
            }
        }
    }

    /// User and secret for a mechanism, asked for where they were not given.
    pub(super) async fn credentials(&mut self, name: &str) -> Result<Credentials, Problem> {
        let needs = sasl::info(name).map_or(Needs::Password, |known| known.needs);
        let mut credentials = self.base();
        if needs == Needs::Nothing || needs == Needs::Certificate {
            if needs == Needs::Nothing && credentials.user.is_empty() {
                // Nobody is named by it (RFC 4505 §2); Cyrus SASL takes an empty message for none.
                credentials.user = "anonymous".to_owned();
            }
            return Ok(credentials);
        }
        if credentials.user.is_empty() {
            credentials.user = match self.asker.line("user name:").await {
                Some(user) if !user.is_empty() => user,
                _ => return Err(self.missing("no user name was given", "--user NAME")),
            };
        }
        let login = &self.login;
        let (word, given, advice) = match needs {
            Needs::Token => {
                let advice = "HELOISE_TOKEN, --token-file FILE or --token-command COMMAND";
                // A token given as a password is meant, as nobody has a password for these mechanisms.
                ("OAuth token", login.token.as_ref().or(login.password.as_ref()), advice)
            }
            _ => {
                let advice = "HELOISE_PASSWORD, --password-file FILE or --password-command COMMAND";
                ("password", login.password.as_ref(), advice)
            }
        };
        credentials.secret = match given.or(login.kept.as_ref()).cloned() {
            Some(secret) => secret,
            None => match self.asker.secret(&format!("{word} for {}:", credentials.user)).await {
                Some(secret) => secret,
                None => return Err(self.missing(&format!("no {word} was given"), advice)),
            },
        };
        Ok(credentials)
    }

    /// What ties an exchange to this TLS link (RFC 5929, RFC 9266).
    fn channel_binding(&self) -> Option<ChannelBinding> {
        self.connection.as_ref()?.tls()?.binding.clone()
    }

    /// A script gets advice; a person has just declined to say it.
    fn missing(&self, what: &str, advice: &str) -> Problem {
        let problem = Problem::new(Status::Usage, format!("{what}; no credentials were sent"));
        match self.asker {
            Asker::Terminal(_) => problem,
            _ => problem.advise(advice),
        }
    }

    /// What is known of the credentials without asking.
    fn base(&self) -> Credentials {
        let user = self.login.user.clone().unwrap_or_default();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let channel_binding = self.channel_binding();
        let offered = self.state().and_then(|state| state.capabilities.as_ref()).map(|c| c.mechanisms());
        let offered = offered.unwrap_or_default();
        Credentials {
            authzid: self.login.authzid.clone(),
            // Only where there is an offer can it be told what is not in it.
            no_plus_offered: channel_binding.is_some()
                && !offered.is_empty()
                && !offered.iter().any(|name| name.ends_with("-PLUS")),
            channel_binding,
            seconds: now.map_or(0, |time| time.as_secs()),
            host: Some(self.setup.target.host.to_string()),
            port: Some(self.setup.target.port),
            ..Credentials::new(user, Secret::new(Vec::new()))
        }
    }

    /// An AUTH command was typed: from here on the person is helped through its exchange, unless they want
    /// to do the encoding themselves.
    pub(super) fn begin_by_hand(&mut self, initial: bool) {
        let mechanism = self.state().and_then(|state| state.mechanism.clone()).unwrap_or_default();
        let hand = self.encode.then(|| ByHand::new(&mechanism, initial, self.base()));
        self.exchange = hand.map(|hand| Exchange { hand, ask: None });
    }

    /// Takes the exchange on after a reply: asks, answers what needs no person, or ends it.
    pub(super) async fn follow_exchange(&mut self, answer: Option<Answer>) -> Result<Vec<Answer>, Problem> {
        let challenge = answer.as_ref().and_then(challenge_of);
        let Some(challenge) = challenge.filter(|_| self.state().is_some_and(|s| s.phase == Phase::Auth))
        else {
            let over = self.exchange.take().filter(|_| answer.as_ref().is_some_and(accepted));
            return self.accepted_by_hand(over).map(|()| Vec::new());
        };
        let Ok(decoded) = sasl::decode_challenge(&challenge) else {
            // It is shown as what it is; the person answers with raw lines or cancels.
            self.exchange = None;
            return Ok(Vec::new());
        };
        let Some(exchange) = &mut self.exchange else { return Ok(Vec::new()) };
        let next = exchange.hand.challenge(&decoded);
        self.take_step(next).await
    }

    /// The server said yes: whether it has proved itself, where the mechanism has it do so.
    fn accepted_by_hand(&self, exchange: Option<Exchange>) -> Result<(), Problem> {
        let outcome = exchange.map_or(Ok(None), |mut exchange| exchange.hand.finish());
        match outcome {
            Ok(outcome) => {
                self.proved(outcome.as_ref());
                Ok(())
            }
            Err(error) => Err(Problem::new(Status::AuthRefused, error.to_string())),
        }
    }

    fn proved(&self, outcome: Option<&sasl::Outcome>) {
        if let Some(outcome) = outcome.filter(|outcome| outcome.server_verified) {
            self.view.text(Style::Good, &format!("     {}", outcome.words));
        }
    }

    /// Takes a typed answer.
    pub(super) async fn answer_by_hand(&mut self, typed: Secret) -> Result<Done, Problem> {
        let secret = self.question().is_none_or(|ask| ask.secret);
        if secret && let Ok(connection) = self.connection() {
            connection.log().keep_secret(&typed);
        }
        let encoded = match sasl::by_hand::encoded(&typed) {
            Some(plain) if self.means_base64(&plain).await => Some(plain),
            _ => None,
        };
        let Some(exchange) = &mut self.exchange else { return Ok(Done::Replies(Vec::new())) };
        exchange.ask = None;
        let next = match encoded {
            // A message of the mechanism, made by the person.
            Some(plain) if plain.expose().iter().any(|byte| *byte < 2) => Ok(Next::Respond(plain)),
            Some(plain) => exchange.hand.answer(plain),
            None => exchange.hand.answer(typed),
        };
        self.take_step(next).await.map(Done::Replies)
    }

    /// Whether base64 was typed out of habit, where plain words are encoded for the person.
    async fn means_base64(&mut self, plain: &Secret) -> bool {
        let shown = self.question().is_some_and(|ask| !ask.secret);
        let what = match std::str::from_utf8(plain.expose()) {
            Ok(text) if shown => format!("base64 of {}", visible(text.as_bytes())),
            _ => "base64".to_owned(),
        };
        let question = format!("That is {what}. Send it as it stands, not encoded once more?");
        self.asker.confirm(&question, true).await
    }

    async fn take_step(&mut self, next: Result<Next, sasl::SaslError>) -> Result<Vec<Answer>, Problem> {
        match next {
            Ok(Next::Ask(ask)) => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.ask = Some(ask);
                }
                Ok(Vec::new())
            }
            Ok(Next::Respond(response)) => {
                let encoded = sasl::encode_response(&response);
                self.connection()?.send(encoded.expose(), false).await?;
                self.settle().await
            }
            Err(error) => {
                self.exchange = None;
                self.connection()?.send(b"*", false).await?;
                self.settle().await?;
                let mut what = format!("{error}; the exchange was cancelled");
                if let Some(log) = self.log() {
                    log.mask_text(&mut what);
                }
                Err(Problem::new(Status::AuthRefused, what))
            }
        }
    }
}
