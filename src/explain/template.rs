//! Texts of the tables that depend on the situation: conditions in brackets, names in braces.

use std::borrow::Cow;
use std::cell::Cell;

use super::context::{Context, asks_mx_of_address, host_alone, is_harmless_to_shells};
use super::{Advice, Fix, Template, Text};

/// The causes whose conditions hold, those with conditions first.
pub(crate) fn texts(rows: &[Advice], context: &Context<'_>) -> Vec<Text> {
    let mut texts = Vec::with_capacity(rows.len());
    each_text(rows, context, |text| texts.push(text));
    texts
}

/// Calls `take` with each of the same.
pub(crate) fn each_text(rows: &[Advice], context: &Context<'_>, mut take: impl FnMut(Text)) {
    each_chosen(rows, context, |row| context.fill_in(row.text).into_iter().for_each(&mut take));
}

/// The fixes whose conditions hold, those with conditions first.
pub(crate) fn fixes(rows: &[Advice], context: &Context<'_>) -> Vec<Fix> {
    let mut fixes = Vec::with_capacity(rows.len());
    each_chosen(rows, context, |row| fixes.extend(fix(row, context)));
    end_transaction_first(&mut fixes, context);
    fixes
}

fn fix(row: &Advice, context: &Context<'_>) -> Option<Fix> {
    let command = row.command.and_then(|command| context.fill_command(command));
    let particular = row.command.is_some_and(|command| !command.open);
    let lacks_mechanism = command.as_deref().is_some_and(|command| context.lacks_mechanism(command));
    if command.as_deref().is_some_and(asks_mx_of_address) || particular && lacks_mechanism {
        return None;
    }
    let command = command.filter(|_| !lacks_mechanism);
    let command = command.and_then(|command| context.typable(command)).filter(|c| context.has_place(c));
    Some(Fix { text: context.fill_in(row.text)?, command: command.map(|command| context.again(command)) })
}

/// Puts RSET before what cannot come within the transaction that is open (RFC 5321 §4.1.4, RFC 3207 §4, RFC 4954 §4).
fn end_transaction_first(fixes: &mut Vec<Fix>, context: &Context<'_>) {
    const OUTSIDE: [&str; 5] = ["MAIL", "AUTH", "STARTTLS", "/auth", "/starttls"];
    if context.condition("transaction-open") != Some(true) {
        return;
    }
    let is = |fix: &Fix, verbs: &[&str]| {
        let verb = fix.command.as_deref().and_then(|command| command.split(' ').next());
        verb.is_some_and(|verb| verbs.contains(&verb))
    };
    let Some(place) = fixes.iter().position(|fix| is(fix, &OUTSIDE)) else { return };
    if !fixes.iter().any(|fix| is(fix, &["RSET"])) {
        let (text, command) = (Cow::Borrowed("end the open transaction first"), Some(Cow::Borrowed("RSET")));
        fixes.insert(place, Fix { text, command });
    }
}

/// The text with each `{name}` or `{name|default}` filled in; nothing where a name has neither value nor default.
pub(crate) fn fill_with<'v>(
    text: &'static str,
    value: impl Fn(&str) -> Option<Cow<'v, str>>,
) -> Option<Text> {
    if memchr::memchr(b'{', text.as_bytes()).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len() + 24);
    // What is empty leaves the blanks around it.
    let mut doubled = false;
    let mut rest = text;
    while let Some((before, after)) = cut(rest, b'{') {
        out.push_str(before);
        let (name, behind) = cut(after, b'}')?;
        let (name, default) = match cut(name, b'|') {
            Some((name, default)) => (name, Some(default)),
            None => (name, None),
        };
        let start = out.len();
        match value(name) {
            Some(value) => crate::wire::escape::visible_into(value.as_bytes(), &mut out),
            None => out.push_str(default?),
        }
        rest = behind;
        // From the blank before what was filled in to the one behind.
        let ends_with_blank = rest.starts_with(' ') && out.ends_with(' ');
        let filled = out.as_bytes().get(start.saturating_sub(1)..).unwrap_or_default();
        doubled |= ends_with_blank || filled.windows(2).any(|two| two == b"  ");
    }
    out.push_str(rest);
    if doubled || out.ends_with(' ') {
        out = out.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    }
    Some(Cow::Owned(out))
}

/// As `split_once`, by a search that is quicker in texts as short as these.
fn cut(text: &'static str, mark: u8) -> Option<(&'static str, &'static str)> {
    let (before, rest) = text.split_at_checked(memchr::memchr(mark, text.as_bytes())?)?;
    Some((before, rest.get(1..)?))
}

/// Calls `take` with the rows that apply; those that have conditions come first.
#[inline]
fn each_chosen(rows: &[Advice], context: &Context<'_>, mut take: impl FnMut(&Advice)) {
    for row in rows.iter().filter(|row| row.conditions.is_some_and(|list| context.holds(list))) {
        take(row);
    }
    for row in rows.iter().filter(|row| row.conditions.is_none()) {
        take(row);
    }
}

/// `[a, b] text` as `(a, b)` and the text.
pub(crate) fn split_conditions(row: &'static str) -> Option<(&'static str, &'static str)> {
    let (conditions, text) = cut(row.strip_prefix('[')?, b']')?;
    Some((conditions, text.strip_prefix(' ')?))
}

/// `text => command` as the text and the command.
pub(crate) fn split_command(row: &'static str) -> (&'static str, Option<&'static str>) {
    // The head of the arrow is rarer than its shaft, and one byte is found sooner than four.
    let mut heads =
        memchr::memchr_iter(b'>', row.as_bytes()).filter_map(|head| row.split_at_checked(head + 1));
    let found =
        heads.find_map(|(text, command)| Some((text.strip_suffix(" =>")?, command.strip_prefix(' ')?)));
    found.map_or((row, None), |(text, command)| (text, Some(command)))
}

impl Context<'_> {
    /// Whether all of some conditions hold.
    fn holds(&self, conditions: &str) -> bool {
        conditions.split(',').all(|word| {
            let word = word.trim();
            match word.strip_prefix("not-") {
                Some("live") => !self.situation.live,
                Some(rest) => self.condition(rest) == Some(false),
                None => self.condition(word) == Some(true),
            }
        })
    }

    /// As [`Context::fill`], where it is known already whether there is something to fill in.
    fn fill_in(&self, template: Template) -> Option<Text> {
        if template.open { self.fill(template.text) } else { Some(Cow::Borrowed(template.text)) }
    }

    /// The command with its names filled in. What goes to a shell, as all that does not go to the server may, takes nothing
    /// that a shell acts on: recipients and hosts may come out of a log, and so from anybody.
    fn fill_command(&self, template: Template) -> Option<Text> {
        let for_server = !template.text.starts_with("heloise ") && !template.text.starts_with('/');
        let harmful = Cell::new(false);
        let command = fill_with(template.text, |name| {
            let value = self.value(name)?;
            // It holds what the person asked for, which is their own, or a host that has been looked at.
            let own = matches!(name, "target" | "address");
            harmful.set(harmful.get() || !(for_server || own || is_harmless_to_shells(&value)));
            Some(value)
        });
        command.filter(|_| !harmful.get())
    }

    /// Whether a command authenticates by a mechanism that the server does not list.
    fn lacks_mechanism(&self, command: &str) -> bool {
        let Some(mechanism) = command.strip_prefix("/auth ") else { return false };
        let offered = self.situation.capabilities.map(|c| c.mechanisms()).filter(|list| !list.is_empty());
        let lists = |list: Vec<String>| list.iter().any(|listed| listed.eq_ignore_ascii_case(mechanism));
        !mechanism.is_empty() && offered.is_some_and(|list| !lists(list))
    }

    /// Whether a command can be given now, as far as that is known: RCPT cannot without a transaction.
    fn has_place(&self, command: &str) -> bool {
        let mended = self.mended.as_deref() == Some(command);
        mended || !command.starts_with("RCPT ") || self.condition("transaction-open") != Some(false)
    }

    /// The text with its names filled in; nothing where one is not known and has no default.
    pub(crate) fn fill(&self, text: &'static str) -> Option<Text> {
        fill_with(text, |name| self.value(name))
    }

    /// The command in the form in which it can be typed: where there is no prompt, a helper command becomes a command
    /// line, or nothing where none does the same.
    fn typable(&self, command: Text) -> Option<Text> {
        let Some(helper) = command.strip_prefix('/').filter(|_| !self.situation.asked.prompt) else {
            return Some(command);
        };
        let (name, argument) = helper.split_once(' ').unwrap_or((helper, ""));
        if name == "help" {
            return Some(Cow::Owned(format!("heloise explain {argument}")));
        }
        let bare = self.bare_target()?;
        Some(Cow::Owned(match name {
            "starttls" => format!("heloise --starttls {bare}"),
            "auth" if argument.is_empty() => format!("heloise --auth PLAIN {}", self.target()?),
            "auth" => format!("heloise --auth {argument} {}", self.target()?),
            "tls" => format!("heloise --insecure {} -c /tls", self.target()?),
            "reconnect" => format!("heloise {}", self.target()?),
            "set" => format!("heloise --{argument} {}", self.target()?),
            _ => return None,
        }))
    }

    /// The command line with the options of this session, where it asks the same server again and has not got them.
    fn again(&self, command: Text) -> Text {
        let asked = &self.situation.asked;
        let host = asked.target.or(self.situation.host).map(host_alone).filter(|host| !host.is_empty());
        let line =
            command.strip_prefix("heloise ").filter(|line| !asked.prompt && !line.starts_with("explain "));
        let (Some(host), Some(line)) = (host, line) else { return command };
        if asked.options.is_empty() || !line.contains(host) {
            return command;
        }
        let (check, line) = line.strip_prefix("check ").map_or(("", line), |rest| ("check ", rest));
        let name = |option: &str| match option.split(' ').next().unwrap_or_default() {
            "-4" => "-6".to_owned(),
            name => name.to_owned(),
        };
        let has = |option: &&String| {
            line.split(' ').any(|word| word.starts_with('-') && name(word) == name(option))
        };
        let kept = asked.options.iter().filter(|option| !has(option)).map(|option| format!("{option} "));
        Cow::Owned(format!("heloise {check}{}{line}", kept.collect::<String>()))
    }
}
