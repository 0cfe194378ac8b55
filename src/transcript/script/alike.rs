//! How alike what a client says is to what the client of a transcript said.

use super::super::mask::mask_command;
use super::super::turns::Said;
use super::super::{Payload, Piece};
use crate::wire::{CommandLine, Verb, path_in};

/// Whether the same sort of thing was said: a command of the same verb, an answer by the same mechanism, content.
pub(super) fn same_kind(recorded: &Said, said: &Said) -> bool {
    match (recorded, said) {
        (Said::Command { verb: a, line, .. }, Said::Command { verb: b, .. }) => {
            // A secret that was sent as a command has no verb.
            let secret = line.head().is_empty() && !line.pieces.is_empty();
            a == b || secret && matches!(b, Verb::Other(_))
        }
        (Said::Answer { mechanism: a, .. }, Said::Answer { mechanism: b, .. }) => a.eq_ignore_ascii_case(b),
        (Said::Content(_), Said::Content(_)) => true,
        _ => false,
    }
}

/// How alike two commands of the same verb are: 3 the same, 2 the same address, 1 the same first words, 0.
pub(super) fn nearness(recorded: &Said, said: &Said) -> u8 {
    let (Said::Command { line: a, .. }, Said::Command { line: b, .. }) = (recorded, said) else { return 0 };
    if same_line(a, b) {
        return 3;
    }
    let lower = |line: &Payload| String::from_utf8_lossy(line.head()).to_ascii_lowercase();
    let (a, b) = (lower(a), lower(b));
    match (path_in(a.as_bytes()), path_in(b.as_bytes())) {
        (Some(a), Some(b)) if a == b => 2,
        (Some(a), Some(b)) if a.rsplit_once('@').map(|p| p.1) == b.rsplit_once('@').map(|p| p.1) => 1,
        (None, None) if a.split(' ').nth(1) == b.split(' ').nth(1) => 1,
        _ => 0,
    }
}

/// The same line: verbs in any case, secrets, volatile parts and the size of the message aside.
pub(super) fn same_line(recorded: &Payload, said: &Payload) -> bool {
    if recorded == said {
        return true;
    }
    let said = String::from_utf8_lossy(said.head()).into_owned();
    if recorded.bytes().is_none() {
        return fits(recorded, &said);
    }
    let text = |line: &str| {
        let masked = mask_command(&without_size(line.trim_end()));
        let (verb, rest) = masked.split_once(' ').map_or((masked.as_str(), ""), |(v, r)| (v, r));
        format!("{} {rest}", verb.to_ascii_uppercase())
    };
    text(&String::from_utf8_lossy(recorded.head())) == text(&said)
}

/// Whether a line may be the one that something was taken out of: each mark stands for a byte or more, whatever they are.
fn fits(recorded: &Payload, said: &str) -> bool {
    // What stands for a mark while the volatile parts are masked; it is in no line of a client.
    const GAP: char = '\u{fdd0}';
    let pattern: String = recorded
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => GAP.to_string(),
        })
        .collect();
    let text = |line: &str| mask_command(&without_size(line.trim_end())).to_ascii_lowercase();
    let (pattern, said) = (text(&pattern), text(said));
    let (first, rest) = pattern.split_once(GAP).unwrap_or((&pattern, ""));
    let (middle, last) = rest.rsplit_once(GAP).map_or((None, rest), |(middle, last)| (Some(middle), last));
    let Some(mut left) = said.strip_prefix(first).and_then(|left| left.strip_suffix(last)) else {
        return false;
    };
    for part in middle.iter().flat_map(|middle| middle.split(GAP)) {
        let Some((_, after)) = without_first(left).and_then(|left| left.split_once(part)) else {
            return false;
        };
        left = after;
    }
    !left.is_empty()
}

fn without_first(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

/// The command without what depends on the content, which is not compared: the SIZE that MAIL declares (RFC 1870 §3) and the
/// octets of a chunk.
fn without_size(line: &str) -> String {
    let number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let size = |word: &str| {
        word.split_once('=').is_some_and(|(key, n)| key.eq_ignore_ascii_case("SIZE") && number(n))
    };
    let keep: &dyn Fn(&&str) -> bool = match CommandLine::parse(line.as_bytes()).verb {
        Verb::Mail => &|word| !size(word),
        Verb::Bdat => &|word| !number(word),
        _ => return line.to_owned(),
    };
    line.split(' ').filter(keep).collect::<Vec<_>>().join(" ")
}
