//! Evidence for reasons, weighed: what rules, codes and the session say, what replies with such words were about, and how
//! sure the best reading is.

use std::borrow::Cow;

use super::explanation::{Confidence, Evidence, EvidenceKind, Reason};
use super::likeness::Likeness;
use super::rules::{Matches, Rule};
use super::situation::Situation;
use super::tables::{self, Coded, ReasonRow};
use super::text::Heard;
use super::words::Words;
use crate::session::Phase;
use crate::wire::{ReplyCode, Verb};

/// How much a rule counts that does not say.
const RULE_WEIGHT: u8 = 85;
/// The same for a row of the provider that answered.
const PROVIDER_WEIGHT: u8 = 96;
/// How much less a provider's row counts at another provider.
const FOREIGN: u8 = 8;
/// The same at a provider that is like it: its own rows come first.
const KIN: u8 = 1;
/// Enhanced codes from this weight on say something particular; x.7.1 does not.
const PARTICULAR: u8 = 60;
/// Readings that score less than this, in percent, are not worth showing beside a better one.
const WORTH_SHOWING: f32 = 0.2;
/// Words alone do not make certain: a code that agrees must come to them, or a provider's own table.
const WORDS_ALONE: f32 = 0.89;
/// What a score by rules and codes counts where it is not sure, and the likeness to known replies beside it. That is the
/// less partial of the two: rules were made with the replies in view that they read.
const RULES_SHARE: f32 = 0.4;
const LIKENESS_SHARE: f32 = 0.65;
/// What they cannot exceed together.
const BOTH: f32 = 0.89;
/// They are sure where words and codes agree, or the provider says so, and the reading scores so much.
const SURE: f32 = 0.9;
/// The same for words alone: narrow rules.
const SURE_OF_WORDS: f32 = 0.94;
/// What a code and one or two words that no rule knows cannot exceed: a guess.
const TERSE: f32 = 0.59;
const TERSE_WORDS: usize = 2;
/// What is less likely is as good as out of the question.
const WORTH_WEIGHING: f32 = 0.01;
/// What nothing but likeness speaks for is a guess from here on, and unknown below.
const WORTH_GUESSING: f32 = 0.2;
/// Readings below this are no better than "unknown".
const WORTH_NAMING: f32 = 0.1;

/// A reason with what speaks for it.
pub(super) struct Candidate {
    pub reason: Reason,
    pub row: &'static ReasonRow,
    /// The rule that gives causes and fixes, and its own weight.
    pub rule: Option<(&'static Rule, f32)>,
    score: f32,
    pub evidence: Vec<Evidence>,
}

/// Gathers evidence and adds it up for each reason.
pub(super) fn weigh(heard: &Heard, coded: Option<&Coded>, matches: &Matches) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::with_capacity(4);
    for rule in &matches.rules {
        let own = rule.provider.is_some();
        let default = if own { PROVIDER_WEIGHT } else { RULE_WEIGHT };
        let apart = match rule.provider.zip(matches.provider) {
            Some((own, seen)) if !seen.is(own) => FOREIGN,
            Some((own, seen)) if seen.id != own.id => KIN,
            _ => 0,
        };
        let weight = rule.row.weight.unwrap_or(default).saturating_sub(apart);
        let kind = if own { EvidenceKind::Provider } else { EvidenceKind::Wording };
        let evidence = Evidence { kind, text: Cow::Borrowed(rule.row.id), weight };
        add(&mut found, rule.family, Some(rule), evidence);
    }
    if let Some(code) = heard.enhanced.filter(|_| !matches!(heard.code.map(|c| c / 100), Some(2 | 3)))
        && let Some((row, family)) = tables::enhanced_reason(code)
    {
        let weight = if heard.enhanced_in_place { row.weight } else { row.weight / 2 };
        let text = Cow::Borrowed(row.meaning);
        if weight >= PARTICULAR {
            // A particular code outweighs vague words that speak against it.
            let vague = |c: &&mut Candidate| c.reason != family.0 && c.score < 0.9;
            found.iter_mut().filter(vague).for_each(|candidate| candidate.score *= 0.85);
        }
        add(&mut found, Some(family), None, Evidence { kind: EvidenceKind::Enhanced, text, weight });
    }
    if let Some(Coded { row, general, reason }) = coded {
        let kind = if *general { EvidenceKind::Class } else { EvidenceKind::Code };
        let text = Cow::Borrowed(row.meaning);
        add(&mut found, *reason, None, Evidence { kind, text, weight: row.weight });
    }
    found
}

/// Whether the best reading needs no comparison.
fn is_sure(found: &[Candidate]) -> bool {
    let best = found.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    best.is_some_and(|best| best.score >= if best.words_alone() { SURE_OF_WORDS } else { SURE })
}

/// Weighs what rules and codes say against what replies with such words were about. What a provider says of its own
/// stays as it is.
pub(super) fn compare(
    found: &mut Vec<Candidate>,
    heard: &Heard,
    words: &Words<'_>,
    situation: &Situation<'_>,
) {
    for candidate in found.iter_mut().filter(|candidate| !candidate.is_documented()) {
        candidate.score *= RULES_SHARE;
    }
    let likeness = Likeness::of(heard, words, situation.verb_name());
    for (reason, likely) in likeness.each().filter(|(_, likely)| *likely >= WORTH_WEIGHING) {
        let text = Cow::Borrowed("replies with such words and codes");
        let weight = percent(likely);
        let evidence = Evidence { kind: EvidenceKind::Likeness, text, weight };
        match found.iter_mut().find(|candidate| candidate.reason == reason) {
            Some(candidate) if candidate.is_documented() => candidate.evidence.push(evidence),
            Some(candidate) => {
                candidate.score = (candidate.score + likely * LIKENESS_SHARE).min(BOTH);
                candidate.evidence.push(evidence);
            }
            None if likely * LIKENESS_SHARE >= WORTH_GUESSING => {
                let Some((reason, row)) = tables::reason(reason.slug()) else { continue };
                let (score, evidence) = (likely * LIKENESS_SHARE, vec![evidence]);
                found.push(Candidate { reason, row, rule: None, score, evidence });
            }
            None => {}
        }
    }
}

/// What the session itself says, beside the reply.
pub(super) fn weigh_session(found: &mut Vec<Candidate>, situation: &Situation<'_>, code: u16, faulty: bool) {
    let session = |text: &'static str, weight| Evidence {
        kind: EvidenceKind::Session,
        text: Cow::Borrowed(text),
        weight,
    };
    if faulty {
        add(
            found,
            tables::reason("syntax"),
            None,
            session("the command that was sent breaks the grammar", 60),
        );
    }
    if is_unexpected(situation, code) {
        found.clear();
        let text = "the command has other codes in the standard";
        add(found, tables::reason(Reason::UNEXPECTED_CODE.slug()), None, session(text, 95));
    }
    let limit = situation.capabilities.and_then(|c| c.size_limit()).filter(|limit| *limit > 0);
    if matches!(code, 452 | 552 | 554)
        && situation.declared_size.zip(limit).is_some_and(|(size, limit)| size > limit)
    {
        add(
            found,
            tables::reason("message-too-big"),
            None,
            session("the message is over the SIZE that EHLO listed", 80),
        );
    }
}

/// A share in percent, rounded.
fn percent(share: f32) -> u8 {
    // The cast cuts what is left, and what is out of range.
    (share.clamp(0.0, 1.0) * 100.0 + 0.5) as u8
}

/// Whether a positive code is none that the command has. Where nothing but a log is known, DATA may stand for the
/// content, too.
fn is_unexpected(situation: &Situation<'_>, code: u16) -> bool {
    if !matches!(code, 200..400) {
        return false;
    }
    let verb = situation.verb.filter(|verb| situation.live || **verb != Verb::Data);
    let known = match verb {
        Some(verb) => tables::command(verb.as_str()).is_some(),
        None => situation.verb.is_none() && situation.phase == Phase::Greeting,
    };
    known && !tables::is_expected(ReplyCode(code), verb, situation.phase)
}

/// Adds a piece of evidence. Rules of one reason do not add up: the strongest counts. Codes that agree with a
/// rule make it surer, but less than words do.
fn add(
    found: &mut Vec<Candidate>,
    family: Option<(Reason, &'static ReasonRow)>,
    rule: Option<&'static Rule>,
    evidence: Evidence,
) {
    let Some((reason, row)) = family else { return };
    let index = found.iter().position(|c| c.reason == reason).unwrap_or_else(|| {
        found.push(Candidate { reason, row, rule: None, score: 0.0, evidence: Vec::new() });
        found.len() - 1
    });
    let Some(candidate) = found.get_mut(index) else { return };
    let weight = f32::from(evidence.weight) / 100.0;
    if let Some(rule) = rule {
        // What a provider says of its own is preferred even where a general rule is surer of the reason.
        let better = candidate
            .rule
            .is_none_or(|(old, of_old)| (rule.provider.is_some(), weight) > (old.provider.is_some(), of_old));
        candidate.score = candidate.score.max(weight);
        if better {
            candidate.rule = Some((rule, weight));
            candidate.evidence.insert(0, evidence);
        }
        return;
    }
    let share = match (candidate.rule.is_some(), candidate.evidence.is_empty()) {
        _ if evidence.kind == EvidenceKind::Session => 1.0,
        (true, _) => 0.4,
        (false, true) => 1.0,
        (false, false) => 0.5,
    };
    candidate.score += (1.0 - candidate.score) * weight * share;
    candidate.evidence.push(evidence);
}

/// Ranks the candidates, and says how sure the first is: a strong second reading makes it less so, but for what the
/// provider documents.
fn sureness(found: &mut [Candidate]) -> f32 {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    if let Some(first) = found.first().filter(|first| first.is_documented()) {
        return first.score;
    }
    let score = |place: usize| found.get(place).map_or(0.0, |c| c.score);
    let (best, second) = (score(0), Some(score(1)).filter(|second| *second >= WORTH_NAMING).unwrap_or(0.0));
    best - (second - (best - second)).max(0.0) * 0.3
}

/// How often a reading is right whose score came of a comparison, as measured on replies in new words: more often than
/// the score, for rules and likeness rarely speak for the same wrong reason.
fn share_right(score: f32) -> f32 {
    let doubt = (1.0 - score).max(0.0);
    (1.0 - doubt * doubt.sqrt()).min(BOTH).max(score)
}

/// Compares what is not sure with known replies, ranks the candidates and turns scores into confidence.
pub(super) fn settle(
    found: &mut Vec<Candidate>,
    heard: &Heard,
    words: &Words<'_>,
    compare: impl FnOnce(&mut Vec<Candidate>),
) {
    let code = heard.code.unwrap_or(0);
    // Where there are no words, codes have said it all.
    let compared = matches!(code, 400..600) && !words.all().is_empty() && !is_sure(found);
    if compared {
        compare(found);
    }
    let mut sure = sureness(found);
    if compared {
        sure = share_right(sure);
    }
    let best = found.first().map_or(0.0, |c| c.score);
    found.retain(|c| c.score >= best.clamp(WORTH_NAMING, WORTH_SHOWING));
    if let Some(first) = found.first_mut() {
        first.score = sure;
        // What is no reply cannot be understood with confidence; a status without a code (as in logs) can, somewhat.
        let most = match code {
            200..600 => 1.0,
            0 if heard.enhanced_in_place => 0.85,
            _ => 0.5,
        };
        let limit = if first.words_alone() {
            WORDS_ALONE
        } else if compared && first.code_alone() && words.all().len() <= TERSE_WORDS {
            TERSE
        } else {
            1.0
        };
        first.score = first.score.min(most).min(limit);
        let highest = first.score;
        // What comes second is no surer than the first.
        found.iter_mut().for_each(|other| other.score = other.score.min(highest));
    }
    let nothing = if matches!(code, 0 | 200..600) { Reason::UNKNOWN } else { Reason::NO_REPLY_CODE };
    if found.is_empty()
        && let Some((reason, row)) = tables::reason(nothing.slug())
    {
        found.push(Candidate { reason, row, rule: None, score: 0.0, evidence: Vec::new() });
    }
}

impl Candidate {
    /// Whether a row of a provider's own table speaks for it.
    fn is_documented(&self) -> bool {
        self.rule.is_some_and(|(rule, _)| rule.provider.is_some())
    }

    /// Whether nothing but the server's wording speaks for it.
    fn words_alone(&self) -> bool {
        self.evidence.iter().all(|e| matches!(e.kind, EvidenceKind::Wording | EvidenceKind::Likeness))
    }

    /// Whether nothing but the code, and likeness, speaks for it.
    fn code_alone(&self) -> bool {
        let vague = |e: &Evidence| {
            matches!(e.kind, EvidenceKind::Code | EvidenceKind::Class | EvidenceKind::Likeness)
        };
        self.evidence.iter().all(vague)
    }

    pub fn confidence(&self) -> Confidence {
        Confidence::new(percent(self.score))
    }
}
