//! Packs the tables of `grammar/` for the program to hold.
//!
//! The tables are TOML because people write them. Parsing that takes several times as long as all else that explaining
//! one reply does, so it is done once, here: each table becomes MessagePack with the same keys and values, in which
//! strings can be used where they lie. What the rows must hold is not known here; the types that read them say, and
//! the tests hold every table against them.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it reads and writes files")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The folders with tables, below `grammar/`.
const FOLDERS: [&str; 3] = ["", "patterns", "providers"];

fn main() -> Result<(), Box<dyn Error>> {
    let grammar = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("grammar");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=grammar");
    for folder in FOLDERS {
        fs::create_dir_all(out.join(folder))?;
        for entry in fs::read_dir(grammar.join(folder))? {
            let file = entry?.file_name();
            let file = Path::new(folder).join(file);
            if file.extension().is_some_and(|end| end == "toml") {
                let packed =
                    pack(&grammar.join(&file)).map_err(|e| format!("grammar/{}: {e}", file.display()));
                match packed {
                    Ok(packed) => fs::write(out.join(file.with_extension("pack")), packed)?,
                    // With file, line and reason.
                    Err(wrong) => wrong.lines().for_each(|line| println!("cargo::error={line}")),
                }
            }
        }
    }
    Ok(())
}

fn pack(file: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let table: toml::Table = fs::read_to_string(file)?.parse()?;
    Ok(rmp_serde::to_vec_named(&table)?)
}
