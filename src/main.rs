//! `jupyter-docker-spec`, which Jupyter also runs as `jupyter docker-spec`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use jupyter_docker_spec::cli::{self, Cli, Command, Install};
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::paths::Paths;
use jupyter_docker_spec::{commands, log, program};
use tracing::Level;

/// The name under which the installer speaks: that of the Python tool's class.
const APPLICATION: &str = "DockerSpecInstaller";

fn main() -> ExitCode {
    let env = Env::of_process();
    match Cli::try_parse_from(cli::normalise(std::env::args_os(), &env)) {
        Ok(Cli { command: Some(Command::Install(arguments)) }) => {
            program::finish(run_install(&arguments, &env))
        }
        Ok(Cli { command: None }) => no_subcommand(),
        Err(error) => report_usage(&error, &env),
    }
}

fn run_install(arguments: &Install, env: &Env) -> Result<()> {
    let level = match &arguments.log_level {
        _ if arguments.debug => Some(Level::DEBUG),
        Some(name) => log::level(name),
        None => Some(Level::INFO),
    };
    log::init(APPLICATION, level.unwrap_or(Level::INFO), env);
    level.with_context(|| {
        let given = arguments.log_level.as_deref().unwrap_or_default();
        format!("`--log-level` of `{given}` must be one of {}", log::LEVELS)
    })?;
    let executable = std::env::current_exe().ok();
    commands::install::run(arguments, &Paths { env, executable: executable.as_deref() })
}

/// Help and version, which clap hands over as errors too, are data on standard output.
fn report_usage(error: &clap::Error, env: &Env) -> ExitCode {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return program::print(&text, ExitCode::SUCCESS);
    }
    log::init(APPLICATION, Level::INFO, env);
    program::usage(text.trim_start_matches("error: "))
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
    program::print(&text, ExitCode::FAILURE)
}
