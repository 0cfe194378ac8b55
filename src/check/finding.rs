//! Findings: what is wrong or worth knowing, in plain words, with what to do about it.

use serde::{Deserialize, Serialize};

use super::stage::StageName;
use super::table::{self, Values, outside_a_session};
use crate::explain::{Actor, Explanation, Fix, Text};
use crate::transcript::Entry;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Works now, or not for all.
    Warning,
    /// Mail or its safety suffers.
    Problem,
}

impl Severity {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Problem => "problem",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its row in `grammar/checks.toml`.
    pub id: &'static str,
    /// How bad it is here.
    pub severity: Severity,
    /// The stage in which it showed.
    pub stage: StageName,
    /// Where: `mx.example.org:25`, with the address where there are several. The same finding elsewhere adds a place.
    pub places: Vec<String>,
    /// What it is, in one line.
    pub line: Text,
    /// What it means.
    pub meaning: Text,
    /// Who has to act.
    pub actor: Actor,
    /// Why, most probable first.
    pub causes: Vec<Text>,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// Where to read on.
    pub sources: Vec<Text>,
    /// The entries of the transcript that show it.
    pub evidence: Vec<Entry>,
}

/// A finding in the making.
pub(super) struct Found {
    id: &'static str,
    severity: Option<Severity>,
    values: Values,
    explanation: Option<Explanation>,
}

impl Found {
    /// The finding of this row.
    pub fn new(id: &'static str) -> Found {
        Found { id, severity: None, values: Values::new(), explanation: None }
    }

    /// The value of a name in the row's templates.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Found {
        self.values.push((name, value.to_string()));
        self
    }

    /// How bad it is here, if not as the row says.
    pub fn severity(mut self, severity: Severity) -> Found {
        self.severity = Some(severity);
        self
    }

    /// Whether it will be no more than a note.
    pub fn is_note(&self) -> bool {
        let severity = self.severity.or(table::row(self.id).map(|(_, row)| row.severity));
        severity == Some(Severity::Note)
    }

    /// What the tables say of the reply that shows it. It goes before what the row says.
    pub fn explained(mut self, explanation: Option<Explanation>) -> Found {
        self.explanation = explanation;
        self
    }

    /// The finding, which showed in `stage` at `place`. `target` is what a person would type for it.
    pub fn at(mut self, stage: StageName, place: &str, target: &str, evidence: Vec<Entry>) -> Finding {
        self.values.insert(0, ("target", target.to_owned()));
        self.values.insert(0, ("place", place.to_owned()));
        let known = table::row(self.id);
        debug_assert!(known.is_some(), "grammar/checks.toml has no row {}", self.id);
        let told = known.map(|(id, row)| row.tell(id, &self.values));
        let mut finding = Finding {
            id: known.map_or(self.id, |(id, _)| id),
            severity: self.severity.or(known.map(|(_, row)| row.severity)).unwrap_or(Severity::Problem),
            stage,
            places: vec![place.to_owned()],
            line: Text::Borrowed(self.id),
            meaning: Text::default(),
            actor: Actor::Nobody,
            causes: Vec::new(),
            fixes: Vec::new(),
            sources: Vec::new(),
            evidence,
        };
        if let Some(told) = told {
            (finding.line, finding.meaning, finding.actor) = (told.title, told.meaning, told.actor);
            (finding.causes, finding.fixes, finding.sources) = (told.causes, told.fixes, told.sources);
        }
        if let Some(explanation) = self.explanation {
            finding.refine(explanation);
        }
        finding
    }
}

impl Finding {
    /// What is known of this very reply says more than the row does.
    fn refine(&mut self, explanation: Explanation) {
        if explanation.causes.is_empty() && explanation.fixes.is_empty() {
            return;
        }
        if let Some(inferred) = explanation.inferred {
            self.meaning = inferred.text;
        }
        self.actor = explanation.actor;
        self.causes = explanation.causes;
        self.fixes = outside_a_session(explanation.fixes);
        self.sources = explanation.sources;
    }

    /// Whether `other` is the same finding at another place.
    fn is_same(&self, other: &Finding) -> bool {
        self.id == other.id && self.severity == other.severity && self.line == other.line
    }
}

/// The findings in the order in which to act on them: the worst first, and of these the earliest stage, as what
/// comes later may only follow from it. The same at several places becomes one.
pub(super) fn in_order(found: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in found {
        match merged.iter_mut().find(|other| other.is_same(&finding)) {
            Some(other) => {
                let new = finding.places.into_iter().filter(|place| !other.places.contains(place));
                let new: Vec<String> = new.collect();
                other.places.extend(new);
            }
            None => merged.push(finding),
        }
    }
    merged.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.stage));
    merged
}
