//! Parameters of MAIL and RCPT: what each means, and how it is written.

mod known;

use std::borrow::Cow;
use std::fmt;

pub use known::{KNOWN, Known, On};

/// A parameter with its value understood, or as it came where it is not known or breaks its own grammar.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Parameter {
    /// `SIZE=`: octets of the message (RFC 1870).
    Size(u64),
    /// `BODY=` (RFC 6152, RFC 3030).
    Body(Body),
    /// `SMTPUTF8` (RFC 6531).
    SmtpUtf8,
    /// `AUTH=`: who submitted the message first, decoded; nothing for `<>` (RFC 4954 §5).
    Auth(Option<Vec<u8>>),
    /// `RET=`: what a failure report shall carry (RFC 3461 §4.3).
    Ret(Ret),
    /// `ENVID=`: an identifier for reports, decoded (RFC 3461 §4.4).
    EnvId(Vec<u8>),
    /// `NOTIFY=`: when to report. Empty means never (RFC 3461 §4.1).
    Notify(Vec<Notify>),
    /// `ORCPT=`: the recipient as first given, decoded (RFC 3461 §4.2).
    Orcpt {
        /// The address type, such as `rfc822`.
        kind: String,
        /// The address.
        address: Vec<u8>,
    },
    /// `REQUIRETLS` (RFC 8689).
    RequireTls,
    /// `HOLDFOR=`: seconds to hold the message back (RFC 4865).
    HoldFor(u32),
    /// `HOLDUNTIL=`: the moment to release the message, as in RFC 3339 (RFC 4865).
    HoldUntil(String),
    /// `BY=`: deliver within so many seconds (RFC 2852).
    By {
        /// Seconds; negative where the time has run out already.
        seconds: i32,
        /// Whether to return the message when the time is over, instead of only notifying.
        return_it: bool,
        /// Whether each server on the way is to report.
        trace: bool,
    },
    /// `MT-PRIORITY=`: from -9 to 9 (RFC 6710).
    MtPriority(i8),
    /// `CONPERM` (RFC 4141).
    ConPerm,
    /// Any other.
    Other {
        /// The keyword as it came.
        keyword: String,
        /// The value as it came.
        value: Option<String>,
    },
}

/// The value of `BODY=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// Lines of ASCII.
    SevenBit,
    /// Lines of any bytes.
    EightBitMime,
    /// Any bytes; goes with BDAT only.
    BinaryMime,
}

/// The value of `RET=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header alone.
    Hdrs,
}

/// An element of `NOTIFY=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notify {
    /// On delivery.
    Success,
    /// On failure.
    Failure,
    /// On delay.
    Delay,
}

impl Parameter {
    /// Understands a keyword and its value.
    pub(crate) fn read(keyword: &[u8], value: Option<&[u8]>) -> Parameter {
        let known = Known::find(keyword);
        let fits = known.is_some_and(|known| known.fits(value));
        let read = known.filter(|_| fits).and_then(|known| known.read(value.unwrap_or_default()));
        read.unwrap_or_else(|| Parameter::Other { keyword: lossy(keyword), value: value.map(lossy) })
    }

    /// The keyword in upper case, and the value as it is written.
    fn parts(&self) -> (Cow<'_, str>, Option<String>) {
        let (keyword, value) = match self {
            Parameter::Size(octets) => ("SIZE", Some(octets.to_string())),
            Parameter::Body(body) => ("BODY", Some(body.as_str().to_owned())),
            Parameter::SmtpUtf8 => ("SMTPUTF8", None),
            Parameter::Auth(who) => ("AUTH", Some(who.as_deref().map_or("<>".to_owned(), to_xtext))),
            Parameter::Ret(Ret::Full) => ("RET", Some("FULL".to_owned())),
            Parameter::Ret(Ret::Hdrs) => ("RET", Some("HDRS".to_owned())),
            Parameter::EnvId(id) => ("ENVID", Some(to_xtext(id))),
            Parameter::Notify(list) => ("NOTIFY", Some(notify_text(list))),
            Parameter::Orcpt { kind, address } => ("ORCPT", Some(format!("{kind};{}", to_xtext(address)))),
            Parameter::RequireTls => ("REQUIRETLS", None),
            Parameter::HoldFor(seconds) => ("HOLDFOR", Some(seconds.to_string())),
            Parameter::HoldUntil(moment) => ("HOLDUNTIL", Some(moment.clone())),
            Parameter::By { seconds, return_it, trace } => {
                let mode = if *return_it { "R" } else { "N" };
                ("BY", Some(format!("{seconds};{mode}{}", if *trace { "T" } else { "" })))
            }
            Parameter::MtPriority(priority) => ("MT-PRIORITY", Some(priority.to_string())),
            Parameter::ConPerm => ("CONPERM", None),
            Parameter::Other { keyword, value } => return (Cow::Borrowed(keyword), value.clone()),
        };
        (Cow::Borrowed(keyword), value)
    }

    /// The keyword: in upper case where it is known, else as it came.
    pub fn keyword(&self) -> String {
        self.parts().0.into_owned()
    }
}

/// As it stands in a command.
impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (keyword, Some(value)) => write!(f, "{keyword}={value}"),
            (keyword, None) => f.write_str(&keyword),
        }
    }
}

impl Body {
    /// As it stands in a command.
    pub fn as_str(self) -> &'static str {
        match self {
            Body::SevenBit => "7BIT",
            Body::EightBitMime => "8BITMIME",
            Body::BinaryMime => "BINARYMIME",
        }
    }
}

fn notify_text(list: &[Notify]) -> String {
    let words: Vec<&str> = list
        .iter()
        .map(|element| match element {
            Notify::Success => "SUCCESS",
            Notify::Failure => "FAILURE",
            Notify::Delay => "DELAY",
        })
        .collect();
    if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Encodes bytes as xtext (RFC 3461 §4).
pub fn to_xtext(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'+' && *byte != b'=' {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "+{byte:02X}");
        }
    }
    text
}

/// Decodes xtext (RFC 3461 §4). A plus sign without two hexadecimal digits behind it stays.
pub fn from_xtext(text: &[u8]) -> Vec<u8> {
    from_hex(text, b'+')
}

/// Bytes of which some are written as a mark and two hexadecimal digits. A mark without them stays.
pub(crate) fn from_hex(text: &[u8], mark: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (digit(0), digit(1)) {
            (Some(high), Some(low)) if *first == mark => {
                // Two hexadecimal digits are below 256.
                bytes.push((high * 16 + low) as u8);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rules::{extensions, whole};

    #[test]
    fn xtext_goes_there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = to_xtext(&all);
        assert!(whole(extensions::xtext, text.as_bytes()).is_some());
        assert_eq!(from_xtext(text.as_bytes()), all);
        assert_eq!(from_xtext(b"a+zz+4"), b"a+zz+4");
        assert_eq!(from_xtext(b"++41"), b"+A", "a sign is no digit");
        assert_eq!(to_xtext(b"a+b=c d"), "a+2Bb+3Dc+20d");
    }

    #[test]
    fn what_breaks_its_own_grammar_is_kept_as_it_is() {
        let read = |k: &str, v: Option<&str>| Parameter::read(k.as_bytes(), v.map(str::as_bytes));
        for (keyword, value) in
            [("SIZE", Some("x")), ("SIZE", None), ("SMTPUTF8", Some("1")), ("Foo", Some("b"))]
        {
            let kept = Parameter::Other { keyword: keyword.into(), value: value.map(Into::into) };
            assert_eq!(read(keyword, value), kept);
        }
        assert_eq!(read("notify", Some("never")), Parameter::Notify(vec![]));
        assert_eq!(
            read("by", Some("-120;rT")),
            Parameter::By { seconds: -120, return_it: true, trace: true }
        );
    }

    #[test]
    fn no_keyword_stands_twice_in_the_table() {
        for known in KNOWN {
            assert_eq!(KNOWN.iter().filter(|other| other.keyword == known.keyword).count(), 1);
            assert_eq!(known.keyword, known.keyword.to_ascii_uppercase());
        }
    }
}
