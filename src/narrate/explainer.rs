//! Who answers questions: explains replies one after the other, as each failure counts for what is said of the next.

use crate::explain::render::{self, Headline, Line};
use crate::explain::{self, Asked, Explanation, Reason, Situation};
use crate::session::Answer;
use crate::target::Target;
use crate::transcript::Header;
use crate::wire::ReplyCode;

use super::offers::{Numbers, Offers};
use super::question::Question;
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

    /// The lines to show beside a reply.
    pub fn lines(&mut self, question: &Question, layout: Layout) -> Vec<Line> {
        let (best, _) = self.with_situation(question, layout, explain::explain_best);
        let Some(best) = best else { return Vec::new() };
        if question.answer.reply.code().is_some_and(ReplyCode::is_error) {
            self.count(best.reason);
        }
        match layout.level {
            Level::None => Vec::new(),
            Level::Brief => {
                let numbers = layout.prompt.then(|| self.offers.number([best.fixes.as_slice()]).pop());
                let numbers = numbers.flatten().unwrap_or_default();
                render::brief_numbered(&best, headline(&question.answer), layout.width, &numbers)
            }
            Level::Full => self.full(&[best], headline(&question.answer), layout.width),
        }
    }

    /// All explanations of a reply, best first.
    pub fn explanations(&self, question: &Question, layout: Layout) -> Vec<Explanation> {
        self.with_situation(question, layout, explain::explain)
    }

    /// The two best explanations in full, as lines.
    pub fn in_full(&mut self, question: &Question, layout: Layout) -> Vec<Line> {
        let mut told = self.explanations(question, layout);
        told.truncate(2);
        self.full(&told, headline(&question.answer), layout.width)
    }

    /// A failure in full, as lines.
    pub fn failure_in_full(&mut self, failure: &Explanation, layout: Layout) -> Vec<Line> {
        self.full(std::slice::from_ref(failure), Headline::default(), layout.width)
    }

    fn full(&mut self, told: &[Explanation], headline: Headline, width: usize) -> Vec<Line> {
        let numbers = self.offers.number(told.iter().map(|one| one.fixes.as_slice()));
        let pairs = told.iter().zip(&numbers);
        pairs.flat_map(|(one, numbers)| render::full_numbered(one, headline, width, numbers)).collect()
    }

    /// Takes note that something failed: it counts for what is said later. What is proposed for it is about to be shown,
    /// by these numbers.
    pub fn failed(&mut self, failure: &Explanation) -> Numbers {
        self.count(failure.reason);
        self.offers.number([failure.fixes.as_slice()]).pop().unwrap_or_default()
    }

    fn count(&mut self, reason: Reason) {
        if !self.earlier.contains(&reason.slug()) {
            self.earlier.push(reason.slug());
        }
    }

    /// Has the reply explained in the situation that it came in.
    fn with_situation<T>(
        &self,
        question: &Question,
        layout: Layout,
        explain: impl FnOnce(&Situation<'_>) -> T,
    ) -> T {
        let Question { answer, circumstances: known } = question;
        let situation = Situation {
            verb: known.verb.as_ref(),
            command: answer.command.as_ref().map(|c| c.line.as_slice()),
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
            host: self.host.as_deref(),
            asked: Asked {
                target: self.typed.as_deref(),
                starttls: known.tls && self.upgrades,
                prompt: layout.prompt,
                options: &self.options,
            },
            banner: known.banner.as_deref(),
            earlier: &self.earlier,
            ..Situation::of(&answer.reply)
        };
        explain(&situation)
    }
}

fn headline(answer: &Answer) -> Headline {
    Headline { code: answer.reply.code(), enhanced: answer.reply.enhanced() }
}
