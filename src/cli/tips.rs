//! What is said to those who type what other programs have.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use super::parse::command;
use super::set::not_for_set;
use crate::text::nearest;

/// The subcommands that take something away: nobody is led to one that typed something else.
const DESTROYING: [&str; 4] = ["remove", "uninstall", "rm", "prune"];

/// What people look for, and what it is called here.
const CALLED: [(&str, &str); 12] = [
    ("add", "install"),
    ("create", "install"),
    ("run", "install"),
    ("edit", "set"),
    ("update", "set"),
    ("inspect", "show"),
    ("mv", "rename"),
    ("doctor", "check"),
    ("status", "check"),
    ("test", "check"),
    ("verify", "check"),
    ("completion", "completions"),
];

/// The options of `docker run` that mean nothing to a kernel, and why.
const NEEDLESS: [(&[&str], &str); 6] = [
    (
        &["-p", "-P", "--publish", "--publish-all", "--expose"],
        "nobody reaches a kernel by a port of the host: its server, or the launcher of --local, reaches it anyway",
    ),
    (&["--rm"], "the container of a kernel goes with its kernel, always"),
    (&["-i", "-t", "--interactive", "--tty"], "nobody types into a kernel's container"),
    (&["-d", "--detach"], "Jupyter starts kernels and waits for none of them"),
    (&["--restart"], "Jupyter starts a kernel again that has died"),
    (
        &["--name"],
        "containers are called after their kernels; `--kernel-name` is what the specification is called",
    ),
];

/// The sentence for what we know better of than clap does.
///
/// # Errors
/// The error itself, where clap's own words are the right ones.
pub fn explained(mut error: Error, subcommand: Option<&str>) -> Result<String, Error> {
    suggest_nothing_that_destroys(&mut error);
    let takes_options = subcommand.filter(|name| ["install", "set"].contains(name));
    let reason = takes_options.and_then(|name| {
        let of_docker = of_docker(&error, name);
        of_docker.or_else(|| (name == "set").then(|| not_for_set(&error)).flatten())
    });
    reason.ok_or(error)
}

fn text(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

fn of_docker(error: &Error, subcommand: &str) -> Option<String> {
    let word = text(error, ContextKind::InvalidArg)?;
    if error.kind() == ErrorKind::TooManyValues && word == "--user" {
        return Some(of_user(text(error, ContextKind::InvalidValue).unwrap_or("UID:GID")));
    }
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    if let Some((_, why)) = NEEDLESS.iter().find(|(words, _)| words.contains(&word)) {
        return Some(format!("`{subcommand}` has no `{word}`, and needs none: {why}"));
    }
    if subcommand != "install" || word.starts_with('-') {
        return None;
    }
    if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return Some(of_user(word));
    }
    Some(format!(
        "`install` has options only, and `{word}` is none: an image is `--image={word}`, the name \
         of a specification `--kernel-name={word}`"
    ))
}

fn of_user(value: &str) -> String {
    format!(
        "`--user` is about the place, for the current user only, as in all of Jupyter's commands; the user of \
         the container is `-u {value}`"
    )
}

/// Instead of all that are a bit similar, of which some remove what there is, the one that is meant.
fn suggest_nothing_that_destroys(error: &mut Error) {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return;
    }
    let Some(given) = text(error, ContextKind::InvalidSubcommand).map(str::to_owned) else {
        return;
    };
    let command = command();
    let names = command
        .get_subcommands()
        .flat_map(|each| each.get_visible_aliases().chain([each.get_name()]));
    let called = CALLED.iter().find(|(word, _)| *word == given).map(|(_, name)| *name);
    let meant = called.or_else(|| nearest(&given, names).filter(|name| !DESTROYING.contains(name)));
    match meant {
        Some(name) => {
            let name = ContextValue::Strings(vec![name.to_owned()]);
            error.insert(ContextKind::SuggestedSubcommand, name);
        }
        None => {
            error.remove(ContextKind::SuggestedSubcommand);
        }
    }
}
