//! `launch_docker`, one step per file.
//!
//! [`args`], the environment and the [`spec`] become one typed [`launch`]; `request` is its form for the engine,
//! and [`plan`] is that with everything that the administrator's file adds. All of this is pure; [`run`] sends
//! it, and stays until the server takes over.

pub mod args;
pub mod attend;
mod bring;
mod container;
mod context;
mod death;
mod environment;
pub mod launch;
mod local;
mod overrides;
pub mod plan;
mod podman;
pub(crate) mod pull;
mod request;
pub mod run;
mod service;
pub mod spec;
pub(crate) mod tail;
pub(crate) mod volumes;
pub mod waiting;

use anyhow::Result;
use tracing::subscriber::{NoSubscriber, with_default};

use self::args::Arguments;
use self::launch::Launch;
use self::plan::Plan;
pub(crate) use self::service::BOOTSTRAP_LABELS;
use self::spec::InstalledSpec;
use self::waiting::WAITING;
use crate::env::Env;

/// Returns the launch that a server, or an application that knows no servers, asks for. With `check_only`, only
/// the specification is checked.
///
/// # Errors
/// Names the option, the variable or the key that is missing or not valid.
pub fn launch_for(
    arguments: &Arguments,
    spec: &InstalledSpec,
    env: &Env,
    check_only: bool,
) -> Result<Launch> {
    match &arguments.connection_file {
        Some(file) => local::launch(file, arguments, spec, env, check_only),
        None => Launch::new(arguments, spec, env, check_only),
    }
}

/// Returns the plan of a launch.
///
/// # Errors
/// Names what is missing or not valid.
pub fn plan_for(arguments: &Arguments, spec: &InstalledSpec, env: &Env) -> Result<Plan> {
    let launch = launch_for(arguments, spec, env, false)?;
    let mut plan = Plan::new(launch, spec, env, false)?;
    plan.pass_on(&arguments.kernel_arguments);
    Ok(plan)
}

/// Returns the plan of a kernel that is prepared for the next such launch: without what only that knows.
///
/// # Errors
/// As for that of the launch.
pub fn plan_of_next(arguments: &Arguments, spec: &InstalledSpec, env: &Env) -> Result<Plan> {
    let file = WAITING.to_owned();
    let arguments = Arguments { connection_file: Some(file), ..arguments.clone() };
    let env = env.with(env.iter().filter(|(name, _)| *name != environment::SESSION));
    // What there is to say of it has been said of the launch.
    with_default(NoSubscriber::new(), || plan_for(&arguments, spec, &env))
}
