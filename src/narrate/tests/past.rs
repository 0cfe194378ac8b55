//! What can be asked of a narrator afterwards.

use super::super::*;
use crate::explain::{Asked, Failure, explain_failure};
use crate::transcript::{ClosedBy, Reader};

/// A narrator that has told this session.
fn told(entries: &str) -> Narrator {
    let layout = Layout { level: Level::Brief, width: 90, timing: false, prompt: true };
    let mut narrator = Narrator::new(layout);
    narrator.offer(|command| Some(command.to_owned()));
    let text = format!("%heloise 1\n%target mx.example.org\n\n{entries}");
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    narrator.begin(reader.header());
    while let Some(entry) = reader.next_entry().unwrap() {
        narrator.entry(&entry, true);
    }
    narrator
}

fn back(narrator: &mut Narrator, before: usize, all: bool) -> String {
    let lines = narrator.tell_back(before, all).unwrap_or_default();
    lines.iter().map(|line| render::plain(line) + "\n").collect()
}

const ENVELOPE: &str = "\
0.0 <-  220 mx.example.org ESMTP
0.1  -> EHLO me.example
0.2 <-  250 mx.example.org
0.3  -> MAIL FROM:<a@me.example>
0.4 <-  250 2.1.0 Ok
0.5  -> RCPT TO:<b@far.example>
0.6 <** 554 5.7.1 <b@far.example>: Relay access denied
0.7  -> NOOP
";

#[test]
fn earlier_replies_are_explained_in_their_situation() {
    let mut narrator = told(&(ENVELOPE.to_owned() + "0.8 <-  250 2.0.0 Ok\n"));
    assert!(back(&mut narrator, 0, false).contains("nothing is wrong"));
    let refused = back(&mut narrator, 1, false);
    assert!(refused.starts_with("=== RCPT: 554 5.7.1 "), "{refused}");
    assert!(refused.contains("will not relay to far.example"), "{refused}");
    // What is proposed is for the one that was told last.
    assert!(narrator.offers().iter().all(|line| refused.contains(&format!(": {line}\n"))), "{refused}");
    assert!(!narrator.offers().is_empty());
    assert!(back(&mut narrator, 4, false).contains("220 mx.example.org"));
    assert_eq!(back(&mut narrator, 5, false), "");
}

#[test]
fn only_the_last_are_kept() {
    let many: String = (0..30).map(|n| format!("1.0  -> NOOP\n1.0 <-  250 {n}\n")).collect();
    let mut narrator = told(&many);
    assert!(back(&mut narrator, 19, false).contains(": 250 10\n"));
    assert_eq!(back(&mut narrator, 20, false), "");
}

#[test]
fn what_came_in_the_session_before_can_be_gone_back_to() {
    let again = "%heloise 1\n%target mx.other.example\n\n";
    let mut narrator = told(&(ENVELOPE.to_owned() + again));
    assert_eq!(back(&mut narrator, 0, false), "", "nothing has come in this one");
    let before = back(&mut narrator, 1, false);
    assert!(before.starts_with("=== in the session before: RCPT: 554 5.7.1 "), "{before}");
    assert!(!narrator.offers().is_empty());

    let mut narrator = told(&(ENVELOPE.to_owned() + again + "0.9 <-  220 mx.other.example ESMTP\n"));
    assert!(back(&mut narrator, 0, false).contains("mx.other.example"));
    assert_eq!(back(&mut narrator, 1, false), before);
    assert!(back(&mut narrator, 4, false).contains("220 mx.example.org ESMTP"));
    assert_eq!(back(&mut narrator, 5, false), "");
}

#[test]
fn a_lost_link_is_explained_and_not_the_reply_before_it() {
    let mut narrator = told(&(ENVELOPE.to_owned() + "0.8 === closed by=server\n"));
    let lost = back(&mut narrator, 0, false);
    assert!(lost.contains("the server closed the link without answering NOOP"), "{lost}");
    assert!(lost.contains("1. connect again: /reconnect"), "{lost}");
    assert_eq!(narrator.offers(), ["/reconnect"]);
    // Whoever asks about the last reply gets that.
    let last = narrator.explain_last();
    assert_eq!(last.first().map(|told| told.reason.slug()), Some("relay-denied"));
}

#[test]
fn deviations_are_explained_with_what_they_were_seen_in() {
    let mut narrator = told("0.0 <-  220 hi\n0.0 === quirk line ends in LF alone, not CRLF\n");
    let told_again = back(&mut narrator, 0, false);
    assert!(!told_again.contains("nothing is wrong"), "{told_again}");
    assert!(told_again.contains("quirk line ends in LF alone"), "{told_again}");
    assert!(told_again.contains("1. look at the bytes: /hex on"), "{told_again}");
    assert_eq!(narrator.offers(), ["/hex on"]);
    // The numbers go on behind those of a refusal.
    let refused = ENVELOPE.replace("0.7  -> NOOP", "0.7 === quirk NUL byte in the line");
    let mut narrator = told(&refused);
    let told_again = back(&mut narrator, 0, false);
    assert!(told_again.contains("will not relay"), "{told_again}");
    let offers = narrator.offers();
    assert_eq!(offers.last().map(String::as_str), Some("/hex on"));
    assert!(told_again.contains(&format!("{}. look at the bytes: /hex on", offers.len())), "{told_again}");
}

#[test]
fn failures_beside_the_session_are_kept_among_the_others() {
    let mut narrator = told(ENVELOPE);
    let asked = Asked { prompt: true, ..Asked::of("mx.example.org") };
    let refused = explain_failure(&Failure::ConnectionRefused, asked);
    let numbers = narrator.fail(&refused, 1);
    assert_eq!(numbers.len(), 1);
    let last = back(&mut narrator, 0, false);
    assert!(last.contains("     here  connection-refused: "), "{last}");
    assert!(back(&mut narrator, 1, false).starts_with("=== RCPT: 554"));
    narrator.entry(&Entry::new(Duration::ZERO, EntryKind::Info(Info::Closed { by: ClosedBy::Server })), true);
    assert!(back(&mut narrator, 0, false).contains("without answering NOOP"));
    assert!(back(&mut narrator, 1, false).starts_with("=== the link: connection-refused\n"));
}

#[test]
fn numbers_stand_for_what_is_shown_by_them() {
    let mut narrator = told(&ENVELOPE.replace("0.7  -> NOOP", "0.7 === quirk NUL byte in the line"));
    for all in [false, true] {
        let shown = back(&mut narrator, 0, all).split_whitespace().collect::<Vec<_>>().join(" ");
        let offers = narrator.offers();
        assert!(offers.len() > 1, "{shown}");
        let mut rest = shown.as_str();
        for (n, line) in offers.iter().enumerate() {
            let (_, behind) = rest.split_once(&format!(" {}. ", n + 1)).unwrap();
            let this = behind.split(&format!(" {}. ", n + 2)).next().unwrap();
            assert!(this.contains(&format!(": {line}")), "{line} in {this}");
            rest = behind;
        }
        assert!(!rest.contains(&format!(" {}. ", offers.len() + 1)), "{shown}");
    }
}

#[test]
fn other_readings_take_a_line_each_and_only_likely_ones_are_told() {
    let session = "0.0 <-  220 hi\n0.1  -> NOOP\n0.2 <** 421 4.4.2 mx.example.org timeout exceeded\n";
    let mut narrator = told(session);
    let readings = narrator.explain_last();
    let short = back(&mut narrator, 0, false);
    let best = readings[0].confidence.percent();
    let likely = readings.iter().skip(1).filter(|other| other.confidence.percent() * 3 >= best);
    assert_eq!(short.matches("     or    ").count(), likely.count(), "{short}");
    assert_eq!(short.matches("     said  ").count(), 1, "{short}");
    let whole = back(&mut narrator, 0, true);
    assert_eq!(whole.matches("     said  ").count(), readings.len(), "{whole}");
    assert!(!whole.contains("queue"), "no message was under way: {whole}");
}

#[test]
fn what_is_too_long_for_the_screen_goes_on_below() {
    let layout = Layout { level: Level::Brief, width: 60, timing: false, prompt: true };
    let mut narrator = Narrator::new(layout);
    let long = "a problem that is told in more words than a narrow screen has room for in one line";
    let entry = |kind| Entry::new(Duration::ZERO, kind);
    for kind in [EntryKind::Problem(long.to_owned()), EntryKind::Info(Info::Quirk(long.to_owned()))] {
        let lines = narrator.entry(&entry(kind), false);
        assert!(lines.len() > 1 && lines.iter().all(|line| width_of(line) <= 60), "{lines:?}");
        assert!(lines.iter().skip(1).all(|line| render::plain(line).starts_with("    ")), "{lines:?}");
    }
}

#[test]
fn a_long_challenge_goes_on_below_its_beginning() {
    use base64::Engine;
    let words = "please answer this long question of a server that is wordy about what it would like to know";
    let challenge = base64::engine::general_purpose::STANDARD.encode(words);
    let layout = Layout { level: Level::Brief, width: 60, timing: false, prompt: true };
    let mut narrator = Narrator::new(layout);
    let text = format!("%heloise 1\n%target mx.example.org\n\n0.0  -> AUTH LOGIN\n0.1 <-  334 {challenge}\n");
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    let mut lines = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        lines = narrator.entry(&entry, true);
    }
    let shown: Vec<String> = lines.iter().skip(1).map(render::plain).collect();
    let decoded: Vec<&String> = shown.iter().filter(|line| !line.contains("LOGIN")).collect();
    assert!(decoded.first().is_some_and(|line| line.starts_with("     = please answer")), "{shown:#?}");
    assert!(decoded.get(1).is_some_and(|line| line.starts_with("       ")), "{shown:#?}");
    assert!(lines.iter().skip(1).all(|line| width_of(line) <= 60), "{shown:#?}");
}

#[test]
fn who_hangs_up_after_a_refusal_is_not_said_to_have_waited() {
    let why = |entries: &str| told(entries).explain_failure().unwrap().causes.remove(0);
    let greeted = "0.0 <-  220 mx.example.org\n0.1  -> EHLO a.example\n0.2 <-  250 mx.example.org\n";
    let refused = "0.3  -> MAIL FROM:<a@a.example>\n0.4 <** 550 5.7.1 no\n";
    assert!(why(&format!("{greeted}300.5 === closed by=server\n")).contains("idle"));
    assert!(why(&format!("{greeted}0.5 === closed by=server\n")).contains("of its own accord"));
    assert!(why(&format!("{greeted}{refused}0.5 === closed by=server\n")).contains("refused before"));
}

#[test]
fn a_reply_that_breaks_off_is_told_as_one() {
    let broken = "0.0 <-  220 mx.example.org\n0.1  -> EHLO a.example\n0.2 <-  250-mx.example.org\n0.3 === closed by=server\n";
    assert!(told(broken).explain_failure().unwrap().causes[0].contains("broke off in the middle"));
}

#[test]
fn who_hangs_up_at_once_does_not_wait_for_tls() {
    let why = |entries: &str| {
        told(&format!(
            "%heloise 1\n%target mx.example.org:2525\n\n0.0 === connected 192.0.2.1:2525\n{entries}"
        ))
        .explain_failure()
        .unwrap()
    };
    let says_tls =
        |entries: &str| why(entries).causes.iter().any(|cause| cause.contains("TLS from the first byte"));
    assert!(!says_tls("0.01 === closed by=server\n"));
    assert!(says_tls("30.0 === closed by=server\n"));
}

#[test]
fn a_record_that_begins_in_mid_session_owes_no_greeting() {
    let mut narrator = told(
        "0.0 === connected 192.0.2.1:25\n1.0  -> MAIL FROM:<a@x.example>\n1.1 <-  250 2.1.0 ok\n1.2  -> RCPT TO:<b@y.example>\n\
         1.3 <** 550 5.1.1 no such user\n",
    );
    let refused = back(&mut narrator, 0, false);
    assert!(refused.contains("no mailbox b@y.example here"), "{refused}");
    assert!(back(&mut narrator, 1, false).starts_with("=== MAIL: 250 "));
}
