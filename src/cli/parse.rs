//! Reads a command line, and describes it as a whole, as help and completion need it.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Args as _, CommandFactory as _, FromArgMatches as _};

use super::brief;
use super::{
    Check, Cli, Command, Compose, Convert, Install, List, PROGRAM, Prune, Ps, Pull, Remove, Rename,
    Set, Show,
};
use crate::options::container_options;
use crate::setting::{self, PREFIX, Setting, arguments};

/// The command line, with what the help of `install` has from the traits that its options stand for.
#[must_use]
pub fn command() -> clap::Command {
    let command = Cli::command();
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    // All of them, because a subcommand that is changed becomes the last.
    names.into_iter().enumerate().fold(command, |command, (number, name)| {
        command.mut_subcommand(name.clone(), |subcommand| {
            let about = subcommand.get_about().cloned().unwrap_or_default();
            match &*name {
                "install" => with_traits(install(clap::Command::new("install"))).about(about),
                "set" => set(clap::Command::new("set")).about(about),
                _ => subcommand,
            }
            .display_order(number)
        })
    })
}

/// The long help of `install`, with the traits.
fn with_traits(install: clap::Command) -> clap::Command {
    install.mut_args(|arg| match setting::named(arg.get_id().as_str()) {
        Some(known @ &Setting { configurable: Some(name), .. }) => {
            let help = known.help_with_sources();
            arg.long_help(format!("{help}\n[equivalent to: --{name}]"))
        }
        _ => arg,
    })
}

fn install(command: clap::Command) -> clap::Command {
    Install::augment_args(command.args(arguments::of_install()))
        .args(container_options::arguments())
}

fn set(command: clap::Command) -> clap::Command {
    Set::augment_args(command.args(arguments::of_set())).args(container_options::arguments())
}

/// What describes a subcommand.
type Describe = fn(clap::Command) -> clap::Command;

/// The subcommands that can be described alone, without what only their help needs. Of those that are
/// missing here the others are a part.
const ALONE: [(&str, Describe); 12] = [
    ("install", install),
    ("list", List::augment_args),
    ("show", Show::augment_args),
    ("set", set),
    ("rename", Rename::augment_args),
    ("remove", Remove::augment_args),
    ("convert", Convert::augment_args),
    ("check", Check::augment_args),
    ("pull", Pull::augment_args),
    ("ps", Ps::augment_args),
    ("prune", Prune::augment_args),
    ("compose", Compose::augment_args),
];

/// The command line with this subcommand as the only one, if it can be described alone: describing all
/// of them takes longer than most of them take to run.
fn command_of_one(name: &str) -> Option<clap::Command> {
    let (name, describe) = ALONE.into_iter().find(|(other, _)| *other == name)?;
    let subcommand = describe(clap::Command::new(name));
    // The one option that there is before a subcommand.
    let all = Arg::new("help_all").long("help-all").action(ArgAction::SetTrue);
    Some(clap::Command::new(PROGRAM).disable_help_subcommand(true).arg(all).subcommand(subcommand))
}

/// Parses the words of a command line.
///
/// # Errors
/// When they are not understood, and when help or the version is asked for.
pub fn parse<Word: Into<OsString>>(
    words: impl IntoIterator<Item = Word>,
) -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    let one = words.get(1).and_then(|name| command_of_one(name.to_str()?));
    // What one subcommand does not understand, or is to print, is what all of them are described for.
    let parsed = one.and_then(|mut one| parse_as(&mut one, words.clone()).ok());
    parsed.map_or_else(|| parse_as(&mut asked_by(&words), words), Ok)
}

/// The command line, as these words want to see it.
fn asked_by(words: &[OsString]) -> clap::Command {
    // For which nothing else has to be described.
    if words.len() == 2 && ["--version", "-V"].iter().any(|word| words[1] == *word) {
        return clap::Command::new(PROGRAM).version(env!("CARGO_PKG_VERSION"));
    }
    let wants = |word: &str| words.iter().any(|given| given == word);
    let all = command();
    if wants("-h") && !wants("--help") {
        return all.mut_subcommand("install", brief::help);
    }
    all
}

fn parse_as(command: &mut clap::Command, words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let matches = command.try_get_matches_from_mut(words)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(command))?;
    match (&mut cli.command, matches.subcommand()) {
        (Some(Command::Install(install)), Some((_, matches))) => {
            install.line = arguments::given(matches);
            install.prefix = matches.get_one(PREFIX.option).cloned();
            install.container = container_options::given(matches);
        }
        (Some(Command::Set(set)), Some((_, matches))) => {
            set.line = arguments::given(matches);
            set.container = container_options::given(matches);
        }
        _ => {}
    }
    Ok(cli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn a_subcommand_by_itself_is_the_one_of_all() {
        let mut all = command();
        all.build();
        let described = |command: &clap::Command, name: &str| {
            let mut subcommand = command.find_subcommand(name).unwrap().clone();
            // What only the help shows.
            subcommand =
                subcommand.mut_args(|arg| arg.help("").long_help("").hide_short_help(false));
            let groups: Vec<_> = subcommand.get_groups().collect();
            let arguments: Vec<_> = subcommand.get_arguments().collect();
            format!("{arguments:#?} {groups:#?}")
        };
        for name in all.get_subcommands().map(clap::Command::get_name) {
            let Some(mut one) = command_of_one(name) else {
                assert!(["completions", "man"].contains(&name), "{name} describes all");
                continue;
            };
            one.build();
            assert_eq!(one.get_subcommands().count(), 1, "{name}");
            assert_eq!(described(&one, name), described(&all, name), "{name}");
        }
        assert!(command_of_one("help").is_none());
    }

    #[test]
    fn what_is_not_understood_is_said_of_all_subcommands() {
        let parse = |words: &[&str]| parse([PROGRAM].iter().chain(words));
        let of_all = |words: &[&str]| {
            let words = [PROGRAM].iter().chain(words);
            command().try_get_matches_from(words).unwrap_err().render().to_string()
        };
        for words in [
            &["list", "--help"][..],
            &["list", "-h"],
            &["list", "--version"],
            &["list", "--jsno"],
            &["list", "other"],
            &["install", "--help"],
            &["install", "--image-nam=i"],
            &["install", "--gateway=other"],
            &["remove"],
            &["show", "a", "--json", "--toml"],
            &["--json", "list"],
            &["--help"],
            &["lst"],
            &["help"],
        ] {
            assert_eq!(parse(words).unwrap_err().render().to_string(), of_all(words), "{words:?}");
        }
        let Some(Command::Install(install)) =
            parse(&["install", "-m4g", "--init"]).unwrap().command
        else {
            panic!()
        };
        let given: Vec<&str> = install.container.iter().map(|(flag, _)| flag.long).collect();
        assert_eq!(given, ["memory", "init"]);
    }

    #[test]
    fn a_flag_may_be_repeated_and_an_option_may_not() {
        let is_understood =
            |words: &[&str]| parse([PROGRAM, "install"].iter().chain(words)).is_ok();
        assert!(is_understood(&[
            "--user",
            "--swarm",
            "--user",
            "--swarm",
            "--replace",
            "--replace"
        ]));
        assert!(is_understood(&["--debug", "--debug", "--sys-prefix", "--sys-prefix"]));
        assert!(!is_understood(&["--image-name=a", "--image-name=b"]));
    }
}
