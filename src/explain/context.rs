//! What the conditions and names in the texts of the tables stand for, in a situation.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;
use std::time::Duration;

use super::text::{address_in, addresses_in, domain_in};
use super::{Situation, tables};
use crate::session::Phase;
use crate::wire::{CommandLine, Verb};

/// What conditions and names are looked up in.
pub(crate) struct Context<'a> {
    /// The situation.
    pub situation: &'a Situation<'a>,
    /// The reply code, or 0.
    pub code: u16,
    /// The first digit of the code, or of the enhanced code where there is no other; or 0.
    pub class: u16,
    /// What the server said: most replies about an address name it.
    pub said: &'a str,
    /// The first address that it names, once that was asked for.
    pub named: OnceCell<Option<&'a str>>,
    /// Whether an address that it names is the sender's.
    pub named_is_sender: bool,
    /// The provider, by name.
    pub provider: Option<&'static str>,
    /// The command that was sent, mended, where that is possible.
    pub mended: Option<String>,
    /// Where and how the command breaks the grammar.
    pub place: Option<String>,
}

impl Context<'_> {
    /// Whether a condition holds; nothing where it is not known, or no condition at all.
    pub(crate) fn condition(&self, name: &str) -> Option<bool> {
        let s = self.situation;
        let live = |value: bool| s.live.then_some(value);
        let verb = s.verb_name();
        let at = |names: &[&str]| Some(verb.is_some_and(|v| names.contains(&v)));
        let earlier = |slugs: &[&str]| Some(s.earlier.iter().any(|e| slugs.contains(e)));
        match name {
            "live" => Some(s.live),
            "tls" => Some(s.tls),
            "plain" => live(!s.tls).or(s.tls.then_some(false)),
            "no-ehlo" => live(s.capabilities.is_none()),
            "helo-given" => Some(s.greeted == Some(&Verb::Helo)),
            "transaction-open" => self.transaction_open(),
            "data-amid-bdat" => Some(s.verb == Some(&Verb::Data) && s.stood == Some(Phase::Bdat)),
            "authenticated" => Some(s.authenticated.is_some()),
            "unauthenticated" => live(s.authenticated.is_none()),
            "auth-offered" => Some(s.capabilities.is_some_and(|c| !c.mechanisms().is_empty())),
            "auth-not-offered" => Some(s.capabilities.is_some_and(|c| c.mechanisms().is_empty())),
            // Nothing offered in clear, and not asked again since.
            "auth-after-tls" => Some(
                s.tls && s.capabilities.is_none() && s.before_tls.is_some_and(|c| !c.mechanisms().is_empty()),
            ),
            "starttls-offered" => Some(!s.tls && s.capabilities.is_some_and(|c| c.has("STARTTLS"))),
            "starttls-not-offered" => Some(!s.tls && s.capabilities.is_some_and(|c| !c.has("STARTTLS"))),
            "starttls-vanished" => earlier(&["starttls-vanished"]),
            "temporary" => Some(self.class == 4),
            "permanent" => Some(self.class == 5),
            "code-500" | "code-501" | "code-502" | "code-504" | "code-555" => {
                Some(name.strip_prefix("code-").and_then(|code| code.parse().ok()) == Some(self.code))
            }
            "positive" => Some(self.class == 2),
            "intermediate" => Some(self.class == 3),
            "login-known" => Some(s.login.is_some()),
            "login-full" => Some(s.login.is_some_and(|user| user.contains('@'))),
            "login-short" => Some(s.login.is_some_and(|user| !user.contains('@'))),
            "size-known" => Some(self.sizes().is_some()),
            "size-unlisted" => Some(s.capabilities.is_some() && self.limit().is_none()),
            "over-size" => Some(self.sizes().is_some_and(|(size, limit)| size > limit)),
            // Where nobody says what became of it, the code does.
            "waits" => Some(!s.live && s.returned.map_or(self.class == 4, |returned| !returned)),
            "returned" => Some(!s.live && s.returned == Some(true)),
            "under-declared" => {
                Some(s.announced.zip(s.declared_size).is_some_and(|(announced, size)| announced < size))
            }
            "first-recipient" => Some(verb == Some("RCPT") && s.stood == Some(Phase::Mail)),
            "no-base64" => Some(s.no_base64),
            "cancelled" => Some(verb == Some("AUTH") && s.command == Some(b"*")),
            "waited" => s.idle.map(|idle| idle >= A_WHILE),
            "idle" => s.idle.map(|idle| idle >= IDLE),
            "amid-reply" => Some(s.amid_reply),
            "null-sender" => Some(s.sender == Some("")),
            "sender-known" => Some(s.sender.is_some_and(|a| !a.is_empty())),
            "recipient-known" => Some(s.recipient.is_some()),
            "forward-named" => Some(self.forward().is_some()),
            "at-connect" => at(&["CONNECT"]),
            "at-ehlo" => at(&["EHLO", "HELO", "LHLO"]),
            "at-mail" => at(&["MAIL"]),
            "at-rcpt" => at(&["RCPT"]),
            "at-data" => at(&["DATA", "BDAT", "BURL"]),
            "at-content" => Some(s.phase == Phase::Data),
            "at-auth" => at(&["AUTH"]),
            "at-quit" => at(&["QUIT"]),
            "at-starttls" => at(&["STARTTLS"]),
            "missing-ehlo" | "missing-mail" | "missing-rcpt" => {
                Some(self.missing() == name.strip_prefix("missing-"))
            }
            "token-sent" => s.mechanism.map(takes_token),
            "certificate-sent" => s.mechanism.map(|m| m.eq_ignore_ascii_case("EXTERNAL")),
            // Where the mechanism is not known, it most probably takes a password.
            "secret-sent" => s.mechanism.map(takes_password).or(Some(true)),
            "mechanism-offered" => Some(self.mechanism_offered() == Some(true)),
            "mechanism-not-offered" => Some(self.mechanism_offered() == Some(false)),
            "auth-failed-before" => earlier(&["credentials-rejected", "account-locked", "auth-mechanism"]),
            // By a reply, and not by the end of the link itself.
            "refused-before" => Some(s.earlier.iter().any(|slug| tables::reason(slug).is_some())),
            "relay-denied-before" => earlier(&["relay-denied"]),
            "host-named" => {
                let host = s.host.map(host_alone);
                Some(host.is_some_and(|host| !asks_mx_of_address(&format!("heloise --mx {host}"))))
            }
            "certificate-given" => Some(s.asked.options.iter().any(|option| option.starts_with("--cert "))),
            "by-starttls" => Some(s.asked.starttls),
            "by-mx" => Some(s.asked.target.is_some_and(|target| target.starts_with("--mx "))),
            "port-25" | "port-465" | "port-587" => {
                let port = s.asked.target.and_then(port_of);
                Some(port.is_some() && name.strip_prefix("port-").and_then(|p| p.parse().ok()) == port)
            }
            "mended" => Some(self.mended.is_some()),
            "placed" => Some(self.place.is_some()),
            _ if name.starts_with("login-is-") => {
                s.login.map(|login| name.strip_prefix("login-is-") == Some(login))
            }
            "linked" => Some(memchr::memmem::find(s.reply.bytes(), b"://").is_some()),
            "utf8" => Some(s.command.is_some_and(|c| !c.is_ascii())),
            _ => None,
        }
    }

    /// The size of the message and the server's limit, in octets, where both are known.
    fn sizes(&self) -> Option<(u64, u64)> {
        Some((self.situation.declared_size?, self.limit()?))
    }

    /// The size that EHLO lists; 0 stands for none (RFC 1870 §3).
    fn limit(&self) -> Option<u64> {
        self.situation.capabilities?.size_limit().filter(|limit| *limit > 0)
    }

    /// Whether a transaction is open once the reply has come.
    fn transaction_open(&self) -> Option<bool> {
        let stood = self.situation.stood.filter(|_| self.situation.live)?;
        Some(self.code != 421 && matches!(stood, Phase::Mail | Phase::Rcpt | Phase::Bdat))
    }

    /// Which command had to come before the one that was refused.
    fn missing(&self) -> Option<&'static str> {
        let s = self.situation;
        if !s.live {
            return None;
        }
        let greeted = s.greeted.is_some() || s.capabilities.is_some();
        match (s.verb_name()?, s.stood.unwrap_or(s.phase)) {
            // HELO brings no extensions (RFC 5321 §2.2.1).
            ("STARTTLS", _) if s.tls => None,
            ("AUTH" | "STARTTLS", Phase::Ready) if s.capabilities.is_none() => Some("ehlo"),
            ("MAIL", Phase::Ready) if !greeted => Some("ehlo"),
            // Some servers do without a greeting, and say what they do want.
            ("DATA" | "BDAT" | "RCPT", Phase::Ready) if !greeted && !self.names("MAIL") => Some("ehlo"),
            ("DATA" | "BDAT" | "RCPT", Phase::Ready) => Some("mail"),
            ("DATA" | "BDAT", Phase::Mail) => Some("rcpt"),
            _ => None,
        }
    }

    /// Whether a word stands in what the server said.
    fn names(&self, word: &str) -> bool {
        let bare =
            |said: &str| said.trim_matches(|c: char| !c.is_ascii_alphanumeric()).eq_ignore_ascii_case(word);
        self.said.split_ascii_whitespace().any(bare)
    }

    fn mechanism_offered(&self) -> Option<bool> {
        let mechanism = self.situation.mechanism?;
        let offered = self.situation.capabilities?.mechanisms();
        Some(offered.iter().any(|m| m.eq_ignore_ascii_case(mechanism)))
    }

    /// What a name stands for.
    pub(crate) fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let s = self.situation;
        match name {
            "recipient" => filled(self.recipient()),
            "recipient_domain" => self.recipient().and_then(domain).map(Cow::Borrowed),
            "taker" if s.verb_name() == Some("CONNECT") => Some(Cow::Borrowed("this host")),
            "taker" => self.recipient().and_then(domain).or(Some("this domain")).map(Cow::Borrowed),
            "sender" => filled(self.sender()),
            "sender_domain" => self.sender_domain().map(Cow::Borrowed),
            "host" => filled(s.host.map(host_alone)),
            "client" => filled(s.client),
            "ehlo" => Some(Cow::Borrowed(if s.lmtp { "LHLO" } else { "EHLO" })),
            "target" => self.target().map(Cow::Owned),
            "address" => self.bare_target().and_then(address_of).map(Cow::Owned),
            "sender_before" => filled(s.sender.filter(|a| !a.is_empty()).or(s.sender_before)),
            "recipient_before" => filled(s.recipient.or(s.recipient_before)),
            "forward" => filled(self.forward()),
            "user" => filled(s.authenticated),
            "account" => filled(s.authenticated.filter(|user| user.contains('@'))),
            "expected" => self.expected().map(Cow::Owned),
            "known_verb" => self.known_verb().map(Cow::Owned),
            "verb" => filled(s.verb.map(Verb::as_str)),
            "mechanism" => filled(s.mechanism),
            "password_mechanism" => self.password_mechanism().map(Cow::Owned),
            "announced" => s.announced.map(|n| Cow::Owned(n.to_string())),
            "mechanisms" => self.mechanisms().map(|list| Cow::Owned(list.join(" "))),
            "other_mechanisms" => self.other_mechanisms().map(Cow::Owned),
            "best_mechanism" => self.best_mechanism().map(Cow::Owned),
            "size" => s.declared_size.map(|n| Cow::Owned(n.to_string())),
            "limit" => self.limit().map(|n| Cow::Owned(n.to_string())),
            "code" => (self.code > 0).then(|| Cow::Owned(self.code.to_string())),
            "provider" => self.provider.map(Cow::Borrowed),
            "mended" => self.mended.as_deref().map(Cow::Borrowed),
            "place" => self.place.as_deref().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// The target with the option that makes TLS begin as it did.
    pub(super) fn target(&self) -> Option<String> {
        let upgrades = self.situation.asked.starttls
            || self.submission_server().is_some_and(|server| server.starts_with("submission:"));
        let starttls = if upgrades { "--starttls " } else { "" };
        Some(format!("{starttls}{}", self.bare_target()?))
    }

    /// Of a reply out of a log: the server as people hand mail in there, if it is one that the tables know.
    fn submission_server(&self) -> Option<&'static str> {
        let asked = self.situation.asked.target.is_some();
        let host = self.situation.host.filter(|_| !asked).map(host_alone)?;
        let known = super::rules::providers().iter().flat_map(|provider| &provider.submission);
        known.copied().find(|server| host_alone(server).eq_ignore_ascii_case(host))
    }

    /// The target as the person asked for it, else the host, if it can stand in a command line.
    pub(super) fn bare_target(&self) -> Option<&str> {
        let host = self.situation.host.filter(|host| is_harmless_to_shells(host));
        self.situation
            .asked
            .target
            .or_else(|| self.submission_server())
            .or(host)
            .filter(|target| !target.is_empty())
    }

    /// The codes with which the command is accepted.
    fn expected(&self) -> Option<String> {
        let verb = self.situation.verb_name()?;
        let codes: &[u16] = match (self.situation.phase, tables::command(verb)) {
            (Phase::Greeting, _) => &[220],
            (Phase::Data, _) => &[250],
            (_, row) => &row?.expected,
        };
        Some(codes.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "))
    }

    /// The verb, if it is one; else that of the command as it was mended.
    fn known_verb(&self) -> Option<String> {
        let known = |verb: &Verb| !matches!(verb, Verb::Other(_));
        let mended = self.mended.as_deref().map(|line| CommandLine::parse(line.as_bytes()).verb);
        let verb = self.situation.verb.filter(|verb| known(verb)).cloned().or(mended.filter(known))?;
        Some(verb.as_str().to_owned())
    }

    fn named(&self) -> Option<&str> {
        *self.named.get_or_init(|| address_in(self.said))
    }

    fn recipient(&self) -> Option<&str> {
        self.situation.recipient.or_else(|| self.named().filter(|_| !self.named_is_sender))
    }

    /// The address that the reply names beside the recipient's.
    fn forward(&self) -> Option<&str> {
        let recipient = self.recipient()?;
        addresses_in(self.said).find(|address| !address.eq_ignore_ascii_case(recipient))
    }

    fn sender(&self) -> Option<&str> {
        self.situation.sender.or_else(|| self.named().filter(|_| self.named_is_sender))
    }

    /// The domain that mail is said to come from: a filter may mean that of the From header, and says so.
    fn sender_domain(&self) -> Option<&str> {
        let said = domain_in(self.said).filter(|_| self.named_is_sender);
        said.or_else(|| self.sender().and_then(domain))
    }

    fn mechanisms(&self) -> Option<Vec<String>> {
        let s = self.situation;
        let list = s.capabilities.or(s.before_tls)?.mechanisms();
        (!list.is_empty()).then_some(list)
    }

    /// The mechanisms offered, but for the one that was tried.
    fn other_mechanisms(&self) -> Option<String> {
        let tried = self.situation.mechanism.unwrap_or_default();
        let mut list = self.mechanisms()?;
        list.retain(|mechanism| !mechanism.eq_ignore_ascii_case(tried));
        (!list.is_empty()).then(|| list.join(" "))
    }

    /// The mechanism tried, if it takes a password; else the best that does.
    fn password_mechanism(&self) -> Option<String> {
        let tried = self.situation.mechanism.filter(|tried| takes_password(tried)).map(str::to_owned);
        tried.or_else(|| self.best_mechanism().filter(|best| takes_password(best)))
    }

    /// The strongest mechanism offered that Heloise can do, and that was not the one just refused.
    fn best_mechanism(&self) -> Option<String> {
        let offered = self.mechanisms()?;
        // 504 and 534 find fault with the mechanism, where 535 does with the password.
        let refused = self.situation.mechanism.filter(|_| matches!(self.code, 504 | 534));
        let left = |ours: &&&str| !refused.is_some_and(|refused| refused.eq_ignore_ascii_case(ours));
        OURS.iter().filter(left).find(|ours| offered.iter().any(|m| m == *ours)).map(|m| (*m).to_owned())
    }
}

/// The mechanisms that Heloise can do, strongest first; what takes a token last.
const OURS: [&str; 9] = [
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "OAUTHBEARER",
    "XOAUTH2",
];

/// A server that hangs up sooner has not waited for anything.
const A_WHILE: Duration = Duration::from_secs(3);

/// A server that hangs up sooner does so for another reason than that nothing was said. The limits that are known begin at a
/// minute; RFC 5321 §4.5.3.2.7 has five.
const IDLE: Duration = Duration::from_secs(30);

fn takes_token(mechanism: &str) -> bool {
    mechanism.eq_ignore_ascii_case("XOAUTH2") || mechanism.eq_ignore_ascii_case("OAUTHBEARER")
}

fn takes_password(mechanism: &str) -> bool {
    !takes_token(mechanism) && !mechanism.eq_ignore_ascii_case("EXTERNAL")
}

/// All conditions and names, for the tests of the tables.
#[cfg(test)]
pub(crate) const CONDITIONS: &str = "live tls plain authenticated unauthenticated auth-offered auth-not-offered \
     auth-after-tls starttls-offered starttls-not-offered starttls-vanished temporary permanent size-known over-size \
     null-sender sender-known recipient-known forward-named at-connect at-ehlo at-mail at-rcpt at-data at-auth at-starttls \
     missing-ehlo missing-mail missing-rcpt token-sent certificate-sent secret-sent mechanism-offered mechanism-not-offered \
     auth-failed-before relay-denied-before refused-before mended placed utf8 code-500 code-501 code-502 code-504 code-555 \
     login-is-apikey no-ehlo helo-given transaction-open data-amid-bdat size-unlisted at-content at-quit \
     waits returned certificate-given under-declared first-recipient no-base64 cancelled waited idle amid-reply \
     login-known login-full login-short linked positive intermediate host-named by-starttls by-mx port-25 port-465 port-587";

/// All names that may stand in braces.
#[cfg(test)]
pub(crate) const NAMES: &str = "recipient recipient_domain sender sender_domain host target user verb mechanism \
     mechanisms best_mechanism size limit code provider mended place client sender_before recipient_before \
     known_verb expected address forward ehlo account other_mechanisms password_mechanism announced taker";

/// Whether a command asks for the MX of what has none: an IP address, an address literal, or a name without a dot.
pub(super) fn asks_mx_of_address(command: &str) -> bool {
    let asked = command.strip_prefix("heloise --mx ");
    asked.is_some_and(|name| !name.contains('.') || name.starts_with('[') || name.parse::<IpAddr>().is_ok())
}

/// Whether a text can stand in a command line as it is: no shell acts on it, and it is no option.
pub(super) fn is_harmless_to_shells(text: &str) -> bool {
    !text.starts_with('-') && text.chars().all(|c| c.is_alphanumeric() || "@._+-=:[]/%,".contains(c))
}

/// A value that is known and not empty.
fn filled(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.filter(|text| !text.is_empty()).map(Cow::Borrowed)
}

/// The domain of a mail address.
fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// The host of a target without its scheme and port, so that another can be proposed.
pub(super) fn host_alone(target: &str) -> &str {
    split_target(target).1
}

/// The port of a target; that of its scheme where none is named.
fn port_of(target: &str) -> Option<u16> {
    let (scheme, _, port) = split_target(target);
    port.or(match scheme {
        "" | "smtp" => Some(25),
        "smtps" => Some(465),
        "submission" => Some(587),
        _ => None,
    })
}

/// The host with its port. A mail domain has none: its hosts are others.
fn address_of(target: &str) -> Option<String> {
    let port = port_of(target).filter(|_| !target.starts_with("--mx "))?;
    Some(format!("{}:{port}", host_alone(target)))
}

/// A target as its scheme, its host, and the port that is named.
fn split_target(target: &str) -> (&str, &str, Option<u16>) {
    let words = target.strip_prefix("--mx ").unwrap_or(target);
    let (scheme, bare) = words.split_once("://").unwrap_or(("", words));
    match bare.rsplit_once(':').map(|(host, port)| (host, port.parse().ok())) {
        Some((host, Some(port))) if host.ends_with(']') || !host.contains(':') => (scheme, host, Some(port)),
        _ => (scheme, bare, None),
    }
}

#[cfg(test)]
mod tests {
    use super::host_alone;

    #[test]
    fn another_port_can_be_proposed_for_a_host() {
        for (target, host) in [
            ("mx.example.org", "mx.example.org"),
            ("mx.example.org:25", "mx.example.org"),
            ("submission://mx.example.org:2587", "mx.example.org"),
            ("[2001:db8::1]:25", "[2001:db8::1]"),
            ("2001:db8::1", "2001:db8::1"),
            ("smtps://mx.example.org", "mx.example.org"),
        ] {
            assert_eq!(host_alone(target), host);
        }
    }
}
