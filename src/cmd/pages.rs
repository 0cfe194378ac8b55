//! `heloise completions` and `heloise man`, both made from the command line's types.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::report::{Problem, Status};

/// Prints the completions for a shell.
pub fn completions(shell: clap_complete::Shell) -> Result<Status, Problem> {
    let mut page = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "heloise", &mut page);
    super::written(std::io::stdout().write_all(&page))
}

/// Prints the manual page: the program and, in sections of their own, its subcommands.
pub fn manual() -> Result<Status, Problem> {
    let mut page = Vec::new();
    let rendered = render(&mut page);
    super::written(rendered.and_then(|()| std::io::stdout().write_all(&page)))
}

fn render(page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    // The subcommands stand below, in this page.
    writeln!(page, ".SH SUBCOMMANDS")?;
    for sub in command.get_subcommands() {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(page, ".TP\n\\fBheloise {}\\fR\n{}", sub.get_name(), roff(&about))?;
    }
    as_it_stands(page, &command)?;
    man.render_version_section(page)?;
    for sub in command.get_subcommands() {
        let name = format!("heloise {}", sub.get_name());
        writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
        let man = clap_mangen::Man::new(sub.clone().bin_name(name));
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)?;
        as_it_stands(page, sub)?;
    }
    Ok(())
}

/// The examples and what else stands below a help text: tables, whose lines are not to be filled.
fn as_it_stands(page: &mut Vec<u8>, command: &clap::Command) -> std::io::Result<()> {
    let Some(text) = command.get_after_help() else { return Ok(()) };
    let heading = if command.has_subcommands() { ".SH" } else { ".SS" };
    writeln!(page, "{heading} EXAMPLES\n.nf")?;
    for line in text.to_string().lines().filter(|line| *line != "Examples:") {
        writeln!(page, "{}", roff(line))?;
    }
    writeln!(page, ".fi")
}

/// A line of text that troff takes for nothing else.
fn roff(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if escaped.starts_with('.') { format!("\\&{escaped}") } else { escaped }
}
