//! Whatever another tool is said to have printed becomes a transcript that can be read, and that is written the same
//! again. The first byte chooses the tool.
#![no_main]

use heloise::transcript::import::{Source, import};
use heloise::transcript::{Entry, Header, Reader, Writer};
use libfuzzer_sys::fuzz_target;

fn write(header: &Header, entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header).expect("a vector takes everything");
    for entry in entries {
        writer.write(entry).expect("a vector takes everything");
    }
    writer.into_inner()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else { return };
    let source = Source::ALL.get(usize::from(*first) % (Source::ALL.len() + 1)).copied();
    let Ok(imported) = import(text, source) else { return };
    let written = write(&imported.header, &imported.entries);
    let mut reader = Reader::new(written.as_slice()).expect("what was written can be read");
    let read: Result<Vec<_>, _> = reader.by_ref().collect();
    let read = read.expect("each line can be read");
    assert_eq!(read.len(), imported.entries.len(), "{}", String::from_utf8_lossy(&written));
    let again = write(reader.header(), &read);
    assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&written));
});
