use super::*;
use crate::transcript::Reader;
use crate::transcript::turns::turns;

fn entries(text: &str) -> Vec<Entry> {
    let file = format!("%heloise 1\n{text}");
    Reader::new(file.as_bytes()).unwrap().map(Result::unwrap).collect()
}

const SESSION: &str = "\
0.0 <- 220 x
1.0  -> EHLO laptop
1.1 <- 250 x
2.0  -> STARTTLS
2.1 <- 220 go
2.2 === tls TLSv1.3 X verified=yes
3.0  ~> AUTH LOGIN
3.1 <~ 334 VXNlcm5hbWU6
3.2  ~> {secret sasl=LOGIN what=user user=\"alice\"}
3.3 <~ 334 UGFzc3dvcmQ6
3.4  ~> {secret sasl=LOGIN what=password}
3.5 <~ 235 ok
4.0  ~> MAIL FROM:<alice@example.org>
4.1 <~ 250 ok
5.0  ~> RCPT TO:<bob@example.net>
5.1 <~ 250 ok
6.0  ~> RCPT TO:<eve@example.net>
6.1 <~* 550 no
7.0  ~> DATA
7.1 <~ 354 go
7.2  ~> hello
7.3  ~> .
7.9 <~ 250 queued
8.0 <~* 421 idle
";

fn command(line: &str) -> Said {
    let line = Payload::from_bytes(line);
    let verb = crate::wire::CommandLine::parse(line.head()).verb;
    Said::Command { verb, line, chunk: Vec::new() }
}

fn code(found: Option<Found<'_>>) -> Option<u16> {
    found.and_then(|found| found.turn.code()).map(|code| code.0)
}

#[test]
fn steps_say_what_to_do_and_how_long_to_wait() {
    let turns = turns(&entries(SESSION));
    let tasks = tasks(&turns).unwrap();
    let steps: Vec<_> = tasks.iter().map(|task| &task.step).collect();
    assert!(matches!(steps[1], Step::StartTls(_)));
    let user = Some("alice".to_owned());
    assert_eq!(*steps[2], Step::Authenticate { mechanism: "LOGIN".into(), user });
    assert_eq!(tasks[2].heard[0].code.unwrap().0, 235);
    assert_eq!(*steps[7], Step::Content(vec![Payload::from_bytes("hello")]));
    assert_eq!(steps.len(), 8);
    assert_eq!(tasks[0].pause, Some(Duration::from_secs(1)));
    assert_eq!(tasks[3].pause, Some(Duration::from_millis(500)));
}

#[test]
fn steps_that_lack_bytes_are_refused() {
    let turns = turns(&entries("<- 220 x\n -> MAIL {secret echo}\n<- 250 ok\n"));
    assert!(tasks(&turns).unwrap_err().to_string().starts_with("turn 2: \"MAIL {secret echo}\""));
}

#[test]
fn a_lenient_server_answers_by_verb_and_nearest_argument() {
    let mock = Mock::new(&entries(SESSION));
    assert_eq!((mock.implicit_tls(), mock.starttls()), (false, true));
    assert_eq!(code(mock.greeting()), Some(220));
    let place = &mut Place::default();
    let mut ask = |line: &str| code(mock.find(place, &command(line), Match::Lenient));
    assert_eq!(ask("ehlo other"), Some(250));
    assert_eq!(ask("RCPT TO:<EVE@example.net>"), Some(550));
    assert_eq!(ask("RCPT TO:<bob@example.net> NOTIFY=NEVER"), Some(250));
    assert_eq!(ask("RCPT TO:<bob@example.net>"), Some(250));
    assert_eq!(ask("VRFY x"), None);
    assert_eq!(ask("DATA"), Some(354));
    let content = Said::Content(Vec::new());
    assert_eq!(code(mock.find(place, &content, Match::Lenient)), Some(250));
    assert_eq!(code(mock.unasked(place)), Some(421));
    assert_eq!(code(mock.unasked(place)), None);
}

#[test]
fn a_lenient_server_answers_as_it_did_over_such_a_link() {
    let mock = Mock::new(&entries(
        "<- 220 x\n -> EHLO a\n<- 250 plain\n -> STARTTLS\n<- 220 go\n=== tls TLSv1.3 X verified=yes\n ~> EHLO a\n<~ 250 tls\n",
    ));
    let place = &mut Place::default();
    let ask = |place: &mut Place, line: &str| {
        let turn = mock.find(place, &command(line), Match::Lenient)?.turn;
        Some(turn.heard[0].lines[0].to_visible())
    };
    for _ in 0..3 {
        assert_eq!(ask(place, "EHLO b").unwrap(), "250 plain");
    }
    assert_eq!(ask(place, "STARTTLS").unwrap(), "220 go");
    place.secured();
    for _ in 0..3 {
        assert_eq!(ask(place, "EHLO b").unwrap(), "250 tls");
    }
    assert_eq!(ask(place, "STARTTLS"), None);
}

#[test]
fn a_strict_server_takes_the_next_command_only() {
    let mock = Mock::new(&entries(SESSION));
    let place = &mut Place::default();
    assert_eq!(code(mock.find(place, &command("NOOP"), Match::Strict)), None);
    assert_eq!(code(mock.find(place, &command("EHLO laptop"), Match::Strict)), Some(250));
    assert_eq!(mock.expected(place).unwrap().label(), "STARTTLS");
    assert_eq!(code(mock.find(place, &command("EHLO laptop"), Match::Strict)), None);
    assert_eq!(code(mock.find(place, &command("starttls"), Match::Strict)), Some(220));
    assert_eq!(code(mock.find(place, &command("AUTH LOGIN"), Match::Strict)), Some(334));
}

#[test]
fn what_was_left_out_has_its_place() {
    let fits = |recorded: &str, said: &str| {
        let mock = Mock::new(&entries(&format!("<- 220 x\n -> {recorded}\n<- 250 ok\n")));
        mock.find(&mut Place::default(), &command(said), Match::Strict).is_some()
    };
    assert!(fits("AUTH PLAIN {secret}", "auth plain AGEAYg=="));
    for said in ["AUTH PLAIN", "AUTH PLAIN ", "AUTH LOGIN AGEAYg==", "AUTHPLAIN x"] {
        assert!(!fits("AUTH PLAIN {secret}", said), "{said:?}");
    }
    assert!(!fits("AUTH PLAIN", "AUTH PLAIN AGEAYg=="));
    assert!(fits("X a{secret echo}b{secret echo}b", "X aäbcbb"));
    for said in ["X abcb", "X axbb", "X axbyc", "X axxxx", "X "] {
        assert!(!fits("X a{secret echo}b{secret echo}b", said), "{said:?}");
    }
    assert!(fits("MAIL FROM:<{secret echo}@a.example>", "MAIL FROM:<Tr0ub4dor@a.example>"));
    assert!(!fits("MAIL FROM:<{secret echo}@a.example>", "MAIL FROM:<Tr0ub4dor@b.example>"));
}

#[test]
fn the_size_of_the_message_may_differ() {
    let fits = |recorded: &str, said: &str| {
        let mock = Mock::new(&entries(&format!("<- 220 x\n -> {recorded}\n<- 250 ok\n")));
        mock.find(&mut Place::default(), &command(said), Match::Strict).is_some()
    };
    for said in ["MAIL FROM:<a@x>", "MAIL FROM:<a@x> SIZE=1", "mail FROM:<a@x> size=12345678"] {
        assert!(fits("MAIL FROM:<a@x> SIZE=100", said) && fits("MAIL FROM:<a@x>", said), "{said}");
    }
    for said in
        ["MAIL FROM:<b@x> SIZE=100", "MAIL FROM:<a@x> SIZE=100 BODY=8BITMIME", "MAIL FROM:<a@x> SIZE=x"]
    {
        assert!(!fits("MAIL FROM:<a@x> SIZE=100", said), "{said}");
    }
    assert!(fits("BDAT 10 LAST", "BDAT 7 LAST") && !fits("BDAT 10 LAST", "BDAT 10"));
}

#[test]
fn redacted_secrets_match_whatever_they_are() {
    let mock = Mock::new(&entries("<- 220 x\n -> AUTH PLAIN {secret sasl=PLAIN user=\"a\"}\n<- 235 ok\n"));
    for how in [Match::Strict, Match::Lenient] {
        let place = &mut Place::default();
        assert_eq!(code(mock.find(place, &command("AUTH PLAIN AGFsaWNlAHBhc3M="), how)), Some(235));
    }
    let recorded =
        "<- 220 x\n -> {secret}\n<** 502 a\n -> NOOP {secret echo} and {secret echo} b\n<- 250 b\n";
    let mock = Mock::new(&entries(recorded));
    for how in [Match::Strict, Match::Lenient] {
        let place = &mut Place::default();
        assert_eq!(code(mock.find(place, &command("VHIwdWI0ZG9yJjN4"), how)), Some(502), "{how:?}");
        assert_eq!(code(mock.find(place, &command("noop x and b and y b"), how)), Some(250), "{how:?}");
    }
    let implicit = Mock::new(&entries("=== tls TLSv1.3 X verified=yes\n<~ 220 x\n"));
    assert!(implicit.implicit_tls());
}
