//! `completions` and `man`: files for shells and manuals, made from the command line's definition.

use anyhow::{Context as _, Result};
use clap_complete::Shell;

use crate::cli;

#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut command = cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// The manual page, in roff, of the program or of a subcommand.
pub fn man(subcommand: Option<&str>) -> Result<Vec<u8>> {
    let mut command = cli::command();
    command.build();
    let described = match subcommand {
        None => command,
        Some(name) => command
            .find_subcommand(name)
            .cloned()
            .with_context(|| format!("there is no subcommand `{name}`"))?,
    };
    // The name that `man` looks for: jupyter-docker-spec-install(1).
    let title = described.get_display_name().unwrap_or(described.get_name()).to_owned();
    let mut page = Vec::new();
    let written = clap_mangen::Man::new(described).title(title).render(&mut page);
    written.context("could not write the manual page")?;
    Ok(page)
}
