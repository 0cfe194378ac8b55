//! The transcript of a check: each event is in a file before it counts, whatever ends the check.
//!
//! Sessions run side by side, but in a transcript they stand one after the other. The first under way writes into the
//! file itself; one beside it writes into a part, `FILE.1.part`, a transcript of its own that goes into the file as
//! soon as nobody writes there.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::check::Recording;
use crate::cmd::files;
use crate::repl::recording;
use crate::report::{Problem, Status};
use crate::transcript::{Entry, Header, Reader};
use crate::transport::Sink;

/// More parts than this are not left over from anything: they are in the way.
const MOST_PARTS: usize = 100_000;

/// The transcript that all sessions go into.
#[derive(Clone)]
pub struct Records(Arc<Mutex<Shelf>>);

struct Shelf {
    path: PathBuf,
    /// The file, while nobody writes into it.
    free: Option<Box<dyn Sink>>,
    /// Parts whose sessions are over.
    done: Vec<PathBuf>,
    /// The number of the last part.
    number: usize,
    /// What went wrong first.
    problem: Option<Problem>,
}

/// What one session is written into.
struct Session {
    records: Records,
    out: Option<Box<dyn Sink>>,
    /// The part, if it is not the file itself.
    part: Option<PathBuf>,
}

impl Records {
    /// Creates the file, or opens an existing one with `append`.
    pub fn create(path: &Path, append: bool) -> Result<Records, Problem> {
        let free = Some(recording::create(path, append)?);
        let path = path.to_owned();
        Ok(Records(Arc::new(Mutex::new(Shelf { path, free, done: Vec::new(), number: 0, problem: None }))))
    }

    /// Where a check gets what its sessions are written into.
    pub fn recording(&self) -> Recording {
        let records = self.clone();
        Recording::new(move || Box::new(Session { records: records.clone(), out: None, part: None }))
    }

    /// Nothing, as long as all could be written.
    pub fn intact(&self) -> Result<(), Problem> {
        self.lock().problem.take().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // A panic elsewhere leaves nothing half-done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// The file if it is free, else a new part.
    fn take(&mut self) -> Result<(Box<dyn Sink>, Option<PathBuf>), Problem> {
        if let Some(out) = self.free.take() {
            return Ok((out, None));
        }
        loop {
            self.number += 1;
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{}.part", self.number));
            let part = PathBuf::from(name);
            if !part.exists() || self.number > MOST_PARTS {
                return Ok((recording::create(&part, false)?, Some(part)));
            }
        }
    }

    /// A session is over: what it wrote into comes back, and parts go where they belong.
    fn give_back(&mut self, out: Box<dyn Sink>, part: Option<PathBuf>) {
        match part {
            Some(part) => self.done.push(part),
            None => self.free = Some(out),
        }
        let Some(mut file) = self.free.take() else { return };
        for part in std::mem::take(&mut self.done) {
            match copy(&part, file.as_mut()) {
                // A part that cannot be removed is in the file as well.
                Ok(()) => drop(fs::remove_file(&part)),
                Err(words) => {
                    self.failed(format!("{} stays beside the transcript: {words}", files::name(&part)))
                }
            }
        }
        self.free = Some(file);
    }

    fn failed(&mut self, words: String) {
        self.problem.get_or_insert(Problem::new(Status::LocalFile, words));
    }
}

/// Copies a transcript behind another.
fn copy(part: &Path, to: &mut dyn Sink) -> Result<(), String> {
    let file = File::open(part).map_err(|error| error.to_string())?;
    let reader = Reader::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    to.begin(reader.header())?;
    for entry in reader {
        to.entry(&entry.map_err(|error| error.to_string())?, false)?;
    }
    Ok(())
}

impl Session {
    /// Does it with what is written into, and remembers what goes wrong.
    fn write(&mut self, work: impl FnOnce(&mut dyn Sink) -> Result<(), String>) -> Result<(), String> {
        let Some(out) = &mut self.out else { return Ok(()) };
        work(out.as_mut()).inspect_err(|words| self.records.lock().failed(words.clone()))
    }
}

impl Sink for Session {
    fn begin(&mut self, header: &Header) -> Result<(), String> {
        if self.out.is_none() {
            let mut shelf = self.records.lock();
            match shelf.take() {
                Ok((out, part)) => (self.out, self.part) = (Some(out), part),
                Err(problem) => shelf.failed(problem.what),
            }
        }
        self.write(|out| out.begin(header))
    }

    fn entry(&mut self, entry: &Entry, typed: bool) -> Result<(), String> {
        self.write(|out| out.entry(entry, typed))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(out) = self.out.take() {
            self.records.lock().give_back(out, self.part.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::EntryKind;

    fn write(session: &mut Session, text: &str) {
        session.entry(&Entry { at: None, kind: EntryKind::Note(text.into()) }, false).unwrap();
    }

    fn session(records: &Records, title: &str) -> Session {
        let mut session = Session { records: records.clone(), out: None, part: None };
        let header = Header { title: Some(title.to_owned()), ..Header::default() };
        session.begin(&header).unwrap();
        session
    }

    #[test]
    fn sessions_side_by_side_stand_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("check.heloise");
        let text = || fs::read_to_string(&path).unwrap();
        let files = || fs::read_dir(dir.path()).unwrap().count();
        fs::write(dir.path().join("check.heloise.1.part"), "left over\n").unwrap();
        let records = Records::create(&path, false).unwrap();
        let (mut one, mut two) = (session(&records, "one"), session(&records, "two"));
        write(&mut two, "second");
        write(&mut one, "first");
        assert!(text().contains("first") && !text().contains("second"), "each event is written at once");
        let part = fs::read_to_string(dir.path().join("check.heloise.2.part")).unwrap();
        assert!(part.starts_with("%heloise 1\n") && part.contains("second"), "{part}");
        drop(two);
        assert_eq!(files(), 3, "a session still writes into the file");
        drop(one);
        assert_eq!(files(), 2, "parts are gone, but for the one that was there");
        write(&mut session(&records, "three"), "third");
        let told = text();
        let titles: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("%title ")).collect();
        assert_eq!(titles, ["one", "two", "three"]);
        assert!(records.intact().is_ok());
        let notes: Vec<Entry> = Reader::new(told.as_bytes()).unwrap().map(Result::unwrap).collect();
        assert_eq!(notes.iter().filter(|entry| matches!(entry.kind, EntryKind::Note(_))).count(), 3);
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inner").join("check.heloise");
        fs::create_dir(path.parent().unwrap()).unwrap();
        let records = Records::create(&path, false).unwrap();
        let one = session(&records, "one");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        let mut lost = Session { records: records.clone(), out: None, part: None };
        lost.begin(&Header::default()).unwrap();
        assert!(records.intact().unwrap_err().to_string().contains("check.heloise.1.part"));
        drop(one);
    }
}
