//! The envelope, and what the message needs of the server: which parameters go along, and what is missing.

use crate::wire::address::{ForwardPath, ReversePath};
use crate::wire::command::{Command, Unfit};
use crate::wire::parameter::{Body, Notify, Parameter, Ret};
use crate::wire::{Capabilities, Mailbox};

use super::content::{Letters, Survey};

/// Who sends to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The sender.
    pub from: ReversePath,
    /// The recipients, each once.
    pub to: Vec<ForwardPath>,
}

impl Envelope {
    fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        let from = match &self.from {
            ReversePath::Path(path) => Some(&path.mailbox),
            ReversePath::Null => None,
        };
        let to = self.to.iter().filter_map(|to| match to {
            ForwardPath::Path(path) => Some(&path.mailbox),
            ForwardPath::Postmaster(_) => None,
        });
        from.into_iter().chain(to)
    }
}

/// What the person asks of the delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// When to report (RFC 3461 §4.1); empty means never.
    pub notify: Option<Vec<Notify>>,
    /// What a report shall carry (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// An identifier for reports (RFC 3461 §4.4).
    pub envid: Option<String>,
    /// The message must not travel without TLS (RFC 8689).
    pub require_tls: bool,
    /// BDAT in place of DATA (RFC 3030).
    pub bdat: bool,
}

/// Something that the server did not offer and the message needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// SIZE (RFC 1870 §6.1).
    #[error("the message has {octets} octets, and the server takes {limit} (SIZE, RFC 1870)")]
    TooBig {
        /// Octets of the message.
        octets: u64,
        /// The server's limit.
        limit: u64,
    },
    /// 8BITMIME (RFC 6152 §3).
    #[error("the message holds 8-bit characters, and the server does not offer 8BITMIME (RFC 6152)")]
    EightBit,
    /// SMTPUTF8 for the envelope (RFC 6531 §3.1).
    #[error("{0} needs SMTPUTF8, which the server does not offer (RFC 6531)")]
    Address(String),
    /// SMTPUTF8 for the header (RFC 6532).
    #[error("the message's header is written in UTF-8, and the server does not offer SMTPUTF8 (RFC 6531)")]
    Header,
    /// A header in another charset: no extension lets that through.
    #[error("the message's header holds bytes that are neither ASCII nor UTF-8; no server has to take that")]
    OddHeader,
    /// DSN (RFC 3461 §5).
    #[error("{0} belongs to DSN, which the server does not offer (RFC 3461)")]
    Dsn(&'static str),
    /// REQUIRETLS over a plain link (RFC 8689 §4.2.1).
    #[error("--require-tls needs an encrypted link, and this one is not (RFC 8689)")]
    PlainLink,
    /// REQUIRETLS (RFC 8689 §4.2.1).
    #[error(
        "the server does not offer REQUIRETLS, so it promises nothing about the way beyond it (RFC 8689)"
    )]
    RequireTls,
    /// CHUNKING (RFC 3030 §2).
    #[error("--bdat needs CHUNKING, which the server does not offer (RFC 3030)")]
    Chunking,
}

/// The commands of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// MAIL.
    pub mail: Vec<u8>,
    /// RCPT, one for each recipient.
    pub rcpt: Vec<Vec<u8>>,
    /// What the server did not offer. Without a word of the person's, the plan is not to be carried out then.
    pub lacks: Vec<Lack>,
}

/// Works out the commands for a server that offers these capabilities; none at all if it knows HELO alone.
///
/// Parameters that the content needs are left out where they are not offered. Those that the person asks for
/// are in the plan in any case.
///
/// # Errors
/// When an address or a wish does not fit into a command.
pub fn plan(
    envelope: &Envelope,
    survey: &Survey,
    wishes: &Wishes,
    capabilities: Option<&Capabilities>,
    tls: bool,
) -> Result<Plan, Unfit> {
    let offers = |keyword: &str| capabilities.is_some_and(|offered| offered.has(keyword));
    let mut parameters = Vec::new();
    if offers("SIZE") {
        parameters.push(Parameter::Size(survey.octets));
    }
    let international = survey.header == Letters::Utf8 || envelope.mailboxes().any(Mailbox::is_international);
    if survey.eight_bit && offers("8BITMIME") {
        parameters.push(Parameter::Body(Body::EightBitMime));
    }
    if international && offers("SMTPUTF8") {
        parameters.push(Parameter::SmtpUtf8);
    }
    parameters.extend(wishes.ret.map(Parameter::Ret));
    parameters.extend(wishes.envid.clone().map(|id| Parameter::EnvId(id.into_bytes())));
    if wishes.require_tls {
        parameters.push(Parameter::RequireTls);
    }
    let mail = Command::Mail { from: envelope.from.clone(), parameters }.to_line()?;
    let notify = wishes.notify.clone().map(Parameter::Notify);
    let rcpt = |to: &ForwardPath| {
        Command::Rcpt { to: to.clone(), parameters: notify.iter().cloned().collect() }.to_line()
    };
    let rcpt = envelope.to.iter().map(rcpt).collect::<Result<Vec<_>, Unfit>>()?;
    Ok(Plan { mail, rcpt, lacks: lacks(envelope, survey, wishes, capabilities, tls) })
}

fn lacks(
    envelope: &Envelope,
    survey: &Survey,
    wishes: &Wishes,
    capabilities: Option<&Capabilities>,
    tls: bool,
) -> Vec<Lack> {
    let lacking = |keyword: &str| !capabilities.is_some_and(|offered| offered.has(keyword));
    let mut lacks = Vec::new();
    let limit = capabilities.and_then(Capabilities::size_limit).filter(|limit| *limit > 0);
    if let Some(limit) = limit.filter(|limit| survey.octets > *limit) {
        lacks.push(Lack::TooBig { octets: survey.octets, limit });
    }
    let stranger = envelope.mailboxes().find(|mailbox| mailbox.is_international());
    if let Some(mailbox) = stranger.filter(|_| lacking("SMTPUTF8")) {
        lacks.push(Lack::Address(crate::wire::escape::visible(mailbox.to_string().as_bytes())));
    }
    match survey.header {
        Letters::Utf8 if lacking("SMTPUTF8") => lacks.push(Lack::Header),
        Letters::Other => lacks.push(Lack::OddHeader),
        // The header is named already; one complaint about the same bytes is enough.
        _ if survey.eight_bit && lacking("8BITMIME") => lacks.push(Lack::EightBit),
        _ => {}
    }
    let dsn = [
        ("--notify", wishes.notify.is_some()),
        ("--ret", wishes.ret.is_some()),
        ("--envid", wishes.envid.is_some()),
    ];
    let asked = dsn.into_iter().find(|(_, asked)| *asked && lacking("DSN"));
    lacks.extend(asked.map(|(option, _)| Lack::Dsn(option)));
    if wishes.require_tls && !tls {
        lacks.push(Lack::PlainLink);
    } else if wishes.require_tls && lacking("REQUIRETLS") {
        lacks.push(Lack::RequireTls);
    }
    if wishes.bdat && lacking("CHUNKING") {
        lacks.push(Lack::Chunking);
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::super::address::{parse_list, parse_sender, reverse_path};
    use super::*;
    use crate::wire::Reply;

    fn envelope(from: &str, to: &str) -> Envelope {
        let from = reverse_path(parse_sender(from).unwrap().as_ref());
        Envelope { from, to: parse_list(to).unwrap().into_iter().map(|person| person.address).collect() }
    }

    fn offered(keywords: &[&str]) -> Capabilities {
        let lines: Vec<&str> = std::iter::once(&"mx.example.org").chain(keywords).copied().collect();
        let last = lines.len() - 1;
        let line =
            |(index, text): (usize, &&str)| format!("250{}{text}\r\n", if index == last { ' ' } else { '-' });
        let wire: String = lines.iter().enumerate().map(line).collect();
        Capabilities::from_reply(&Reply::read_all(wire.as_bytes()).remove(0))
    }

    fn survey(octets: u64) -> Survey {
        Survey { octets, ..Survey::default() }
    }

    fn lines(plan: &Plan) -> (String, Vec<String>) {
        let text = |line: &Vec<u8>| String::from_utf8(line.clone()).unwrap();
        (text(&plan.mail), plan.rcpt.iter().map(text).collect())
    }

    #[test]
    fn extensions_are_used_when_needed_and_offered() {
        let plain = envelope("a@b.example", "c@d.example");
        let all = offered(&["SIZE 1000", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING"]);
        let simple = plan(&plain, &survey(10), &Wishes::default(), Some(&all), false).unwrap();
        assert_eq!(lines(&simple).0, "MAIL FROM:<a@b.example> SIZE=10");
        assert_eq!(lines(&simple).1, ["RCPT TO:<c@d.example>"]);
        let eight = Survey { eight_bit: true, ..survey(10) };
        let sent = plan(&plain, &eight, &Wishes::default(), Some(&all), false).unwrap();
        assert_eq!(lines(&sent).0, "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME");
        let utf8 = Survey { header: Letters::Utf8, ..eight };
        let sent = plan(&plain, &utf8, &Wishes::default(), Some(&all), false).unwrap();
        assert_eq!(lines(&sent).0, "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME SMTPUTF8");
        let foreign = envelope("<>", "jörg@exämple.org");
        let sent = plan(&foreign, &survey(10), &Wishes::default(), Some(&all), false).unwrap();
        assert_eq!(lines(&sent).0, "MAIL FROM:<> SIZE=10 SMTPUTF8");
        assert!(sent.lacks.is_empty());
        let bare = plan(&plain, &survey(10), &Wishes::default(), None, false).unwrap();
        assert_eq!((lines(&bare).0.as_str(), bare.lacks.len()), ("MAIL FROM:<a@b.example>", 0));
    }

    #[test]
    fn wishes_for_reports_go_along() {
        let wishes = Wishes {
            notify: Some(vec![Notify::Success, Notify::Delay]),
            ret: Some(Ret::Hdrs),
            envid: Some("a+b".to_owned()),
            require_tls: true,
            bdat: true,
        };
        let all = offered(&["DSN", "CHUNKING", "REQUIRETLS"]);
        let to_two = envelope("a@b.example", "c@d.example, e@f.example");
        let sent = plan(&to_two, &survey(1), &wishes, Some(&all), true).unwrap();
        assert_eq!(lines(&sent).0, "MAIL FROM:<a@b.example> RET=HDRS ENVID=a+2Bb REQUIRETLS");
        assert_eq!(lines(&sent).1.last().unwrap(), "RCPT TO:<e@f.example> NOTIFY=SUCCESS,DELAY");
        assert!(sent.lacks.is_empty());
        let never = Wishes { notify: Some(Vec::new()), ..Wishes::default() };
        let sent = plan(&to_two, &survey(1), &never, Some(&all), true).unwrap();
        assert!(lines(&sent).1.iter().all(|line| line.ends_with(" NOTIFY=NEVER")));
        let missing = plan(&to_two, &survey(1), &wishes, Some(&offered(&[])), true).unwrap();
        assert_eq!(missing.lacks, [Lack::Dsn("--notify"), Lack::RequireTls, Lack::Chunking]);
        let plain_link = plan(&to_two, &survey(1), &wishes, Some(&all), false).unwrap();
        assert_eq!(plain_link.lacks, [Lack::PlainLink]);
    }

    #[test]
    fn what_is_missing_is_named_once() {
        let plain = envelope("a@b.example", "c@d.example");
        let lacks = |from_to: &Envelope, found: &Survey, keywords: &[&str]| {
            plan(from_to, found, &Wishes::default(), Some(&offered(keywords)), false).unwrap().lacks
        };
        assert_eq!(lacks(&plain, &survey(11), &["SIZE 10"]), [Lack::TooBig { octets: 11, limit: 10 }]);
        assert_eq!(lacks(&plain, &survey(11), &["SIZE 0"]), [], "0 is no limit");
        assert_eq!(lacks(&plain, &survey(11), &["SIZE"]), [], "no number, no limit");
        let eight = Survey { eight_bit: true, ..survey(1) };
        assert_eq!(lacks(&plain, &eight, &[]), [Lack::EightBit]);
        let header = Survey { header: Letters::Utf8, ..eight };
        assert_eq!(lacks(&plain, &header, &["8BITMIME"]), [Lack::Header]);
        let odd = Survey { header: Letters::Other, ..eight };
        assert_eq!(lacks(&plain, &odd, &["8BITMIME", "SMTPUTF8"]), [Lack::OddHeader]);
        let foreign = envelope("a@b.example", "jörg@example.org");
        assert_eq!(lacks(&foreign, &survey(1), &[]), [Lack::Address("jörg@example.org".to_owned())]);
    }
}
