//! Reply codes and enhanced status codes: the numbers in a reply.

use std::fmt;

use super::rules::{enhanced, whole};

/// A three-digit reply code. Any number can be held; [`ReplyCode::class`] judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyCode(pub u16);

/// What the first digit of a reply code says (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 2yz: done.
    Completion,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now; the same may succeed later.
    Transient,
    /// 5yz: not like this.
    Permanent,
}

impl ReplyCode {
    /// 220: the service is ready; also the go-ahead after STARTTLS.
    pub const READY: ReplyCode = ReplyCode(220);
    /// 221: closing the link after QUIT.
    pub const CLOSING: ReplyCode = ReplyCode(221);
    /// 235: authentication succeeded (RFC 4954).
    pub const AUTHENTICATED: ReplyCode = ReplyCode(235);
    /// 250: done.
    pub const OK: ReplyCode = ReplyCode(250);
    /// 334: a SASL challenge (RFC 4954).
    pub const CHALLENGE: ReplyCode = ReplyCode(334);
    /// 354: send the content.
    pub const START_INPUT: ReplyCode = ReplyCode(354);
    /// 421: the service is closing the link.
    pub const UNAVAILABLE: ReplyCode = ReplyCode(421);

    /// The class, or nothing where the first digit is none the standard defines.
    pub fn class(self) -> Option<Class> {
        match self.0 / 100 {
            2 => Some(Class::Completion),
            3 => Some(Class::Intermediate),
            4 => Some(Class::Transient),
            5 => Some(Class::Permanent),
            _ => None,
        }
    }

    /// Whether this is 4yz or 5yz.
    pub fn is_error(self) -> bool {
        matches!(self.class(), Some(Class::Transient | Class::Permanent))
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// An enhanced status code, class.subject.detail (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl EnhancedCode {
    /// Reads `5.7.1` and the like; nothing if there is anything else in `text`.
    pub fn parse(text: &str) -> Option<EnhancedCode> {
        whole(enhanced::status_code, text.as_bytes())
    }
}

impl std::str::FromStr for EnhancedCode {
    type Err = NotEnhanced;

    fn from_str(text: &str) -> Result<Self, NotEnhanced> {
        EnhancedCode::parse(text).ok_or(NotEnhanced)
    }
}

/// The text is no enhanced status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code; they look like 5.7.1, and begin with 2, 4 or 5")]
pub struct NotEnhanced;
