//! Secrets that stand beside a session in what people typed: as arguments of commands, in settings, in calls.

use super::shell_words::{Word, word_at};
use super::words;

/// A secret: where it stands, what it is without quotes and escapes, and whether it is worth hunting for elsewhere. A
/// word of a sentence is not.
pub(super) struct Argument {
    pub word: Word,
    pub is_sure: bool,
}

/// Where secrets stand in a command line, or in what tells of one: in order of where they begin.
pub(super) fn arguments(text: &str) -> Vec<Argument> {
    let mut found = Vec::new();
    options(text, &mut found);
    user_options(text, &mut found);
    urls(text, &mut found);
    settings(text, &mut found);
    calls(text, &mut found);
    messages(text, &mut found);
    encoded(text, &mut found);
    pairs(text, &mut found);
    found.retain(|argument| is_shown(argument.word.text()));
    found.sort_by_key(|argument| (argument.word.range.start, argument.word.range.end, !argument.is_sure));
    found.dedup_by(|next, first| next.word.range == first.word.range);
    found
}

/// Whether a text is a command line that turns something into base64, or back: its output is the next line.
pub(super) fn tells_base64(text: &str) -> bool {
    text.contains("base64") && (PRINTERS.iter().any(|name| text.contains(name)) || text.contains("<<<"))
}

/// Whether this is a secret and not what tools and people write in the place of one.
fn is_shown(value: &str) -> bool {
    let stars = value.bytes().all(|b| matches!(b, b'*' | b'x' | b'X'));
    !stars && !value.starts_with(['{', '(', '<', '$', '-', '`']) && !words::is_no_secret(value)
}

fn sure_unless_plain(word: Word) -> Argument {
    let is_sure = word.is_quoted || !words::is_plain_word(word.text());
    Argument { word, is_sure }
}

/// Goes through the places where a name stands: `take` gets its begin and its end, and may return where to go on. No place
/// within what was taken is looked at, so that a long line takes no long time.
fn each(text: &str, name: &str, mut take: impl FnMut(usize, usize) -> Option<usize>) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(name)).map(|at| from + at) {
        let end = at + name.len();
        from = take(at, end).unwrap_or(end).max(end);
    }
}

/// Whether a word begins at `at`.
fn is_fresh(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|before| !before.ends_with(|c: char| !c.is_whitespace()))
}

/// Options of swaks, curl and kin whose argument is a secret.
const OPTIONS: [&str; 8] = [
    "--auth-password",
    "-ap",
    "--password",
    "--passwd",
    "--pass",
    "-xp",
    "--oauth2-bearer",
    "--proxy-password",
];

/// Options whose argument is `NAME:SECRET`.
const WITH_NAME: [&str; 2] = ["--user", "--proxy-user"];

fn options(text: &str, found: &mut Vec<Argument>) {
    let is_command = text.contains("swaks ") || text.contains("curl ");
    let all = OPTIONS.iter().map(|name| (name, false)).chain(WITH_NAME.iter().map(|name| (name, true)));
    for (option, named) in all {
        each(text, option, |at, end| {
            let rest = text.get(end..)?;
            let behind = rest.strip_prefix('=').unwrap_or(rest.trim_start());
            let word = word_at(text, text.len() - behind.len())
                .filter(|_| is_fresh(text, at) && behind.len() < rest.len())?;
            let begin = word.range.start;
            let word = if named { word.behind(text, ":")? } else { word };
            let end = word.range.end.max(begin);
            let argument = sure_unless_plain(word);
            found.push(Argument { is_sure: argument.is_sure || is_command, ..argument });
            Some(end)
        });
    }
}

/// Options of curl that have no argument and may stand before `u` in the same word: `-vu NAME:SECRET`.
const FLAGS: &str = "#012346BGIJLNORSZafgijklnpqsv";

/// curl's `-u`, with its argument behind it in the same word or in the next.
fn user_options(text: &str, found: &mut Vec<Argument>) {
    each(text, "-", |at, end| {
        let flags = text.get(end..)?.trim_start_matches(|c| FLAGS.contains(c));
        let glued = flags.strip_prefix(['u', 'U']).filter(|_| is_fresh(text, at))?;
        let apart = glued.trim_start();
        // Other tools have other words that begin so.
        if apart.len() == glued.len() && !text.contains("curl") {
            return None;
        }
        let word = word_at(text, text.len() - apart.len())?.behind(text, ":")?;
        let end = word.range.end;
        found.push(Argument { word, is_sure: true });
        Some(end)
    });
}

/// `smtp://alice:secret@mx.example.org`
fn urls(text: &str, found: &mut Vec<Argument>) {
    each(text, "://", |_, begin| {
        let rest = text.get(begin..)?;
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"')).unwrap_or(rest.len());
        let authority = rest.get(..end)?;
        let user = authority.get(..authority.rfind('@')?)?;
        let secret = begin + user.find(':')? + 1..begin + user.len();
        let word = Word::plain(text, secret)?;
        found.push(Argument { word, is_sure: true });
        Some(begin + end)
    });
}

/// Words that name a secret where a value is set, and whether they do so at the end of any longer name.
const NAMES: [(&str, bool); 9] = [
    ("password", true),
    ("passwd", true),
    ("passphrase", true),
    ("apikey", true),
    ("api_key", true),
    ("pass", false),
    ("pwd", false),
    ("secret", false),
    ("token", false),
];

/// `SMTP_PASS='secret'`, `$mail->Password = "secret";`, `{"password": "secret"}`, `password = secret`
fn settings(text: &str, found: &mut Vec<Argument>) {
    let lower = text.to_ascii_lowercase();
    for (name, anywhere) in NAMES {
        each(&lower, name, |at, end| {
            let before = text.get(..at)?.chars().next_back().unwrap_or(' ');
            let humps = before.is_lowercase() && text.get(at..)?.starts_with(char::is_uppercase);
            if !anywhere && before.is_alphanumeric() && !humps {
                return None;
            }
            let rest = text.get(end..)?;
            let rest = rest.strip_prefix(['\'', '"']).unwrap_or(rest);
            let rest = rest.strip_prefix(']').unwrap_or(rest).trim_start();
            let (value, colon) = match rest.strip_prefix(':') {
                Some(value) => (value.strip_prefix('=').unwrap_or(value), !value.starts_with('=')),
                None => (rest.strip_prefix("=>").or_else(|| rest.strip_prefix('='))?, false),
            };
            let value = value.trim_start();
            // Two equals signs compare.
            let word = word_at(text, text.len() - value.len()).filter(|_| !value.starts_with('='))?;
            let said = word.text();
            // Short numbers count things, and a colon stands in sentences, too.
            let counts = said.len() < 4 && said.bytes().all(|b| b.is_ascii_digit());
            let speaks = colon && !word.is_quoted && (words::is_plain_word(said) || name == "token");
            if counts || speaks {
                return None;
            }
            let end = word.range.end;
            found.push(sure_unless_plain(word));
            Some(end)
        });
    }
}

/// So far behind the bracket of a call its second argument is looked for.
const LONGEST_NAME: usize = 256;

/// `smtp.login('alice', 'secret')`, `$smtp->auth("alice", "secret")`
fn calls(text: &str, found: &mut Vec<Argument>) {
    for name in ["login(", "auth("] {
        each(text, name, |_, begin| {
            let first = text.get(begin..)?.trim_start();
            let end = match first.starts_with(['\'', '"']) {
                true => word_at(text, text.len() - first.len())?.end,
                false => begin,
            };
            let second = second_string(text, end);
            let end = second.as_ref().map_or(end, |word| word.end);
            found.extend(second.map(|word| Argument { word, is_sure: true }));
            Some(end)
        });
    }
}

/// The string behind the next comma.
fn second_string(text: &str, from: usize) -> Option<Word> {
    let comma = text.get(from..)?.bytes().take(LONGEST_NAME).position(|b| b == b',')?;
    let second = text.get(from + comma + 1..)?.trim_start();
    let second = second.strip_prefix('b').unwrap_or(second);
    second.starts_with(['\'', '"']).then(|| word_at(text, text.len() - second.len()))?
}

/// How programs and shells write the NUL of a message of PLAIN (RFC 4616), longest first.
const NULS: [&str; 5] = ["\\u0000", "\\x00", "\\000", "\\0", "^@"];

/// No longer name is looked for before a NUL.
const LONGEST_MESSAGE: usize = 1024;

/// `printf '\0alice\0secret'`
fn messages(text: &str, found: &mut Vec<Argument>) {
    for nul in NULS {
        each(text, nul, |at, _| {
            let rest = text.get(at..)?;
            if NULS.iter().find(|longest| rest.starts_with(**longest)) != Some(&nul) {
                return None;
            }
            let before = text.as_bytes().get(..at)?;
            let quoted = |b: u8| matches!(b, b'\'' | b'"');
            let ends = |b: &u8| b.is_ascii_whitespace() || quoted(*b);
            let length = before.iter().rev().take(LONGEST_MESSAGE).take_while(|b| !ends(b)).count();
            let opened = at.checked_sub(length + 1).filter(|at| before.get(*at).is_some_and(|b| quoted(*b)));
            let word = word_at(text, opened.unwrap_or(at - length))?;
            let end = word.end;
            let parts = word.text().matches(nul).count();
            if let Some(word) = word.behind(text, nul).and_then(|rest| rest.behind(text, nul))
                && parts == 2
            {
                found.push(Argument { word, is_sure: true });
            }
            Some(end)
        });
    }
}

/// What stands before a text that is turned into base64.
const PRINTERS: [&str; 5] = ["echo ", "printf ", "<<<", "encode_base64(", "b64encode("];

/// `echo -n secret | base64`. It may be the user's name.
fn encoded(text: &str, found: &mut Vec<Argument>) {
    if !text.contains("base64") {
        return;
    }
    for name in PRINTERS {
        each(text, name, |_, begin| {
            let mut rest = text.get(begin..)?.trim_start();
            while name.ends_with(' ') && rest.starts_with('-') {
                rest = rest.get(rest.find(char::is_whitespace)?..)?.trim_start();
            }
            if name.ends_with('(') {
                rest = rest.strip_prefix('b').filter(|rest| rest.starts_with(['\'', '"'])).unwrap_or(rest);
            }
            let mut word = word_at(text, text.len() - rest.len())?;
            // The format of printf.
            if word.text().contains("%s") {
                let rest = text.get(word.end..)?.trim_start();
                word = word_at(text, text.len() - rest.len())?;
            }
            let end = word.range.end;
            let message = NULS.iter().any(|nul| word.text().contains(nul));
            if !message && !words::is_address(word.text().as_bytes()) {
                found.push(Argument { word, is_sure: false });
            }
            Some(end)
        });
    }
}

/// `login alice password secret` as in `.netrc`, and `pass secret` alone.
fn pairs(text: &str, found: &mut Vec<Argument>) {
    let all: Vec<(usize, &str)> = words_of(text).collect();
    let is = |at: Option<usize>, names: &[&str]| {
        let word = at.and_then(|at| all.get(at)).map(|(_, word)| *word);
        word.is_some_and(|word| names.iter().any(|name| name.eq_ignore_ascii_case(word)))
    };
    for (at, (begin, word)) in all.iter().enumerate().skip(1) {
        let named = is(at.checked_sub(1), &["pass", "password", "passwd"]);
        let placed = all.len() == 2 || is(at.checked_sub(3), &["login", "user"]);
        if named && placed && !word.starts_with(['=', ':']) {
            found.extend(word_at(text, *begin).map(sure_unless_plain));
        }
    }
}

/// The words of a text, and where they begin.
fn words_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    let pieces = text.split_inclusive(char::is_whitespace).map(move |piece| {
        let at = from;
        from += piece.len();
        (at, piece.trim_end())
    });
    pieces.filter(|(_, word)| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<&str> {
        arguments(text).iter().map(|argument| &text[argument.word.range.clone()]).collect()
    }

    #[test]
    fn secrets_are_found_in_commands_settings_and_calls() {
        for line in [
            "$ swaks -t b@y -a LOGIN -au alice -ap s3cr3t-Pa55word -s mx",
            "$ swaks --auth-password=s3cr3t-Pa55word",
            "Cmd Line = swaks --auth-password 's3cr3t-Pa55word' --dump",
            "        password       = 's3cr3t-Pa55word'",
            "% curl -v --user 'alice@example.org:s3cr3t-Pa55word' smtp://mx",
            "curl -u alice:s3cr3t-Pa55word",
            "curl -ualice:s3cr3t-Pa55word",
            "curl -svu 'alice:s3cr3t-Pa55word'",
            "curl smtp://alice%40example.org:s3cr3t-Pa55word@mx:25",
            "$ HELOISE_PASSWORD='s3cr3t-Pa55word' heloise mx",
            "HELOISE_TOKEN=\"s3cr3t-Pa55word\" heloise mx",
            "export SMTP_PASS=s3cr3t-Pa55word",
            "$mail->Password = 's3cr3t-Pa55word';",
            "'smtpPassword' => \"s3cr3t-Pa55word\",",
            "auth: { user: 'alice', pass: 's3cr3t-Pa55word' }",
            "Pass: s3cr3t-Pa55word",
            "  s.login('alice', 's3cr3t-Pa55word')",
            "s.login(user, \"s3cr3t-Pa55word\")",
            "pass s3cr3t-Pa55word",
            "machine mx login alice password s3cr3t-Pa55word",
            "$ printf '\\0alice\\0s3cr3t-Pa55word' | base64",
            "$ echo -ne \"\\x00alice\\x00s3cr3t-Pa55word\" | openssl base64",
            "perl -MMIME::Base64 -e 'print encode_base64(\"\\000alice\\000s3cr3t-Pa55word\")'",
            "$ echo -n s3cr3t-Pa55word | base64",
            "$ printf '%s' 's3cr3t-Pa55word' | base64",
            "$ base64 <<< s3cr3t-Pa55word",
        ] {
            assert_eq!(shown(line), ["s3cr3t-Pa55word"], "{line}");
        }
        assert_eq!(shown("swaks -ap 's3cr3t'\\''Pa55word' -s mx"), ["'s3cr3t'\\''Pa55word'"]);
        assert_eq!(arguments("swaks -ap 's3cr3t'\\''Pa55word'")[0].word.text(), "s3cr3t'Pa55word");
        assert_eq!(shown("curl -u a:first smtp://b:second@x"), ["first", "second"]);
    }

    #[test]
    fn other_words_are_none() {
        for line in [
            "password = *",
            "password = {secret}",
            "passwordeval = (not set)",
            "the password was wrong",
            "swaks -ap -s mx",
            "curl smtp://mx.example.org:25/a@b",
            "curl -u alice",
            "swaks -ap '$PASSWORD'",
            "hide password = FALSE",
            "password required",
            "spf=pass dkim=pass",
            "bypass=s3cr3t, compass: 'north'",
            "if pass == 's3cr3t'",
            "30 tests: pass=29 fail=1",
            "the password: mandatory",
            "$ echo -n alice@example.org | base64",
            "echo hello",
            "tar -ucf a:b c",
        ] {
            assert!(shown(line).is_empty(), "{line}: {:?}", shown(line));
        }
    }

    #[test]
    fn words_of_sentences_are_not_hunted_for() {
        let sure = |text: &str| arguments(text).iter().any(|argument| argument.is_sure);
        for line in ["password = nowhere", "pass through", "use --password twice", "echo -n alice99 | base64"]
        {
            assert!(!shown(line).is_empty() && !sure(line), "{line}");
        }
        for line in ["password = 'nowhere'", "swaks -ap nowhere", "pass thr0ugh"] {
            assert!(sure(line), "{line}");
        }
    }
}
