//! The table of parameters that are known, with where each belongs and what its value looks like.

use crate::wire::rules::{Parsed, extensions, whole};

use super::{Body, Notify, Parameter, Ret, from_xtext, lossy};

/// Which command a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// MAIL alone.
    Mail,
    /// RCPT alone.
    Rcpt,
}

/// A parameter that Heloise knows.
#[derive(Debug)]
pub struct Known {
    /// The keyword in upper case.
    pub keyword: &'static str,
    /// Where it may stand.
    pub on: On,
    /// The capability that must be offered for it.
    pub capability: &'static str,
    /// What the value looks like, for people; nothing where there is none.
    pub form: Option<&'static str>,
    /// Where it is defined.
    pub source: &'static str,
    /// Whether the value fits the grammar.
    takes: fn(&[u8]) -> bool,
    /// Reads a value that fits.
    reads: fn(&[u8]) -> Option<Parameter>,
}

impl Known {
    /// The row of a keyword, in whatever case it is written.
    pub fn find(keyword: &[u8]) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.keyword.as_bytes().eq_ignore_ascii_case(keyword))
    }

    /// Reads a value that fits; nothing where Heloise has no type for it.
    pub(super) fn read(&self, value: &[u8]) -> Option<Parameter> {
        (self.reads)(value)
    }

    /// Whether a value, or the want of one, fits the grammar.
    pub fn fits(&self, value: Option<&[u8]>) -> bool {
        match value {
            Some(value) => self.form.is_some() && (self.takes)(value),
            None => self.form.is_none(),
        }
    }
}

fn takes(rule: fn(&[u8]) -> Parsed<'_>, value: &[u8]) -> bool {
    whole(rule, value).is_some()
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn other(_: &[u8]) -> Option<Parameter> {
    None
}

fn read_body(value: &[u8]) -> Option<Parameter> {
    let all = [Body::SevenBit, Body::EightBitMime, Body::BinaryMime];
    all.into_iter().find(|b| b.as_str().as_bytes().eq_ignore_ascii_case(value)).map(Parameter::Body)
}

fn read_auth(value: &[u8]) -> Option<Parameter> {
    Some(Parameter::Auth((value != b"<>").then(|| from_xtext(value))))
}

fn read_ret(value: &[u8]) -> Option<Parameter> {
    Some(Parameter::Ret(if value.eq_ignore_ascii_case(b"FULL") { Ret::Full } else { Ret::Hdrs }))
}

fn read_notify(value: &[u8]) -> Option<Parameter> {
    let elements = whole(extensions::notify_value, value)?;
    let known = elements.into_iter().filter_map(|word| match word.first()?.to_ascii_uppercase() {
        b'S' => Some(Notify::Success),
        b'F' => Some(Notify::Failure),
        b'D' => Some(Notify::Delay),
        _ => None,
    });
    Some(Parameter::Notify(known.collect()))
}

fn read_orcpt(value: &[u8]) -> Option<Parameter> {
    let (kind, address) = whole(extensions::orcpt_value, value)?;
    Some(Parameter::Orcpt { kind: lossy(kind), address: from_xtext(address) })
}

fn read_by(value: &[u8]) -> Option<Parameter> {
    let semicolon = value.iter().position(|b| *b == b';')?;
    let (seconds, mode) = value.split_at(semicolon);
    let return_it = mode.get(1).is_some_and(|b| b.eq_ignore_ascii_case(&b'R'));
    Some(Parameter::By { seconds: number(seconds)?, return_it, trace: mode.len() > 2 })
}

/// Every parameter that Heloise knows.
pub static KNOWN: &[Known] = &[
    Known {
        keyword: "SIZE",
        on: On::Mail,
        capability: "SIZE",
        form: Some("SIZE=OCTETS"),
        source: "RFC 1870 §6",
        takes: |v| takes(extensions::size_value, v),
        reads: |v| number(v).map(Parameter::Size),
    },
    Known {
        keyword: "BODY",
        on: On::Mail,
        capability: "8BITMIME",
        form: Some("BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME"),
        source: "RFC 6152 §3",
        takes: |v| takes(extensions::body_value, v),
        reads: read_body,
    },
    Known {
        keyword: "SMTPUTF8",
        on: On::Mail,
        capability: "SMTPUTF8",
        form: None,
        source: "RFC 6531 §3.4",
        takes: |_| false,
        reads: |_| Some(Parameter::SmtpUtf8),
    },
    Known {
        keyword: "AUTH",
        on: On::Mail,
        capability: "AUTH",
        form: Some("AUTH=<> or AUTH=ADDRESS in xtext"),
        source: "RFC 4954 §5",
        takes: |v| takes(extensions::auth_value, v),
        reads: read_auth,
    },
    Known {
        keyword: "RET",
        on: On::Mail,
        capability: "DSN",
        form: Some("RET=FULL or RET=HDRS"),
        source: "RFC 3461 §4.3",
        takes: |v| takes(extensions::ret_value, v),
        reads: read_ret,
    },
    Known {
        keyword: "ENVID",
        on: On::Mail,
        capability: "DSN",
        form: Some("ENVID=TEXT in xtext"),
        source: "RFC 3461 §4.4",
        takes: |v| takes(extensions::envid_value, v),
        reads: |v| Some(Parameter::EnvId(from_xtext(v))),
    },
    Known {
        keyword: "NOTIFY",
        on: On::Rcpt,
        capability: "DSN",
        form: Some("NOTIFY=NEVER, or a list of SUCCESS, FAILURE and DELAY"),
        source: "RFC 3461 §4.1",
        takes: |v| whole(extensions::notify_value, v).is_some(),
        reads: read_notify,
    },
    Known {
        keyword: "ORCPT",
        on: On::Rcpt,
        capability: "DSN",
        form: Some("ORCPT=rfc822;ADDRESS in xtext"),
        source: "RFC 3461 §4.2",
        takes: |v| whole(extensions::orcpt_value, v).is_some(),
        reads: read_orcpt,
    },
    Known {
        keyword: "REQUIRETLS",
        on: On::Mail,
        capability: "REQUIRETLS",
        form: None,
        source: "RFC 8689 §2",
        takes: |_| false,
        reads: |_| Some(Parameter::RequireTls),
    },
    Known {
        keyword: "HOLDFOR",
        on: On::Mail,
        capability: "FUTURERELEASE",
        form: Some("HOLDFOR=SECONDS"),
        source: "RFC 4865 §4",
        takes: |v| takes(extensions::holdfor_value, v),
        reads: |v| number(v).map(Parameter::HoldFor),
    },
    Known {
        keyword: "HOLDUNTIL",
        on: On::Mail,
        capability: "FUTURERELEASE",
        form: Some("HOLDUNTIL=2030-01-31T08:00:00Z"),
        source: "RFC 4865 §4",
        takes: |v| takes(extensions::holduntil_value, v),
        reads: |v| Some(Parameter::HoldUntil(lossy(v))),
    },
    Known {
        keyword: "BY",
        on: On::Mail,
        capability: "DELIVERBY",
        form: Some("BY=SECONDS;R to return, BY=SECONDS;N to notify, with a T behind to trace"),
        source: "RFC 2852 §4",
        takes: |v| takes(extensions::by_value, v),
        reads: read_by,
    },
    Known {
        keyword: "MT-PRIORITY",
        on: On::Mail,
        capability: "MT-PRIORITY",
        form: Some("MT-PRIORITY=N, from -9 to 9"),
        source: "RFC 6710 §3",
        takes: |v| takes(extensions::priority_value, v),
        reads: |v| number(v).map(Parameter::MtPriority),
    },
    Known {
        keyword: "CONPERM",
        on: On::Mail,
        capability: "CONPERM",
        form: None,
        source: "RFC 4141 §4.2",
        takes: |_| false,
        reads: |_| Some(Parameter::ConPerm),
    },
    Known {
        keyword: "CONNEG",
        on: On::Rcpt,
        capability: "CONNEG",
        form: None,
        source: "RFC 4141 §5",
        takes: |_| false,
        reads: other,
    },
    Known {
        keyword: "SUBMITTER",
        on: On::Mail,
        capability: "SUBMITTER",
        form: Some("SUBMITTER=ADDRESS in xtext"),
        source: "RFC 4405 §3",
        takes: |v| takes(extensions::envid_value, v),
        reads: other,
    },
    Known {
        keyword: "MTRK",
        on: On::Mail,
        capability: "MTRK",
        form: Some("MTRK=CERTIFIER or MTRK=CERTIFIER:SECONDS"),
        source: "RFC 3885 §4.1",
        takes: |_| true,
        reads: other,
    },
    Known {
        keyword: "SOLICIT",
        on: On::Mail,
        capability: "NO-SOLICITING",
        form: Some("SOLICIT=KEYWORDS"),
        source: "RFC 3865 §2",
        takes: |_| true,
        reads: other,
    },
    Known {
        keyword: "RRVS",
        on: On::Rcpt,
        capability: "RRVS",
        form: Some("RRVS=2030-01-31T08:00:00Z, with ;C or ;R behind it if you like"),
        source: "RFC 7293 §3.1",
        takes: |_| true,
        reads: other,
    },
    Known {
        keyword: "TRANSID",
        on: On::Mail,
        capability: "CHECKPOINT",
        form: Some("TRANSID=IDENTIFIER"),
        source: "RFC 1845 §3",
        takes: |_| true,
        reads: other,
    },
];
