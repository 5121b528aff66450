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
    let script = String::from_utf8_lossy(&script);
    with_names(shell, &script).into_bytes()
}

/// The script, such that it completes the names of specifications too, as far as its shell is one of those that most use.
/// They are asked for when they are wanted.
fn with_names(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Zsh => {
            let lines = script.lines().map(|line| {
                let is_name = ["':name --", "'*::names --"].iter().any(|of| line.starts_with(of));
                let line = if is_name {
                    line.replace(":_default'", ":_jupyter-docker-spec_names'")
                } else {
                    line.to_owned()
                };
                if line.starts_with("if [ \"$funcstack[1]\"") {
                    format!("{ZSH}{line}\n")
                } else {
                    line + "\n"
                }
            });
            lines.collect()
        }
        Shell::Fish => format!("{script}{FISH}"),
        _ => script.to_owned(),
    }
}

const BASH: &str = include_str!("completions/names.bash");
const ZSH: &str = include_str!("completions/names.zsh");
const FISH: &str = include_str!("completions/names.fish");

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
