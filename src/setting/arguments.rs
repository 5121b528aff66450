//! The settings as options of the command line.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::line::CommandLine;
use super::row::{Change, Kind, Setting};
use super::table::{ALL, NO_SWARM, SWARM};

/// The options of `install`.
pub fn of_install() -> impl Iterator<Item = Arg> {
    ALL.into_iter().filter(|known| !known.option.is_empty()).map(argument)
}

/// The options of `set`, whose help says nothing of defaults and variables: neither counts.
pub fn of_set() -> impl Iterator<Item = Arg> {
    let changeable = ALL.into_iter().filter(|known| known.change != Change::No);
    changeable.map(|known| argument(known).help(known.help))
}

fn argument(known: &'static Setting) -> Arg {
    let arg = Arg::new(known.option)
        .long(known.option)
        .short(known.short)
        .visible_aliases(known.aliases)
        .help_heading(known.heading)
        .help(known.help_with_sources())
        .conflicts_with_all(known.conflicts);
    if known.kind == Kind::Bool {
        let arg = arg.action(ArgAction::SetTrue);
        // Of these two the last counts.
        return match known {
            known if *known == SWARM || *known == NO_SWARM => {
                arg.overrides_with_all([SWARM.option, NO_SWARM.option])
            }
            known => arg.overrides_with(known.option),
        };
    }
    let action = if known.is_repeatable { ArgAction::Append } else { ArgAction::Set };
    let arg = arg.value_name(known.value_name).action(action);
    match known.kind {
        Kind::Choice(words) => arg.value_parser(PossibleValuesParser::new(words)).ignore_case(true),
        Kind::TextOrNothing => arg.num_args(0..=1).require_equals(true).default_missing_value(""),
        Kind::Path => arg.value_parser(value_parser!(std::ffi::OsString)),
        _ => arg,
    }
    .allow_hyphen_values(known.may_begin_with_hyphen)
    .hide_possible_values(true)
}

/// What a command line says.
#[must_use]
pub fn given(matches: &ArgMatches) -> CommandLine {
    let mut line = CommandLine::default();
    for known in ALL {
        let Ok(Some(values)) = matches.try_get_raw(known.option) else { continue };
        let origin = format!("`--{}`", known.option);
        match known.kind {
            Kind::Bool if !matches.get_flag(known.option) => {}
            Kind::Bool if *known == NO_SWARM => {
                line.push(&SWARM, vec![false.to_string()], origin);
            }
            Kind::Bool => line.push(known, vec![true.to_string()], origin),
            _ => {
                let values = values.map(|value| value.to_string_lossy().into_owned());
                line.push(known, values.collect(), origin);
            }
        }
    }
    line
}
