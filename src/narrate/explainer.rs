//! Who answers questions: explains replies one after the other, as each failure counts for what is said of the next.

use crate::explain::render::{self, Headline, Line};
use crate::explain::{self, Asked, Explanation, Failure, Fix, Reason, Situation};
use crate::target::Target;
use crate::transcript::Header;
use crate::wire::Reply;

use super::offers::{Numbers, Offers};
use super::question::{Question, Subject};
use super::{Layout, Level};

/// Explains the replies of a session, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Explainer {
    host: Option<String>,
    /// How the target would be typed.
    typed: Option<String>,
    /// Whether TLS, where there is any, began with STARTTLS.
    upgrades: bool,
    /// The options to give again, for proposals.
    options: Vec<String>,
    /// The name for greetings, where none has been given.
    client: Option<String>,
    /// The reasons for which commands failed, each once.
    earlier: Vec<&'static str>,
    /// What was proposed last.
    pub offers: Offers,
}

impl Explainer {
    /// Proposes command lines with these options.
    pub fn repeat(&mut self, options: &[String]) {
        self.options = options.to_vec();
    }

    /// Proposes greetings with this name, where none has been given yet.
    pub fn greet_as(&mut self, name: &str) {
        self.client = Some(name.to_owned());
    }

    /// Begins a session: what failed in an earlier one is forgotten.
    pub fn begin(&mut self, header: &Header) {
        let target = header.target.as_deref().and_then(|text| text.parse::<Target>().ok());
        self.host = target.as_ref().map(|t| t.host.to_string());
        self.typed = target.as_ref().map(Target::typed);
        self.upgrades = target.is_some_and(|t| !t.implicit_tls());
        self.earlier.clear();
    }

    /// The lines to show beside a reply, or below a failure.
    pub fn lines(&mut self, question: &Question, layout: Layout) -> Vec<Line> {
        let best = match question.subject {
            Subject::Reply(_) => {
                self.with_situation(question, layout, |situation| explain::explain_best(situation).0)
            }
            _ => self.explanations(question, layout).into_iter().next(),
        };
        let Some(best) = best else { return Vec::new() };
        if question.went_wrong() {
            self.count(best.reason);
            // What was proposed for something else is not for this.
            self.offers.clear();
        }
        match layout.level {
            Level::None => Vec::new(),
            Level::Brief => {
                let shown = best.fixes.get(..render::IN_BRIEF).unwrap_or(&best.fixes);
                let numbers = if layout.prompt { self.number(shown) } else { Numbers::new() };
                render::brief(&best, headline(question), layout.width, &numbers)
            }
            Level::Full => self.whole(&best, headline(question), layout.width),
        }
    }

    /// All explanations of a reply, best first; that of a failure.
    pub fn explanations(&self, question: &Question, layout: Layout) -> Vec<Explanation> {
        match &question.subject {
            Subject::Reply(_) => self.with_situation(question, layout, explain::explain),
            Subject::Failure(failure) => vec![self.failure(failure, question, layout)],
            Subject::Explained(failure) => vec![failure.as_ref().clone()],
        }
    }

    fn failure(&self, failure: &Failure, question: &Question, layout: Layout) -> Explanation {
        self.with_situation(question, layout, |situation| explain::explain_failure_in(failure, situation))
    }

    /// What is said of the deviations in it.
    fn quirks(&self, question: &Question, layout: Layout) -> Vec<Explanation> {
        let quirks = question.quirks.iter().cloned().map(Failure::Quirk);
        quirks.map(|quirk| self.failure(&quirk, question, layout)).collect()
    }

    /// The best explanation in full, as lines; other readings in a line each if they are likely, or all of them in full;
    /// then the deviations.
    pub fn in_full(&mut self, question: &Question, layout: Layout, all: bool) -> Vec<Line> {
        let (headline, width) = (headline(question), layout.width);
        let told = self.explanations(question, layout);
        let quirks = self.quirks(question, layout);
        let mut readings = told.iter();
        // Where nothing is wrong but the form, the form is what matters.
        let best = readings.next().filter(|_| !question.is_of_form());
        let (in_full, in_short): (Vec<_>, Vec<_>) =
            readings.filter(|other| all || is_worth_telling(other, &told)).partition(|_| all);
        let numbered = best.into_iter().chain(in_full.iter().copied()).chain(&quirks);
        let mut numbers = self.offers.number(numbered.map(|one| one.fixes.as_slice())).into_iter();
        let mut next = || numbers.next().unwrap_or_default();
        let mut lines = Vec::new();
        lines.extend(best.iter().flat_map(|best| render::full_numbered(best, headline, width, &next())));
        lines.extend(in_full.iter().flat_map(|other| render::full_numbered(other, headline, width, &next())));
        lines.extend(in_short.iter().flat_map(|other| render::reading(other, width)));
        lines.extend(quirks.iter().flat_map(|quirk| render::aside(quirk, width, &next())));
        lines
    }

    /// One explanation in full, as lines.
    pub fn whole(&mut self, told: &Explanation, headline: Headline, width: usize) -> Vec<Line> {
        let numbers = self.number(&told.fixes);
        render::full_numbered(told, headline, width, &numbers)
    }

    /// Takes note that something failed: it counts for what is said later. So many of what is proposed for it are about
    /// to be shown, by these numbers.
    pub fn failed(&mut self, failure: &Explanation, shown: usize) -> Numbers {
        self.count(failure.reason);
        self.number(failure.fixes.get(..shown).unwrap_or(&failure.fixes))
    }

    fn number(&mut self, fixes: &[Fix]) -> Numbers {
        self.offers.number([fixes]).pop().unwrap_or_default()
    }

    fn count(&mut self, reason: Reason) {
        if !self.earlier.contains(&reason.slug()) {
            self.earlier.push(reason.slug());
        }
    }

    /// Has it explained in the situation that it came in.
    fn with_situation<T>(
        &self,
        question: &Question,
        layout: Layout,
        explain: impl FnOnce(&Situation<'_>) -> T,
    ) -> T {
        let known = &question.circumstances;
        let nothing = Reply::default();
        let situation = Situation {
            verb: known.verb.as_ref(),
            command: question.command.as_ref().map(|c| c.line.as_slice()),
            phase: known.phase,
            stood: Some(known.stood),
            greeted: known.greeted.as_ref(),
            client: known.client.as_deref().or(self.client.as_deref()),
            lmtp: known.lmtp,
            live: true,
            tls: known.tls,
            capabilities: known.capabilities.as_deref(),
            before_tls: known.before_tls.as_deref(),
            authenticated: known.authenticated.as_deref(),
            mechanism: known.mechanism.as_deref(),
            login: known.login.as_deref(),
            sender_before: known.sender_before.as_deref(),
            recipient_before: known.recipient_before.as_deref(),
            sender: known.sender.as_deref(),
            recipient: known.recipient.as_deref(),
            declared_size: known.declared_size,
            announced: known.announced,
            no_base64: known.no_base64,
            idle: known.idle,
            amid_reply: known.amid_reply,
            host: self.host.as_deref(),
            asked: Asked {
                target: self.typed.as_deref(),
                starttls: known.tls && self.upgrades,
                prompt: layout.prompt,
                options: &self.options,
            },
            banner: known.banner.as_deref(),
            earlier: &self.earlier,
            ..Situation::of(question.reply().unwrap_or(&nothing))
        };
        explain(&situation)
    }
}

/// Whether a further reading is likely enough beside the first.
fn is_worth_telling(other: &Explanation, told: &[Explanation]) -> bool {
    let best = told.first().map_or(0, |best| best.confidence.percent());
    other.confidence.percent().saturating_mul(3) >= best
}

fn headline(question: &Question) -> Headline {
    let reply = question.reply();
    Headline { code: reply.and_then(Reply::code), enhanced: reply.and_then(Reply::enhanced) }
}
