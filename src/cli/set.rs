//! The options of `set`.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args};

use super::Place;
use crate::options::container_options::{self, CONTAINER_OPTIONS};
use crate::setting::{self, Change, CommandLine};

/// The options of `set`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Options are those of `install`, with the same values. What is not named stays as it is: other values, \
comments, and files that somebody has added. A repeatable option names the whole list. --unset takes away \
what a specification can do without; an empty value does not. Only the command line counts: GP_* variables \
and configuration files change nothing.

Examples:
  jupyter-docker-spec set docker_python --memory=8g
  jupyter-docker-spec set docker_python --image-name=foo/my_kernel:v2 \\
      --unset=gpus")]
pub struct Set {
    /// What it says of the settings.
    #[arg(skip)]
    pub line: CommandLine,

    /// What `docker run` has options for too.
    #[arg(skip)]
    pub container: Vec<container_options::Given>,

    /// The specification, or the path of its directory
    #[arg(value_name = "NAME|PATH")]
    pub name: String,

    /// Take away a key of launch_docker.toml, or what an option has said; repeatable
    #[arg(long, value_name = "KEY", help_heading = "Specification", action = ArgAction::Append)]
    pub unset: Vec<String>,

    /// Print what would be written, and what the launcher would ask the engine for, and write nothing
    #[arg(long, help_heading = "Specification", overrides_with = "dry_run")]
    pub dry_run: bool,

    /// Where the specification lies.
    #[command(flatten)]
    pub place: Place,
}

/// The sentence for a word that is no option of `set`, but one of `install` or the name of a key.
#[must_use]
pub(super) fn not_for_set(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    let name = word.strip_prefix("--")?;
    let of_install = setting::named(name).filter(|known| {
        known.change == Change::No && ["Kernel", "Specification"].contains(&known.heading)
    });
    if of_install.is_some() {
        return Some(format!(
            "`set` has no `--{name}`: it changes values, and not which specification it is or of what kind; \
             `install --replace` does that, with all options that the specification is to have"
        ));
    }
    let key = name.replace('-', "_");
    let options = CONTAINER_OPTIONS.iter().filter(|flag| flag.key == key);
    let options: Vec<String> = options.map(|flag| format!("`--{}`", flag.long)).collect();
    (!options.is_empty())
        .then(|| format!("`set` has no `--{name}`; for `{key}` there is {}", options.join(", ")))
}
