//! `launch_docker`, which Jupyter servers run through `kernel.json` to start a kernel.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::launcher::args::{Arguments, Request};
use jupyter_docker_spec::launcher::launch::Launch;
use jupyter_docker_spec::launcher::plan::Plan;
use jupyter_docker_spec::launcher::run;
use jupyter_docker_spec::launcher::spec::InstalledSpec;
use jupyter_docker_spec::{log, program};
use tokio::time::Instant;
use tracing::Level;

/// The name under which the launcher speaks in the server's log.
const APPLICATION: &str = "launch_docker";

fn main() -> ExitCode {
    program::report_panics();
    let begin = Instant::now();
    let env = Env::of_process();
    log::init(APPLICATION, Level::INFO, &env);
    match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Launch(arguments)) => program::finish(launch(&arguments, &env, begin)),
        Ok(Request::Print(text)) => program::print(text, ExitCode::SUCCESS),
        Err(error) => program::usage(&format!("{error}; see `launch_docker --help`")),
    }
}

fn launch(arguments: &Arguments, env: &Env, begin: Instant) -> Result<()> {
    let executable = std::env::current_exe().context("could not find this program's own file")?;
    let spec = InstalledSpec::of(&executable)?;
    let launch = Launch::new(arguments, &spec, env, false)?;
    let plan = Plan::new(launch, &spec, env, false)?;
    // One thread: nearly all of a launch is waiting for the engine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run::run(&plan, env, begin))
}
