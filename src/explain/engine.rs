//! From a reply to its explanations: evidence is looked for, weighed, and put into words.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::context::Context;
use super::explanation::{Confidence, EvidenceKind, Explanation, Inference, Place, Reason, Text};
use super::fault::Fault;
use super::rules::{self, Facts, Matches, Provider};
use super::situation::Situation;
use super::tables::{self, ReplyRow};
use super::template;
use super::text::{Heard, is_host_name};
use super::weighing::{self, Candidate};
use super::words::Words;
use crate::session::Phase;
use crate::wire::ReplyCode;

/// What a reply can mean in its situation, most probable first; never empty.
pub fn explain(situation: &Situation<'_>) -> Vec<Explanation> {
    all_of(Weighed::of(situation), situation)
}

/// The same by rules and codes alone, so that what is learnt hides no rule.
#[cfg(test)]
pub(super) fn explain_by_rules(situation: &Situation<'_>) -> Vec<Explanation> {
    all_of(Weighed::with(situation, |_, _, _, _| {}), situation)
}

fn all_of(mut weighed: Weighed, situation: &Situation<'_>) -> Vec<Explanation> {
    let candidates = std::mem::take(&mut weighed.candidates);
    let (said, urls) = (weighed.heard.said.clone(), weighed.heard.urls.clone());
    let readings = candidates.into_iter().map(|candidate| weighed.explain(candidate, situation));
    readings.map(|one| Explanation { said: said.clone(), urls: urls.clone(), ..one }).collect()
}

/// The most probable reading alone, and the reasons of the others: all that a long list needs.
pub fn explain_best(situation: &Situation<'_>) -> (Option<Explanation>, Vec<(Reason, Confidence)>) {
    let mut weighed = Weighed::of(situation);
    let others = weighed.candidates.iter().skip(1).map(|c| (c.reason, c.confidence())).collect();
    let best = std::mem::take(&mut weighed.candidates).into_iter().next();
    let mut best = best.map(|candidate| weighed.explain(candidate, situation));
    if let Some(best) = &mut best {
        (best.said, best.urls) = (weighed.heard.said, weighed.heard.urls);
    }
    (best, others)
}

/// A reply with all that speaks for each reason.
struct Weighed {
    heard: Heard,
    candidates: Vec<Candidate>,
    provider: Option<&'static Provider>,
    fault: Option<Fault>,
    /// What the table of replies has for code and command.
    row: Option<&'static ReplyRow>,
}

impl Weighed {
    fn of(situation: &Situation<'_>) -> Weighed {
        Weighed::with(situation, weighing::compare)
    }

    /// With something else instead of the comparison with known replies.
    fn with(
        situation: &Situation<'_>,
        compare: impl FnOnce(&mut Vec<Candidate>, &Heard, &Words<'_>, &Situation<'_>),
    ) -> Weighed {
        let mut heard = Heard::of(situation.reply);
        if heard.enhanced.is_none() && situation.status.is_some() {
            (heard.enhanced, heard.enhanced_in_place) = (situation.status, true);
        }
        let code = heard.code.unwrap_or(0);
        let provider = provider_of(situation);
        let words = Words::of(&heard.folded);
        let matches = matches(&heard, &words, situation, provider);
        let coded = heard.code.and_then(|code| tables::best_row(ReplyCode(code), situation.verb_name()));
        let fault = Fault::of(situation, code);
        let mut candidates = weighing::weigh(&heard, coded, &matches);
        weighing::weigh_session(&mut candidates, situation, code, fault.is_some());
        weighing::settle(&mut candidates, &heard, &words, |found| compare(found, &heard, &words, situation));
        let row = coded.map(|coded| coded.row);
        Weighed { heard, candidates, provider: provider.or(matches.provider), fault, row }
    }

    /// A reading, but for the server's own words.
    fn explain(&self, candidate: Candidate, situation: &Situation<'_>) -> Explanation {
        let context = Context {
            situation,
            code: self.heard.code.unwrap_or(0),
            said: &self.heard.said,
            named: OnceCell::new(),
            named_is_sender: matches!(candidate.reason.slug(), "sender-rejected" | "sender-authentication"),
            provider: self.provider.map(|p| p.name),
            class: self.heard.class(),
            mended: self.fault.as_ref().and_then(|f| f.mended.clone()),
            place: self.fault.as_ref().map(|f| f.place.in_words()),
        };
        let fault = self.fault.as_ref().filter(|_| candidate.reason.slug() == "syntax");
        let place = fault.map(|fault| fault.place.clone());
        candidate.explain(self, &context, place)
    }

    /// What the standard says of code and enhanced code.
    fn standard(&self, phase: Phase) -> Option<Text> {
        let code = self.heard.code?;
        let row = match phase {
            Phase::Data => tables::best_row(ReplyCode(code), Some("CONTENT")).map(|found| found.row),
            _ => self.row,
        };
        let by_enhanced = self.heard.enhanced.and_then(tables::enhanced_meaning).map(|m| m.text);
        match (row.map(|row| row.meaning), by_enhanced) {
            (Some(a), Some(b)) => Some(Cow::Owned([a, "; ", b].concat())),
            (one, other) => one.or(other).map(Cow::Borrowed),
        }
    }
}

/// The rules that hold; none for a reply that is no error.
fn matches(
    heard: &Heard,
    words: &Words<'_>,
    situation: &Situation<'_>,
    provider: Option<&'static Provider>,
) -> Matches {
    let code = heard.code.unwrap_or(0);
    match code / 100 {
        2 | 3 => Matches::default(),
        _ => rules::rules()
            .matches(words, Facts { code, enhanced: heard.enhanced, verb: situation.verb_name(), provider }),
    }
}

/// The ids of the rules that hold.
#[cfg(test)]
pub(super) fn rules_that_hold(situation: &Situation<'_>) -> Vec<&'static str> {
    let heard = Heard::of(situation.reply);
    let found = matches(&heard, &Words::of(&heard.folded), situation, provider_of(situation));
    found.rules.iter().map(|rule| rule.row.id).collect()
}

/// The provider, by the names of its hosts, what it calls itself, and its greeting.
fn provider_of(situation: &Situation<'_>) -> Option<&'static Provider> {
    let own_name = situation.capabilities.and_then(|c| c.domain.as_deref());
    let before = situation.before_tls.and_then(|c| c.domain.as_deref());
    // Most greetings begin with the name (RFC 5321 §4.2), some have it further on.
    let banner = situation.banner.and_then(|b| b.split_ascii_whitespace().find(|word| is_host_name(word)));
    let hosts = situation.host.into_iter().chain(situation.server_names.iter().copied());
    let mut names = hosts.chain(own_name).chain(before).chain(banner);
    names.find_map(rules::provider_of_host)
}

impl Candidate {
    fn explain(self, weighed: &Weighed, context: &Context<'_>, place: Option<Place>) -> Explanation {
        let rule = self.rule.map(|(rule, _)| rule.row);
        let provider = self.rule.and_then(|(rule, _)| rule.provider).map(|p| p.name);
        let mut causes = rule.map(|row| template::texts(&row.causes, context)).unwrap_or_default();
        let mut fixes = rule.map(|row| template::fixes(&row.fixes, context)).unwrap_or_default();
        let own: &[&str] = rule.map(|row| row.sources.as_slice()).unwrap_or_default();
        let mut sources: Vec<Text> = Vec::with_capacity(own.len() + self.row.sources.len());
        sources.extend(own.iter().map(|source| Cow::Borrowed(*source)));
        if causes.is_empty() {
            causes = template::texts(&self.row.causes, context);
        }
        if fixes.is_empty() {
            fixes = template::fixes(&self.row.fixes, context);
        }
        template::each_text(&self.row.sources, context, |source| {
            if !sources.contains(&source) {
                sources.push(source);
            }
        });
        Explanation {
            reason: self.reason,
            enhanced: weighed.heard.enhanced,
            said: String::new(),
            standard: weighed.standard(context.situation.phase),
            inferred: self.inference(weighed.row, context),
            causes,
            fixes,
            place,
            actor: rule.and_then(|row| row.actor).unwrap_or(self.row.actor),
            sources,
            urls: Vec::new(),
            provider,
            confidence: self.confidence(),
            evidence: self.evidence,
        }
    }

    fn inference(&self, coded: Option<&ReplyRow>, context: &Context<'_>) -> Option<Inference> {
        let by_rule = self.rule.and_then(|(rule, _)| rule.row.short);
        // What the code adds to a reason that it points to, too: a verb that is not known differs from an argument.
        let by_code = coded.filter(|row| row.reason == Some(self.reason.slug())).and_then(|row| row.short);
        let short = by_rule.or(by_code).unwrap_or(self.row.short);
        let text = context.fill(short).unwrap_or(Cow::Borrowed(self.row.meaning));
        let because = match self.evidence.first().map(|strongest| strongest.kind) {
            Some(EvidenceKind::Provider) => "the provider's own wording",
            Some(EvidenceKind::Wording) => "the server's words",
            Some(EvidenceKind::Enhanced) => "the enhanced code",
            Some(EvidenceKind::Likeness) => "replies with such words",
            Some(EvidenceKind::Session) => "the state of the session",
            Some(EvidenceKind::Code | EvidenceKind::Class) => "the code alone",
            None => "words and codes that say nothing",
        };
        Some(Inference { text, because: Cow::Borrowed(because) })
    }
}
