//! A transcript that was read and written stays the same ever after, keeps the bytes of the wire, and no view of it
//! gives a terminal anything but text.
#![no_main]

use heloise::narrate::{Layout, Level, Narrator};
use heloise::transcript::export::{
    Export, html::Html, json::Json, markdown::Markdown, swaks::Swaks, text::Text,
};
use heloise::transcript::{Entry, Header, Reader, Writer};
use heloise::wire::escape::is_harmless;
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8]) -> Option<(Header, Vec<Entry>)> {
    let mut reader = Reader::new(bytes).ok()?;
    let entries = reader.by_ref().filter_map(Result::ok).take(500).collect();
    Some((reader.header().clone(), entries))
}

fn write(header: &Header, entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header).expect("a vector takes everything");
    for entry in entries {
        writer.write(entry).expect("a vector takes everything");
    }
    writer.into_inner()
}

fn export(format: &mut dyn Export, header: &Header, entries: &[Entry]) -> String {
    let mut out = Vec::new();
    format.begin(&mut out, header).expect("a vector takes everything");
    for entry in entries {
        format.entry(&mut out, entry, None).expect("a vector takes everything");
    }
    format.end(&mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("exports are text")
}

fuzz_target!(|bytes: &[u8]| {
    let Some((header, entries)) = read(bytes) else { return };
    let written = write(&header, &entries);
    let (header_again, again) = read(&written).expect("what was written can be read");
    assert_eq!(again.len(), entries.len(), "{}", String::from_utf8_lossy(&written));
    for (again, entry) in again.iter().zip(&entries) {
        assert_eq!((again.at, again.line()), (entry.at, entry.line()));
    }
    // Texts that were not on the wire lose what would act on a terminal, once.
    let rewritten = write(&header_again, &again);
    assert_eq!(String::from_utf8_lossy(&rewritten), String::from_utf8_lossy(&written));

    let mut narrator = Narrator::new(Layout { level: Level::Full, width: 80, timing: true, prompt: true });
    narrator.begin(&header);
    for entry in &entries {
        for line in narrator.entry(entry, false) {
            assert!(line.iter().all(|span| span.text.chars().all(is_harmless)), "{line:?}");
        }
    }
    let forms: [&mut dyn Export; 5] = [
        &mut Html::default(),
        &mut Json::default(),
        &mut Markdown::default(),
        &mut Swaks::default(),
        &mut Text { color: false, times: true, width: Some(80) },
    ];
    for form in forms {
        let text = export(form, &header, &entries);
        assert!(text.chars().all(|c| is_harmless(c) || c == '\n'), "{text:?}");
    }
});
