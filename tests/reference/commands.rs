//! The commands with their options, and the classes and traits of configuration files.

use std::fmt::Write as _;

use clap::{Arg, Command};
use jupyter_docker_spec::cli;
use jupyter_docker_spec::launcher::args::Request;
use jupyter_docker_spec::setting::{self, Class, Kind};

use crate::{assert_current, code, table};

#[test]
fn commands_are_current() {
    let mut command = cli::command();
    command.build();
    let others = command
        .get_subcommands()
        .filter(|subcommand| subcommand.get_name() != "install")
        .fold(String::new(), |text, subcommand| text + "\n" + &section(subcommand, "## "));
    let text = format!(
        "# Commands\n\n`jupyter docker-spec COMMAND` and `jupyter-docker-spec COMMAND` are the same. \
         [`install`](install.md) has a page of its own. Options may be written with underscores in the place of \
         hyphens. The same is in the manual pages: `jupyter-docker-spec man COMMAND | man -l -`.\n{others}"
    );
    assert_current("commands.md", &text);
    let install = command.find_subcommand("install").unwrap();
    assert_current("install.md", &section(install, "# "));
}

#[test]
fn the_launcher_is_current() {
    let Request::Print(help) = Request::parse(["--help".into()]).unwrap() else { panic!() };
    let text = format!(
        "# launch_docker\n\nA server runs it, and nobody else has to; what it is told by variables is in \
         [variables](variables.md), and what containers get is in [launch_docker.toml](keys.md). Of each option \
         Enterprise Gateway's spelling, `--RemoteProcessProxy.kernel-id`, means the same.\n\n```text\n{help}```\n"
    );
    assert_current("launch_docker.md", &text);
}

#[test]
fn classes_and_traits_are_current() {
    let mut text = "# Configuration files\n\nThe files `jupyter_config` and `jupyter_docker_spec_config`, \
                    `.json` or `.py`, in Jupyter's directories, or the one that `--config` names. A value is \
                    set there by class and trait, `c.DockerSpecInstaller.image_name = \"my/image\"`, and so on \
                    the command line, `--DockerSpecInstaller.image_name=my/image`. What counts most is the \
                    command line, then a file, then a variable, then the default; `install --show-config` tells \
                    each value and where it is from, and `--generate-config` writes a file to begin with. A file \
                    in Python is read by the `python3` that is there.\n"
        .to_owned();
    for class in Class::ALL {
        let own = setting::configurable().filter(|(_, name)| name.class == class);
        let rows: Vec<_> = own
            .map(|(known, name)| {
                let python = known.kind == Kind::PythonOnly;
                [
                    code(name.name),
                    format!("{}.", known.help)
                        + if python { " Accepted, and without effect." } else { "" },
                    if known.default == "null" { String::new() } else { code(known.default) },
                    if known.option.is_empty() {
                        String::new()
                    } else {
                        code(&format!("--{}", known.option))
                    },
                    known
                        .variables
                        .iter()
                        .map(|name| code(name))
                        .collect::<Vec<_>>()
                        .join(", else "),
                ]
            })
            .collect();
        let head = ["trait", "what it is", "default", "option", "variable"];
        let _ = write!(text, "\n## {class}\n\n{}", table(head, &rows));
    }
    assert_current("configuration.md", &text);
}

/// A command: what it is for, its options below their headings, and what its help says after them.
fn section(command: &Command, heading: &str) -> String {
    let about = command.get_about().unwrap().to_string();
    let usage = command.clone().render_usage().to_string().replace("Usage: ", "");
    let others: Vec<String> = command.get_visible_aliases().map(code).collect();
    let others =
        if others.is_empty() { String::new() } else { format!(" Also: {}.", others.join(", ")) };
    let mut text =
        format!("{heading}{}\n\n{about}.{others}\n\n```text\n{usage}\n```\n", command.get_name());
    let mut headings: Vec<Option<&str>> = Vec::new();
    for arg in command.get_arguments().filter(|arg| is_shown(arg)) {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    // What has no heading is first, as in the help.
    headings.sort_by_key(Option::is_some);
    for group in headings {
        let rows: Vec<_> = command
            .get_arguments()
            .filter(|arg| is_shown(arg) && arg.get_help_heading() == group)
            .map(row)
            .collect();
        if let Some(group) = group {
            let _ = write!(text, "\n#{heading}{group}\n");
        }
        let head = ["option", "what it does", "default", "also set by"];
        let _ = write!(text, "\n{}", table(head, &rows));
    }
    if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        let _ = write!(text, "\n{}", after_help(&after.to_string()));
    }
    text
}

fn is_shown(arg: &Arg) -> bool {
    arg.get_id() != "help" && arg.get_id() != "version"
}

/// What the help says after the options: its examples are commands, everything else is text.
fn after_help(text: &str) -> String {
    let (said, examples) = text.split_once("Examples:").unwrap_or((text, ""));
    let mut after =
        if said.trim().is_empty() { String::new() } else { said.trim().to_owned() + "\n" };
    if !examples.is_empty() {
        let lines = examples.trim_matches('\n').lines();
        let lines: String =
            lines.map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned() + "\n").collect();
        let gap = if after.is_empty() { "" } else { "\n" };
        let _ = write!(
            after,
            "{gap}<!-- not run: an example of the help; pages have it in full -->\n```sh\n{lines}```\n"
        );
    }
    after
}

/// An option with what its help says in brackets at the end: its default, and the variable or the trait that
/// sets it too.
fn row(arg: &Arg) -> [String; 4] {
    let help = arg.get_long_help().or(arg.get_help()).unwrap().to_string().replace('\n', " ");
    let (said, notes) = help.split_once(" [").unwrap_or((&help, ""));
    let mut said = said.replace('|', "\\|");
    let (mut default, mut others) = (String::new(), Vec::new());
    for note in notes.split(" [").filter(|note| !note.is_empty()) {
        let (kind, value) = note.trim_end().trim_end_matches(']').split_once(": ").unwrap();
        match kind {
            "default" => value.clone_into(&mut default),
            "engine's default" | "gateway's default" => default = format!("{value} ({kind})"),
            "env" | "variable" | "variable of the port" => others.push(variables(value)),
            "equivalent to" => others.push(trait_of(value)),
            other => panic!("{other} in the help of {}", name(arg)),
        }
    }
    if arg.get_action().takes_values() {
        let values = arg.get_possible_values();
        if !arg.is_hide_possible_values_set() && !values.is_empty() {
            let values: Vec<_> = values.iter().map(|value| code(value.get_name())).collect();
            let _ = write!(said, ": {}", values.join(", "));
        }
        if let Some(value) = arg.get_default_values().first() {
            value.to_str().unwrap().clone_into(&mut default);
        }
    }
    [name(arg), said, default, others.join(", ")]
}

/// Names of variables as code, among words.
fn variables(said: &str) -> String {
    let words = said.split(' ').map(|word| {
        let name = word.trim_end_matches(',');
        let is_name = name.len() > 3 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if is_name { word.replace(name, &code(name)) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A trait by its name, which leads to its class.
fn trait_of(option: &str) -> String {
    let (class, name) = option.trim_start_matches("--").split_once('.').unwrap();
    format!("[{}](configuration.md#{})", code(name), class.to_lowercase())
}

fn name(arg: &Arg) -> String {
    let values: Vec<&str> =
        arg.get_value_names().unwrap_or_default().iter().map(clap::builder::Str::as_str).collect();
    let value = if arg.get_action().takes_values() { values.join(" ") } else { String::new() };
    let shorts =
        arg.get_short().into_iter().chain(arg.get_visible_short_aliases().unwrap_or_default());
    let short: String = shorts.map(|short| code(&format!("-{short}")) + ", ").collect();
    let others = arg.get_visible_aliases().unwrap_or_default().into_iter();
    let short = others.fold(short, |short, name| short + &code(&format!("--{name}")) + ", ");
    match arg.get_long() {
        Some(long) if arg.is_require_equals_set() => short + &code(&format!("--{long}[={value}]")),
        Some(long) => short + &code(format!("--{long} {value}").trim_end()),
        None => code(&value),
    }
}
