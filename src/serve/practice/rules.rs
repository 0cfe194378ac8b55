//! The rules of the practice server: each row is something to run into, with the words a real server (mostly
//! Postfix) has for it, and a line that shows it.

/// When a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The recipient has this local part, in the server's domain.
    Recipient(&'static str),
    /// The recipient is in this domain, or below it.
    RecipientDomain(&'static str),
    /// The sender has this local part, in any domain.
    Sender(&'static str),
    /// A line of the content holds these words.
    Content(&'static str),
    /// A situation that is told by no address.
    Case(Case),
}

/// What a rule is about where no address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the row of each says what it is")]
pub enum Case {
    AuthNeedsTls,
    TlsActive,
    NoTls,
    TlsArgument,
    AlreadyAuthenticated,
    NeedsGreeting,
    NeedsMail,
    NeedsRcpt,
    NoValidRcpt,
    Nested,
    InTransaction,
    NotNow,
    MailSyntax,
    RcptSyntax,
    BadSender,
    BadRecipient,
    ArgumentMissing,
    ArgumentUnwanted,
    UnknownVerb,
    NotImplemented,
    Garbage,
    Http,
    LineTooLong,
    UnknownOption,
    BadOption,
    NeedsSmtpUtf8,
    TooBig,
    TooManyRecipients,
    TooManyErrors,
    Relay,
    UnknownUser,
    NotOwner,
    NoMechanism,
    AuthFailed,
    AuthCancelled,
    BadBase64,
    BareLf,
    Idle,
    TooManyClients,
    Stopping,
}

/// What lifts a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unless {
    /// Nothing.
    Never,
    /// The link is encrypted.
    Tls,
    /// The client has authenticated.
    Authenticated,
    /// The same sender has tried the same recipient before.
    TriedBefore,
}

/// How the reply is given. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// At once.
    AtOnce,
    /// After a while.
    After(u32),
    /// At once; then the client may be silent for this long only.
    ThenHurry(u32),
    /// Not at all: the link is closed.
    HangUp,
    /// Not at all: nothing comes any more.
    Silence,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// When it applies.
    pub when: When,
    /// What lifts it.
    pub unless: Unless,
    /// How it is answered.
    pub how: How,
    /// The reply code.
    pub code: u16,
    /// The reply's text, enhanced code included. Words in braces are filled in; LF begins a new line.
    pub text: &'static str,
    /// What it shows, for the list of things to try. Empty where nobody tries it by purpose.
    pub what: &'static str,
    /// What to type to see it.
    pub line: &'static str,
    /// Whether it belongs to the short list for a newcomer.
    pub first: bool,
}

impl Rule {
    const fn shows(mut self, what: &'static str, line: &'static str) -> Rule {
        self.what = what;
        self.line = line;
        self
    }

    const fn first(mut self) -> Rule {
        self.first = true;
        self
    }

    const fn unless(mut self, unless: Unless) -> Rule {
        self.unless = unless;
        self
    }

    const fn how(mut self, how: How) -> Rule {
        self.how = how;
        self
    }
}

const fn rule(when: When, code: u16, text: &'static str) -> Rule {
    Rule { when, unless: Unless::Never, how: How::AtOnce, code, text, what: "", line: "", first: false }
}

const fn case(case: Case, code: u16, text: &'static str) -> Rule {
    rule(When::Case(case), code, text)
}

const fn rcpt(local: &'static str, code: u16, text: &'static str) -> Rule {
    rule(When::Recipient(local), code, text)
}

const ACCEPTED: &str = "2.1.5 Ok";

/// The table. For each situation the first row that applies counts.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // Order and link.
    case(Case::AuthNeedsTls, 538, "5.7.11 Encryption required for requested authentication mechanism")
        .shows("credentials need STARTTLS first", "AUTH PLAIN").first(),
    rule(When::Sender("secure"), 530, "5.7.0 Must issue a STARTTLS command first").unless(Unless::Tls)
        .shows("a sender that needs STARTTLS first", "MAIL FROM:<secure@{domain}>"),
    case(Case::TlsActive, 554, "5.5.1 Error: TLS already active")
        .shows("STARTTLS twice", "STARTTLS"),
    case(Case::NoTls, 502, "5.5.1 Error: command not implemented"),
    case(Case::TlsArgument, 501, "5.5.4 Syntax: STARTTLS"),
    case(Case::NeedsGreeting, 503, "5.5.1 Error: send HELO/EHLO first"),
    case(Case::NeedsMail, 503, "5.5.1 Error: need MAIL command")
        .shows("a command out of order", "RCPT TO:<bob@{domain}>").first(),
    case(Case::NeedsRcpt, 503, "5.5.1 Error: need RCPT command"),
    case(Case::NoValidRcpt, 554, "5.5.1 Error: no valid recipients")
        .shows("DATA after every recipient was refused", "DATA"),
    case(Case::Nested, 503, "5.5.1 Error: nested MAIL command"),
    case(Case::InTransaction, 503, "5.5.1 Error: MAIL transaction in progress"),
    case(Case::NotNow, 503, "5.5.1 Error: command out of sequence"),
    case(Case::TooManyErrors, 421, "4.7.0 {host} Error: too many errors")
        .shows("too many errors: {errors} refused commands, then one more", "FOO").first(),
    case(Case::Idle, 421, "4.4.2 {host} Error: timeout exceeded"),
    case(Case::TooManyClients, 421, "4.7.0 {host} Error: too many connections"),
    case(Case::Stopping, 421, "4.3.2 {host} Service shutting down"),
    // Syntax.
    case(Case::MailSyntax, 501, "5.5.4 Syntax: MAIL FROM:<address>")
        .shows("a sender without angle brackets", "MAIL FROM: alice@{domain}"),
    case(Case::RcptSyntax, 501, "5.5.4 Syntax: RCPT TO:<address>"),
    case(Case::BadSender, 501, "5.1.7 Bad sender address syntax"),
    case(Case::BadRecipient, 501, "5.1.3 Bad recipient address syntax")
        .shows("an address that is none", "RCPT TO:<bob@@{domain}>"),
    case(Case::ArgumentMissing, 501, "5.5.4 Syntax: {syntax}"),
    case(Case::ArgumentUnwanted, 501, "5.5.4 Syntax: {syntax}"),
    case(Case::UnknownVerb, 500, "5.5.2 Error: command not recognized"),
    case(Case::NotImplemented, 502, "5.5.1 Error: command not implemented")
        .shows("a known command that is not served", "TURN"),
    case(Case::Garbage, 500, "5.5.2 Error: bad syntax"),
    case(Case::Http, 221, "2.7.0 Error: I can break rules, too. Goodbye.")
        .shows("another protocol", "GET / HTTP/1.1"),
    case(Case::LineTooLong, 500, "5.5.6 Error: line too long"),
    case(Case::UnknownOption, 555, "5.5.4 Unsupported option: {option}")
        .shows("a parameter nobody offered", "MAIL FROM:<alice@{domain}> COLOUR=blue"),
    case(Case::BadOption, 501, "5.5.4 Bad value of option: {option}"),
    case(Case::NeedsSmtpUtf8, 553, "5.6.7 Must declare SMTPUTF8 to permit a non-ASCII address")
        .shows("a non-ASCII address without SMTPUTF8", "RCPT TO:<jürgen@{domain}>"),
    // Authentication; the users are a table of their own.
    case(Case::NoMechanism, 504, "5.5.4 Unrecognized authentication type")
        .shows("a mechanism that is not offered", "AUTH DIGEST-MD5"),
    case(Case::AlreadyAuthenticated, 503, "5.5.1 Error: already authenticated"),
    case(Case::AuthFailed, 535, "5.7.8 Error: authentication failed: authentication failure"),
    case(Case::AuthCancelled, 501, "5.7.0 Authentication aborted"),
    case(Case::BadBase64, 501, "5.5.2 Error: authentication failed: malformed base64"),
    case(Case::NotOwner, 553, "5.7.1 <{address}>: Sender address rejected: not owned by user {user}")
        .shows("the address of somebody else, when authenticated as alice", "MAIL FROM:<bob@{domain}>"),
    // Senders.
    rule(When::Sender("spammer"), 554, "5.7.1 Service unavailable; Client host [{client}] blocked using \
        zen.spamhaus.org; https://www.spamhaus.org/query/ip/{client}")
        .shows("a block list", "MAIL FROM:<spammer@example.com>"),
    rule(When::Sender("spf"), 550, "5.7.23 <{address}>: Sender address rejected: Message rejected due to: \
        SPF fail - not authorized")
        .shows("SPF", "MAIL FROM:<spf@example.com>"),
    rule(When::Sender("ratelimit"), 450, "4.7.1 Error: too much mail from {client}")
        .shows("a rate limit", "MAIL FROM:<ratelimit@example.com>"),
    rule(When::Sender("lookup"), 451, "4.3.0 <{address}>: Temporary lookup failure")
        .shows("trouble on the server's side", "MAIL FROM:<lookup@example.com>"),
    rule(When::Sender("nodns"), 450, "4.1.8 <{address}>: Sender address rejected: Domain not found")
        .shows("a sender domain without DNS", "MAIL FROM:<nodns@example.com>"),
    // Recipients here.
    rcpt("alice", 250, ACCEPTED).shows("a recipient that exists", "RCPT TO:<alice@{domain}>"),
    rcpt("bob", 250, ACCEPTED),
    rcpt("postmaster", 250, ACCEPTED),
    rcpt("jürgen", 250, ACCEPTED),
    rcpt("full", 452, "4.2.2 <{address}>: Recipient address rejected: Mailbox full")
        .shows("a full mailbox", "RCPT TO:<full@{domain}>").first(),
    rcpt("quota", 552, "5.2.2 <{address}>: Recipient address rejected: Quota exceeded (mailbox for user is full)")
        .shows("a full mailbox that will not be emptied", "RCPT TO:<quota@{domain}>"),
    rcpt("grey", 450, "4.7.1 <{address}>: Recipient address rejected: Greylisted, please try again later")
        .unless(Unless::TriedBefore)
        .shows("greylisting; send it twice", "RCPT TO:<grey@{domain}>").first(),
    rcpt("disabled", 550, "5.2.1 <{address}>: Recipient address rejected: Mailbox disabled")
        .shows("a disabled mailbox", "RCPT TO:<disabled@{domain}>"),
    rcpt("moved", 551, "5.1.6 User not local; please try <moved@example.net>")
        .shows("somebody who moved", "RCPT TO:<moved@{domain}>"),
    rcpt("staff", 530, "5.7.0 Authentication required").unless(Unless::Authenticated)
        .shows("a recipient for authenticated senders", "RCPT TO:<staff@{domain}>"),
    rcpt("slow", 250, ACCEPTED).how(How::After(5))
        .shows("a reply that takes five seconds", "RCPT TO:<slow@{domain}>").first(),
    rcpt("silent", 250, ACCEPTED).how(How::Silence)
        .shows("a reply that never comes", "RCPT TO:<silent@{domain}>"),
    rcpt("drop", 421, "").how(How::HangUp)
        .shows("a link that is dropped without a word", "RCPT TO:<drop@{domain}>").first(),
    rcpt("shutdown", 421, "4.3.2 {host} Service shutting down")
        .shows("a server that is going down", "RCPT TO:<shutdown@{domain}>"),
    rcpt("hurry", 250, ACCEPTED).how(How::ThenHurry(3))
        .shows("a 421 after three idle seconds, while you type", "RCPT TO:<hurry@{domain}>").first(),
    case(Case::UnknownUser, 550, "5.1.1 <{address}>: Recipient address rejected: User unknown in local recipient table")
        .shows("an unknown user", "RCPT TO:<nobody@{domain}>").first(),
    case(Case::TooManyRecipients, 452, "4.5.3 Error: too many recipients"),
    // Recipients elsewhere.
    rule(When::RecipientDomain("nullmx.example"), 556,
        "5.1.10 <{address}>: Recipient address rejected: Domain {rcpt_domain} does not accept mail (nullMX)")
        .shows("a domain that takes no mail (null MX)", "RCPT TO:<bob@nullmx.example>").first(),
    rule(When::RecipientDomain("invalid"), 550, "5.1.2 <{address}>: Recipient address rejected: Domain not found")
        .shows("a recipient domain that does not exist", "RCPT TO:<bob@nowhere.invalid>"),
    case(Case::Relay, 554, "5.7.1 <{address}>: Relay access denied")
        .shows("relay denied without AUTH", "RCPT TO:<bob@example.net>").first(),
    // Content.
    case(Case::TooBig, 552, "5.3.4 Message size exceeds fixed limit")
        .shows("a message over the size limit", "MAIL FROM:<alice@{domain}> SIZE=999999999").first(),
    rule(When::Content("GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL"), 550, "5.7.1 Message rejected as spam by content filtering")
        .shows("content refused as spam", "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"),
    rule(When::Content("EICAR-STANDARD-ANTIVIRUS-TEST-FILE"), 554, "5.7.0 Reject, id={id} - INFECTED: Eicar-Signature")
        .shows("content refused for a virus", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE"),
    rule(When::Content("Subject: dmarc"), 550, "5.7.26 Unauthenticated email from {domain} is not accepted due to \
        domain's DMARC policy")
        .shows("DMARC", "Subject: dmarc"),
    case(Case::BareLf, 550, "5.5.2 {host} Error: bare <LF> received"),
];

/// The row of a situation.
pub fn of_case(case: Case) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.when == When::Case(case))
}

/// The row of a sender's local part.
pub fn of_sender(local: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| matches!(rule.when, When::Sender(name) if name.eq_ignore_ascii_case(local)))
}

/// The row of a recipient in the server's domain.
pub fn of_recipient(local: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| matches!(rule.when, When::Recipient(name) if name.eq_ignore_ascii_case(local)))
}

/// The row of a recipient's domain.
pub fn of_recipient_domain(domain: &str) -> Option<&'static Rule> {
    let domain = domain.to_ascii_lowercase();
    let within = |name: &str| domain.strip_suffix(name).is_some_and(|d| d.is_empty() || d.ends_with('.'));
    RULES.iter().find(|rule| matches!(rule.when, When::RecipientDomain(name) if within(name)))
}

/// Puts values in the place of words in braces.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) => {
                let value = values.iter().find(|(known, _)| *known == name);
                filled.push_str(value.map_or("", |(_, value)| value));
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ReplyCode;

    #[test]
    fn every_row_is_a_lawful_reply_and_no_situation_has_two() {
        for (index, rule) in RULES.iter().enumerate() {
            assert_eq!(RULES.iter().position(|other| other.when == rule.when), Some(index), "{rule:?}");
            assert!(ReplyCode(rule.code).class().is_some(), "{rule:?}");
            let class = rule.code / 100;
            let same_class = rule.text.starts_with(&format!("{class}."));
            assert!(same_class || rule.how == How::HangUp, "enhanced code of another class: {rule:?}");
            assert_eq!(rule.what.is_empty(), rule.line.is_empty(), "{rule:?}");
        }
    }

    #[test]
    fn values_are_filled_in_once() {
        assert_eq!(fill("<{a}> {b}{", &[("a", "{b}"), ("b", "x")]), "<{b}> x{");
    }

    #[test]
    fn domains_match_whole_labels() {
        assert!(of_recipient_domain("mail.NULLMX.example").is_some());
        assert!(of_recipient_domain("notnullmx.example").is_none());
    }
}
