//! A cause or a fix as it stands in a table: `[conditions] text => command`, taken apart when the table is read, as
//! a log asks for the same few rows over and over.

use serde::{Deserialize, Deserializer};

use super::template::{split_command, split_conditions};

/// A row of causes or fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The row as it is written.
    pub written: &'static str,
    /// Under which conditions it applies; all where it has none.
    pub conditions: Option<&'static str>,
    /// What to say; a template.
    pub text: Template,
    /// What to type, in a fix that has a command; a template.
    pub command: Option<Template>,
}

/// A text, perhaps with names in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// The text.
    pub text: &'static str,
    /// Whether there is something in braces to fill in.
    pub open: bool,
}

impl From<&'static str> for Template {
    fn from(text: &'static str) -> Template {
        Template { text, open: memchr::memchr(b'{', text.as_bytes()).is_some() }
    }
}

impl From<&'static str> for Advice {
    fn from(written: &'static str) -> Advice {
        let (conditions, rest) = match split_conditions(written) {
            Some((conditions, text)) => (Some(conditions), text),
            None => (None, written),
        };
        let (text, command) = split_command(rest);
        Advice { written, conditions, text: text.into(), command: command.map(Template::from) }
    }
}

impl<'de: 'static> Deserialize<'de> for Advice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Advice, D::Error> {
        <&'static str>::deserialize(deserializer).map(Advice::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_apart() {
        let row = Advice::from("[tls, not-live] say {user} => /auth PLAIN");
        assert_eq!(row.conditions, Some("tls, not-live"));
        assert_eq!(row.text, Template { text: "say {user}", open: true });
        assert_eq!(row.command, Some(Template { text: "/auth PLAIN", open: false }));
        let plain = Advice::from("wait > an hour");
        assert_eq!((plain.conditions, plain.text.text, plain.command), (None, "wait > an hour", None));
    }
}
