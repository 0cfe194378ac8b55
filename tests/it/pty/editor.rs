//! The line editor in a terminal.

use std::path::PathBuf;

use super::child::Steered;

fn start() -> Steered {
    Steered::start(None, &[])
}

/// A program with a history file, and the folder that holds it.
fn with_history() -> (Steered, tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state").join("history");
    (Steered::start(Some(&path), &[]), folder, path)
}

#[test]
fn a_half_typed_line_stays_intact_under_what_is_printed() {
    let mut program = start();
    program.ask("command");
    program.keys("RCPT TO:<bo");
    program.wait_last("command > RCPT TO:<bo");
    let before = program.rows().len();
    program.order("print 421 4.4.2 idle for too long");
    // The line under way is painted after what is printed above it.
    let rows = program.wait("the line stands below what was printed", |rows| {
        rows.ends_with(&["421 4.4.2 idle for too long".to_owned(), "command > RCPT TO:<bo".to_owned()])
    });
    assert_eq!(rows.len(), before + 1, "nothing but the line was added: {rows:#?}");
    program.keys("b>\r");
    assert_eq!(program.typed(), "line \"RCPT TO:<bob>\"");
    assert_eq!(program.quit(), 7);
}

#[test]
fn what_is_printed_fast_comes_in_order_without_gaps() {
    let mut program = start();
    program.ask("command");
    program.keys("NOO");
    program.wait_text("command > NOO");
    program.order("many 500");
    program.keys("P");
    let rows = program.wait("all lines are there", |rows| {
        rows.iter().any(|row| row == "line 499") && rows.last().is_some_and(|last| last == "command > NOOP")
    });
    assert_eq!(rows[..rows.len() - 1], lines_up_to(500, rows.len() - 1));
    program.keys("\r");
    assert_eq!(program.typed(), "line \"NOOP\"");
    // And without a line being typed.
    program.order("many 100");
    let rows = program.wait_last("line 99");
    assert_eq!(rows, lines_up_to(100, rows.len()));
    assert!(rows.len() > 20);
}

fn lines_up_to(end: usize, count: usize) -> Vec<String> {
    (end - count..end).map(|i| format!("line {i}")).collect()
}

#[test]
fn a_line_longer_than_the_window_stays_intact_too() {
    let mut program = start();
    program.ask("command");
    let long = format!("VRFY {}END", "x".repeat(150));
    program.keys(&long);
    program.wait_text("END");
    program.order("print above");
    // The line under way is painted after what is printed above it.
    let whole = format!("command > {long}");
    program.wait("the line stands whole below what was printed", |rows| {
        rows.iter().position(|row| row == "above").is_some_and(|at| rows[at + 1..].concat() == whole)
    });
    program.keys("\r");
    assert_eq!(program.typed(), format!("line {long:?}"));
}

#[test]
fn secrets_are_never_visible() {
    let (mut program, _folder, history) = with_history();
    program.ask("masked");
    for (typed, key) in "hunter2".chars().enumerate() {
        program.keys(key.to_string());
        program.wait_last(&format!("masked > {}", "•".repeat(typed + 1)));
    }
    program.order("print above");
    program.wait_text("above");
    program.keys("\r");
    assert_eq!(program.typed(), "line \"hunter2\"");

    program.ask("command");
    program.keys("auth plain \x1b[200~AGFsaWNlAHNlY3JldA==\x1b[201~");
    program.wait_last(&format!("command > auth plain {}", "•".repeat(20)));
    program.keys("\r");
    assert_eq!(program.typed(), "line \"auth plain AGFsaWNlAHNlY3JldA==\"");

    program.ask("command");
    program.keys("NOOP\r");
    assert_eq!(program.typed(), "line \"NOOP\"");
    program.ask("masked");
    program.keys("\x1b[A\x12hunter2\r");
    program.typed();
    program.quit();
    let received = program.received();
    assert!(!received.contains("unter") && !received.contains("AGF"), "{received:?}");
    let kept = std::fs::read_to_string(history).unwrap();
    assert_eq!(kept, "#V2\nNOOP\n");
}

#[test]
fn what_is_cut_from_a_secret_comes_back_nowhere() {
    let mut program = start();
    // Ctrl-U, Ctrl-W, Alt-Backspace, Ctrl-X Backspace; from the start of the line Ctrl-K and Alt-D.
    for keys in [
        "hunter2\x15",
        "hunter2\x17",
        "hunter2\x1b\x7f",
        "hunter2\x18\x7f",
        "hunter2\x01\x0b",
        "hunter2\x01\x1bd",
    ] {
        program.ask("masked");
        program.keys(keys);
        program.keys("x\r");
        assert_eq!(program.typed(), "line \"x\"", "{keys:?}");
        program.ask("command");
        program.keys("NOOP \x19\r");
        assert_eq!(program.typed(), "line \"NOOP \"", "{keys:?}");
    }
    // The secret of a command, too.
    program.ask("command");
    program.keys("AUTH PLAIN hunter2\x17\x15NOOP \x19\r");
    assert_eq!(program.typed(), "line \"NOOP \"");
    // What is cut from other lines comes back as ever.
    program.ask("command");
    program.keys("NOOP one two\x17\x19\r");
    assert_eq!(program.typed(), "line \"NOOP one two\"");
    program.ask("command");
    program.keys("\x15NOOP \x19\x1by\r");
    assert_eq!(program.typed(), "line \"NOOP two\"");
    program.quit();
    assert!(!program.received().contains("unter"), "{:?}", program.received());
}

#[test]
fn the_prompt_tells_when_the_session_ends_under_it() {
    let mut program = start();
    program.order("offer SIZE");
    program.order("read command of some length");
    program.wait_last("command of some length >");
    program.keys("RCPT TO:<bo");
    program.order("closed");
    program.wait_last("          (no session) ▸ RCPT TO:<bo");
    program.keys("b>\r");
    assert_eq!(program.typed(), "line \"RCPT TO:<bob>\"");
}

#[test]
fn what_is_typed_ahead_is_not_shown_and_not_lost() {
    let mut program = start();
    program.order("print started");
    program.wait_last("started");
    program.keys("hunter2\r");
    program.order("print later");
    program.wait_last("later");
    program.order("read masked");
    assert_eq!(program.typed(), "line \"hunter2\"");
    program.quit();
    assert!(!program.received().contains("hunter"));
}

#[test]
fn only_commands_enter_the_history() {
    let (mut program, _folder, history) = with_history();
    for (mode, text) in
        [("content", "Subject: x"), ("response", "YWxpY2U="), ("question", "yes"), ("command", "EHLO me")]
    {
        program.ask(mode);
        program.keys(format!("{text}\r"));
        assert_eq!(program.typed(), format!("line {text:?}"));
    }
    program.ask("command");
    program.keys("\x1b[A");
    program.wait_last("command > EHLO me");
    program.keys("\x1b[A\r");
    assert_eq!(program.typed(), "line \"EHLO me\"");
    program.ask("content");
    program.keys("\x1b[Ax\r");
    assert_eq!(program.typed(), "line \"x\"");
    program.quit();
    assert_eq!(std::fs::read_to_string(history).unwrap(), "#V2\nEHLO me\n");
}

#[test]
fn ctrl_c_drops_the_line_and_ctrl_d_ends() {
    let mut program = start();
    program.ask("command");
    program.keys("MAIL\x03");
    assert_eq!(program.typed(), "Interrupted");
    program.ask("command");
    program.keys("x\x04");
    program.keys("\x7f\x04");
    assert_eq!(program.typed(), "End");
    assert_eq!(program.quit(), 7);
}

#[test]
fn long_pastes_survive() {
    let mut program = start();
    let long: String = (0..20 * 1024).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
    for (mode, before, after) in
        [("command", "\x1b[200~", "\x1b[201~"), ("content", "\x1b[200~", "\x1b[201~"), ("content", "", "")]
    {
        program.ask(mode);
        program.keys(format!("{before}{long}{after}\r"));
        assert_eq!(program.typed(), format!("line {long:?}"), "{mode} {before:?}");
    }
    program.ask("masked");
    program.keys(format!("\x1b[200~{long}\x1b[201~\r"));
    assert_eq!(program.typed(), format!("line {long:?}"));
}

#[test]
fn several_pasted_lines_come_one_by_one() {
    let (mut program, _folder, history) = with_history();
    program.ask("content");
    program.keys("\x1b[200~one\r\n\r\n\tthree\rfour\x1b[201~ and more\r");
    for line in ["one", "", "\\tthree", "four and more"] {
        assert_eq!(program.typed(), format!("line \"{line}\""));
        program.order("read content");
    }
    // No more lines: this read asks again. The end of the paste and Enter are one line end.
    program.keys("\x1b[200~last\n\x1b[201~\r");
    assert_eq!(program.typed(), "line \"last\"");

    program.ask("command");
    program.keys("\x1b[200~EHLO me\nAUTH PLAIN x\nNOOP\x1b[201~\r");
    assert_eq!(program.typed(), "line \"EHLO me\"");
    program.ask("question");
    program.keys("no\r");
    assert_eq!(program.typed(), "line \"no\"");
    program.order("read command");
    assert_eq!(program.typed(), "line \"AUTH PLAIN x\"");
    program.wait_last("command > AUTH PLAIN •");
    program.order("read command");
    assert_eq!(program.typed(), "line \"NOOP\"");
    program.quit();
    assert_eq!(std::fs::read_to_string(history).unwrap(), "#V2\nEHLO me\nNOOP\n");
}

#[test]
fn lines_pasted_without_brackets_come_one_by_one() {
    let mut program = start();
    let lines: Vec<String> = (0..400).map(|i| format!("content line {i} {}", "x".repeat(i % 70))).collect();
    program.ask("content");
    let text = lines.join("\r") + "\r";
    program.keys(&text);
    for line in &lines {
        assert_eq!(program.typed(), format!("line {line:?}"));
        program.order("read content");
    }
}

#[test]
fn an_answer_to_one_prompt_is_not_taken_for_another() {
    let mut program = start();
    program.ask("command");
    program.keys("//y");
    program.wait_text("command > //y");
    program.order("read question");
    program.order("print there is a question");
    program.wait_text("there is a question");
    program.keys("\r");
    program.wait_last("question >");
    program.keys("no\r");
    assert_eq!(program.typed(), "line \"no\"");
    program.order("read command");
    assert_eq!(program.typed(), "line \"//y\"");
}

#[test]
fn a_resize_leaves_the_line_intact() {
    let mut program = start();
    program.ask("command");
    program.keys("RCPT TO:<somebody.with.a.long.name@an.example.org>");
    program.wait_text("an.example.org>");
    program.resize(24, 40);
    program.keys(" NOTIFY=NEVER");
    program.wait("the line is whole", |rows| {
        rows.concat().contains("RCPT TO:<somebody.with.a.long.name@an.example.org> NOTIFY=NEVER")
    });
    program.keys("\r");
    let expected = "line \"RCPT TO:<somebody.with.a.long.name@an.example.org> NOTIFY=NEVER\"";
    assert_eq!(program.typed(), expected);
}

#[test]
fn tab_completes_what_the_server_offers() {
    let mut program = start();
    program.order("offer SIZE 1000,8BITMIME,AUTH PLAIN LOGIN,DSN");
    program.ask("command");
    program.keys("mai\ta@b> BO\t8\t S\t12");
    program.wait_last("command > MAIL FROM:<a@b> BODY=8BITMIME SIZE=12");
    program.keys("\r");
    program.typed();
    program.ask("command");
    program.keys("/au\tL\t");
    program.wait_last("command > /auth LOGIN");
    program.keys("\x03");
    program.typed();
    program.ask("content");
    program.keys("a\tb\r");
    assert_eq!(program.typed(), "line \"a\\tb\"");
}

#[test]
fn hints_and_faults_are_shown_but_not_sent() {
    let mut program = start();
    program.ask("command");
    program.keys("rcpt");
    program.wait_text("rcpt TO:<");
    program.keys("\x1b[C");
    program.keys("bob");
    program.wait_last("command > rcpt TO:<bob");
    program.keys(">\r");
    assert_eq!(program.typed(), "line \"rcpt TO:<bob>\"");
    program.ask("command");
    program.keys("RCPT TO: <bob@example.org>");
    program.wait_text("<bob@example.org>   ←");
    program.keys("\r");
    assert_eq!(program.typed(), "line \"RCPT TO: <bob@example.org>\"");
    program.wait("the remark goes when Enter is pressed", |rows| {
        rows.iter().any(|row| row.contains("RCPT TO:")) && rows.iter().all(|row| !row.contains('←'))
    });
}

#[test]
fn bytes_that_are_no_text_do_not_end_the_line() {
    let mut program = start();
    program.ask("command");
    program.keys(b"NO\xff");
    program.wait("the line is back", |rows| {
        rows.iter().any(|row| row.contains("is not UTF-8 was typed"))
            && rows.last().is_some_and(|row| row.starts_with("command > NO"))
    });
    program.keys("OP\r");
    assert_eq!(program.typed(), "line \"NOOP\"");
}

#[test]
fn a_line_can_be_filled_in() {
    let mut program = start();
    program.order("fill MAIL FROM:<a@b>");
    program.wait_last("fill > MAIL FROM:<a@b>");
    program.keys(" SIZE=1\r");
    assert_eq!(program.typed(), "line \"MAIL FROM:<a@b> SIZE=1\"");
}

#[test]
fn the_terminal_is_left_as_it_was_found() {
    let mut program = start();
    let before = program.modes_at_first.clone();
    program.order("print started");
    program.wait_last("started");
    assert_ne!(program.modes(), before, "between lines nothing is echoed");
    program.ask("command");
    program.keys("//etc");
    program.wait_last("command > //etc");
    program.order("quit");
    let rows = program.wait_last("good bye");
    assert_eq!(rows[rows.len() - 2], "command > //etc");
    assert_eq!(program.end(), 7);
    assert_eq!(program.modes(), before);
    assert!(program.received().ends_with("\x1b[?2004l\r\ngood bye\r\n"), "{:?}", program.received());
}

#[test]
fn a_dumb_terminal_hides_secrets_too() {
    let mut program = Steered::start(None, &[("TERM", "dumb")]);
    program.order("print started");
    program.ask("masked");
    program.keys("hunter2\r");
    assert_eq!(program.typed(), "line \"hunter2\"");
    program.ask("command");
    program.keys("NOOP\r");
    assert_eq!(program.typed(), "line \"NOOP\"");
    program.quit();
    assert!(!program.received().contains("hunter"));
}
