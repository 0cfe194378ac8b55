//! What `/help` says of helper commands.

use super::{COMMANDS, HelperCommand, find};
use crate::explain::tables;

/// The text of `/help TOPIC`: the list for an empty topic, else the help of a helper command. `None` when the
/// topic is a word of SMTP, or unknown here.
pub fn help(topic: &str) -> Option<String> {
    let topic = topic.trim().to_lowercase();
    if topic.is_empty() {
        return Some(overview());
    }
    let row = match topic.starts_with('/') {
        true => find(&topic),
        // STARTTLS, AUTH and QUIT are words of SMTP first.
        false if tables::command(&topic).is_some() || tables::capability(&topic).is_some() => None,
        false => COMMANDS.iter().find(|row| row.name.get(1..) == Some(&topic)),
    }?;
    Some(format!("{}\n  {}\n\n{}\n", row.syntax, row.summary, in_paragraphs(row.help)))
}

/// The text with a line for each paragraph, for whoever wraps it to the width of the screen; indented lines stay.
fn in_paragraphs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if !out.is_empty() {
            out.push(if line.is_empty() || line.starts_with(' ') || out.ends_with('\n') {
                '\n'
            } else {
                ' '
            });
        }
        out.push_str(line);
    }
    out
}

fn overview() -> String {
    let mut text = "\
A line that begins with / is for Heloise; all else goes on the wire as you type it (//x sends /x).
In DATA every line is content until the lone dot. Names may be shortened: /q is /quit.\n\n"
        .to_owned();
    let name_of = |row: &HelperCommand| match row.syntax.len() {
        0..=30 => row.syntax,
        _ => row.name,
    };
    for row in COMMANDS {
        text.push_str(&format!("  {:<30}  {}\n", name_of(row), row.summary));
    }
    text.push_str(
        "\nTab completes, the right arrow takes the grey hint, Ctrl-R searches the history.\n\
         Ctrl-C drops the line, Ctrl-D leaves after asking. More of a word: /help /send, /help RCPT, /help 550.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_smtp_are_not_taken_by_help() {
        assert_eq!(help("STARTTLS"), None);
        assert_eq!(help("550"), None);
        assert!(help("record").unwrap().starts_with("/record [--append] FILE|off"));
        assert!(help("/auth").unwrap().starts_with("/auth"));
        assert!(help("/auth").unwrap().contains("you are asked first. Typing AUTH LOGIN works, too:"));
        assert!(help("/auth").unwrap().contains("\n  /auth"));
        assert!(help(" ").unwrap().contains("/starttls"));
    }
}
