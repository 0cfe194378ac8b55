//! A message built from its parts: header, text, HTML, attachments (RFC 5322, RFC 2045 to 2049).
//!
//! What is built is ASCII throughout, whatever it says: bodies are encoded as they need it, header text as in
//! RFC 2047. The one exception are addresses that only SMTPUTF8 can carry (RFC 6532).

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;

use crate::wire::escape::visible;

use super::address::{AddressError, Person, parse_list};

/// Header fields that hold addresses.
const ADDRESS_FIELDS: [&str; 11] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
];

/// Header fields of which there is one, made here unless they are given.
const OWN_FIELDS: [&str; 6] = ["From", "To", "Cc", "Subject", "Date", "Message-ID"];

/// Header fields that describe the body as it is built, and cannot be chosen.
const BODY_FIELDS: [&str; 3] = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"];

/// The longest line of a message, without its CRLF (RFC 5322 §2.1.1).
const LINE_LIMIT: usize = 998;

/// Why a header field cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A line end or another control character, by which a further field could be smuggled in.
    #[error("the {0} holds a line end or another control character; a header field is one line of text")]
    Control(&'static str),
    /// No `Name: value`.
    #[error("\"{0}\" is no header field; write 'Name: value'")]
    NoField(String),
    /// A field that describes the body.
    #[error(
        "{0} says how the body is encoded, which follows from the body; give the whole message with --eml to choose it"
    )]
    OfBody(&'static str),
    /// An address field that holds something else.
    #[error("{0}: {1}")]
    Address(String, AddressError),
}

/// A header field that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: String,
    value: String,
    /// The addresses, in a field of addresses.
    people: Vec<Person>,
}

impl Field {
    /// Reads `Name: value`.
    ///
    /// # Errors
    /// When it is no field, or one that cannot be chosen.
    pub fn parse(text: &str) -> Result<Field, HeaderError> {
        check_text("header field", text)?;
        let (name, value) =
            text.split_once(':').ok_or_else(|| HeaderError::NoField(visible(text.as_bytes())))?;
        // RFC 5322 §2.2: printable ASCII without the colon.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HeaderError::NoField(visible(text.as_bytes())));
        }
        if let Some(of_body) = BODY_FIELDS.iter().find(|of_body| of_body.eq_ignore_ascii_case(name)) {
            return Err(HeaderError::OfBody(of_body));
        }
        let known = OWN_FIELDS.iter().chain(&ADDRESS_FIELDS).find(|known| known.eq_ignore_ascii_case(name));
        let name = known.map_or(name, |known| *known).to_owned();
        let value = value.trim().to_owned();
        let people = match ADDRESS_FIELDS.contains(&name.as_str()) {
            true => parse_list(&value).map_err(|error| HeaderError::Address(name.clone(), error))?,
            false => Vec::new(),
        };
        Ok(Field { name, value, people })
    }

    /// Its addresses, if it is a field of addresses.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn written(&self) -> HeaderType<'_> {
        match (self.people.as_slice(), self.value.is_ascii()) {
            ([], true) => Raw::new(self.value.as_str()).into(),
            ([], false) => Text::new(self.value.as_str()).into(),
            (people, _) => addresses(people),
        }
    }
}

/// Refuses text that would not stay on its line.
///
/// # Errors
/// [`HeaderError::Control`], with `what` as the name of the text.
pub fn check_text(what: &'static str, text: &str) -> Result<(), HeaderError> {
    match text.chars().any(|c| c.is_control() && c != '\t') {
        true => Err(HeaderError::Control(what)),
        false => Ok(()),
    }
}

/// A file that goes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The name that the receiver sees.
    pub name: String,
    /// Its media type, guessed from the name.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl Attachment {
    /// A file with the type that its name tells.
    pub fn new(name: String, content: Vec<u8>) -> Attachment {
        let media_type = mime_guess::from_path(&name).first_or_octet_stream().essence_str().to_owned();
        Attachment { name, media_type, content }
    }

    fn part(&self) -> MimePart<'_> {
        let content = self.content.as_slice();
        let is_text = self.media_type.starts_with("text/") && std::str::from_utf8(content).is_ok();
        if self.media_type == "message/rfc822" && is_plain(content) {
            // RFC 2046 §5.2.1 lets no other encoding be put around a message.
            let part = MimePart::new("message/rfc822", content).transfer_encoding("7bit");
            return part.attachment(self.name.as_str());
        }
        let content_type = match self.media_type.as_str() {
            "message/rfc822" => ContentType::new("application/octet-stream"),
            media_type if is_text => ContentType::new(media_type).attribute("charset", "utf-8"),
            // Text in an unknown charset is kept byte for byte.
            media_type if media_type.starts_with("text/") => ContentType::new("application/octet-stream"),
            media_type => ContentType::new(media_type),
        };
        MimePart::new(content_type, content).attachment(self.name.as_str())
    }
}

/// Whether content may stand in a message without an encoding.
fn is_plain(content: &[u8]) -> bool {
    content.is_ascii()
        && !content.contains(&0)
        && content.split(|byte| *byte == b'\n').all(|line| line.len() <= LINE_LIMIT)
}

/// The parts of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Who writes; nothing for the null sender.
    pub from: Option<Person>,
    /// Whom to, as the message says.
    pub to: Vec<Person>,
    /// Who gets a copy.
    pub cc: Vec<Person>,
    /// The subject.
    pub subject: String,
    /// The text; nothing if there is HTML alone.
    pub text: Option<String>,
    /// The same in HTML.
    pub html: Option<String>,
    /// Fields that were asked for. One of a name that is made here takes its place.
    pub fields: Vec<Field>,
    /// Files that go along.
    pub attachments: Vec<Attachment>,
    /// The time, with this machine's offset.
    pub date: DateTime<FixedOffset>,
    /// The identifier, without angle brackets.
    pub message_id: String,
    /// This machine's name, for a message without a sender.
    pub host: String,
}

impl Draft {
    /// The message, with CRLF line ends.
    pub fn build(&self) -> Vec<u8> {
        let mut builder = MessageBuilder::new();
        for (name, value) in self.own_fields() {
            if !self.fields.iter().any(|field| field.is(name)) {
                builder = builder.header(name, value);
            }
        }
        for field in &self.fields {
            builder = builder.header(field.name.as_str(), field.written());
        }
        if let Some(text) = &self.text {
            builder = builder.text_body(text.as_str());
        }
        if let Some(html) = &self.html {
            builder = builder.html_body(html.as_str());
        }
        if !self.attachments.is_empty() {
            builder.attachments = Some(self.attachments.iter().map(Attachment::part).collect());
        }
        let mut out = Vec::new();
        builder.serialize(&mut out);
        out
    }

    fn own_fields(&self) -> Vec<(&'static str, HeaderType<'_>)> {
        let from = match &self.from {
            Some(person) => addresses(std::slice::from_ref(person)),
            // A From field is never empty (RFC 5322 §3.6.2).
            None => {
                let email = format!("MAILER-DAEMON@{}", self.host);
                Address::new_address(Some("Mail Delivery System"), email).into()
            }
        };
        let mut fields = vec![("From", from)];
        let named = |people: &[Person]| people.iter().any(|person| person.mailbox().is_some());
        for (name, people) in [("To", &self.to), ("Cc", &self.cc)] {
            if named(people) {
                fields.push((name, addresses(people)));
            }
        }
        fields.push(("Subject", Text::new(self.subject.as_str()).into()));
        fields.push(("Date", Raw::new(self.date.to_rfc2822()).into()));
        fields.push(("Message-ID", Raw::new(format!("<{}>", self.message_id)).into()));
        fields
    }
}

fn addresses(people: &[Person]) -> HeaderType<'_> {
    let one = |person: &Person| {
        let mailbox = person.mailbox()?;
        Some(Address::new_address(person.name.clone().map(Cow::Owned), mailbox.to_string()))
    };
    Address::new_list(people.iter().filter_map(one).collect()).into()
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};

    use super::super::address::parse_list;
    use super::*;

    fn draft() -> Draft {
        Draft {
            from: parse_list("Älice <alice@example.org>").unwrap().pop(),
            to: parse_list("bob@example.net, \"Carol, C.\" <carol@example.net>").unwrap(),
            cc: Vec::new(),
            subject: "Grüße aus der Prüfung".to_owned(),
            text: Some("Hällo\n.\nFrom here\n".to_owned()),
            html: None,
            fields: Vec::new(),
            attachments: Vec::new(),
            date: DateTime::parse_from_rfc3339("2026-11-25T13:30:12+01:00").unwrap(),
            message_id: "1.2@example.org".to_owned(),
            host: "laptop.example.org".to_owned(),
        }
    }

    fn text_of(draft: &Draft) -> String {
        String::from_utf8(draft.build()).unwrap()
    }

    #[test]
    fn a_message_reads_back_as_it_was_meant() {
        let built = draft().build();
        assert!(built.is_ascii() && built.split(|b| *b == b'\n').all(|line| line.len() <= 79));
        let read = MessageParser::new().parse(&built).unwrap();
        let from = read.from().unwrap().first().unwrap();
        assert_eq!((from.name(), from.address()), (Some("Älice"), Some("alice@example.org")));
        let to: Vec<_> = read.to().unwrap().iter().map(|a| (a.name(), a.address())).collect();
        assert_eq!(to, [(None, Some("bob@example.net")), (Some("Carol, C."), Some("carol@example.net"))]);
        assert_eq!(read.subject(), Some("Grüße aus der Prüfung"));
        assert_eq!(read.message_id(), Some("1.2@example.org"));
        assert_eq!(read.date().unwrap().to_rfc3339(), "2026-11-25T13:30:12+01:00");
        assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n"), "Hällo\n.\nFrom here\n");
        assert!(text_of(&draft()).contains("MIME-Version: 1.0\r\n"));
    }

    #[test]
    fn html_and_attachments_have_their_places() {
        let all: Vec<u8> = (0..=255).collect();
        let draft = Draft {
            html: Some("<p>Hällo</p>".to_owned()),
            attachments: vec![
                Attachment::new("bild ü.png".to_owned(), all.clone()),
                Attachment::new("notes.txt".to_owned(), "ein Wörtchen\n".into()),
                Attachment::new("mail.eml".to_owned(), b"Subject: in\n\nner\n".to_vec()),
                Attachment::new("latin.txt".to_owned(), vec![0xe4, b'\n']),
            ],
            ..draft()
        };
        let built = draft.build();
        let read = MessageParser::new().parse(&built).unwrap();
        assert_eq!(read.content_type().unwrap().subtype(), Some("mixed"));
        assert_eq!(read.body_html(0).unwrap(), "<p>Hällo</p>");
        let parts: Vec<_> = read.attachments().collect();
        let names: Vec<_> = parts.iter().map(|part| part.attachment_name().unwrap()).collect();
        assert_eq!(names, ["bild ü.png", "notes.txt", "mail.eml", "latin.txt"]);
        let kinds: Vec<String> = parts
            .iter()
            .map(|part| {
                part.content_type().map(|t| format!("{}/{}", t.ctype(), t.subtype().unwrap())).unwrap()
            })
            .collect();
        assert_eq!(kinds, ["image/png", "text/plain", "message/rfc822", "application/octet-stream"]);
        assert_eq!(parts[0].contents(), all);
        assert_eq!(parts[1].contents(), "ein Wörtchen\n".as_bytes());
        assert_eq!(parts[2].message().unwrap().subject(), Some("in"));
        assert_eq!(parts[3].contents(), [0xe4, b'\n']);
    }

    #[test]
    fn fields_are_added_or_take_the_place_of_ours() {
        let field = |text: &str| Field::parse(text).unwrap();
        let fields =
            vec![field("X-Tag: ünd"), field("subject: another"), field("reply-to: Zoë <z@x.example>")];
        let text = text_of(&Draft { fields, ..draft() });
        assert_eq!(text.matches("Subject:").count(), 1);
        let read = MessageParser::new().parse(text.as_bytes()).unwrap();
        assert_eq!(read.subject(), Some("another"));
        assert!(text.contains("X-Tag: =?utf-8?B?w7xuZA==?=\r\n"), "{text}");
        assert_eq!(read.reply_to().unwrap().first().unwrap().name(), Some("Zoë"));
    }

    #[test]
    fn nothing_is_smuggled_into_a_header() {
        for text in ["X: a\r\nBcc: b@c", "X: a\nb", "X\r\n: a", "X: \u{0}"] {
            assert_eq!(Field::parse(text), Err(HeaderError::Control("header field")), "{text:?}");
        }
        for text in ["X a", ": a", "X Y: a", "Ü: a"] {
            assert!(matches!(Field::parse(text), Err(HeaderError::NoField(_))), "{text:?}");
        }
        assert!(matches!(Field::parse("content-type: text/html"), Err(HeaderError::OfBody("Content-Type"))));
        assert!(matches!(Field::parse("Reply-To: nobody"), Err(HeaderError::Address(..))));
        assert!(check_text("subject", "a\rb").is_err() && check_text("subject", "a\tb").is_ok());
    }

    #[test]
    fn without_a_sender_or_visible_recipients_it_is_still_a_message() {
        let draft = Draft { from: None, to: parse_list("postmaster").unwrap(), ..draft() };
        let text = text_of(&draft);
        assert!(text.contains("<MAILER-DAEMON@laptop.example.org>"), "{text}");
        assert!(!text.contains("\r\nTo:"), "{text}");
    }
}
