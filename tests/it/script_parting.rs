//! How a script ends, and what it does not send: the message of a DATA that was refused, and lines for a link that is gone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use crate::binary::{Heloise, Run};

/// A server that refuses DATA and takes all else; it returns what it was told, and closes behind QUIT.
fn without_data() -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut link, _) = listener.accept().unwrap();
        link.write_all(b"220 hi\r\n").unwrap();
        let mut reader = BufReader::new(link.try_clone().unwrap());
        let (mut seen, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).unwrap_or(0) > 0 {
            let reply = match line.trim_end() {
                "DATA" => "554 5.5.1 no valid recipients\r\n",
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            seen.push_str(&line);
            let quit = line.starts_with("QUIT");
            line.clear();
            link.write_all(reply.as_bytes()).unwrap();
            if quit {
                break;
            }
        }
        // What the client sends all the same is still heard.
        link.shutdown(Shutdown::Write).unwrap();
        let _ = reader.read_to_string(&mut seen);
        seen.replace("\r\n", "\n")
    });
    (addr, thread)
}

fn run(args: &[&str], input: &str) -> (Run, String) {
    let (addr, server) = without_data();
    let run = Heloise::new().run(&[args, &[&addr.to_string()]].concat(), input.as_bytes());
    (run, server.join().unwrap())
}

#[test]
fn to_leave_is_to_say_quit() {
    let (typed, seen) = run(&[], "EHLO x\n/quit\n");
    assert_eq!((typed.code, seen.as_str()), (Some(0), "EHLO x\nQUIT\n"), "{}", typed.all());
    assert!(typed.stdout.contains(" -> QUIT\n<-  221 bye\n"), "{}", typed.all());
    let (given, seen) = run(&["-c", "NOOP", "-c", "/q", "-c", "NOOP"], "");
    assert_eq!((given.code, seen.as_str()), (Some(0), "NOOP\nQUIT\n"), "{}", given.all());
}

/// Its lines are no commands, whatever they look like.
#[test]
fn the_message_behind_a_refused_data_is_passed_over() {
    let message = "Subject: x\n\nQUIT if you like\nMAIL FROM:<a@x>\n..\n.\n";
    let (piped, seen) = run(&["--keep-going"], &format!("EHLO x\nDATA\n{message}NOOP\nQUIT\n"));
    assert_eq!((piped.code, seen.as_str()), (Some(5), "EHLO x\nDATA\nNOOP\nQUIT\n"), "{}", piped.all());
    assert!(piped.stderr.contains("the message was passed over"), "{}", piped.all());
    let lines: Vec<&str> = message.lines().flat_map(|line| ["-c", line]).collect();
    let args = [&["--keep-going", "-c", "DATA"], &lines[..], &["-c", "NOOP"]].concat();
    let (given, seen) = run(&args, "");
    assert_eq!(seen, "DATA\nNOOP\nQUIT\n", "{}", given.all());
    let (empty, seen) = run(&["--keep-going"], "DATA\n.\nNOOP\n");
    assert_eq!(seen, "DATA\nNOOP\nQUIT\n", "{}", empty.all());
}

/// Whoever tries the order of commands sends DATA to see it refused.
#[test]
fn commands_behind_a_refused_data_are_sent() {
    let (tried, seen) = run(&["--keep-going"], "DATA\nRSET\n/note next\nDATA\n/note again\nNOOP\n.\nQUIT\n");
    assert_eq!(seen, "DATA\nRSET\nDATA\nNOOP\n.\nQUIT\n", "{}", tried.all());
}

#[test]
fn what_was_not_sent_any_more_is_not_shown_as_sent() {
    let (addr, server) = without_data();
    let heloise = Heloise::new();
    let record = heloise.path("r.heloise");
    let mut child = heloise.command(&["--record", &record, &addr.to_string()]).spawn().unwrap();
    let mut script = child.stdin.take().unwrap();
    script.write_all(b"EHLO x\nQUIT\n").unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(shown.any(|line| line == "=== closed by=server"));
    let _ = script.write_all(b"NOOP\n");
    drop(script);
    assert_eq!(shown.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(child.wait().unwrap().code(), Some(8));
    assert_eq!(server.join().unwrap(), "EHLO x\nQUIT\n");
    assert!(!std::fs::read_to_string(record).unwrap().contains("NOOP"));
}
