//! Tells a session: entries to lines of styled text, each reply with what is to be said about it.
//!
//! Live sessions and recorded ones go through the same [`Narrator`], so that both read alike. It is pure: the
//! lines are data, and whoever prints them decides about colour.

mod asked;
mod lines;
mod tls;

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use crate::explain::render::{self, Headline, Line, Style};
use crate::explain::{self, Asked, Explanation, Situation, tables};
use crate::sasl;
use crate::session::{Answer, Command, Dialogue, Input, Sent, State};
use crate::target::{Scheme, Target};
use crate::transcript::{Entry, EntryKind, Header, Info, Payload};
use crate::wire::{EnhancedCode, ReplyAssembler, ReplyCode, ReplyLine, Verb, escape};

use self::asked::{address_of, asked_in, declared_size, path_in, verb_of};
pub use self::lines::difference_lines;
use self::lines::{marked, piece, shortened, width_of};

/// How much is said beside a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    None,
    /// What surprises, in a few lines.
    #[default]
    Brief,
    /// Every reply, in full.
    Full,
}

/// Column at which the meaning of an EHLO keyword begins.
const KEYWORD_COLUMN: usize = 36;

/// How the telling is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How much is said.
    pub level: Level,
    /// Columns of the screen.
    pub width: usize,
    /// Whether replies carry the time that they took.
    pub timing: bool,
    /// Whether helper commands can be typed, and so may be proposed.
    pub prompt: bool,
}

impl Layout {
    /// The columns to use of a screen that has so many: fewer or more would read badly.
    pub fn readable(columns: usize) -> usize {
        columns.clamp(40, 160)
    }
}

/// A reply and the circumstances it came in, kept so that more can be said about it on demand.
#[derive(Clone, Debug)]
pub struct Told {
    answer: Answer,
    before: State,
}

/// Addresses that were tried, accepted or not.
#[derive(Debug, Default)]
struct Tried {
    sender: Option<String>,
    recipient: Option<String>,
}

impl Tried {
    fn note(&mut self, command: &Command) {
        match command.input {
            Input::Mail => self.sender = address_of(command).filter(|a| !a.is_empty()).or(self.sender.take()),
            Input::Rcpt => self.recipient = address_of(command).or(self.recipient.take()),
            _ => {}
        }
    }
}

/// Follows a session entry by entry and tells it.
#[derive(Debug)]
pub struct Narrator {
    /// How to lay it out.
    pub layout: Layout,
    dialogue: Dialogue,
    assembler: ReplyAssembler,
    header: Header,
    target: Option<Target>,
    host: Option<String>,
    /// How the target would be typed.
    typed: Option<String>,
    /// The options to give again, for proposals.
    options: Vec<String>,
    /// The reasons for which commands failed, each once.
    earlier: Vec<&'static str>,
    /// The sender and the recipient tried last, accepted or not.
    tried: Tried,
    quiet: HashSet<(Option<Verb>, ReplyCode)>,
    /// Whether the last reply is kept.
    remembers: bool,
    last: Option<Told>,
    /// Whether something was taken out of the reply under way.
    redacted: bool,
}

impl Narrator {
    /// A narrator of a session that has not begun.
    pub fn new(layout: Layout) -> Narrator {
        Narrator {
            layout,
            dialogue: Dialogue::new(false, Duration::ZERO),
            assembler: ReplyAssembler::default(),
            header: Header::default(),
            target: None,
            host: None,
            typed: None,
            options: Vec::new(),
            earlier: Vec::new(),
            tried: Tried::default(),
            quiet: HashSet::new(),
            remembers: true,
            last: None,
            redacted: false,
        }
    }

    /// The same, but not to be asked about the last reply: then it keeps nothing of it, which is faster.
    pub fn forgetful(self) -> Narrator {
        Narrator { remembers: false, ..self }
    }

    /// Proposes command lines with these options.
    pub fn repeat(&mut self, options: &[String]) {
        self.options = options.to_vec();
    }

    /// Begins a session: what was known of an earlier one is forgotten.
    pub fn begin(&mut self, header: &Header) {
        let target = header.target.as_deref().and_then(|text| text.parse::<Target>().ok());
        let lmtp = target.as_ref().is_some_and(|t| t.scheme == Scheme::Lmtp);
        let options = std::mem::take(&mut self.options);
        *self = Narrator { remembers: self.remembers, options, ..Narrator::new(self.layout) };
        self.host = target.as_ref().map(|t| t.host.to_string());
        self.typed = target.as_ref().map(Target::typed);
        self.target = target;
        self.dialogue = Dialogue::new(lmtp, Duration::ZERO);
        self.header = header.clone();
    }

    /// What is known of the session so far.
    pub fn state(&self) -> &State {
        self.dialogue.state()
    }

    /// The lines to show for an entry. With `typed` the person sees what was sent already.
    pub fn entry(&mut self, entry: &Entry, typed: bool) -> Vec<Line> {
        let at = entry.at.unwrap_or_default();
        match &entry.kind {
            EntryKind::Sent { line, .. } => self.sent(entry, line, at, typed),
            EntryKind::Received { line, error, .. } => self.received(entry, line, *error, at),
            EntryKind::Info(Info::Other(_)) if typed => Vec::new(),
            EntryKind::Info(info) => self.info(info, at),
            EntryKind::Problem(text) => {
                // Words of our own: what they quote from outside is escaped already.
                vec![marked("***", Style::Bad, escape::harmless(text).into_owned(), Style::Bad)]
            }
            EntryKind::Note(_) if typed => Vec::new(),
            EntryKind::Note(text) => {
                vec![marked("###", Style::Label, escape::visible(text.as_bytes()), Style::Label)]
            }
            EntryKind::Session(header) => {
                self.begin(header);
                let target = header.target.as_deref().unwrap_or("a server");
                vec![marked("===", Style::Dim, format!("a new session with {target}"), Style::Label)]
            }
            EntryKind::Comment(text) => {
                vec![vec![piece(Style::Dim, format!("# {}", escape::visible(text.as_bytes())))]]
            }
            EntryKind::Header(..) => Vec::new(),
            EntryKind::Other { arrow, rest } => {
                vec![marked(arrow, Style::Dim, escape::visible(rest.as_bytes()), Style::Plain)]
            }
        }
    }

    /// Takes an entry beside which nothing is ever said, a line of the client, and says whether it was one. Whoever
    /// shows it as it stands, its arrow a label, shows what [`Narrator::entry`] would.
    pub fn passes(&mut self, entry: &Entry) -> bool {
        match &entry.kind {
            EntryKind::Sent { line, .. } => {
                self.take(line, entry.at.unwrap_or_default());
                true
            }
            _ => false,
        }
    }

    /// Takes note of a line of the client.
    fn take(&mut self, line: &Payload, at: Duration) {
        if line.ending.ends_line() {
            if let Sent::Command(command) = self.dialogue.sent(line.head(), line.wire_len(), at) {
                self.tried.note(&command);
            }
        } else {
            self.dialogue.sent_part(line.head(), line.wire_len());
        }
        if let Some(user) = line.secrets().find_map(|mark| mark.user.as_deref()) {
            self.dialogue.claim_user(user);
        }
    }

    fn sent(&mut self, entry: &Entry, line: &Payload, at: Duration, typed: bool) -> Vec<Line> {
        self.take(line, at);
        if typed {
            return Vec::new();
        }
        vec![marked(entry.arrow(), Style::Label, line.to_visible(), Style::Plain)]
    }

    fn received(&mut self, entry: &Entry, line: &Payload, error: bool, at: Duration) -> Vec<Line> {
        let style = if error { Style::Bad } else { Style::Good };
        let mut shown = marked(entry.arrow(), style, line.to_visible(), Style::Plain);
        let bytes = line.bytes().map_or_else(|| line.to_visible().into_bytes().into(), Cow::Borrowed);
        let parsed = ReplyLine::crlf(&bytes);
        if parsed.code.is_none() && self.assembler.pending_lines() == 0 {
            return vec![shown];
        }
        let first = self.assembler.pending_lines() == 0;
        self.redacted = line.bytes().is_none();
        if !first && !error {
            self.add_keyword_meaning(&mut shown, parsed);
        }
        let Some(reply) = self.assembler.push(parsed) else { return vec![shown] };
        let answer = self.dialogue.answered(reply, at);
        self.add_time(&mut shown, &answer);
        let mut lines = vec![shown];
        self.comment(&answer, &mut lines);
        let before = self.remembers.then(|| self.dialogue.state().clone());
        self.dialogue.learn(&answer);
        self.add_difference(&answer, &mut lines);
        self.last = before.map(|before| Told { answer, before });
        lines
    }

    /// In a reply to EHLO each keyword gets its meaning beside it.
    fn add_keyword_meaning(&self, shown: &mut Line, line: ReplyLine<'_>) {
        let greet = self.dialogue.awaiting().is_some_and(|c| c.input == Input::Greet);
        if !greet || self.layout.level == Level::None {
            return;
        }
        let text = String::from_utf8_lossy(line.text()).into_owned();
        let Some(keyword) = text.split_ascii_whitespace().next() else { return };
        let meaning = tables::capability(keyword).map_or("not a registered keyword", |known| known.meaning);
        let used = width_of(shown);
        if used + 24 < self.layout.width || self.layout.level == Level::Full {
            let gap = KEYWORD_COLUMN.saturating_sub(used).max(2);
            let room = self.layout.width.saturating_sub(used + gap);
            let meaning = match self.layout.level {
                Level::Full => meaning.to_owned(),
                _ => shortened(meaning, room),
            };
            shown.push(piece(Style::Dim, format!("{}{meaning}", " ".repeat(gap))));
        }
    }

    fn add_time(&self, shown: &mut Line, answer: &Answer) {
        if !self.layout.timing || answer.command.is_none() {
            return;
        }
        let time = match answer.waited {
            short if short < Duration::from_secs(10) => format!("{} ms", short.as_millis()),
            long => format!("{} s", long.as_secs()),
        };
        let used = width_of(shown) + time.len();
        if used + 2 <= self.layout.width {
            shown.push(piece(Style::Dim, format!("{}{time}", " ".repeat(self.layout.width - used))));
        }
    }

    /// What is to be said about a reply before anything is learnt from it.
    fn comment(&mut self, answer: &Answer, lines: &mut Vec<Line>) {
        self.add_challenge(answer, lines);
        let Some(code) = answer.reply.code() else { return };
        let verb = verb_of(answer);
        let verb = verb.as_ref();
        let phase = asked_in(answer, self.dialogue.state());
        // The tables are read on first use, which takes as long as a short session: not before they are needed.
        match self.layout.level {
            Level::None => {}
            Level::Brief if tables::is_expected(code, verb, phase) => {
                self.add_quiet_line(answer, code, verb, phase, lines);
            }
            level => lines.extend(self.explanation(answer, level)),
        }
    }

    /// The first time that a reply is as expected, one line says what it means; after that, nothing does.
    fn add_quiet_line(
        &mut self,
        answer: &Answer,
        code: ReplyCode,
        verb: Option<&Verb>,
        phase: explain::Phase,
        lines: &mut Vec<Line>,
    ) {
        if !self.quiet.insert((verb.cloned(), code)) {
            return;
        }
        let meaning = tables::reply_meaning(code, verb, phase).map(|m| m.text.to_owned());
        let enhanced = answer.reply.enhanced().and_then(said_by_enhanced);
        let parts: Vec<String> = meaning.into_iter().chain(enhanced).collect();
        if !parts.is_empty() {
            let room = self.layout.width.saturating_sub(5);
            lines.push(vec![piece(Style::Dim, format!("     {}", shortened(&parts.join(" · "), room)))]);
        }
    }

    /// A SASL challenge, decoded.
    fn add_challenge(&self, answer: &Answer, lines: &mut Vec<Line>) {
        if self.redacted {
            return;
        }
        let before = self.dialogue.state();
        let last = answer.reply.last_line().filter(|line| line.code == Some(ReplyCode::CHALLENGE));
        let Some(text) = last.map(|line| line.text()) else { return };
        let mechanism = before.mechanism.as_deref().unwrap_or_default();
        match sasl::decode_challenge(text) {
            Ok(decoded) if decoded.is_empty() => {}
            Ok(decoded) => {
                let shown = escape::visible(&decoded);
                lines.push(vec![piece(Style::Dim, "     = ".to_owned()), piece(Style::Plain, shown)]);
                // LOGIN's challenges are words already.
                let words = sasl::describe_challenge(mechanism, &decoded).filter(|_| mechanism != "LOGIN");
                if let Some(words) = words {
                    lines.push(vec![piece(Style::Dim, format!("       {words}"))]);
                }
            }
            Err(bad) => {
                lines.push(vec![piece(Style::Dim, "     = ".to_owned()), piece(Style::Warn, bad.to_string())])
            }
        }
    }

    /// What EHLO lists otherwise than before the link was encrypted.
    fn add_difference(&self, answer: &Answer, lines: &mut Vec<Line>) {
        let greet = answer.command.as_ref().is_some_and(|c| c.input == Input::Greet);
        let Some(difference) = self.dialogue.state().tls_difference().filter(|_| greet) else { return };
        lines.extend(difference_lines(&difference, self.layout.width));
    }

    /// The explanations of the last reply, best first; none of a narrator that forgets them.
    pub fn explain_last(&self) -> Vec<Explanation> {
        let explain = |told: &Told| self.with_situation(&told.answer, &told.before, explain::explain);
        self.last.as_ref().map(explain).unwrap_or_default()
    }

    /// The full explanation of the last reply, as lines.
    pub fn tell_last(&self) -> Vec<Line> {
        let Some(told) = &self.last else { return Vec::new() };
        let headline = headline(&told.answer);
        let told = self.explain_last();
        told.iter().take(2).flat_map(|e| render::full(e, headline, self.layout.width)).collect()
    }

    fn explanation(&mut self, answer: &Answer, level: Level) -> Vec<Line> {
        let (best, _) = self.with_situation(answer, self.dialogue.state(), explain::explain_best);
        let Some(best) = best else { return Vec::new() };
        let slug = best.reason.slug();
        if answer.reply.code().is_some_and(ReplyCode::is_error) && !self.earlier.contains(&slug) {
            self.earlier.push(slug);
        }
        match level {
            Level::Full => render::full(&best, headline(answer), self.layout.width),
            _ => render::brief(&best, headline(answer), self.layout.width),
        }
    }

    /// Has the reply explained in the situation that it came in.
    fn with_situation<T>(
        &self,
        answer: &Answer,
        before: &State,
        explain: impl FnOnce(&Situation<'_>) -> T,
    ) -> T {
        let command = answer.command.as_ref();
        let argument = command.map(address_of).unwrap_or_default();
        let verb = verb_of(answer);
        let is = |input| command.is_some_and(|c| c.input == input);
        let sender = before.envelope.sender.as_deref().and_then(path_in);
        let recipient = before.envelope.recipients.last().and_then(|argument| path_in(argument));
        let situation = Situation {
            verb: verb.as_ref(),
            command: command.map(|c| c.line.as_slice()),
            phase: asked_in(answer, before),
            live: true,
            tls: before.tls(),
            capabilities: before.capabilities.as_deref(),
            before_tls: before.before_tls.as_deref(),
            authenticated: before.authenticated.as_ref().map(|who| who.user.as_deref().unwrap_or("")),
            mechanism: before.mechanism.as_deref(),
            login: before.claimed_user.as_deref(),
            sender_before: self.tried.sender.as_deref(),
            recipient_before: self.tried.recipient.as_deref(),
            sender: if is(Input::Mail) { argument.as_deref() } else { sender },
            recipient: if is(Input::Rcpt) { argument.as_deref() } else { recipient },
            declared_size: command.and_then(declared_size),
            host: self.host.as_deref(),
            asked: Asked {
                target: self.typed.as_deref(),
                starttls: before.tls() && self.target.as_ref().is_some_and(|t| !t.implicit_tls()),
                prompt: self.layout.prompt,
                options: &self.options,
            },
            banner: before.banner.as_deref(),
            earlier: &self.earlier,
            ..Situation::of(&answer.reply)
        };
        explain(&situation)
    }

    fn info(&mut self, info: &Info, at: Duration) -> Vec<Line> {
        match info {
            Info::Tls(summary) => {
                self.dialogue.secured(summary.verified == Some(true));
                tls::lines(summary, &self.header, at, self.layout.width)
            }
            Info::Closed { .. } => {
                self.dialogue.closed();
                vec![marked("===", Style::Dim, info.to_visible(), Style::Dim)]
            }
            Info::Quirk(_) => vec![marked("===", Style::Dim, info.to_visible(), Style::Warn)],
            Info::Timeout { .. } => vec![marked("===", Style::Dim, info.to_visible(), Style::Bad)],
            _ => vec![marked("===", Style::Dim, info.to_visible(), Style::Dim)],
        }
    }
}

fn headline(answer: &Answer) -> Headline {
    Headline { code: answer.reply.code(), enhanced: answer.reply.enhanced() }
}

fn said_by_enhanced(code: EnhancedCode) -> Option<String> {
    tables::enhanced_meaning(code).map(|meaning| format!("{code} {}", meaning.text))
}
