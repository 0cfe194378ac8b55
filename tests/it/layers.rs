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

/// The modules of the crate that a line of code speaks of.
fn used(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    let word = |rest: &str| rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    code.split("crate::").skip(1).map(|rest| &rest[..word(rest)]).filter(|name| !name.is_empty()).collect()
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
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let later = used(line).into_iter().find(|name| places.get(*name).is_some_and(|p| p > place));
            if let Some(later) = later {
                wrong.push(format!("{}:{}: {module} uses {later}", inside.display(), number + 1));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
