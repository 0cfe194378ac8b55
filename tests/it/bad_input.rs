//! A transcript with mistakes in it: what each subcommand says, and whether it goes on.

use crate::program::{arg, run, transcript};

/// A line that cannot be read; the column of the mistake, what is expected there, and what of the text is shown.
#[rustfmt::skip]
const MISTAKES: &[(&str, usize, &str, &str)] = &[
    ("what is this?", 1, "an arrow", "\"what is this?\""),
    ("1.5 ~> MAIL {secret sasl=PLAIN", 31, "} after the placeholder", "\"\""),
    ("1.5 <- 250 a\\q", 13, "\\\\, \\{, \\xHH", "\"\\\\q\""),
    ("1.5 <- 250 \\x4g", 12, "two hexadecimal digits", "\"\\\\x4g\""),
    ("1.5 <- 250 a\\nb", 13, "nothing after the mark of the line end", "\"\\\\nb\""),
    ("1. <- 250 a", 3, "digits after the point", "\" <- 250 a\""),
    ("1.5<- 250 a", 4, "a space after the time", "\"<- 250 a\""),
    ("1.5 <- 250 \u{7}bell", 12, "printable text", "\"\\x07bell\""),
    ("%he\u{e9}der x", 4, "a space after the header's name", "\"\u{e9}der x\""),
];

/// A session with this line in its middle, which is line 6.
fn with(dir: &std::path::Path, line: &str) -> std::path::PathBuf {
    transcript(dir, "bad.heloise", &format!("<- 220 mx\n -> QUIT\n{line}\n<- 221 the rest\n"))
}

#[test]
fn the_rest_is_told_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    for (line, column, expected, shown) in MISTAKES {
        let file = with(dir.path(), line);
        let forms = ["text", "markdown", "html", "json", "cast", "swaks"];
        let exports = forms.map(|form| vec!["export", "--to", form]);
        for command in
            exports.into_iter().chain([vec!["play"], vec!["play", "--no-timing", "--explain", "none"]])
        {
            let ran = run(&[command.as_slice(), &[arg(&file)]].concat());
            let said = format!("{command:?} {line:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, Some(10), "{said}");
            assert!(ran.stderr.contains(&format!("bad.heloise: line 6, column {column}: ")), "{said}");
            assert!(ran.stderr.contains(&format!("expected {expected}")), "{said}");
            assert!(ran.stderr.contains(&format!("found {shown}")), "{said}");
            assert!(ran.stdout.contains("221 the rest"), "{said}");
            assert!(!ran.all().contains('\u{7}'), "{said}");
        }
    }
}

#[test]
fn what_would_be_half_done_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (line, column, expected, shown) in MISTAKES {
        let file = with(dir.path(), line);
        let good = transcript(dir.path(), "good.heloise", "<- 220 mx\n -> QUIT\n<- 221 bye\n");
        let (bad, good) = (arg(&file), arg(&good));
        // Nothing listens there, and nobody is to try it.
        let rerun: &[&str] = &["rerun", bad, "--target", "127.0.0.1:9"];
        for command in [&["serve", bad], &["serve", good, bad] as &[&str], rerun, &["diff", good, bad]] {
            let ran = run(command);
            let said = format!("{command:?} {line:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, Some(10), "{said}");
            assert!(ran.stderr.contains(&format!("line 6, column {column}: ")), "{said}");
            assert!(ran.stderr.contains(&format!("expected {expected}")), "{said}");
            assert!(ran.stderr.contains(&format!("found {shown}")), "{said}");
            assert_eq!(ran.stdout, "", "{said}");
        }
    }
}

#[test]
fn what_is_no_transcript_at_all_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    for (bytes, words) in [
        (&b"dear diary\n"[..], "line 1, column 1: this is no Heloise transcript; expected %heloise 1"),
        (b"", "this is no Heloise transcript"),
        (b"\x7fELF\x01\x02\x00\x1b[2J", "found \"\\x7fELF\\x01\\x02\\x00\\x1b[2J\""),
        (b"%heloise 2\n<- 220 x\n", "format version 2, this program reads up to 1"),
        (b"%heloise 1\n%title \xff\n<- 220 x\n", "line 2, column 8: not UTF-8"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let file = arg(&path);
        for command in [
            &["play", file] as &[&str],
            &["export", file, "--to", "json"],
            &["serve", file],
            &["rerun", file, "--target", "127.0.0.1:9"],
            &["diff", file, file],
        ] {
            let ran = run(command);
            assert_eq!(ran.code, Some(10), "{command:?}: {}", ran.all());
            assert!(ran.stderr.contains(words), "{command:?}: {}", ran.all());
            assert!(!ran.all().contains('\x1b'), "{command:?}");
        }
    }
}

#[test]
fn many_mistakes_are_not_all_told_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "bad", &"nonsense\n".repeat(100));
    let told = |lines: &[&str]| {
        let ran = run(lines);
        assert_eq!(ran.code, Some(10));
        assert_eq!(ran.stderr.matches("expected an arrow").count(), 20, "{}", ran.stderr);
        assert!(ran.stderr.ends_with(": 80 more lines cannot be read\n"), "{}", ran.stderr);
        ran
    };
    let exported = told(&["export", arg(&file), "--to", "text"]);
    assert_eq!(exported.stdout.matches("unreadable").count(), 100);
    told(&["play", arg(&file)]);
    let file = transcript(dir.path(), "worse", &"nonsense\n".repeat(21));
    let ran = run(&["play", arg(&file)]);
    assert!(ran.stderr.ends_with(": one more line cannot be read\n"), "{}", ran.stderr);
}
