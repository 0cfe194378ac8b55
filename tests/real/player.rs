//! Casts of both versions in asciinema's own player, in headless Chromium. `HELOISE_ASCIINEMA_PLAYER` names the folder
//! with `asciinema-player.min.js`; .ci/run gets it by npm, where that is installed.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::casts::{HOSTILE, cast};

/// The folder of the player; nothing where there is none.
fn player() -> Option<PathBuf> {
    let folder = std::env::var_os("HELOISE_ASCIINEMA_PLAYER").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: HELOISE_ASCIINEMA_PLAYER is not set");
    }
    folder
}

/// How many seconds a cast takes in the player, and the lines of its screen at the end.
fn played(browser: &Browser, folder: &Path, cast: &str) -> (f64, Vec<String>) {
    let page = folder.join("cast.html");
    let data = json!(cast).to_string().replace('<', "\\u003c");
    let html = format!(
        "<!doctype html><meta charset=utf-8><link rel=stylesheet href=asciinema-player.css><body>\
         <script src=asciinema-player.min.js></script><script>\
         const player = AsciinemaPlayer.create({{data: {data}}}, document.body, {{preload: true}});\
         player.addEventListener('ready', () => player.seek('100%').then(() => window.there = true));</script>"
    );
    std::fs::write(&page, html).unwrap();
    browser.open(&page);
    let text = "document.querySelector('.ap-term-text').textContent";
    browser.until(&format!("window.there === true && {text}.trim() !== ''"));
    let lines =
        browser.eval("[...document.querySelectorAll('.ap-term-text .ap-line')].map(l => l.textContent)");
    let lines = lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().trim_end().to_owned());
    let lines = lines.filter(|line| !line.is_empty()).collect();
    (browser.eval("player.getDuration()").as_f64().unwrap(), lines)
}

/// When the last event of a cast of version 2 comes, and what its terminal shows on its last line.
fn expected(cast: &str) -> (f64, String) {
    let event: Value = serde_json::from_str(cast.lines().last().unwrap()).unwrap();
    let shown = event[2].as_str().unwrap().trim_end();
    let line = shown.rsplit('\n').next().unwrap();
    let line = line
        .split('\x1b')
        .map(|part| part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, text)| text));
    (event[0].as_f64().unwrap(), line.collect())
}

#[test]
fn the_player_shows_both_versions_alike() {
    let Some(folder) = player() else { return };
    let Some(browser) = Browser::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    for name in ["asciinema-player.min.js", "asciinema-player.css"] {
        std::fs::copy(folder.join(name), dir.path().join(name)).unwrap();
    }
    let hostile = dir.path().join("hostile.heloise");
    std::fs::write(&hostile, HOSTILE).unwrap();
    let samples = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")).unwrap();
    for path in samples.map(|file| file.unwrap().path()).chain([hostile]) {
        let (two, three) = (cast(&path, "2"), cast(&path, "3"));
        let (seconds, last) = expected(&two);
        let (length, screen) = played(&browser, dir.path(), &two);
        let (again, same) = played(&browser, dir.path(), &three);
        let near = |length: f64| (length - seconds).abs() < 1e-3;
        assert!(near(length) && near(again), "{path:?}: {length} s and {again} s instead of {seconds}");
        assert_eq!(screen, same, "{path:?}");
        assert_eq!(screen.last(), Some(&last), "{path:?}: {screen:?}");
    }
}
