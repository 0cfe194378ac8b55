//! ABNF as an oracle: rules read from files, a generator of sentences, and a recogniser.
//!
//! The recogniser tries every way a rule can match, with no cleverness beyond remembering what it tried, so
//! that it shares no mistakes with the hand-written parsers.

use std::collections::HashMap;

use abnf::types::{Node, Repeat, TerminalValues};

/// A set of rules.
pub struct Grammar {
    rules: Vec<Form>,
    numbers: HashMap<String, usize>,
    /// File and name of each rule, as it is spelt there.
    pub names: Vec<(String, String)>,
}

/// The definition of a rule, with other rules by number.
#[derive(Debug, PartialEq)]
pub enum Form {
    Any(Vec<Form>),
    Sequence(Vec<Form>),
    Repeat {
        form: Box<Form>,
        least: usize,
        most: Option<usize>,
    },
    Rule(usize),
    /// Text in whatever case.
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Range(u8, u8),
}

impl Grammar {
    /// Reads these files of `grammar/abnf/`.
    pub fn load(files: &[&str]) -> Grammar {
        let mut nodes = Vec::new();
        let mut grammar = Grammar { rules: Vec::new(), numbers: HashMap::new(), names: Vec::new() };
        for file in files {
            let path = format!("{}/grammar/abnf/{file}.abnf", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}.abnf: {e}"));
            for rule in abnf::rulelist(&text).unwrap_or_else(|e| panic!("{file}.abnf: {e}")) {
                let name = rule.name().to_owned();
                let double = grammar.numbers.insert(name.to_ascii_lowercase(), grammar.names.len());
                assert!(double.is_none(), "{file}.abnf: the rule {name} is there twice");
                grammar.names.push(((*file).to_owned(), name));
                nodes.push(rule.node().clone());
            }
        }
        grammar.rules = nodes.iter().map(|node| grammar.form(node)).collect();
        grammar
    }

    /// The definition that a node of the ABNF stands for.
    pub fn form(&self, node: &Node) -> Form {
        let all = |nodes: &[Node]| nodes.iter().map(|n| self.form(n)).collect();
        match node {
            Node::Alternatives(nodes) => Form::Any(all(nodes)),
            Node::Concatenation(nodes) => Form::Sequence(all(nodes)),
            Node::Repetition { repeat, node } => {
                let (least, most) = match repeat {
                    Repeat::Specific(n) => (*n, Some(*n)),
                    Repeat::Variable { min, max } => (min.unwrap_or(0), *max),
                };
                Form::Repeat { form: Box::new(self.form(node)), least, most }
            }
            Node::Optional(node) => Form::Repeat { form: Box::new(self.form(node)), least: 0, most: Some(1) },
            Node::Rulename(name) => Form::Rule(self.number(name)),
            Node::Group(node) => self.form(node),
            Node::String(literal) => {
                let text = literal.value().into();
                if literal.is_case_sensitive() { Form::Bytes(text) } else { Form::Text(text) }
            }
            Node::TerminalValues(TerminalValues::Range(low, high)) => {
                Form::Range(u8::try_from(*low).unwrap(), u8::try_from(*high).unwrap())
            }
            Node::TerminalValues(TerminalValues::Concatenation(values)) => {
                Form::Bytes(values.iter().map(|v| u8::try_from(*v).unwrap()).collect())
            }
            Node::Prose(text) => panic!("prose in the grammar: {text}"),
        }
    }

    fn number(&self, name: &str) -> usize {
        *self.numbers.get(&name.to_ascii_lowercase()).unwrap_or_else(|| panic!("no rule {name}"))
    }

    /// The definition of a rule.
    pub fn rule(&self, name: &str) -> &Form {
        &self.rules[self.number(name)]
    }

    /// Whether a rule takes the whole of the input.
    pub fn takes(&self, name: &str, input: &[u8]) -> bool {
        let mut recogniser = Recogniser { grammar: self, input, tried: HashMap::new() };
        recogniser.rule(self.number(name), 0).contains(&input.len())
    }

    /// A sentence of a rule.
    pub fn sentence(&self, name: &str, dice: &mut Dice) -> Vec<u8> {
        let mut out = Vec::new();
        self.generate(self.rule(name), dice, 0, &mut out);
        out
    }

    fn generate(&self, form: &Form, dice: &mut Dice, depth: usize, out: &mut Vec<u8>) {
        assert!(depth < 200, "the grammar has no end");
        match form {
            Form::Any(forms) => self.generate(&forms[dice.below(forms.len())], dice, depth + 1, out),
            Form::Sequence(forms) => forms.iter().for_each(|f| self.generate(f, dice, depth + 1, out)),
            Form::Repeat { form, least, most } => {
                // Mostly few, now and then as many as the rule allows.
                let span = most.unwrap_or(least + 5) - least;
                let span = if dice.below(4) == 0 { span } else { span.min(2) };
                for _ in 0..least + dice.below(span + 1) {
                    self.generate(form, dice, depth + 1, out);
                }
            }
            Form::Rule(number) => self.generate(&self.rules[*number], dice, depth + 1, out),
            Form::Text(text) => out.extend(text.iter().map(|b| dice.case(*b))),
            Form::Bytes(bytes) => out.extend(bytes),
            Form::Range(low, high) => out.push(match dice.below(6) {
                0 => *low,
                1 => *high,
                _ => low + u8::try_from(dice.below(usize::from(high - low) + 1)).unwrap(),
            }),
        }
    }
}

/// Places where a match can end, in ascending order, none twice.
type Ends = Vec<usize>;

struct Recogniser<'a> {
    grammar: &'a Grammar,
    input: &'a [u8],
    tried: HashMap<(usize, usize), Ends>,
}

impl<'a> Recogniser<'a> {
    /// Everywhere that a match of the rule which starts at `at` can end.
    fn rule(&mut self, number: usize, at: usize) -> Ends {
        if let Some(ends) = self.tried.get(&(number, at)) {
            return ends.clone();
        }
        let grammar = self.grammar;
        let ends = self.ends(&grammar.rules[number], at);
        self.tried.insert((number, at), ends.clone());
        ends
    }

    fn ends(&mut self, form: &'a Form, at: usize) -> Ends {
        let rest = &self.input[at..];
        let only = |fits: bool, length: usize| if fits { vec![at + length] } else { Ends::new() };
        match form {
            Form::Any(forms) => sorted(forms.iter().flat_map(|f| self.ends(f, at)).collect()),
            Form::Sequence(forms) => forms.iter().fold(vec![at], |starts, f| self.step(f, &starts)),
            Form::Repeat { form, least, most } => self.repetition(form, *least, *most, at),
            Form::Rule(number) => self.rule(*number, at),
            Form::Text(text) => {
                only(rest.get(..text.len()).is_some_and(|r| r.eq_ignore_ascii_case(text)), text.len())
            }
            Form::Bytes(bytes) => only(rest.starts_with(bytes), bytes.len()),
            Form::Range(low, high) => only(rest.first().is_some_and(|b| (low..=high).contains(&b)), 1),
        }
    }

    fn step(&mut self, form: &'a Form, starts: &Ends) -> Ends {
        sorted(starts.iter().flat_map(|start| self.ends(form, *start)).collect())
    }

    fn repetition(&mut self, form: &'a Form, least: usize, most: Option<usize>, at: usize) -> Ends {
        let mut here = vec![at];
        let mut all = if least == 0 { here.clone() } else { Ends::new() };
        for round in 1.. {
            if most.is_some_and(|most| round > most) || here.is_empty() {
                break;
            }
            here = self.step(form, &here);
            if round >= least {
                here.retain(|end| !all.contains(end));
                all.extend(&here);
            }
        }
        sorted(all)
    }
}

fn sorted(mut ends: Ends) -> Ends {
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// Numbers that are the same in every run.
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall alike for one seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(2) + 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // xorshift64*, from its public description.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % limit.max(1)
    }

    fn case(&mut self, byte: u8) -> u8 {
        if self.below(8) == 0 { byte.to_ascii_lowercase() } else { byte }
    }

    /// Changes a sentence in one to three places: drops, puts in, replaces or swaps bytes.
    pub fn mutate(&mut self, sentence: &[u8]) -> Vec<u8> {
        const LIKELY: &[u8] = b" <>@.:;=,\"\\[]-+*/_a0159AZFzg\t\r\n\0\x7f\xc3\xa4\xff";
        let mut bytes = sentence.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            let byte = LIKELY[self.below(LIKELY.len())];
            match self.below(4) {
                0 if at < bytes.len() => drop(bytes.remove(at)),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at + 1 < bytes.len() => bytes.swap(at, at + 1),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    }
}
