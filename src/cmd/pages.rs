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
    clap_mangen::Man::new(command.clone()).render(page)?;
    for sub in command.get_subcommands() {
        let name = format!("heloise {}", sub.get_name());
        writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
        let man = clap_mangen::Man::new(sub.clone().bin_name(name));
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)?;
    }
    Ok(())
}
