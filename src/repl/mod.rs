//! A session at work: at a terminal, or under a script.
//!
//! * [`operator`]: carries out one entered line; `login` and `helper_commands` hold its longer steps.
//! * [`script`]: lines from arguments or standard input; [`rerun`]: those of a transcript; `interactive`: lines from a person.
//! * [`commands`]: the table of helper commands.
//! * `view` and `paint`: entries to text; `recording`: entries to a file.
//! * [`terminal`] and [`screen`]: a line editor on its own thread, and one writer to the screen. [`typing`] completes,
//!   hints and colours; [`history`] remembers, [`mask`] hides (`slips`: where no secret belongs;
//!   `discretion`: those in use).

mod account;
pub mod asker;
pub mod commands;
mod complete;
mod content;
mod discretion;
mod editor;
mod explaining;
mod greeting;
mod helper_commands;
mod hint;
pub mod history;
mod interactive;
mod kill;
mod login;
mod login_all;
mod lost;
pub mod mask;
mod memory;
mod opening;
pub mod operator;
mod paint;
mod pipeline;
mod proposals;
pub mod recording;
pub mod rerun;
pub mod screen;
mod script;
pub mod signals;
mod slips;
pub mod terminal;
mod tls;
mod tty;
pub mod typing;
mod view;

pub use account::{Keeper, Login};
pub use asker::Asker;
pub use interactive::run;
pub use login::known_mechanism;
pub use opening::open_options;
pub use operator::{Done, Operator, status_of};
pub use paint::{paint, paint_piece};
pub use script::{Manner, Source, run as script};
pub use terminal::Terminal;
pub use tls::can_save_certs;
pub use view::{Form, Printer, View};

use std::path::PathBuf;

use crate::report::{Problem, Status};

/// The steps that are asked for on the command line, before the first prompt or command.
#[derive(Clone, Debug, Default)]
pub struct Prelude {
    /// EHLO, or HELO where that is refused. The other steps greet without being told.
    pub greet: bool,
    /// EHLO, STARTTLS, EHLO.
    pub starttls: bool,
    /// The server's certificates go to this file.
    pub save_certs: Option<PathBuf>,
    /// AUTH, by this mechanism, or by the strongest if the text is empty.
    pub auth: Option<String>,
    /// The last step to be taken.
    pub until: Until,
}

impl Prelude {
    /// Whether nothing is to be done once the link is open.
    fn is_empty(&self) -> bool {
        !self.greet && !self.starttls && self.save_certs.is_none() && self.auth.is_none()
    }
}

/// A step of the prelude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// The server's greeting.
    Greeting,
    /// The first EHLO.
    FirstHelo,
    /// STARTTLS and the handshake.
    Tls,
    /// The EHLO that counts: the second where there was STARTTLS.
    Helo,
    /// All of them.
    #[default]
    End,
}

/// Takes over the terminal.
pub fn open_terminal(colour: bool) -> Result<Terminal, Problem> {
    let options = terminal::Options { history: history::default_path(), colour };
    Terminal::open(options, &screen::Screen::stdout())
        .map_err(|error| Problem::new(Status::Usage, error.to_string()))
}

/// Up to the encrypted link. The status of a greeting that refuses comes back.
async fn open(operator: &mut Operator, prelude: &Prelude) -> Result<Option<Status>, Problem> {
    let greeting = match prelude.is_empty() {
        true => operator.connect_or_type_on().await?,
        false => Some(operator.connect().await?),
    };
    let Some(greeting) = greeting else { return Ok(None) };
    if let Some(status) = operator::status_of(&greeting) {
        return Ok(Some(status));
    }
    let wanted = |step: Until| prelude.until >= step;
    if prelude.greet && wanted(Until::FirstHelo) {
        operator.greet_or_helo().await?;
    }
    if prelude.starttls && wanted(Until::Tls) {
        operator.encrypt().await?;
        if wanted(Until::Helo) {
            operator.ensure_greeted().await?;
        }
    }
    Ok(None)
}

/// Opens the session and goes through the prelude. Returns the status of the first reply that refuses.
pub async fn begin(operator: &mut Operator, prelude: &Prelude) -> Result<Status, Problem> {
    let opened = open(operator, prelude).await;
    if let Some(file) = &prelude.save_certs {
        let saved = operator.save_certs(file).await;
        // That the session could not be opened outweighs that its certificates could not be saved.
        if opened.is_ok() {
            saved?;
        }
    }
    if let Some(status) = opened? {
        return Ok(status);
    }
    if let Some(mechanism) = prelude.auth.as_ref().filter(|_| prelude.until == Until::End) {
        operator.authenticate(mechanism).await?;
    }
    Ok(Status::Ok)
}
