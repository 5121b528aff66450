//! `jupyter-docker-spec`, which Jupyter also runs as `jupyter docker-spec`.

use std::process::ExitCode;

use clap::error::ErrorKind;
use jupyter_docker_spec::cli::{self, Cli, Command, Install};
use jupyter_docker_spec::commands::install::APPLICATION;
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::paths::Paths;
use jupyter_docker_spec::setting::{ClassOption, HELP_ALL};
use jupyter_docker_spec::{commands, log, program};
use tracing::Level;

fn main() -> ExitCode {
    program::report_panics();
    let env = Env::of_process();
    let words = cli::normalise(cli::first_words(std::env::args_os()), &env);
    let (words, forms) = match cli::split_class_options(words) {
        Ok(taken) => taken,
        Err(reason) => return usage(&reason, &env),
    };
    let subcommand = words.get(1).and_then(|name| name.to_str().map(str::to_owned));
    let mut command = match cli::parse(words) {
        Ok(Cli { help_all: true, .. }) => return help_all(None),
        Ok(Cli { command: Some(command), .. }) => command,
        Ok(Cli { command: None, .. }) => return no_subcommand(),
        Err(error) => return report_usage(error, &env, subcommand.as_deref()),
    };
    let executable = std::env::current_exe().ok();
    let paths = Paths { env: &env, executable: executable.as_deref() };
    if let Err(error) = env.directory() {
        log::init(APPLICATION, Level::INFO, &env);
        return program::finish(Err(error));
    }
    if !matches!(command, Command::Install(_)) {
        // The level of `install` may be in a configuration file.
        let quiet = matches!(&command, Command::Pull(arguments) if arguments.quiet);
        log::init(APPLICATION, if quiet { Level::WARN } else { Level::INFO }, &env);
        if let Some(form) = forms.first() {
            return program::usage(&format!(
                "unexpected argument `--{}.{}`: only `install` has a configuration",
                form.section,
                form.known.trait_name()
            ));
        }
    }
    match &mut command {
        Command::Install(arguments) => install(arguments, &forms, &paths),
        Command::List(arguments) => program::printed(commands::list::run(arguments, &paths)),
        Command::Show(arguments) => program::printed(commands::show::run(arguments, &paths)),
        Command::Set(arguments) => program::printed(commands::set::run(arguments, &paths)),
        Command::Remove(arguments) => program::finish(commands::remove::run(arguments, &paths)),
        Command::Rename(arguments) => program::finish(commands::rename::run(arguments, &paths)),
        Command::Convert(arguments) => program::printed(commands::convert::run(arguments, &paths)),
        Command::Check(arguments) => match commands::check::run(arguments, &paths) {
            Ok((report, well)) => {
                program::print(report, if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Err(error) => program::finish(Err(error)),
        },
        Command::Pull(arguments) => match commands::pull::run(arguments, &paths) {
            Ok((text, code)) => program::print(text, code),
            Err(error) => program::finish(Err(error)),
        },
        Command::Ps(arguments) => program::printed(commands::ps::run(arguments, &paths)),
        Command::Prune(arguments) => program::printed(commands::prune::run(arguments, &paths)),
        Command::Compose(arguments) => program::printed(commands::compose::run(arguments, &paths)),
        Command::Completions { shell } => {
            program::print(commands::generate::completions(*shell), ExitCode::SUCCESS)
        }
        Command::Man { subcommand } => {
            program::printed(commands::generate::man(subcommand.as_deref()))
        }
    }
}

fn install(arguments: &mut Install, forms: &[ClassOption], paths: &Paths<'_>) -> ExitCode {
    if arguments.line.has(&HELP_ALL) {
        return help_all(Some("install"));
    }
    if let Err(error) = arguments.line.add(forms) {
        return usage(&error.to_string(), paths.env);
    }
    program::printed(commands::install::run(arguments, paths))
}

/// The help of a subcommand, or of the whole program, and all configuration.
fn help_all(subcommand: Option<&str>) -> ExitCode {
    let mut command = cli::command();
    command.build();
    let described = match subcommand {
        Some(name) => command.find_subcommand_mut(name),
        None => Some(&mut command),
    };
    let help = described.map(|command| command.render_long_help().to_string()).unwrap_or_default();
    program::print(help + &commands::config::help_of_classes(), ExitCode::SUCCESS)
}

/// Reports an invalid command line.
fn usage(reason: &str, env: &Env) -> ExitCode {
    log::init(APPLICATION, Level::INFO, env);
    program::usage(reason)
}

/// Help and version, which clap returns as errors too, are data on standard output.
fn report_usage(error: clap::Error, env: &Env, subcommand: Option<&str>) -> ExitCode {
    let error = match cli::explained(error, subcommand) {
        Ok(reason) => return usage(&reason, env),
        Err(error) => error,
    };
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return program::print(text, ExitCode::SUCCESS);
    }
    usage(text.trim_start_matches("error: "), env)
}

/// Like the Python tool, with its exit status.
fn no_subcommand() -> ExitCode {
    let mut command = cli::command();
    let names: Vec<String> =
        command.get_subcommands().map(|command| format!("'{}'", command.get_name())).collect();
    let text = format!(
        "No subcommand specified. Must specify one of: [{}]\n\n{}",
        names.join(", "),
        command.render_help()
    );
    program::print(text, ExitCode::FAILURE)
}
