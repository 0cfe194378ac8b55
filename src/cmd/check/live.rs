//! Shows a check at a terminal while it runs: the stages with their times, redrawn in place as they come. What stays
//! is printed at the end, when the whole is known that the waterfall is drawn to.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use unicode_width::UnicodeWidthStr;

use crate::check::output::legs;
use crate::check::{LegId, Progress, Stage, StageName};
use crate::explain::render::Line;
use crate::repl::paint;

/// How often the picture is drawn anew while nothing happens.
const FRAME: Duration = Duration::from_millis(100);

/// With more legs than this each is one line until the end.
const LEGS_IN_FULL: usize = 2;

/// What is shown.
pub struct View {
    colour: bool,
    width: usize,
    legs: BTreeMap<LegId, Shown>,
    begun: Instant,
}

/// A leg on the screen.
struct Shown {
    place: String,
    stages: Vec<Stage>,
    running: Option<StageName>,
}

impl View {
    pub fn new(colour: bool, width: usize) -> View {
        View { colour, width, legs: BTreeMap::new(), begun: Instant::now() }
    }

    /// Shows what happens until the check is over.
    pub async fn follow(mut self, mut from: UnboundedReceiver<Progress>) {
        let screen = io::stdout().is_terminal().then(screen);
        let mut tick = tokio::time::interval(FRAME);
        loop {
            tokio::select! {
                progress = from.recv() => match progress {
                    Some(progress) => self.take(progress),
                    None => break,
                },
                _ = tick.tick(), if screen.is_some() => {}
            }
            if let Some(screen) = &screen {
                screen.set_message(self.picture());
            }
        }
        if let Some(screen) = screen {
            screen.finish_and_clear();
        }
    }

    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Begin(id, place) => {
                self.legs.insert(id, Shown { place, stages: Vec::new(), running: None });
            }
            Progress::Running(id, name) => self.change(id, |leg| leg.running = Some(name)),
            Progress::Done(id, stage) => self.change(id, |leg| {
                leg.running = None;
                leg.stages.push(stage);
            }),
            Progress::End(id) => self.change(id, |leg| leg.running = None),
        }
    }

    fn change(&mut self, id: LegId, change: impl FnOnce(&mut Shown)) {
        if let Some(leg) = self.legs.get_mut(&id) {
            change(leg);
        }
    }

    fn picture(&self) -> String {
        let total = self.begun.elapsed();
        let full = self.legs.len() <= LEGS_IN_FULL;
        let column = self.legs.values().map(|leg| leg.place.width()).max().unwrap_or_default();
        let lines = self.legs.values().flat_map(|leg| match full {
            true => leg.full(total, self.width),
            false => vec![legs::in_short(&leg.place, column, &leg.stages, leg.running, self.width)],
        });
        lines.map(|line| paint(&line, self.colour)).collect::<Vec<_>>().join("\n")
    }
}

impl Shown {
    fn full(&self, total: Duration, width: usize) -> Vec<Line> {
        let mut lines = vec![legs::title(&self.place)];
        lines.extend(legs::stages(&self.stages, total, width));
        lines.extend(self.running.map(|name| legs::running(name.as_str())));
        lines
    }
}

fn screen() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    // The template is a constant that parses.
    bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}
