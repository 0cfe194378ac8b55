//! Reports as one self-contained HTML page: no network, no script, safe whatever the servers sent.
//!
//! Style and escaping are those of the transcript's page, [`crate::transcript::export::html`].

use std::io::{self, Write};

use crate::check::offers::{self, Offer};
use crate::check::{Finding, Leg, Report, Severity, Stage, Verdict};
use crate::transcript::Entry;
use crate::transcript::export::Export;
use crate::transcript::export::html::{self, Html, escape};

use super::text::brief;

const STYLE: &str = include_str!("report.css");

/// A page under way.
pub struct Page<W> {
    out: W,
    /// Numbers the entries of all transcripts.
    entries: Html,
}

impl<W: Write> Page<W> {
    /// Begins a page about this.
    ///
    /// # Errors
    /// When `out` takes no more, here and below.
    pub fn begin(mut out: W, about: &str) -> io::Result<Page<W>> {
        html::open_page(&mut out, &format!("Check of {about}"), &[html::STYLE, STYLE], None)?;
        Ok(Page { out, entries: Html::default() })
    }

    /// Ends the page.
    pub fn end(mut self) -> io::Result<()> {
        writeln!(self.out, "{}\n</body>\n</html>", html::FOOT)?;
        self.out.flush()
    }

    /// Adds a report.
    pub fn report(&mut self, report: &Report) -> io::Result<()> {
        writeln!(self.out, "<section>\n<header><h1>Check of {}</h1><dl>", escape(&report.subject))?;
        let counts = [Severity::Problem, Severity::Warning, Severity::Note].map(|severity| {
            let (count, word) = (report.count(severity), severity.word());
            format!("{count} {word}{}", if count == 1 { "" } else { "s" })
        });
        for (name, value) in [
            ("begun", report.started.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            ("took", brief(report.took)),
            ("found", counts.join(", ")),
            ("by", format!("heloise {}", env!("CARGO_PKG_VERSION"))),
        ] {
            writeln!(self.out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value))?;
        }
        writeln!(self.out, "</dl></header>")?;
        self.findings(report)?;
        for leg in &report.legs {
            self.leg(leg, report)?;
        }
        writeln!(self.out, "</section>")
    }

    fn findings(&mut self, report: &Report) -> io::Result<()> {
        if !report.complete {
            let words = report.how_it_ended();
            writeln!(self.out, "<p><span class=\"tag warning\">ended</span>{}</p>", escape(words))?;
        } else if report.findings.iter().all(|finding| finding.severity == Severity::Note) {
            writeln!(self.out, "<p><span class=\"tag ok\">ok</span>Nothing wrong.</p>")?;
        }
        for (severity, heading) in super::text::GROUPS {
            let group = report.findings.iter().filter(|finding| finding.severity == severity);
            for (number, finding) in group.enumerate() {
                if number == 0 {
                    writeln!(self.out, "<h2>{heading}</h2>")?;
                }
                self.finding(finding)?;
            }
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let word = finding.severity.word();
        writeln!(
            self.out,
            "<article class=\"{word}\"><h3><span class=\"tag\">{word}</span>{}</h3>",
            escape(&finding.line)
        )?;
        let place = format!("{} · {} · {}", finding.places.join(", "), finding.stage, finding.id);
        writeln!(self.out, "<p class=\"where\">{}</p>", escape(&place))?;
        if finding.meaning != finding.line {
            writeln!(self.out, "<p>{}</p>", escape(&finding.meaning))?;
        }
        let causes: Vec<String> = finding.causes.iter().map(|cause| escape(cause)).collect();
        self.list("Why it may be so", &causes)?;
        let fix = |fix: &crate::explain::Fix| match &fix.command {
            Some(command) => format!("{}: <code>{}</code>", escape(&fix.text), escape(command)),
            None => escape(&fix.text),
        };
        let fixes: Vec<String> = finding.fixes.iter().map(fix).collect();
        self.list("What to do", &fixes)?;
        if !finding.sources.is_empty() {
            let sources: Vec<&str> = finding.sources.iter().map(|source| source.as_ref()).collect();
            writeln!(self.out, "<p class=\"where\">{}</p>", escape(&sources.join(" · ")))?;
        }
        self.transcript("What was seen", &finding.evidence)?;
        writeln!(self.out, "</article>")
    }

    /// A list of items that are HTML already.
    fn list(&mut self, heading: &str, items: &[String]) -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        write!(self.out, "<p class=\"where\">{heading}</p><ul>")?;
        items.iter().try_for_each(|item| write!(self.out, "<li>{item}</li>"))?;
        writeln!(self.out, "</ul>")
    }

    fn leg(&mut self, leg: &Leg, report: &Report) -> io::Result<()> {
        let attempt = if leg.attempt > 1 { format!(", try {}", leg.attempt) } else { String::new() };
        writeln!(self.out, "<h2>{}{attempt}</h2>", escape(&leg.place))?;
        writeln!(
            self.out,
            "<table><thead><tr><th>verdict</th><th>stage</th><th>time</th><th></th><th>what came of it</th></tr></thead><tbody>"
        )?;
        for stage in &leg.stages {
            self.stage(stage, report.took.as_secs_f64())?;
        }
        writeln!(self.out, "</tbody></table>")?;
        self.offers(&offers::of(&leg.facts))?;
        let entries: Vec<Entry> = leg.entries().cloned().collect();
        self.transcript("Transcript", &entries)
    }

    /// What the server offers, explained.
    fn offers(&mut self, offers: &[Offer]) -> io::Result<()> {
        if offers.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "<details open><summary>What is offered</summary><dl class=\"offers\">")?;
        for offer in offers {
            let source = offer.source.unwrap_or(offer.status);
            write!(self.out, "<dt><code>{}</code></dt>", escape(&offer.line()))?;
            write!(self.out, "<dd>{} <span class=\"where\">{}", escape(&offer.explained()), escape(source))?;
            if !offer.parameters.is_empty() {
                write!(self.out, " · parameters: {}", escape(offer.parameters))?;
            }
            writeln!(self.out, "</span></dd>")?;
        }
        writeln!(self.out, "</dl></details>")
    }

    fn stage(&mut self, stage: &Stage, total: f64) -> io::Result<()> {
        let word = stage.verdict.word();
        if let Verdict::Skipped(why) = &stage.verdict {
            return writeln!(
                self.out,
                "<tr class=\"skipped\"><td>skipped</td><td>{}</td><td></td><td></td><td>{}</td></tr>",
                stage.name,
                escape(why)
            );
        }
        let share = |time: std::time::Duration| 100.0 * time.as_secs_f64() / total.max(1e-6);
        let (from, long) = (share(stage.at).clamp(0.0, 99.0), share(stage.took).clamp(0.5, 100.0));
        writeln!(
            self.out,
            "<tr class=\"{word}\"><td><span class=\"tag {word}\">{word}</span></td><td>{}</td><td class=\"time\">{}</td>\
             <td><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"ground\" width=\"100\" height=\"8\"/>\
             <rect class=\"bar\" x=\"{from:.2}\" width=\"{long:.2}\" height=\"8\"/></svg></td><td>{}</td></tr>",
            stage.name,
            escape(&brief(stage.took)),
            escape(&stage.summary)
        )
    }

    /// Entries of a transcript, to be unfolded.
    fn transcript(&mut self, heading: &str, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "<details><summary>{heading}</summary><ol>")?;
        entries.iter().try_for_each(|entry| self.entries.entry(&mut self.out, entry, None))?;
        writeln!(self.out, "</ol></details>")
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn page(reports: &[Report]) -> String {
        let mut out = Vec::new();
        let mut page = Page::begin(&mut out, "servers").unwrap();
        reports.iter().for_each(|report| page.report(report).unwrap());
        page.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_page_with_all_of_it() {
        let page = page(&[sample::ailing(), sample::healthy()]);
        let (_, body) = page.split_once("<body>").unwrap();
        insta::assert_snapshot!("page", body.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_nothing_runs() {
        let page = page(&[sample::ailing()]);
        assert!(page.contains("default-src 'none'") && page.contains("script-src 'none'"));
        for forbidden in
            ["<script", "http://", "https://", "javascript:", "style=\"", "onclick", "\u{1b}", "\u{202e}"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }
}
