//! `jupyter-docker-spec`, which Jupyter also runs as `jupyter docker-spec`.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use jupyter_docker_spec::cli::{self, Cli, Command, Install};
use jupyter_docker_spec::commands::install::APPLICATION;
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::paths::Paths;
use jupyter_docker_spec::settings::lookup::{ClassForm, Line};
use jupyter_docker_spec::{commands, log, program};
use tracing::Level;

fn main() -> ExitCode {
    let env = Env::of_process();
    let words = cli::normalise(std::env::args_os(), &env);
    let (words, forms) = match cli::take_class_forms(words) {
        Ok(taken) => taken,
        Err(reason) => return usage(&reason, &env),
    };
    match Cli::try_parse_from(words) {
        Ok(Cli { command: Some(Command::Install(arguments)) }) => install(&arguments, &forms, &env),
        Ok(Cli { command: Some(Command::Completions { shell }) }) => {
            program::print(commands::generate::completions(shell), ExitCode::SUCCESS)
        }
        Ok(Cli { command: Some(Command::Man { subcommand }) }) => {
            log::init(APPLICATION, Level::INFO, &env);
            match commands::generate::man(subcommand.as_deref()) {
                Ok(page) => program::print(page, ExitCode::SUCCESS),
                Err(error) => program::finish(Err(error)),
            }
        }
        Ok(Cli { command: None }) => no_subcommand(),
        Err(error) => report_usage(&error, &env),
    }
}

fn install(arguments: &Install, forms: &[ClassForm], env: &Env) -> ExitCode {
    if arguments.help_all {
        return help_all();
    }
    let line = match Line::new(arguments, forms) {
        Ok(line) => line,
        Err(error) => return usage(&error.to_string(), env),
    };
    let executable = std::env::current_exe().ok();
    let paths = Paths { env, executable: executable.as_deref() };
    match commands::install::run(arguments, &line, &paths) {
        Ok(text) => program::print(text, ExitCode::SUCCESS),
        Err(error) => program::finish(Err(error)),
    }
}

/// The help of `install`, and what it can be configured with.
fn help_all() -> ExitCode {
    let mut command = Cli::command();
    command.build();
    let install = command.find_subcommand_mut("install");
    let help = install.map(|install| install.render_long_help().to_string()).unwrap_or_default();
    program::print(help + &commands::config::help_of_classes(), ExitCode::SUCCESS)
}

/// Reports a command line that is not understood.
fn usage(reason: &str, env: &Env) -> ExitCode {
    log::init(APPLICATION, Level::INFO, env);
    program::usage(reason)
}

/// Help and version, which clap hands over as errors too, are data on standard output.
fn report_usage(error: &clap::Error, env: &Env) -> ExitCode {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return program::print(text, ExitCode::SUCCESS);
    }
    usage(text.trim_start_matches("error: "), env)
}

/// What the Python tool says too, with its exit status.
fn no_subcommand() -> ExitCode {
    let mut command = Cli::command();
    let names: Vec<String> =
        command.get_subcommands().map(|command| format!("'{}'", command.get_name())).collect();
    let text = format!(
        "No subcommand specified. Must specify one of: [{}]\n\n{}",
        names.join(", "),
        command.render_help()
    );
    program::print(text, ExitCode::FAILURE)
}
