//! The tour in `src/lib.rs` names every module, and nothing uses what stands after it there.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with its place in the tour.
fn tour(library: &str) -> HashMap<String, usize> {
    let numbered = library.lines().filter_map(|line| {
        let (number, text) = line.strip_prefix("//! ")?.split_once(". ")?;
        Some((number.parse::<usize>().ok()?, text))
    });
    // The modules of a line are its words in backticks, up to where a file or folder is spoken of.
    let words = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).filter(|w| !w.contains('/')).map(str::to_owned).collect()
    };
    numbered.flat_map(|(place, text)| words(text).into_iter().map(move |word| (word, place))).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The text without its comments, line by line.
fn code(text: &str) -> String {
    let bare = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(bare).collect()
}

/// The modules of the crate that code speaks of, with where in it: `crate::wire` names one, `crate::{wire, sasl::table}` two.
fn used(code: &str) -> Vec<(usize, &str)> {
    let word = |text: &str| text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let mut found = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let (mut start, mut depth) = (at + path.len(), 0);
        loop {
            let rest = &code[start..];
            start += rest.len() - rest.trim_start().len();
            let length = word(&code[start..]);
            if length > 0 {
                found.push((at, &code[start..start + length]));
            }
            // In braces, on behind the next comma that is not in further ones.
            let next = code[start..].bytes().position(|byte| {
                depth += i32::from(byte == b'{') - i32::from(byte == b'}');
                depth <= 0 || byte == b'{' && depth == 1 || byte == b',' && depth == 1
            });
            match next {
                Some(next) if depth == 1 => start += next + 1,
                _ => break,
            }
        }
    }
    found
}

#[test]
fn uses_are_seen_alone_and_in_groups() {
    let names = |code| used(code).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(names("use crate::wire::Verb; let x = crate::sasl::table();"), ["wire", "sasl"]);
    assert_eq!(
        names("use crate::{\n    sasl::{a, b::{c, d}},\n    wire, send as s,\n};\nx, y"),
        ["sasl", "wire", "send"]
    );
    assert_eq!(names("pub(crate) fn f() {}"), [""; 0]);
}

#[test]
fn data_flows_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = fs::read_to_string(root.join("lib.rs")).unwrap();
    let places = tour(&library);
    for line in library.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(places.contains_key(module), "the tour in src/lib.rs does not name {module}");
        }
    }
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let Some(place) = places.get(module) else { continue };
        let code = code(&fs::read_to_string(&file).unwrap());
        for (at, name) in used(&code) {
            if places.get(name).is_some_and(|other| other > place) {
                let line = code[..at].lines().count();
                wrong.push(format!("{}:{line}: {module} uses {name}", inside.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
