//! Casts as Debian's asciinema shows them in a terminal.

use std::io::Read;
use std::path::Path;
use std::process::Command;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::clients::has;

/// A server that would like to have the terminal for itself.
pub(crate) const HOSTILE: &str = "%heloise 1\n%title \\x1b]0;title\\x07\n%started 2026-11-23T19:02:11+01:00\n\n\
    0.000000 === connected 192.0.2.10:25 from 198.51.100.7:51234\n0.100000 <-  220 \\x1b]0;pwned\\x07\\x1b[2J\\x1b[31mred\\x9b\n\
    0.200000  -> EHLO \\x1bc\n0.250000 <**  502 5.5.1 no\\x0a\\x0d\\x08\\x08\n9.000000 ### note \\x1b[1A\n10.000000 === closed by=server\n";

/// A transcript as a cast: its text.
pub(crate) fn cast(transcript: &Path, version: &str) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_heloise"))
        .args(["export", "--to", "cast", "--cast-version", version])
        .arg(transcript)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// What a cast writes to the terminal.
fn output(cast: &str) -> String {
    let events = cast.lines().skip(1).map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter(|event| event[1] == "o").map(|event| event[2].as_str().unwrap().to_owned()).collect()
}

/// What asciinema writes to its terminal. It must end well.
fn asciinema(arguments: &[&str], cast: &Path) -> String {
    let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new("asciinema");
    command.args(arguments);
    command.arg(cast);
    command.env("LC_ALL", "C.UTF-8");
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let reading = std::thread::spawn(move || {
        let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
        // The end of a terminal is an error on Linux.
        while let Ok(count @ 1..) = reader.read(&mut some) {
            bytes.extend_from_slice(&some[..count]);
        }
        String::from_utf8(bytes).unwrap()
    });
    let status = child.wait().unwrap();
    drop(pair.master);
    let shown = reading.join().unwrap();
    assert!(status.success(), "asciinema {arguments:?}: {shown}");
    shown
}

/// Line ends aside, which the terminal may double.
fn plain(text: &str) -> String {
    text.replace('\r', "")
}

#[test]
fn asciinema_shows_what_the_cast_holds_and_nothing_takes_the_terminal() {
    if !has("asciinema") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let hostile = dir.path().join("hostile.heloise");
    std::fs::write(&hostile, HOSTILE).unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    for (name, path) in [
        ("hostile", hostile),
        ("delivered", samples.join("delivered.heloise")),
        ("odd-server", samples.join("odd-server.heloise")),
    ] {
        let text = cast(&path, "2");
        let file = dir.path().join(format!("{name}.cast"));
        std::fs::write(&file, &text).unwrap();
        let expected = plain(&output(&text));
        let shown = asciinema(&["cat"], &file);
        assert_eq!(plain(&shown), expected, "{name}");
        let played = asciinema(&["play", "-i", "0.01", "-s", "50"], &file);
        assert!(plain(&played).contains(&expected), "{name}: {played}");
        // Colours are the only escapes, and the cursor only goes down.
        for escape in shown.split('\x1b').skip(1) {
            let end = escape.find(|c: char| !matches!(c, '[' | ';' | '0'..='9')).unwrap();
            assert_eq!(&escape[end..=end], "m", "{name}: {escape:?}");
        }
        // Version 3, which this asciinema does not know yet, holds the same events.
        assert_eq!(output(&cast(&path, "3")), output(&text), "{name}");
    }
}
