//! The mechanisms that are known, and which of them to choose.

/// What a mechanism authenticates with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A password.
    Password,
    /// An OAuth 2.0 access token.
    Token,
    /// A client certificate on the TLS link.
    Certificate,
    /// Nothing.
    Nothing,
}

/// Whose code speaks for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written here.
    Ours,
    /// The crate `rsasl`.
    Rsasl,
}

/// One row of [`MECHANISMS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MechanismInfo {
    /// The name, in capitals.
    pub name: &'static str,
    /// What it authenticates with.
    pub needs: Needs,
    /// Rank among the mechanisms; a higher one is preferred.
    pub strength: u8,
    /// Whether who reads the link can read or reuse the secret.
    pub clear_text: bool,
    /// Whether it has been withdrawn, or its makers advise against it.
    pub obsolete: bool,
    /// Whether it is tied to the TLS link (`-PLUS`).
    pub binds: bool,
    /// Whether the server speaks first, so that there is no initial response.
    pub server_first: bool,
    /// Where it is specified.
    pub source: &'static str,
    /// Whose code it is.
    pub origin: Origin,
    /// What it does with the secret, as a clause for people.
    pub what: &'static str,
}

const BASE: MechanismInfo = MechanismInfo {
    name: "",
    needs: Needs::Password,
    strength: 0,
    clear_text: false,
    obsolete: false,
    binds: false,
    server_first: false,
    source: "",
    origin: Origin::Ours,
    what: "",
};

const PROVES: &str = "keeps the password off the link, and the server must prove that it knows it";
const BOUND: &str = "keeps the password off the link, and the server must prove that it knows it and is the end of this very TLS link";

/// The known mechanisms, the strongest first.
///
/// A mechanism that hides the password and was not withdrawn stands before one that shows it. What was
/// withdrawn stands behind PLAIN: under TLS it protects nothing more, and it breaks more often.
pub const MECHANISMS: &[MechanismInfo] = &[
    MechanismInfo {
        name: "EXTERNAL",
        needs: Needs::Certificate,
        strength: 100,
        source: "RFC 4422, appendix A",
        origin: Origin::Rsasl,
        what: "sends no secret; the server goes by the client certificate of the TLS link",
        ..BASE
    },
    MechanismInfo {
        name: "SCRAM-SHA-512-PLUS",
        strength: 96,
        binds: true,
        source: "draft-melnikov-scram-sha-512, RFC 5802",
        what: BOUND,
        ..BASE
    },
    MechanismInfo {
        name: "SCRAM-SHA-256-PLUS",
        strength: 94,
        binds: true,
        source: "RFC 7677",
        what: BOUND,
        ..BASE
    },
    MechanismInfo {
        name: "SCRAM-SHA-1-PLUS",
        strength: 92,
        binds: true,
        source: "RFC 5802",
        what: BOUND,
        ..BASE
    },
    MechanismInfo {
        name: "SCRAM-SHA-512",
        strength: 86,
        source: "draft-melnikov-scram-sha-512",
        what: PROVES,
        ..BASE
    },
    MechanismInfo { name: "SCRAM-SHA-256", strength: 84, source: "RFC 7677", what: PROVES, ..BASE },
    MechanismInfo { name: "SCRAM-SHA-1", strength: 82, source: "RFC 5802", what: PROVES, ..BASE },
    MechanismInfo {
        name: "OAUTHBEARER",
        needs: Needs::Token,
        strength: 60,
        clear_text: true,
        source: "RFC 7628",
        origin: Origin::Rsasl,
        what: "sends the token itself, in the standard form",
        ..BASE
    },
    MechanismInfo {
        name: "XOAUTH2",
        needs: Needs::Token,
        strength: 50,
        clear_text: true,
        source: "Google and Microsoft: the SASL XOAUTH2 mechanism",
        origin: Origin::Rsasl,
        what: "sends the token itself, in a form that Google and Microsoft introduced",
        ..BASE
    },
    MechanismInfo {
        name: "CRAM-MD5",
        strength: 30,
        server_first: true,
        source: "RFC 2195",
        what: "sends a keyed MD5 hash and not the password; the server does not prove anything",
        ..BASE
    },
    MechanismInfo {
        name: "PLAIN",
        strength: 20,
        clear_text: true,
        source: "RFC 4616",
        origin: Origin::Rsasl,
        what: "sends the password itself",
        ..BASE
    },
    MechanismInfo {
        name: "DIGEST-MD5",
        strength: 16,
        obsolete: true,
        server_first: true,
        source: "RFC 2831, made historic by RFC 6331",
        what: "sends a hash and not the password, by a method that was withdrawn",
        ..BASE
    },
    MechanismInfo {
        name: "NTLM",
        strength: 14,
        obsolete: true,
        source: "MS-NLMP, MS-SMTPNTLM",
        what: "sends a hash and not the password, by a method that Microsoft advises against",
        ..BASE
    },
    MechanismInfo {
        name: "LOGIN",
        strength: 10,
        clear_text: true,
        obsolete: true,
        server_first: true,
        source: "draft-murchison-sasl-login",
        origin: Origin::Rsasl,
        what: "sends the password itself, in a form older than PLAIN",
        ..BASE
    },
    MechanismInfo {
        name: "ANONYMOUS",
        needs: Needs::Nothing,
        strength: 1,
        source: "RFC 4505",
        origin: Origin::Rsasl,
        what: "logs in as nobody in particular",
        ..BASE
    },
];

/// The row of a mechanism, whatever the letter case.
pub fn info(name: &str) -> Option<&'static MechanismInfo> {
    MECHANISMS.iter().find(|known| known.name.eq_ignore_ascii_case(name))
}

/// Whether these bytes are the name of a mechanism of the table, whatever the letter case.
pub fn is_known(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| info(name).is_some())
}

/// What the person can authenticate with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Have {
    /// A password is at hand, or can be asked for.
    pub password: bool,
    /// An OAuth token is at hand.
    pub token: bool,
    /// A client certificate was given for the TLS link.
    pub certificate: bool,
    /// Channel binding data of the TLS link is at hand.
    pub binding: bool,
}

/// A chosen mechanism, and why not another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The mechanism, in capitals.
    pub name: &'static str,
    /// Why it was chosen, as a sentence for people.
    pub why: String,
    /// Every other offered mechanism in the order of the offer, escaped, with the reason.
    pub passed_over: Vec<(String, String)>,
}

/// The `offered` mechanisms that fit what the person has, the best first, each once. `tls` tells whether the
/// link is encrypted; if not, those that show the secret come last.
pub fn candidates(offered: &[String], have: Have, tls: bool) -> Vec<&'static MechanismInfo> {
    let mut fitting: Vec<_> =
        offered.iter().filter_map(|name| info(name)).filter(|known| unfit(known, have).is_none()).collect();
    fitting.sort_by_key(|known| std::cmp::Reverse(rank(known, tls)));
    fitting.dedup_by_key(|known| known.name);
    fitting
}

/// The first of the [`candidates`], with the reasons for it and against each other.
///
/// `None` when nothing fits.
pub fn strongest(offered: &[String], have: Have, tls: bool) -> Option<Choice> {
    let best = *candidates(offered, have, tls).first()?;
    let mut passed_over: Vec<(String, String)> = Vec::new();
    for name in offered.iter().filter(|name| !name.eq_ignore_ascii_case(best.name)) {
        let shown = super::visible(name.as_bytes());
        if passed_over.iter().all(|(seen, _)| *seen != shown) {
            passed_over.push((shown, why_not(name, best, have, tls)));
        }
    }
    let mut why = format!("{} {}", best.name, best.what);
    if best.clear_text {
        why.push_str(if tls { "; TLS protects it on the way" } else { ", over a link without TLS" });
    }
    Some(Choice { name: best.name, why, passed_over })
}

/// Order of preference. Without TLS what hides the secret comes before what shows it, whatever else.
fn rank(known: &MechanismInfo, tls: bool) -> (bool, u8) {
    (tls || !known.clear_text, known.strength)
}

fn why_not(name: &str, best: &MechanismInfo, have: Have, tls: bool) -> String {
    let Some(known) = info(name) else {
        return "not known here".to_owned();
    };
    if let Some(why) = unfit(known, have) {
        return why.to_owned();
    }
    if !tls && known.clear_text && !best.clear_text {
        return "would show the secret on a link without TLS".to_owned();
    }
    format!("weaker: {}", known.what)
}

/// Why a mechanism cannot be used with what the person has.
fn unfit(known: &MechanismInfo, have: Have) -> Option<&'static str> {
    match known.needs {
        Needs::Password if !have.password => Some("needs a password"),
        Needs::Token if !have.token => Some("needs an OAuth token"),
        Needs::Certificate if !have.certificate => Some("needs a client certificate on the TLS link"),
        Needs::Nothing => Some("would not log in as anybody; name it to use it"),
        _ if known.binds && !have.binding => Some("needs the channel binding of a TLS link"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: Have = Have { password: true, token: false, certificate: false, binding: false };

    fn offer(names: &str) -> Vec<String> {
        names.split(' ').map(str::to_owned).collect()
    }

    fn chosen(names: &str, have: Have, tls: bool) -> Option<&'static str> {
        strongest(&offer(names), have, tls).map(|choice| choice.name)
    }

    #[test]
    fn the_table_is_in_order_and_complete() {
        for pair in MECHANISMS.windows(2) {
            assert!(pair[0].strength > pair[1].strength, "{} before {}", pair[0].name, pair[1].name);
        }
        for known in MECHANISMS {
            assert_eq!(known.name, known.name.to_uppercase());
            assert!(!known.source.is_empty() && !known.what.is_empty(), "{}", known.name);
            assert_eq!(known.binds, known.name.ends_with("-PLUS"));
        }
    }

    #[test]
    fn passwords_and_tokens_choose_among_their_own() {
        assert_eq!(chosen("login plain", PASSWORD, true), Some("PLAIN"));
        assert_eq!(chosen("PLAIN LOGIN CRAM-MD5 XOAUTH2", PASSWORD, true), Some("CRAM-MD5"));
        assert_eq!(
            chosen("PLAIN LOGIN CRAM-MD5 XOAUTH2", Have { token: true, ..Have::default() }, true),
            Some("XOAUTH2")
        );
        assert_eq!(
            chosen("PLAIN SCRAM-SHA-1 SCRAM-SHA-256-PLUS SCRAM-SHA-256", PASSWORD, true),
            Some("SCRAM-SHA-256")
        );
        let bound = Have { binding: true, ..PASSWORD };
        assert_eq!(chosen("SCRAM-SHA-512 SCRAM-SHA-256-PLUS", bound, true), Some("SCRAM-SHA-256-PLUS"));
        assert_eq!(chosen("PLAIN EXTERNAL", Have { certificate: true, ..PASSWORD }, true), Some("EXTERNAL"));
        assert_eq!(chosen("DIGEST-MD5 NTLM PLAIN", PASSWORD, true), Some("PLAIN"));
        assert_eq!(chosen("DIGEST-MD5 NTLM PLAIN", PASSWORD, false), Some("DIGEST-MD5"));
        assert_eq!(chosen("XOAUTH2 GSSAPI ANONYMOUS", PASSWORD, true), None);
    }

    #[test]
    fn without_tls_hidden_secrets_come_first() {
        let both = Have { token: true, ..PASSWORD };
        assert_eq!(chosen("XOAUTH2 CRAM-MD5", both, true), Some("XOAUTH2"));
        assert_eq!(chosen("XOAUTH2 CRAM-MD5", both, false), Some("CRAM-MD5"));
        let choice = strongest(&offer("PLAIN"), PASSWORD, false).unwrap();
        assert!(choice.why.contains("without TLS"), "{}", choice.why);
    }

    #[test]
    fn candidates_come_in_order_and_once() {
        let names = |tls| -> Vec<_> {
            let both = Have { token: true, ..PASSWORD };
            let offered = offer("LOGIN XOAUTH2 cram-md5 LOGIN NTLM CRAM-MD5 X-NEW");
            candidates(&offered, both, tls).iter().map(|known| known.name).collect()
        };
        assert_eq!(names(true), ["XOAUTH2", "CRAM-MD5", "NTLM", "LOGIN"]);
        assert_eq!(names(false), ["CRAM-MD5", "NTLM", "XOAUTH2", "LOGIN"]);
    }

    #[test]
    fn every_other_mechanism_gets_its_reason_once() {
        let choice = strongest(&offer("PLAIN LOGIN LOGIN XOAUTH2 X\u{1b}Y"), PASSWORD, true).unwrap();
        let reasons: Vec<_> = choice.passed_over.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        assert_eq!(
            reasons,
            [
                "LOGIN: weaker: sends the password itself, in a form older than PLAIN",
                "XOAUTH2: needs an OAuth token",
                r"X\x1bY: not known here",
            ]
        );
    }
}
