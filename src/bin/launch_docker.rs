//! `launch_docker`, which Jupyter servers run to start a kernel, as `kernel.json` says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::launcher::args::{Arguments, Request};
use jupyter_docker_spec::launcher::attend;
use jupyter_docker_spec::launcher::run;
use jupyter_docker_spec::launcher::spec::InstalledSpec;
use jupyter_docker_spec::launcher::{plan_for, plan_of_next};
use jupyter_docker_spec::{log, program};
use tokio::time::Instant;
use tracing::Level;

/// The name of the launcher in the server's log.
const APPLICATION: &str = "launch_docker";

fn main() -> ExitCode {
    program::report_panics();
    let begin = Instant::now();
    let env = Env::of_process();
    log::init_in_background(APPLICATION, level(&env), &env);
    let code = match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Launch(arguments)) => match launch(&arguments, &env, begin) {
            Ok(status) => status.into(),
            Err(error) => program::finish(Err(error)),
        },
        Ok(Request::Guard(name)) => program::finish(guard(&name, &env)),
        Ok(Request::Print(text)) => program::print(text, ExitCode::SUCCESS),
        Err(error) => program::usage(&format!("{error}; see `launch_docker --help`")),
    };
    log::finish();
    code
}

/// Successes are logged only at the level for debugging, because quiet clients show the launcher's output
/// too.
fn level(env: &Env) -> Level {
    let names = ["LOG_LEVEL", "GP_LOG_LEVEL", "EG_LOG_LEVEL"];
    let levels = names.into_iter().filter_map(|name| log::level(env.get(name)?));
    levels.max().unwrap_or(Level::INFO).max(Level::INFO)
}

/// Returns the exit status: that of the kernel, if this process is the kernel.
fn launch(arguments: &Arguments, env: &Env, begin: Instant) -> Result<u8> {
    let executable = std::env::current_exe().context("could not find this program's own file")?;
    let started_as = OsStr::from_bytes(rustix::param::linux_execfn().to_bytes());
    let spec = InstalledSpec::of_process(&executable, Path::new(started_as))?;
    let plan = plan_for(arguments, &spec, env)?;
    let runtime = program::runtime()?;
    match &arguments.connection_file {
        Some(file) => {
            let next = (plan.warm > 0).then(|| plan_of_next(arguments, &spec, env)).transpose()?;
            runtime.block_on(attend::attend(Path::new(file), &plan, next, &spec, env))
        }
        None => runtime.block_on(run::run(&plan, &spec, env, begin)).map(|()| 0),
    }
}

fn guard(name: &str, env: &Env) -> Result<()> {
    program::runtime()?.block_on(attend::guard::stand(name, env))
}
