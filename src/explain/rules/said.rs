//! What a text says, in groups of phrases: which occur, and how near each other.

use super::Group;
use super::phrases::{Hit, Hits, Phrases};
use crate::explain::words::Words;

/// More groups than there are; a power of two, so that no place has to be checked.
pub(super) const GROUPS: usize = 2048;

/// Something for each group.
#[derive(Clone, Copy)]
pub(super) struct ByGroup<T>([T; GROUPS]);

impl<T: Copy> ByGroup<T> {
    /// The same for each.
    pub fn all(one: T) -> ByGroup<T> {
        ByGroup([one; GROUPS])
    }

    #[inline]
    pub fn get(&self, group: Group) -> T {
        self.0[usize::from(group.0) % GROUPS]
    }

    #[inline]
    pub fn get_mut(&mut self, group: Group) -> &mut T {
        &mut self.0[usize::from(group.0) % GROUPS]
    }
}

/// The phrases of a text.
pub(super) struct Said<'p> {
    phrases: &'p Phrases<'static>,
    hits: Hits,
    /// For each group, the number of its first phrase.
    firsts: ByGroup<u8>,
}

/// The group does not occur.
pub(super) const NONE: u8 = u8::MAX;
/// The same of a group that is to be told where it does.
pub(super) const TOLD: u8 = NONE - 1;
/// The group occurs too far behind to be numbered.
const LATE: u8 = TOLD - 1;

impl<'p> Said<'p> {
    /// Nothing yet; some groups are to be [`TOLD`], the others are [`NONE`].
    pub fn nothing(phrases: &'p Phrases<'static>, groups: &ByGroup<u8>) -> Said<'p> {
        Said { phrases, hits: Hits::new(), firsts: *groups }
    }

    /// Looks for all phrases, and calls `found` with each group that occurs and is to be told, once.
    #[inline]
    pub fn look(&mut self, text: &Words<'_>, mut found: impl FnMut(Group)) {
        self.phrases.find(text, &mut self.hits);
        for (number, hit) in self.hits.iter().enumerate() {
            let number = u8::try_from(number).map_or(LATE, |number| number.min(LATE));
            for group in self.phrases.groups(hit) {
                let first = self.firsts.get_mut(group);
                let before = *first;
                *first = number.min(before);
                if before == TOLD {
                    found(group);
                }
            }
        }
    }

    /// Whether a group occurs.
    #[inline]
    pub fn has(&self, group: Group) -> bool {
        self.firsts.get(group) <= LATE
    }

    /// Whether each group occurs near some place of the first one, with so many letters between them at most; 0 for
    /// anywhere.
    pub fn near(&self, groups: &[Group], within: usize) -> bool {
        let Some((first, rest)) = groups.split_first() else { return true };
        if rest.is_empty() || within == 0 {
            return true;
        }
        let close = |anchor: &Hit, hit: &Hit| anchor.gap(hit) <= within;
        // Mostly the first places will do.
        let near =
            |anchor| rest.iter().all(|group| self.earliest(*group).is_some_and(|hit| close(anchor, hit)));
        if self.earliest(*first).is_some_and(near) {
            return true;
        }
        let is_of = |hit: &Hit, group: Group| self.phrases.groups(hit).any(|of| of == group);
        self.hits.iter().filter(|anchor| is_of(anchor, *first)).any(|anchor| {
            let mut others = rest.iter();
            others.all(|group| self.hits.iter().any(|hit| close(anchor, hit) && is_of(hit, *group)))
        })
    }

    /// The first place of a group, if it is numbered.
    fn earliest(&self, group: Group) -> Option<&Hit> {
        let number = Some(self.firsts.get(group)).filter(|number| *number < LATE)?;
        self.hits.get(usize::from(number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pack;
    use super::*;
    use crate::explain::fold::needle;

    /// Phrases for ever, as those of the program are.
    fn phrases(all: &[&str]) -> &'static Phrases<'static> {
        let mut builder = pack::Builder::default();
        all.iter().zip(0..).for_each(|(phrase, group)| builder.add(&needle(phrase), group));
        let packed: &'static pack::Packed = Box::leak(Box::new(builder.pack().unwrap()));
        Box::leak(Box::new(Phrases::packed(packed)))
    }

    fn near(text: &str, groups: &[u16], within: usize) -> bool {
        let phrases = phrases(&["user", "unknown", "mailbox"]);
        let groups: Vec<Group> = groups.iter().map(|group| Group(*group)).collect();
        let mut said = Said::nothing(phrases, &ByGroup::all(NONE));
        said.look(&Words::of(text), |_| {});
        said.near(&groups, within)
    }

    #[test]
    fn each_group_is_told_once_if_it_is_to_be() {
        let phrases = phrases(&["user", "unknown", "mailbox"]);
        let mut told = ByGroup::all(TOLD);
        *told.get_mut(Group(2)) = NONE;
        let mut groups = Vec::new();
        let text = Words::of(" unknown user is unknown ");
        let mut said = Said::nothing(phrases, &told);
        said.look(&text, |group| groups.push(group.0));
        assert_eq!(groups, [1, 0]);
        *told.get_mut(Group(1)) = NONE;
        Said::nothing(phrases, &told).look(&text, |group| groups.push(group.0));
        assert_eq!(groups, [1, 0, 0]);
        assert!(said.has(Group(0)) && said.has(Group(1)) && !said.has(Group(2)));
    }

    #[test]
    fn groups_are_near_some_place_of_the_first() {
        let text = " user and so on and so forth user unknown ";
        assert!(near(text, &[0, 1], 5) && near(text, &[1, 0], 5));
        assert!(!near(" user and so on and so forth unknown ", &[0, 1], 5));
        assert!(near(" user and so on and so forth unknown ", &[0, 1], 0));
        assert!(near(" unknown ", &[1], 5) && near("", &[], 5));
        // The mailbox is near one user, what is unknown near the other.
        let apart = " user mailbox of a person whom one knows well user unknown ";
        assert!(!near(apart, &[0, 1, 2], 5) && near(apart, &[0, 1, 2], 60));
    }

    #[test]
    fn places_past_those_numbered_count_too() {
        let mut text = " user".repeat(300);
        assert!(!near(&format!("{text} and so on and so forth unknown "), &[0, 1], 5));
        text.push_str(" unknown and so on and so forth mailbox ");
        assert!(near(&text, &[0, 1], 5) && near(&text, &[1, 0], 5));
        assert!(!near(&text, &[1, 2], 5) && near(&text, &[1, 2], 40));
    }
}
