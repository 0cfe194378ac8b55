//! What is told when, and what a key does.

use std::time::Duration;

use crate::explain::render::{Line, Piece, Style};
use crate::narrate::{Layout, Narrator};
use crate::transcript::export::shown;
use crate::transcript::track::{Role, Tracker};
use crate::transcript::{Entry, EntryKind, Header};

use super::Key;

/// The pause before a line of the client that has no time, and before any other such line.
const UNTIMED: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(60));

/// How many lines may scroll past at once. What nobody could read as it flies past is neither kept nor sent, as the
/// terminal may be far away.
pub const SCROLLED: usize = 1000;

/// The slowest and the fastest that keys can make it.
const SPEEDS: (f64, f64) = (0.125, 64.0);

/// The keys, as `?` lists them.
const KEYS: [(&str, &str); 9] = [
    ("space", "pause, go on"),
    (". or →", "on to the next command"),
    (", or ←", "back to the command before"),
    ("+ -", "twice, half the speed"),
    ("/", "search; n next match"),
    ("e", "on to the next error reply"),
    ("m", "on to the next marker; n, e, m begin anew behind the last"),
    ("?", "this list"),
    ("q", "leave"),
];

/// How fast a session is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// How many times as fast as it was.
    pub speed: f64,
    /// No pause counts for more than this.
    pub idle_limit: Duration,
}

/// What is to be done about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Only the status may have changed.
    Nothing,
    /// More lines to show below.
    Show(Vec<Line>),
    /// The screen is to be cleared, and these lines shown.
    Retell(Vec<Line>),
    /// The person wants to leave.
    Quit,
}

/// A transcript and the place in it.
#[derive(Debug)]
pub struct Player {
    header: Header,
    entries: Vec<Entry>,
    /// The entries that are commands or answers of the client.
    commands: Vec<usize>,
    narrator: Narrator,
    layout: Layout,
    pace: Pace,
    /// The entry that is told next.
    next: usize,
    paused: bool,
    /// What is being typed after `/`.
    typing: Option<String>,
    wanted: String,
    message: String,
}

impl Player {
    /// At the beginning, under way.
    pub fn new(header: Header, entries: Vec<Entry>, layout: Layout, pace: Pace) -> Player {
        let mut narrator = Narrator::new(layout).forgetful();
        narrator.begin(&header);
        Player {
            commands: commands(&entries),
            header,
            entries,
            narrator,
            layout,
            pace,
            next: 0,
            paused: false,
            typing: None,
            wanted: String::new(),
            message: String::new(),
        }
    }

    /// The title, to stand before all else.
    pub fn title(&self) -> Vec<Line> {
        let Some(title) = &self.header.title else { return Vec::new() };
        let text = crate::wire::escape::visible(title.as_bytes());
        vec![vec![Piece { style: Style::Label, text }], Vec::new()]
    }

    /// Whether all has been told.
    pub fn ended(&self) -> bool {
        self.next >= self.entries.len()
    }

    /// How long to wait before [`Player::tick`]; nothing while it pauses and at the end.
    pub fn delay(&self) -> Option<Duration> {
        if self.paused || self.typing.is_some() {
            return None;
        }
        let entry = self.entries.get(self.next)?;
        let before = self.entries.iter().take(self.next).rev().find_map(|entry| entry.at);
        let pause = match entry.at {
            Some(at) => at.saturating_sub(before.unwrap_or_default()),
            None if matches!(entry.kind, EntryKind::Sent { .. }) => UNTIMED.0,
            None => UNTIMED.1,
        };
        Some(pause.min(self.pace.idle_limit).div_f64(self.pace.speed))
    }

    /// Tells the next entry.
    pub fn tick(&mut self) -> Vec<Line> {
        self.message.clear();
        self.tell_until(self.next + 1)
    }

    fn tell_until(&mut self, end: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        let end = end.min(self.entries.len());
        for entry in self.entries.iter().take(end).skip(self.next) {
            lines.extend(self.narrator.entry(entry, false));
            if lines.len() > 2 * SCROLLED {
                lines.drain(..lines.len() - SCROLLED - 1);
            }
        }
        self.next = self.next.max(end);
        lines
    }

    /// Goes to just before the entry of this number.
    fn go(&mut self, to: usize) -> Action {
        self.paused = true;
        if to >= self.next { Action::Show(self.tell_until(to)) } else { self.retell(to) }
    }

    /// Tells all again from the start, up to this entry.
    fn retell(&mut self, to: usize) -> Action {
        self.narrator = Narrator::new(self.layout).forgetful();
        self.narrator.begin(&self.header);
        self.next = 0;
        let mut lines = self.title();
        lines.extend(self.tell_until(to));
        Action::Retell(lines)
    }

    /// Lays out what has been told anew where the screen is not as wide as it was.
    pub fn resize(&mut self, columns: usize) -> Action {
        let columns = Layout::readable(columns);
        if self.layout.width == columns {
            return Action::Nothing;
        }
        self.layout.width = columns;
        self.retell(self.next)
    }

    /// What a key does.
    pub fn key(&mut self, key: Key) -> Action {
        self.message.clear();
        if key == Key::Interrupt {
            return Action::Quit;
        }
        if let Some(typed) = self.typing.take() {
            return self.type_on(typed, key);
        }
        match key {
            Key::Char(' ') => self.paused = !self.paused,
            Key::Char('.') | Key::Right => {
                let end = self.entries.len();
                let next = self.commands.iter().copied().find(|at| *at > self.next);
                return self.go(next.unwrap_or(end));
            }
            Key::Char(',') | Key::Left => {
                let before = self.commands.iter().copied().rev().find(|at| *at < self.next);
                return self.go(before.unwrap_or(0));
            }
            Key::Char('+' | '=') => self.pace.speed = (self.pace.speed * 2.0).min(SPEEDS.1),
            Key::Char('-') => self.pace.speed = (self.pace.speed / 2.0).max(SPEEDS.0),
            Key::Char('/') => self.typing = Some(String::new()),
            Key::Char('n') => return self.search(),
            Key::Char('e') => {
                return self.find("no error", |entry| {
                    matches!(entry.kind, EntryKind::Received { error: true, .. } | EntryKind::Problem(_))
                });
            }
            Key::Char('m') => {
                return self.find("no marker", |entry| matches!(entry.kind, EntryKind::Note(_)));
            }
            Key::Char('?') => {
                self.paused = true;
                return Action::Show(key_list());
            }
            Key::Char('q') => return Action::Quit,
            _ => {}
        }
        Action::Nothing
    }

    fn type_on(&mut self, mut typed: String, key: Key) -> Action {
        match key {
            Key::Enter => {
                if !typed.is_empty() {
                    self.wanted = typed.to_lowercase();
                }
                return self.search();
            }
            Key::Escape => return Action::Nothing,
            Key::Backspace if typed.pop().is_none() => return Action::Nothing,
            Key::Char(c) => typed.push(c),
            _ => {}
        }
        self.typing = Some(typed);
        Action::Nothing
    }

    fn search(&mut self) -> Action {
        if self.wanted.is_empty() {
            self.message = "nothing to search for yet: / and a word".to_owned();
            return Action::Nothing;
        }
        let wanted = self.wanted.clone();
        let has = |entry: &Entry| shown(entry).is_some_and(|(_, text)| text.to_lowercase().contains(&wanted));
        self.find("no match", has)
    }

    /// Goes behind the next entry that fits, from the last one back to the first. A reply is told to its end, with
    /// its explanation.
    fn find(&mut self, none: &str, fits: impl Fn(&Entry) -> bool) -> Action {
        let numbered = || self.entries.iter().enumerate();
        let behind = numbered().skip(self.next).chain(numbered().take(self.next));
        let Some((at, found)) = behind.into_iter().find(|(_, entry)| fits(entry)) else {
            self.message = none.to_owned();
            return Action::Nothing;
        };
        if at < self.next {
            self.message = "from the start again".to_owned();
        }
        let received = |entry: &Entry| matches!(entry.kind, EntryKind::Received { .. });
        let more = if received(found) { is_unfinished } else { |_: &Entry| false };
        let tail = self.entries.iter().skip(at).take_while(|entry| received(entry) && more(entry)).count();
        self.go(at + tail + 1)
    }

    /// The line at the bottom.
    pub fn status(&self) -> String {
        if let Some(typed) = &self.typing {
            return format!("/{typed}");
        }
        let sign = match (self.ended(), self.paused) {
            (true, _) => "■ end",
            (false, true) => "‖ paused",
            (false, false) => "▸",
        };
        let mut parts = vec![sign.to_owned(), format!("{}/{}", self.next, self.entries.len())];
        parts.push(format!("×{}", self.pace.speed));
        parts.push(match self.message.is_empty() {
            true => "space . , ? q".to_owned(),
            false => self.message.clone(),
        });
        parts.join(" · ")
    }
}

/// Whether a reply goes on after this line of it.
fn is_unfinished(entry: &Entry) -> bool {
    entry.line().is_some_and(|line| line.head().get(3) == Some(&b'-'))
}

fn commands(entries: &[Entry]) -> Vec<usize> {
    let mut tracker = Tracker::new();
    let mut found = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        tracker.other(entry);
        match &entry.kind {
            EntryKind::Sent { line, .. } => {
                if matches!(tracker.sent(line), Role::Command(_) | Role::Answer { .. }) {
                    found.push(index);
                }
            }
            EntryKind::Received { line, .. } => {
                tracker.received(line);
            }
            _ => {}
        }
    }
    found
}

fn key_list() -> Vec<Line> {
    let line = |(keys, what): (&str, &str)| {
        let keys = Piece { style: Style::Label, text: format!("     {keys:<8} ") };
        vec![keys, Piece { style: Style::Plain, text: what.to_owned() }]
    };
    KEYS.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::render::plain;
    use crate::narrate::Level;
    use crate::transcript::Reader;

    const SESSION: &str = "%heloise 1\n%title a lesson\n\n0.0 <- 220 mx\n5.0 -> EHLO a\n5.1 <- 250-mx\n5.1 <- 250 SIZE 100\n\
        6.0 ### note look\n7.0 -> MAIL FROM:<a@x>\n7.5 <** 550-no\n7.5 <** 550 never\n9.0 -> QUIT\n9.1 <- 221 bye\n";

    fn player() -> Player {
        let mut reader = Reader::new(SESSION.as_bytes()).unwrap();
        let entries = reader.by_ref().map(Result::unwrap).collect();
        let layout = Layout { level: Level::None, width: 80, timing: false, prompt: false };
        let pace = Pace { speed: 1.0, idle_limit: Duration::from_secs(2) };
        Player::new(reader.header().clone(), entries, layout, pace)
    }

    fn text(action: Action) -> String {
        let (Action::Show(lines) | Action::Retell(lines)) = action else { return format!("{action:?}") };
        lines.iter().map(|line| plain(line) + "\n").collect()
    }

    fn press(player: &mut Player, keys: &str) -> Action {
        keys.chars().map(|c| player.key(if c == '\n' { Key::Enter } else { Key::Char(c) })).last().unwrap()
    }

    #[test]
    fn time_goes_as_recorded_up_to_the_limit() {
        let mut player = player();
        assert_eq!(player.delay(), Some(Duration::ZERO));
        player.tick();
        assert_eq!(player.delay(), Some(Duration::from_secs(2)), "5 s are cut");
        player.key(Key::Char('+'));
        assert_eq!(player.delay(), Some(Duration::from_secs(1)));
        player.key(Key::Char(' '));
        assert_eq!(player.delay(), None);
        player.key(Key::Char(' '));
        while player.delay().is_some() {
            player.tick();
        }
        assert!(player.ended() && player.status().contains("end"));
    }

    #[test]
    fn steps_go_forth_and_back() {
        let mut player = player();
        assert_eq!(text(player.key(Key::Right)), "<-  220 mx\n");
        assert_eq!(text(press(&mut player, ".")), " -> EHLO a\n<-  250-mx\n<-  250 SIZE 100\n### look\n");
        let back = player.key(Key::Left);
        assert!(matches!(back, Action::Retell(_)));
        assert_eq!(text(back), "a lesson\n\n<-  220 mx\n");
        assert!(text(press(&mut player, ".")).starts_with(" -> EHLO a\n"));
        assert!(player.delay().is_none(), "steps pause");
        press(&mut player, ",,,");
        assert_eq!(player.next, 0);
    }

    #[test]
    fn a_narrower_screen_is_told_anew() {
        let mut player = player();
        let told = text(press(&mut player, "..."));
        assert_eq!(player.resize(80), Action::Nothing);
        let Action::Retell(lines) = player.resize(40) else { panic!("told anew") };
        assert!(text(Action::Retell(lines)).ends_with(&told));
        assert_eq!(player.layout.width, 40);
    }

    #[test]
    fn jumps_tell_the_reply_to_its_end() {
        let mut player = player();
        assert!(text(press(&mut player, "e")).ends_with("<** 550-no\n<** 550 never\n"));
        assert_eq!(text(press(&mut player, "e")), "", "there is but one");
        assert!(player.status().contains("from the start again"));
        press(&mut player, ",,");
        assert!(text(press(&mut player, "m")).ends_with("### look\n"));
    }

    #[test]
    fn a_search_is_typed_and_goes_on() {
        let mut player = player();
        press(&mut player, "/mX");
        assert_eq!(player.status(), "/mX");
        assert_eq!(text(press(&mut player, "\n")), "<-  220 mx\n");
        assert!(text(press(&mut player, "n")).ends_with("<-  250-mx\n<-  250 SIZE 100\n"));
        assert_eq!(text(press(&mut player, "n")), "a lesson\n\n<-  220 mx\n", "and from the start again");
        assert_eq!(press(&mut player, "/nowhere\n"), Action::Nothing);
        assert!(player.status().contains("no match"));
        press(&mut player, "/q");
        assert_eq!(player.key(Key::Escape), Action::Nothing, "q was text, not a command");
        assert_eq!(press(&mut player, "q"), Action::Quit);
        assert_eq!(player.key(Key::Interrupt), Action::Quit);
    }
}
