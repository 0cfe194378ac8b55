//! Sessions told from transcripts: what was learnt before a reply shows beside it.

mod past;

use super::*;
use crate::explain::Explanation;
use crate::transcript::Reader;

/// Everything that is told beside the last reply of a session with `target`.
fn last(target: &str, lines: &str) -> Explanation {
    let text = format!("%heloise 1\n%target {target}\n\n{lines}\n");
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    let entries: Vec<Entry> = reader.by_ref().map(Result::unwrap).collect();
    let layout = Layout { level: Level::Full, width: 100, timing: false, prompt: true };
    let mut narrator = Narrator::new(layout);
    narrator.greet_as("me.example");
    narrator.begin(reader.header());
    for entry in &entries {
        narrator.entry(entry, false);
    }
    narrator.explain_last().remove(0)
}

fn smtp(lines: &str) -> Explanation {
    last("smtp://mx.example.org", &["<- 220 mx.example.org", lines].join("\n"))
}

fn headline(told: &Explanation) -> &str {
    told.inferred.as_ref().map_or("", |inferred| &inferred.text)
}

fn commands(told: &Explanation) -> Vec<&str> {
    told.fixes.iter().filter_map(|fix| fix.command.as_deref()).collect()
}

const GREETED: &str = "-> EHLO a.example\n<- 250-mx\n<- 250-CHUNKING\n<- 250 SIZE 20";
const ENVELOPE: &str = "-> MAIL FROM:<a@a.example> SIZE=10\n<- 250 ok\n-> RCPT TO:<b@b.example>\n<- 250 ok";

#[test]
fn in_lmtp_each_reply_to_the_content_is_about_its_recipient() {
    let accepted = |name| format!("-> RCPT TO:<{name}@b.example>\n<- 250 ok");
    let refused = "-> RCPT TO:<x@b.example>\n<- 550 no";
    for replies in 1..=3 {
        let content = "-> DATA\n<- 354 go\n-> hello\n-> .".to_owned();
        let mut lines = vec!["<- 220 mx".to_owned(), "-> LHLO a.example".into(), "<- 250 mx".into()];
        lines.extend(["-> MAIL FROM:<a@a.example>\n<- 250 ok".into(), accepted("one"), refused.into()]);
        lines.extend([accepted("two"), accepted("three"), content]);
        lines.extend(std::iter::repeat_n("<- 550 5.1.1 unknown user".to_owned(), replies));
        let told = last("lmtp://mx.example.org", &lines.join("\n"));
        let name = ["one", "two", "three"][replies - 1];
        assert_eq!(headline(&told), format!("no mailbox {name}@b.example here"));
    }
}

#[test]
fn of_several_recipients_none_is_blamed_for_the_content() {
    let of = |more: &str| {
        let told = smtp(&format!(
            "{GREETED}\n{ENVELOPE}\n{more}-> DATA\n<- 354 go\n-> x\n-> .\n<- 550 5.1.1 unknown user"
        ));
        assert!(!commands(&told).iter().any(|c| c.starts_with("RCPT")), "{:?}", commands(&told));
        headline(&told).to_owned()
    };
    assert_eq!(of(""), "no mailbox b@b.example here");
    assert_eq!(of("-> RCPT TO:<c@b.example>\n<- 250 ok\n"), "no mailbox of that name here");
}

#[test]
fn the_size_is_that_declared_and_then_that_of_the_content() {
    let cause = |lines: &str| smtp(&format!("{GREETED}\n{lines}")).causes[0].to_string();
    let big = "<- 552 5.3.4 Message size exceeds fixed limit";
    assert_eq!(
        cause(&format!("-> MAIL FROM:<a@a.example> SIZE=21\n<- 250 ok\n-> RCPT TO:<b@b.example>\n{big}")),
        "the message has 21 octets; the server takes 20"
    );
    let content = "-> 1234567890\n-> ..34567890\n-> .";
    assert_eq!(
        cause(&format!("{ENVELOPE}\n-> DATA\n<- 354 go\n{content}\n{big}")),
        "the message has 23 octets; the server takes 20"
    );
    let chunks = "-> BDAT 12\n-> 1234567890\n<- 250 ok\n-> BDAT 12 LAST\n-> 1234567890";
    assert_eq!(
        cause(&format!("{ENVELOPE}\n{chunks}\n{big}")),
        "the message has 24 octets; the server takes 20"
    );
}

#[test]
fn an_address_that_was_refused_is_not_proposed() {
    let order = "<- 503 5.5.1 Bad sequence of commands";
    let told =
        smtp(&format!("{GREETED}\n-> MAIL FROM:<a@a.example>\n<- 550 no\n-> RCPT TO:<b@b.example>\n{order}"));
    assert_eq!(commands(&told), ["MAIL FROM:<you@example.org>"]);
    let told = smtp(&format!(
        "{GREETED}\n-> MAIL FROM:<a@a.example>\n<- 530 login\n-> RCPT TO:<b@b.example>\n{order}"
    ));
    assert_eq!(commands(&told), ["MAIL FROM:<a@a.example>"]);
    let sender = "-> MAIL FROM:<a@a.example>\n<- 250 ok";
    let told = smtp(&format!("{GREETED}\n{sender}\n-> RCPT TO:<b@b.example>\n<- 550 no\n-> DATA\n{order}"));
    assert_eq!(commands(&told)[0], "RCPT TO:<them@example.net>");
}

#[test]
fn the_greeting_that_is_proposed_has_the_name_of_the_session() {
    let order = "<- 503 5.5.1 Error: send HELO/EHLO first";
    assert_eq!(commands(&smtp(&format!("-> MAIL FROM:<a@a.example>\n{order}"))), ["EHLO me.example"]);
    let again = smtp(&format!("-> HELO b.example\n<- 250 mx\n-> AUTH PLAIN\n{order}"));
    assert_eq!(commands(&again), ["EHLO b.example"]);
    let lmtp = last("lmtp://mx.example.org", &format!("<- 220 mx\n-> MAIL FROM:<a@a.example>\n{order}"));
    assert_eq!(commands(&lmtp), ["LHLO me.example"]);
}

#[test]
fn after_xclient_the_session_starts_over() {
    let lines =
        format!("{GREETED}\n-> XCLIENT NAME=x\n<- 220 mx\n-> MAIL FROM:<a@a.example>\n<- 503 5.5.1 no");
    let told = smtp(&lines);
    assert_eq!(told.causes[0], "EHLO has to come first");
    assert_eq!(commands(&told), ["EHLO a.example"]);
}

#[test]
fn chunks_and_data_have_their_order() {
    let order = "<- 503 5.5.1 Bad sequence of commands";
    let cause = |lines: &str| smtp(&format!("{GREETED}\n{lines}\n{order}")).causes[0].to_string();
    assert!(cause("-> BDAT 3 LAST\n-> a").contains("MAIL must come before BDAT"));
    assert!(
        cause("-> MAIL FROM:<a@a.example>\n<- 250 ok\n-> BDAT 3 LAST\n-> a")
            .contains("RCPT must come before")
    );
    assert!(cause(&format!("{ENVELOPE}\n-> BDAT 3\n-> a\n<- 250 ok\n-> DATA")).contains("cannot be mixed"));
    assert!(cause(&format!("{ENVELOPE}\n-> AUTH PLAIN")).contains("a transaction is open"));
}
