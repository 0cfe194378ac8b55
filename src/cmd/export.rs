//! `heloise export`: a transcript in another form.

use std::io::{self, Write};

use crate::cli::{ExplainLevel, ExportArgs, ExportFormat};
use crate::explain::render::{self, Line, Style};
use crate::narrate::{Layout, Level, Narrator};
use crate::report::{Problem, Status};
use crate::transcript::export::{
    self, Annotation, Export, cast, html, json, markdown, script, swaks, text, transcript,
};
use crate::transcript::pseudonym::{Pseudonyms, What};
use crate::transcript::{Entry, EntryKind, Header, Reader};

use super::suspicions::Suspicions;
use super::{files, setup};

/// Wide enough that no explanation is broken into lines: the forms do that themselves.
const UNBROKEN: usize = 1 << 20;

/// Exports, and warns of secrets that are still in the transcript.
pub fn run(args: &ExportArgs) -> Result<Status, Problem> {
    let (mut reader, names) = match args.redact {
        Some(what) => {
            let [mut first, second] = files::reader_twice(&args.file)?;
            (second, Some(learn(what, &mut first)))
        }
        None => (files::reader(&args.file)?, None),
    };
    let mut out = files::output(args.output.as_deref())?;
    let (mut script, mut other) = (script::Script::default(), form(args));
    let mut prepared = Prepared {
        form: other.as_deref_mut().unwrap_or(&mut script),
        names,
        narrator: narrator(args),
        suspicions: Suspicions::default(),
    };
    let summary = match export::run(&mut reader, &mut out, &mut prepared, |_| None) {
        Ok(summary) => summary,
        Err(error) => return super::written(Err(error)),
    };
    super::written(out.flush())?;
    prepared.suspicions.warn();
    for what in differences(&script) {
        super::complain(&Problem::new(Status::Ok, what));
    }
    files::warn(&args.file, summary.warning.as_deref());
    Ok(files::tell_unreadable(&args.file, &summary.unreadable))
}

/// What a script lacks of the transcript, in words.
fn differences(script: &script::Script) -> Vec<String> {
    let counted = |count: u64, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        many => Some(format!("{many} {what}s")),
    };
    let lines = counted(script.changed, "line").map(|lines| {
        format!("the script differs from what was sent in {lines}, which it or the transcript cannot hold")
    });
    let sessions = counted(script.missing, "session").map(|sessions| {
        format!("the script ends where a session broke off within its content: {sessions} after it left out")
    });
    lines.into_iter().chain(sessions).collect()
}

/// Meets all names of a transcript once, so that the first lines already know those of the last. What cannot be read is
/// told of by the export that follows.
fn learn(what: What, reader: &mut Reader<files::Input>) -> Pseudonyms {
    let mut names = Pseudonyms::new(what);
    names.header(&mut reader.header().clone());
    let mut entry = Entry::default();
    loop {
        match reader.read_into(&mut entry) {
            Ok(true) => names.entry(&mut entry),
            Ok(false) => return names.learnt(),
            Err(_) => {}
        }
    }
}

/// The form, but for the script, which has a count of its own.
fn form(args: &ExportArgs) -> Option<Box<dyn Export>> {
    let color = args.output.is_none() && setup::colour(args.color);
    Some(match args.to {
        ExportFormat::Text => Box::new(text::Text { color, times: true, width: None }),
        ExportFormat::Markdown => Box::new(markdown::Markdown::default()),
        ExportFormat::Html => Box::new(html::Html::default()),
        ExportFormat::Json => Box::new(json::Json::default()),
        ExportFormat::Cast => Box::new(cast::Cast::new(args.cast_version)),
        ExportFormat::Swaks => Box::new(swaks::Swaks::default()),
        ExportFormat::Transcript => Box::new(transcript::Transcript::default()),
        ExportFormat::Script => return None,
    })
}

/// Who explains, in the forms that show explanations.
fn narrator(args: &ExportArgs) -> Option<Narrator> {
    let level = match args.explain {
        ExplainLevel::None => return None,
        ExplainLevel::Brief => Level::Brief,
        ExplainLevel::Full => Level::Full,
    };
    use ExportFormat::{Json, Script, Swaks, Transcript};
    let shows = !matches!(args.to, Json | Swaks | Script | Transcript);
    let layout = Layout { level, width: UNBROKEN, timing: false, prompt: false };
    shows.then(|| Narrator::new(layout).forgetful())
}

/// A form that gets its entries with pseudonyms in place and explanations beside them. The explanations are made
/// behind the pseudonyms, so that they give nothing away.
struct Prepared<'a> {
    form: &'a mut dyn Export,
    names: Option<Pseudonyms>,
    narrator: Option<Narrator>,
    suspicions: Suspicions,
}

impl Export for Prepared<'_> {
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        let mut header = header.clone();
        if let Some(names) = &mut self.names {
            names.header(&mut header);
        }
        if let Some(narrator) = &mut self.narrator {
            narrator.begin(&header);
        }
        self.form.begin(out, &header)
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, _: Option<&Annotation>) -> io::Result<()> {
        let renamed = self.names.as_mut().map(|names| {
            let mut entry = entry.clone();
            names.entry(&mut entry);
            entry
        });
        let entry = renamed.as_ref().unwrap_or(entry);
        self.suspicions.look(entry);
        let lines = self.narrator.as_mut().map(|narrator| narrator.entry(entry, false));
        let note = lines.filter(|_| matches!(entry.kind, EntryKind::Received { .. })).and_then(annotation);
        self.form.entry(out, entry, note.as_ref())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.form.end(out)
    }
}

/// What the narrator says about a reply. Its first line is the reply itself, with the meaning of an EHLO keyword
/// as a third piece.
fn annotation(lines: Vec<Line>) -> Option<Annotation> {
    let mut lines = lines.into_iter();
    let beside = lines.next()?.into_iter().nth(2).map(|piece| piece.text.trim().to_owned());
    let headline = lines.next().map(|line| render::plain(&line).trim().to_owned());
    if beside.is_none() && headline.is_none() {
        return None;
    }
    let labelled = |line: Line| {
        let label = line.iter().find(|piece| piece.style == Style::Label).map(|piece| piece.text.clone());
        let text: Line = line.into_iter().filter(|piece| piece.style != Style::Label).collect();
        (label.unwrap_or_default().trim().to_owned(), render::plain(&text).trim().to_owned())
    };
    let lines = lines.map(labelled).collect();
    Some(Annotation { beside, headline: headline.unwrap_or_default(), lines })
}
