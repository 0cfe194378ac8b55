//! Named deviations from the protocol.

use std::fmt;

/// Something a peer did that the standards forbid or discourage. A quirk is a value that travels with the
/// bytes it was seen in; the bytes themselves are never mended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// The line ended in LF without CR.
    BareLf,
    /// A CR stood inside the line without LF after it.
    BareCr,
    /// The line ended with the connection, without any line end.
    Unterminated,
    /// The line was longer than the limit, in octets including CRLF.
    LineTooLong {
        /// Octets of the line including its end.
        length: usize,
        /// The limit that the standard sets.
        limit: usize,
    },
    /// A NUL byte stood in the line.
    Nul,
    /// Control characters other than tab stood in the line.
    Control,
    /// Bytes above 0x7F that form valid UTF-8 stood in a reply without SMTPUTF8 being in use.
    Utf8,
    /// Bytes above 0x7F that are not UTF-8 stood in the line.
    EightBit,
    /// The lines of one reply carry different codes.
    CodesDisagree {
        /// Code of the first line.
        first: u16,
        /// Code of the line that differs.
        other: u16,
    },
    /// The enhanced codes of the lines of one reply differ.
    EnhancedDisagree,
    /// The class digit of the enhanced code is not that of the reply code.
    ClassMismatch,
    /// A reply line of the code alone, without the space the grammar asks for.
    CodeOnly,
    /// A code and its separator without any text behind it, at the end of a reply.
    NoText,
    /// The code is outside 200–559, or its second digit is not 0–5.
    OddCode,
    /// The character after the code is neither space nor hyphen.
    OddSeparator(u8),
    /// The line does not begin with a three-digit code at all.
    NotAReply,
    /// The reply came while no command was waiting for one.
    Unsolicited,
    /// A positive reply with a code that the standard does not have for this command: 250 to QUIT, 354 to EHLO.
    UnexpectedCode {
        /// The code that came.
        code: u16,
        /// The codes that the standard has here.
        expected: &'static [u16],
    },
    /// Bytes came in cleartext behind the reply to STARTTLS (injection, CVE-2011-0411).
    PlaintextAfterStartTls {
        /// How many bytes were thrown away.
        bytes: usize,
    },
    /// An EHLO reply line whose keyword breaks the grammar.
    OddKeyword,
    /// An EHLO reply line whose parameters break the grammar: doubled blanks, tabs, or bytes outside ASCII.
    OddParameter(String),
    /// A greeting or a reply to EHLO that does not begin with the name of the server.
    NoName,
    /// The same EHLO keyword was listed more than once.
    DuplicateKeyword(String),
    /// A capability written in an obsolete form, such as `AUTH=LOGIN`.
    ObsoleteCapability(String),
    /// The content held a lone dot between line ends that are not both CRLF. A lax server takes it for the
    /// end of the content, a strict one does not, and the text in between can smuggle a second message.
    LooseEndOfContent {
        /// The line ends around the dot, such as `LF . CRLF`.
        form: &'static str,
    },
}

impl Quirk {
    /// The clause that the deviation breaks.
    pub fn source(&self) -> &'static str {
        match self {
            Quirk::BareLf | Quirk::BareCr => "RFC 5321 §2.3.8",
            Quirk::Unterminated => "RFC 5321 §2.3.8",
            Quirk::LineTooLong { .. } => "RFC 5321 §4.5.3.1.5",
            Quirk::Nul | Quirk::Control => "RFC 5321 §4.2 (textstring)",
            Quirk::Utf8 => "RFC 6531 §3.7.4",
            Quirk::EightBit => "RFC 5321 §4.2 (textstring)",
            Quirk::CodesDisagree { .. } => "RFC 5321 §4.2.1",
            Quirk::EnhancedDisagree | Quirk::ClassMismatch => "RFC 2034 §4",
            Quirk::CodeOnly | Quirk::NoText | Quirk::OddSeparator(_) | Quirk::NotAReply => "RFC 5321 §4.2",
            Quirk::OddCode => "RFC 5321 §4.2",
            Quirk::Unsolicited => "RFC 5321 §4.2",
            Quirk::UnexpectedCode { .. } => "RFC 5321 §4.3.2",
            Quirk::PlaintextAfterStartTls { .. } => "RFC 3207 §5, CVE-2011-0411",
            Quirk::OddKeyword | Quirk::OddParameter(_) | Quirk::DuplicateKeyword(_) => "RFC 5321 §4.1.1.1",
            Quirk::NoName => "RFC 5321 §4.3.1",
            Quirk::ObsoleteCapability(_) => "RFC 4954 §3",
            Quirk::LooseEndOfContent { .. } => "RFC 5321 §2.3.8, CVE-2023-51764",
        }
    }
}

/// One plain sentence without a full stop.
impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quirk::BareLf => write!(f, "line ends in LF alone, not CRLF"),
            Quirk::BareCr => write!(f, "CR inside the line without LF after it"),
            Quirk::Unterminated => write!(f, "line ends with the connection, without CRLF"),
            Quirk::LineTooLong { length, limit } => {
                write!(f, "line of {length} octets; the limit is {limit}")
            }
            Quirk::Nul => write!(f, "NUL byte in the line"),
            Quirk::Control => write!(f, "control characters in the line"),
            Quirk::Utf8 => write!(f, "UTF-8 text in a reply"),
            Quirk::EightBit => write!(f, "bytes that are neither ASCII nor UTF-8"),
            Quirk::CodesDisagree { first, other } => {
                write!(f, "the lines of this reply disagree: code {first:03} and code {other:03}")
            }
            Quirk::EnhancedDisagree => write!(f, "the lines of this reply carry different enhanced codes"),
            Quirk::ClassMismatch => write!(f, "the enhanced code is of another class than the reply code"),
            Quirk::CodeOnly => write!(f, "a code without the space that must follow it"),
            Quirk::NoText => write!(f, "a code without the text that must follow it"),
            Quirk::OddCode => write!(f, "a code outside the range the standard defines"),
            Quirk::OddSeparator(byte) => {
                write!(f, "'{}' after the code, where a space or a hyphen must stand", byte.escape_ascii())
            }
            Quirk::NotAReply => write!(f, "not an SMTP reply line"),
            Quirk::Unsolicited => write!(f, "no command was waiting for this"),
            Quirk::UnexpectedCode { code, expected } => {
                let wanted: Vec<String> = expected.iter().map(u16::to_string).collect();
                write!(f, "code {code:03}, where the standard has {}", wanted.join(" or "))
            }
            Quirk::PlaintextAfterStartTls { bytes } => write!(
                f,
                "{bytes} bytes in cleartext behind the reply to STARTTLS; thrown away, as somebody may have injected them"
            ),
            Quirk::OddKeyword => write!(f, "an EHLO line whose keyword breaks the grammar"),
            Quirk::OddParameter(keyword) => write!(f, "the parameters of {keyword} break the grammar"),
            Quirk::NoName => write!(f, "this does not begin with the name of the server"),
            Quirk::DuplicateKeyword(keyword) => write!(f, "{keyword} is listed more than once"),
            Quirk::ObsoleteCapability(form) => write!(f, "{form} is an obsolete form"),
            Quirk::LooseEndOfContent { form } => {
                write!(f, "{form} in the content, which a lax server takes for its end (SMTP smuggling)")
            }
        }
    }
}
