//! The ABNF files against the parsers: what the one takes the other must take, and nothing else.
//!
//! Readers that forgive (replies, capabilities) and the checker of typed lines are held to the same rules:
//! whatever they forgive must be named, as a quirk or as a fault.

pub mod oracle;

use std::collections::BTreeMap;

use heloise::wire::command::{Command, check};
use heloise::wire::rules::{self, whole};
use heloise::wire::{Capabilities, CommandLine, Quirk, Reply, ReplyLine};

use oracle::{Dice, Grammar};

const FILES: &[&str] = &["core", "replies", "ehlo", "enhanced", "paths", "commands", "auth", "extensions"];

type Takes = fn(&[u8]) -> bool;

/// Every rule's function, as a row of file, name and whether it takes the whole of an input.
macro_rules! table {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($((stringify!($module), stringify!($name), |i: &[u8]| whole(rules::$module::$name, i).is_some())),*),*]
    };
}

const TABLE: &[(&str, &str, Takes)] = table! {
    core: alpha digit hexdig sp dquote crlf let_dig ldh_str textstring;
    replies: reply_code any_code continued_line final_line line reply_line greeting greeting_text;
    ehlo: ehlo_ok_rsp ehlo_first ehlo_line ehlo_keyword ehlo_param ehlo_greet size_param obsolete_auth;
    enhanced: status_code class subject detail code_number enhanced_text;
    paths: reverse_path forward_path path a_d_l at_domain mailbox host local_part dot_string atom atext
        quoted_string qcontentsmtp qtextsmtp quoted_pairsmtp string domain sub_domain u_let_dig utf8_non_ascii
        utf8_tail address_literal ipv4_address_literal snum ipv6_address_literal general_address_literal
        standardized_tag dcontent ipv6_addr ipv6_hex ipv6_full ipv6_comp ipv6v4_full ipv6v4_comp;
    commands: command ehlo helo lhlo mail rcpt mail_parameters rcpt_parameters esmtp_param esmtp_keyword
        esmtp_value data bdat chunk_size rset vrfy expn vrfy_target help noop quit starttls auth etrn etrn_node
        burl absolute_uri;
    auth: auth_command auth_keyword sasl_mech initial_response response cancel_response continue_req base64
        base64_terminal base64_char;
    extensions: size_value body_value auth_value xtext xchar hexchar ret_value envid_value notify_value
        notify_element orcpt_value addr_type holdfor_value holduntil_value full_date full_time time_offset
        by_value priority_value;
};

/// A rule's name is its function's, with hyphens.
fn rule_name(function: &str) -> String {
    function.replace('_', "-")
}

fn grammar() -> Grammar {
    Grammar::load(FILES)
}

/// Sentences of a rule and near misses of them, the same in every run.
fn samples(grammar: &Grammar, rule: &str, seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice::new(seed);
    let mut samples = Vec::new();
    for _ in 0..count {
        let sentence = grammar.sentence(rule, &mut dice);
        samples.push(dice.mutate(&sentence));
        samples.push(dice.mutate(&sentence));
        samples.push(sentence);
    }
    samples
}

#[test]
fn every_sentence_is_taken_whole() {
    let grammar = grammar();
    for (seed, (_, function, takes)) in (1..).zip(TABLE) {
        let rule = rule_name(function);
        let mut dice = Dice::new(seed);
        for _ in 0..200 {
            let sentence = grammar.sentence(&rule, &mut dice);
            assert!(grammar.takes(&rule, &sentence), "the oracle: {rule} {}", sentence.escape_ascii());
            assert!(takes(&sentence), "{rule} must take {}", sentence.escape_ascii());
        }
    }
}

#[test]
fn near_misses_are_judged_alike() {
    let grammar = grammar();
    let (mut taken, mut refused) = (0, 0);
    for (seed, (_, function, takes)) in (1000..).zip(TABLE) {
        let rule = rule_name(function);
        for sample in samples(&grammar, &rule, seed, 150) {
            let right = grammar.takes(&rule, &sample);
            *if right { &mut taken } else { &mut refused } += 1;
            assert_eq!(takes(&sample), right, "{rule} on {}", sample.escape_ascii());
        }
    }
    assert!(taken > 10_000 && refused > 10_000, "{taken} taken, {refused} refused");
}

/// What a reader of replies forgives is a quirk, and what is right has none.
#[test]
fn a_reply_line_has_a_quirk_where_it_breaks_the_grammar() {
    let grammar = grammar();
    for sample in samples(&grammar, "line", 1, 2000) {
        if sample.contains(&b'\n') {
            continue;
        }
        let mut quirks = ReplyLine::crlf(&sample).quirks();
        // The grammar allows a code alone, the prose of the same section does not.
        quirks.retain(|quirk| *quirk != Quirk::CodeOnly);
        let right = grammar.takes("line", &sample);
        assert_eq!(quirks.is_empty(), right, "{} {quirks:?}", sample.escape_ascii());
    }
}

#[test]
fn a_reply_is_what_the_grammar_says() {
    let grammar = grammar();
    for sample in samples(&grammar, "Reply-line", 2, 1000) {
        let replies = Reply::read_all(&sample);
        let again: Vec<u8> = replies.iter().flat_map(Reply::bytes).copied().collect();
        assert_eq!(again, sample, "nothing may be lost");
        let mut quirks: Vec<Quirk> = replies.iter().flat_map(Reply::quirks).collect();
        // These are said in prose, not in the grammar.
        quirks.retain(|quirk| {
            !matches!(
                quirk,
                Quirk::CodeOnly
                    | Quirk::CodesDisagree { .. }
                    | Quirk::EnhancedDisagree
                    | Quirk::ClassMismatch
            )
        });
        let finished = replies.last().and_then(Reply::last_line).is_some_and(|line| line.is_last());
        let right = replies.len() == 1 && finished && quirks.is_empty();
        assert_eq!(right, grammar.takes("Reply-line", &sample), "{} {quirks:?}", sample.escape_ascii());
    }
}

#[test]
fn a_capability_has_a_quirk_where_it_breaks_the_grammar() {
    let grammar = grammar();
    for sample in samples(&grammar, "ehlo-line", 3, 2000) {
        if sample.contains(&b'\n') {
            continue;
        }
        let wire = [b"250-x\r\n250 ", sample.as_slice(), b"\r\n"].concat();
        let reply = &Reply::read_all(&wire)[0];
        let quirks = Capabilities::quirks_of(reply);
        assert_eq!(
            quirks.is_empty(),
            grammar.takes("ehlo-line", &sample),
            "{} {quirks:?}",
            sample.escape_ascii()
        );
    }
}

/// A typed line that is no sentence of the grammar gets a fault; one that is gets none for its syntax.
#[test]
fn a_command_has_a_fault_where_it_breaks_the_grammar() {
    let grammar = grammar();
    let (mut clean, mut faulty) = (0, 0);
    for sample in samples(&grammar, "command", 4, 4000) {
        let right = grammar.takes("command", &sample);
        assert_eq!(Command::parse(&sample).is_some(), right, "{}", sample.escape_ascii());
        if let Some(command) = Command::parse(&sample) {
            let written = command.to_line().unwrap();
            assert_eq!(Command::parse(&written), Some(command), "{}", written.escape_ascii());
        }
        let faults = check(&sample, None);
        if right {
            clean += usize::from(faults.is_empty());
        } else {
            // Verbs that exist, and of which Heloise has no grammar.
            let seldom =
                ["ATRN", "TURN", "SEND", "SOML", "SAML"].contains(&CommandLine::parse(&sample).verb.as_str());
            assert!(!faults.is_empty() || seldom, "no fault in {}", sample.escape_ascii());
            faulty += 1;
        }
    }
    assert!(clean > 2000 && faulty > 4000, "{clean} clean, {faulty} faulty");
}

/// The functions in `src/wire/rules`, by file: name and the rule that its doc comment quotes.
fn functions() -> BTreeMap<String, Vec<(String, String)>> {
    let mut all = BTreeMap::new();
    for file in FILES {
        let path = format!("{}/src/wire/rules/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        let mut found = Vec::new();
        let mut doc = String::new();
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("///") {
                doc.push_str(text);
            } else if let Some(rest) = line.strip_prefix("pub fn ") {
                let name = rest.split(['(', '<']).next().unwrap();
                if line.contains("(input: &[u8]) -> Parsed<") {
                    let quoted = doc.split('`').nth(1).unwrap_or_default();
                    found.push((name.to_owned(), quoted.to_owned()));
                }
                doc.clear();
            } else if !line.starts_with("#[") {
                doc.clear();
            }
        }
        all.insert((*file).to_owned(), found);
    }
    all
}

#[test]
fn every_rule_has_a_function_and_every_function_a_rule() {
    let (grammar, functions) = (grammar(), functions());
    for file in FILES {
        let of_file = grammar.names.iter().filter(|(f, _)| f == file);
        let mut rules: Vec<String> = of_file.map(|(_, name)| name.to_ascii_lowercase()).collect();
        let mut named: Vec<String> = functions[*file].iter().map(|(name, _)| rule_name(name)).collect();
        let mut tested: Vec<String> =
            TABLE.iter().filter(|(f, _, _)| f == file).map(|(_, name, _)| rule_name(name)).collect();
        rules.sort();
        named.sort();
        tested.sort();
        assert_eq!(rules, named, "{file}.abnf and rules/{file}.rs");
        assert_eq!(rules, tested, "{file}.abnf and the table of this test");
    }
}

/// The doc comment of each function quotes its rule, word for word.
#[test]
fn every_function_quotes_its_rule() {
    let grammar = grammar();
    for (file, functions) in functions() {
        for (name, quoted) in functions {
            let rules = abnf::rulelist(&format!("{}\n", quoted.trim()));
            let rules = rules.unwrap_or_else(|e| panic!("{file}.rs, {name}: {e}: {quoted}"));
            let [rule] = rules.as_slice() else { panic!("{file}.rs, {name}: one rule") };
            assert_eq!(rule.name().to_ascii_lowercase(), rule_name(&name), "{file}.rs");
            assert_eq!(&grammar.form(rule.node()), grammar.rule(rule.name()), "{file}.rs, {name}");
        }
    }
}
