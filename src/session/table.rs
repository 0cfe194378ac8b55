//! The transition table: which command is in order when, and where each reply leads.
//!
//! One table serves the client role (which learns the next phase from the replies it reads) and the server
//! role (which learns it from the replies it gives). What the server says decides: a reply that accepts a
//! command moves the session on even where the command was out of order.

use crate::wire::{Class, ReplyCode, Verb};

/// Where a session stands (RFC 5321 §4.1.4 gives the order of commands).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Connected; the greeting has not been read yet.
    Greeting,
    /// No mail transaction is open.
    Ready,
    /// MAIL was accepted.
    Mail,
    /// At least one RCPT was accepted.
    Rcpt,
    /// The server waits for message content up to the lone dot.
    Data,
    /// At least one chunk of BDAT was accepted, the last one not yet (RFC 3030).
    Bdat,
    /// The server waits for a SASL response (RFC 4954).
    Auth,
    /// STARTTLS was accepted; the handshake is under way (RFC 3207).
    Upgrading,
    /// The server has said good-bye, or the link is gone.
    Closed,
}

/// What a reply can be an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The opening of the link; the greeting answers it.
    Connect,
    /// EHLO, HELO or LHLO.
    Greet,
    /// STARTTLS.
    StartTls,
    /// AUTH with its mechanism.
    Auth,
    /// A line of a SASL exchange.
    AuthResponse,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The lone dot behind the content.
    EndOfContent,
    /// A chunk that is not the last.
    Bdat,
    /// The last chunk.
    BdatLast,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
    /// NOOP, VRFY, EXPN, HELP, ETRN and all that is unknown: they leave the session as it is.
    Other,
}

impl Input {
    /// The input that a command line with this verb is. `last` tells BDAT's last chunk from the others.
    pub fn of(verb: &Verb, last: bool) -> Input {
        match verb {
            Verb::Ehlo | Verb::Helo | Verb::Lhlo => Input::Greet,
            Verb::StartTls => Input::StartTls,
            Verb::Auth => Input::Auth,
            Verb::Mail => Input::Mail,
            Verb::Rcpt => Input::Rcpt,
            Verb::Data => Input::Data,
            Verb::Bdat if last => Input::BdatLast,
            Verb::Bdat => Input::Bdat,
            Verb::Rset => Input::Rset,
            Verb::Quit => Input::Quit,
            _ => Input::Other,
        }
    }
}

/// One row: an input, where it is in order, and where each kind of reply leads.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The input that the row is about.
    pub input: Input,
    /// The phases in which it is in order.
    pub legal: &'static [Phase],
    /// Whether EHLO (or HELO) must have come first.
    pub greeted: bool,
    /// The next phase after 2yz; nothing means that the phase stays.
    pub yes: Option<Phase>,
    /// The next phase after 3yz.
    pub more: Option<Phase>,
    /// The next phase after 4yz and 5yz.
    pub no: Option<Phase>,
}

use Phase::{Auth, Bdat, Closed, Data, Greeting, Mail, Rcpt, Ready, Upgrading};

const IDLE: &[Phase] = &[Ready];
const OPEN: &[Phase] = &[Ready, Mail, Rcpt, Bdat];

const fn row(
    input: Input,
    legal: &'static [Phase],
    greeted: bool,
    yes: Option<Phase>,
    more: Option<Phase>,
    no: Option<Phase>,
) -> Row {
    Row { input, legal, greeted, yes, more, no }
}

/// The table. 421 ends the session whatever it answers, and stands in [`next`] rather than in every row.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //  input                legal in       greeted  2yz              3yz         4yz, 5yz
    row(Input::Connect,      &[Greeting],   false,   Some(Ready),     None,       Some(Ready)),
    row(Input::Greet,        OPEN,          false,   Some(Ready),     None,       None),
    row(Input::StartTls,     IDLE,          true,    Some(Upgrading), None,       None),
    row(Input::Auth,         IDLE,          true,    Some(Ready),     Some(Auth), None),
    row(Input::AuthResponse, &[Auth],       true,    Some(Ready),     Some(Auth), Some(Ready)),
    row(Input::Mail,         IDLE,          true,    Some(Mail),      None,       None),
    row(Input::Rcpt,         &[Mail, Rcpt], true,    Some(Rcpt),      None,       None),
    row(Input::Data,         &[Rcpt],       true,    None,            Some(Data), None),
    row(Input::EndOfContent, &[Data],       true,    Some(Ready),     Some(Ready), Some(Ready)),
    row(Input::Bdat,         &[Rcpt, Bdat], true,    Some(Bdat),      None,       Some(Ready)),
    row(Input::BdatLast,     &[Rcpt, Bdat], true,    Some(Ready),     None,       Some(Ready)),
    row(Input::Rset,         OPEN,          false,   Some(Ready),     None,       None),
    row(Input::Quit,         OPEN,          false,   Some(Closed),    None,       None),
    row(Input::Other,        OPEN,          false,   None,            None,       None),
];

/// The row of an input. Every input has one; a test holds that.
fn find(input: Input) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.input == input)
}

/// The phase that follows when `input`, given in `phase`, is answered with `code`.
pub fn next(phase: Phase, input: Input, code: ReplyCode) -> Phase {
    if code == ReplyCode::UNAVAILABLE {
        return Closed;
    }
    let to = find(input).and_then(|row| match code.class() {
        Some(Class::Completion) => row.yes,
        Some(Class::Intermediate) => row.more,
        Some(Class::Transient | Class::Permanent) => row.no,
        None => None,
    });
    to.unwrap_or(phase)
}

/// The codes with which a server accepts what it was given (RFC 5321 §4.3.2; STARTTLS: RFC 3207 §4, AUTH: RFC 4954
/// §4, BDAT: RFC 3030 §2, ETRN: RFC 1985 §5.2); nothing where they are not known. Others of these classes are acted on
/// by their first digit, and are named.
pub fn success_codes(input: Input, verb: Option<&Verb>) -> Option<&'static [u16]> {
    Some(match (input, verb) {
        (Input::Connect | Input::StartTls, _) => &[220],
        (Input::Auth | Input::AuthResponse, _) => &[235, 334],
        (Input::Data, _) => &[354],
        (Input::Rcpt, _) => &[250, 251],
        (Input::Quit, _) => &[221],
        (
            Input::Greet | Input::Mail | Input::EndOfContent | Input::Bdat | Input::BdatLast | Input::Rset,
            _,
        ) => &[250],
        (Input::Other, Some(Verb::Noop)) => &[250],
        (Input::Other, Some(Verb::Vrfy)) => &[250, 251, 252],
        (Input::Other, Some(Verb::Expn)) => &[250, 252],
        (Input::Other, Some(Verb::Help)) => &[211, 214],
        (Input::Other, Some(Verb::Etrn)) => &[250, 251, 252, 253],
        (Input::Other, _) => return None,
    })
}

/// Why a command is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfOrder {
    /// The server has not been greeted.
    NeedsGreeting,
    /// RCPT or DATA without MAIL.
    NeedsMail,
    /// DATA without an accepted RCPT.
    NeedsRcpt,
    /// Not while a mail transaction is open.
    InTransaction,
    /// Not now, for no better reason.
    NotNow,
}

/// Whether `input` is in order in `phase`; `greeted` says whether EHLO or HELO was accepted.
pub fn check(phase: Phase, greeted: bool, input: Input) -> Result<(), OutOfOrder> {
    let Some(row) = find(input) else { return Ok(()) };
    if row.greeted && !greeted {
        return Err(OutOfOrder::NeedsGreeting);
    }
    if row.legal.contains(&phase) {
        return Ok(());
    }
    Err(match (input, phase) {
        (Input::Rcpt | Input::Data | Input::Bdat | Input::BdatLast, Ready) => OutOfOrder::NeedsMail,
        (Input::Data | Input::Bdat | Input::BdatLast, Mail) => OutOfOrder::NeedsRcpt,
        (Input::Mail | Input::StartTls | Input::Auth, Mail | Rcpt | Bdat) => OutOfOrder::InTransaction,
        _ => OutOfOrder::NotNow,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_one_row_and_every_phase_is_reached() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(TABLE.iter().position(|other| other.input == row.input), Some(index));
        }
        for phase in [Ready, Mail, Rcpt, Data, Bdat, Auth, Upgrading, Closed] {
            let reached =
                TABLE.iter().any(|row| [row.yes, row.more, row.no].into_iter().flatten().any(|p| p == phase));
            assert!(reached, "{phase:?} is never reached");
        }
    }

    #[test]
    fn a_421_closes_from_everywhere() {
        for row in TABLE {
            assert_eq!(next(Rcpt, row.input, ReplyCode::UNAVAILABLE), Closed);
        }
    }

    #[test]
    fn says_what_is_missing() {
        assert_eq!(check(Ready, false, Input::Mail), Err(OutOfOrder::NeedsGreeting));
        assert_eq!(check(Ready, true, Input::Rcpt), Err(OutOfOrder::NeedsMail));
        assert_eq!(check(Mail, true, Input::Data), Err(OutOfOrder::NeedsRcpt));
        assert_eq!(check(Rcpt, true, Input::Mail), Err(OutOfOrder::InTransaction));
        assert_eq!(check(Rcpt, true, Input::Data), Ok(()));
        assert_eq!(check(Ready, false, Input::Other), Ok(()));
    }
}
