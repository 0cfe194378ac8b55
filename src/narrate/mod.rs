//! Tells a session: entries to lines of styled text, each reply with what is to be said about it.
//!
//! Live sessions and recorded ones go through the same [`Narrator`], so that both read alike. It is pure: the
//! lines are data, and whoever prints them decides about colour.

mod asked;
mod explainer;
mod lines;
mod link;
mod offers;
mod past;
mod question;
#[cfg(test)]
mod tests;
mod tls;

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use crate::explain::render::{self, Line, Style};
use crate::explain::{self, tables};
use crate::sasl;
use crate::session::{Answer, Dialogue, Input, Sent, State};
use crate::target::{Scheme, Target};
use crate::transcript::{Entry, EntryKind, Header, Info, LineEnd, Payload};
use crate::wire::{EnhancedCode, ReplyAssembler, ReplyCode, ReplyLine, Verb, escape};

use self::asked::{Tried, asked_in, verb_of};
pub use self::explainer::Explainer;
pub use self::lines::difference_lines;
use self::lines::{folded, marked, piece, shortened, width_of};
pub use self::offers::{Numbers, Offers, Typist};
use self::past::{Owner, Past};
use self::question::Circumstances;
pub use self::question::Question;

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

/// A part of what is told of an entry.
#[derive(Debug)]
pub enum Part {
    /// A line to show.
    Line(Line),
    /// A reply: what its [`Explainer`] says of it stands here.
    Question(Box<Question>),
    /// A session begins, for its [`Explainer`] to know.
    Session(Box<Header>),
}

/// Follows a session entry by entry and tells it.
#[derive(Debug)]
pub struct Narrator {
    /// How to lay it out.
    pub layout: Layout,
    dialogue: Dialogue,
    assembler: ReplyAssembler,
    header: Header,
    explainer: Explainer,
    tried: Tried,
    quiet: HashSet<(Option<Verb>, ReplyCode)>,
    /// Whether the last replies are kept.
    remembers: bool,
    past: Past,
    /// Whether something was taken out of the reply under way.
    redacted: bool,
    /// What was told last is why the peer ends the session.
    parting: bool,
    /// When something last came or went.
    last_at: Duration,
    /// The deviations whose meaning has been told.
    odd: HashSet<&'static str>,
}

impl Narrator {
    /// A narrator of a session that has not begun.
    pub fn new(layout: Layout) -> Narrator {
        Narrator {
            layout,
            dialogue: Dialogue::new(false, Duration::ZERO),
            assembler: ReplyAssembler::default(),
            header: Header::default(),
            explainer: Explainer::default(),
            tried: Tried::default(),
            quiet: HashSet::new(),
            remembers: true,
            past: Past::default(),
            redacted: false,
            parting: false,
            last_at: Duration::ZERO,
            odd: HashSet::new(),
        }
    }

    /// The same, but not to be asked about the last reply: then it keeps nothing of it, which is faster.
    pub fn forgetful(self) -> Narrator {
        Narrator { remembers: false, ..self }
    }

    /// Proposes command lines with these options.
    pub fn repeat(&mut self, options: &[String]) {
        self.explainer.repeat(options);
    }

    /// Proposes greetings with this name, where none has been given yet.
    pub fn greet_as(&mut self, name: &str) {
        self.explainer.greet_as(name);
    }

    /// Who explains the replies of this session from here on, for whoever asks for its [`Part`]s.
    pub fn explainer(&self) -> Explainer {
        self.explainer.clone()
    }

    /// Begins a session: what was known of an earlier one is forgotten, but for its last replies.
    pub fn begin(&mut self, header: &Header) {
        let (mut explainer, mut past) = (std::mem::take(&mut self.explainer), std::mem::take(&mut self.past));
        past.begin(&explainer);
        explainer.begin(header);
        *self = Narrator { remembers: self.remembers, explainer, past, ..Narrator::new(self.layout) };
        let target = header.target.as_deref().and_then(|text| text.parse::<Target>().ok());
        let lmtp = target.is_some_and(|t| t.scheme == Scheme::Lmtp);
        self.dialogue = Dialogue::new(lmtp, Duration::ZERO);
        self.header = header.clone();
    }

    /// What is known of the session so far.
    pub fn state(&self) -> &State {
        self.dialogue.state()
    }

    /// The lines to show for an entry. With `typed` the person sees what was sent already.
    pub fn entry(&mut self, entry: &Entry, typed: bool) -> Vec<Line> {
        let mut lines = Vec::new();
        for part in self.follow(entry, typed) {
            match part {
                Part::Line(line) => lines.push(line),
                Part::Question(question) => lines.extend(self.explainer.lines(&question, self.layout)),
                // It was begun with the session.
                Part::Session(_) => {}
            }
        }
        lines
    }

    /// The same, with the explanations still to be made, by the [`Narrator::explainer`] of when the session began.
    pub fn follow(&mut self, entry: &Entry, typed: bool) -> Vec<Part> {
        let at = entry.at.unwrap_or_default();
        let line = match &entry.kind {
            EntryKind::Sent { line, .. } => {
                self.take(line, at);
                let shown = || marked(entry.arrow(), Style::Label, line.to_visible(), Style::Plain);
                return (!typed).then(|| Part::Line(shown())).into_iter().collect();
            }
            EntryKind::Received { line, error, .. } => return self.received(entry, line, *error, at),
            EntryKind::Info(Info::Other(_)) | EntryKind::Note(_) if typed => return Vec::new(),
            EntryKind::Info(info) => return self.info(info, at),
            // Words of our own: what they quote from outside is escaped already.
            EntryKind::Problem(text) => {
                let line = marked("***", Style::Bad, escape::harmless(text).into_owned(), Style::Bad);
                return folded(line, 0, self.layout.width).into_iter().map(Part::Line).collect();
            }
            EntryKind::Note(text) => {
                marked("###", Style::Label, escape::visible(text.as_bytes()), Style::Label)
            }
            EntryKind::Session(header) => {
                self.begin(header);
                let target = header.target.as_deref().unwrap_or("a server");
                let line = marked("===", Style::Dim, format!("a new session with {target}"), Style::Label);
                return vec![Part::Session(header.clone()), Part::Line(line)];
            }
            EntryKind::Comment(text) => {
                vec![piece(Style::Dim, format!("# {}", escape::visible(text.as_bytes())))]
            }
            EntryKind::Header(..) => return Vec::new(),
            EntryKind::Other { arrow, rest } => {
                marked(arrow, Style::Dim, escape::visible(rest.as_bytes()), Style::Plain)
            }
        };
        vec![Part::Line(line)]
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
        (self.parting, self.last_at) = (false, at);
        let is_loose_dot = line.ending == LineEnd::Lf && line.bytes() == Some(b".");
        if is_loose_dot && self.dialogue.chunk_left() == 0 && self.dialogue.in_content() {
            self.dialogue.loose_dot_sent(line.wire_len());
        } else if line.ending.ends_line() {
            if let Sent::Command(command) = self.dialogue.sent(line.head(), line.wire_len(), at) {
                self.tried.note(&command);
            }
        } else {
            self.dialogue.sent_part(line.head(), line.wire_len());
        }
        if line.secrets().any(|mark| mark.no_base64) {
            self.dialogue.sent_no_base64();
        }
        if let Some(user) = line.secrets().find_map(|mark| mark.user.as_deref()) {
            self.dialogue.claim_user(user);
        }
    }

    fn received(&mut self, entry: &Entry, line: &Payload, error: bool, at: Duration) -> Vec<Part> {
        self.last_at = at;
        let style = if error { Style::Bad } else { Style::Good };
        let mut shown = marked(entry.arrow(), style, line.to_visible(), Style::Plain);
        let bytes = line.bytes().map_or_else(|| line.to_visible().into_bytes().into(), Cow::Borrowed);
        let parsed = ReplyLine::crlf(&bytes);
        if parsed.code.is_none() && self.assembler.pending_lines() == 0 {
            return std::iter::once(Part::Line(shown)).chain(self.stray(&bytes)).collect();
        }
        self.past.line(Owner::UnderWay);
        let first = self.assembler.pending_lines() == 0;
        self.redacted = line.bytes().is_none();
        if !first && !error {
            self.add_keyword_meaning(&mut shown, parsed);
        }
        let Some(reply) = self.assembler.push(parsed) else { return vec![Part::Line(shown)] };
        let answer = self.dialogue.answered(reply, at);
        self.add_time(&mut shown, &answer);
        let mut lines = vec![shown];
        self.add_challenge(&answer, &mut lines);
        let explains = self.comment(&answer, &mut lines);
        if explains && answer.quirk_of_code().is_some() {
            // It is told what such a code means, which is not said again beside the deviation.
            self.odd.insert(tables::UNEXPECTED_CODE);
        }
        let circumstances = (explains || self.remembers)
            .then(|| Circumstances::of(answer.command.as_ref(), &self.dialogue, &self.tried));
        self.dialogue.learn(&answer);
        self.tried.answered(&answer);
        self.parting = is_refused_greeting(&answer);
        let difference = self.difference(&answer);
        let mut parts: Vec<Part> = lines.into_iter().map(Part::Line).collect();
        let question = circumstances.map(|circumstances| Question::of_answer(answer, circumstances));
        if let Some(question) = &question
            && self.remembers
        {
            self.past.add(question.clone());
        }
        parts.extend(question.filter(|_| explains).map(|question| Part::Question(Box::new(question))));
        parts.extend(difference.into_iter().map(Part::Line));
        parts
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

    /// Says what an expected reply means, the first time; whether an explanation is wanted instead.
    fn comment(&mut self, answer: &Answer, lines: &mut Vec<Line>) -> bool {
        let Some(code) = answer.reply.code() else { return false };
        let verb = verb_of(answer.command.as_ref());
        let verb = verb.as_ref();
        let phase = asked_in(answer.command.as_ref(), self.dialogue.state());
        // The tables are read on first use, which takes as long as a short session: not before they are needed.
        match self.layout.level {
            Level::None => false,
            Level::Brief if tables::is_expected(code, verb, phase) => {
                self.add_quiet_line(answer, code, verb, phase, lines);
                false
            }
            Level::Brief | Level::Full => true,
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
                let width = self.layout.width;
                render::hanging(lines, ("= ", Style::Dim), render::words(&shown, Style::Plain), width);
                // LOGIN's challenges are words already.
                let words = sasl::describe_challenge(mechanism, &decoded).filter(|_| mechanism != "LOGIN");
                if let Some(words) = words {
                    render::hanging(lines, ("  ", Style::Dim), render::words(&words, Style::Dim), width);
                }
            }
            Err(bad) => {
                lines.push(vec![piece(Style::Dim, "     = ".to_owned()), piece(Style::Warn, bad.to_string())])
            }
        }
    }

    /// What EHLO lists otherwise than before the link was encrypted.
    fn difference(&self, answer: &Answer) -> Vec<Line> {
        let greet = answer.command.as_ref().is_some_and(|c| c.input == Input::Greet);
        let difference = self.dialogue.state().tls_difference().filter(|_| greet);
        difference.map(|difference| difference_lines(&difference, self.layout.width)).unwrap_or_default()
    }
}

/// A greeting that refuses is a good-bye as well.
fn is_refused_greeting(answer: &Answer) -> bool {
    let greeting = answer.command.as_ref().is_some_and(|command| command.input == Input::Connect);
    greeting && answer.reply.code().is_some_and(ReplyCode::is_error)
}

fn said_by_enhanced(code: EnhancedCode) -> Option<String> {
    tables::enhanced_meaning(code).map(|meaning| format!("{code} {}", meaning.text))
}
