//! Phrases of letters, laid out as a trie.
//!
//! It is a double array (Aoe 1989): the node that a byte leads to stands at the base of the node it comes from,
//! XOR that byte, and bears the byte as its label. No two nodes have the same base, so that the label tells whose
//! child a node is. Where but one phrase goes on, the rest of it is kept as it is, a tail: that makes the trie a third
//! as large.

/// How far back from the end a place for a node is looked for. Before that hardly any are left.
const REACH: usize = 4096;
/// The base of a node that nothing follows: no place of a child that is counted from here is one of the trie.
const NOWHERE: u32 = (1 << 22) - 1;
/// The bit of a node that has a tail instead of children.
const TAIL: u32 = 1 << 22;
/// The bit of a node at which a phrase ends.
const ENDS: u32 = 1 << 23;

/// The files of a trie.
#[derive(Debug)]
pub struct Packed {
    /// Four bytes a node, little end first: 22 bits for the base, or for the place of its tail; one for whether it has a
    /// tail, one for whether a phrase ends there, eight for the label.
    pub nodes: Vec<u8>,
    /// Two bytes a node, little end first: the place of its groups, or 0.
    pub ends: Vec<u8>,
    /// Tails: how many bytes, the place of the groups in two bytes, the bytes.
    pub tails: Vec<u8>,
}

/// The trie of phrases, sorted, with the places of their groups; nothing where they are too many.
pub fn pack(phrases: &[(&[u8], u16)]) -> Option<Packed> {
    let mut trie = Trie::default();
    trie.grow(0);
    trie.nodes.first_mut()?.taken = true;
    trie.place(0, 0, phrases)?;
    let ends = trie.nodes.iter().flat_map(|node| node.groups.to_le_bytes()).collect();
    Some(Packed { nodes: trie.bytes()?, ends, tails: trie.tails })
}

#[derive(Clone, Copy)]
struct Node {
    base: u32,
    groups: u16,
    label: u8,
    taken: bool,
    has_tail: bool,
    /// Whether this place is the base of a node.
    is_base: bool,
}

#[derive(Default)]
struct Trie {
    nodes: Vec<Node>,
    tails: Vec<u8>,
}

impl Trie {
    /// Lays out what follows a node: needles, sorted, that have their first bytes in common.
    fn place(&mut self, node: usize, depth: usize, needles: &[(&[u8], u16)]) -> Option<()> {
        // The root has none, so that what phrases begin with can be told from its children.
        if let [(needle, groups)] = needles
            && depth > 0
            && let Some(tail) = needle.get(depth..).filter(|tail| !tail.is_empty())
        {
            let node = self.nodes.get_mut(node)?;
            (node.base, node.has_tail) = (u32::try_from(self.tails.len()).ok()?, true);
            self.tails.push(u8::try_from(tail.len()).ok()?);
            self.tails.extend(groups.to_le_bytes());
            self.tails.extend(tail);
            return Some(());
        }
        let longer = match needles.split_first() {
            Some(((needle, groups), longer)) if needle.len() == depth => {
                self.nodes.get_mut(node)?.groups = *groups;
                longer
            }
            _ => needles,
        };
        let label = |needle: &(&[u8], u16)| needle.0.get(depth).copied();
        let children: Vec<_> = longer.chunk_by(|a, b| label(a) == label(b)).collect();
        let labels: Vec<u8> = children.iter().filter_map(|child| label(child.first()?)).collect();
        let Some(first) = labels.first() else { return Some(()) };
        let base = self.base_for(*first, &labels);
        self.nodes.get_mut(node)?.base = u32::try_from(base).ok()?;
        self.nodes.get_mut(base)?.is_base = true;
        for label in &labels {
            let child = self.nodes.get_mut(base ^ usize::from(*label))?;
            (child.taken, child.label) = (true, *label);
        }
        let mut below = labels.iter().zip(children);
        below.try_for_each(|(label, child)| self.place(base ^ usize::from(*label), depth + 1, child))
    }

    /// A base from which the places for all labels are free.
    fn base_for(&mut self, first: u8, labels: &[u8]) -> usize {
        let mut at = self.nodes.len().saturating_sub(REACH);
        loop {
            let base = at ^ usize::from(first);
            self.grow(base);
            let free =
                |label: &u8| self.nodes.get(base ^ usize::from(*label)).is_some_and(|node| !node.taken);
            if self.nodes.get(base).is_some_and(|node| !node.is_base) && labels.iter().all(free) {
                return base;
            }
            at += 1;
        }
    }

    /// Makes room for all children of a base.
    fn grow(&mut self, base: usize) {
        let empty =
            Node { base: NOWHERE, groups: 0, label: 0, taken: false, has_tail: false, is_base: false };
        self.nodes.resize(self.nodes.len().max((base | 0xff) + 1), empty);
    }

    /// The nodes as they are packed; nothing where they are too many to be told from [`NOWHERE`].
    fn bytes(&self) -> Option<Vec<u8>> {
        if self.nodes.len().max(self.tails.len()) > (NOWHERE ^ 0xff) as usize {
            return None;
        }
        let mut out = Vec::with_capacity(self.nodes.len() * 4);
        for node in &self.nodes {
            let ends = if node.groups == 0 { 0 } else { ENDS };
            let tail = if node.has_tail { TAIL } else { 0 };
            out.extend((node.base | tail | ends | u32::from(node.label) << 24).to_le_bytes());
        }
        Some(out)
    }
}
