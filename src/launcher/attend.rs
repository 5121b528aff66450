//! Runs a kernel for an application that takes the launcher for the kernel: JupyterLab, VS Code, nbclient.
//!
//! The launcher listens where the connection file says that the kernel does, and carries each connection, and
//! each signal, over the standard streams of the container to the bootstrap, which starts the kernel there. No
//! port is published, and no network is needed. The kernel lives as long as the launcher, and the launcher as
//! long as the kernel.

mod carry;
mod connection;
pub mod guard;
mod own_container;
mod parent;
mod replenish;
mod session;
mod warm;

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, anyhow};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::connection::ConnectionFile;
use self::guard::Guard;
use self::parent::Parent;
use self::session::Session;
use self::warm::Warm;
use super::bring;
use super::container;
use super::context::Context;
use super::plan::{Plan, PullPolicy};
use super::run;
use super::spec::InstalledSpec;
use crate::engine::{self, Engine, Image};
use crate::env::Env;
use crate::options::put;
use crate::protocol;
use crate::protocol::message::{Directory, Identity};
use crate::protocol::signals::{Signals, status};

/// How long the engine may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How long removing what was created may take.
const REMOVAL: Duration = Duration::from_secs(10);

/// The launcher was told to stop before there was a kernel, which is no failure.
#[derive(Debug, thiserror::Error)]
#[error("the launcher was told to stop")]
struct Stopped(u8);

/// Is the kernel of a connection file until it ends, and returns its exit status.
///
/// # Errors
/// Says why there is no kernel. Nothing is left behind, or the error names it.
///
/// With the plan of a kernel for the `next` launch, it takes one that has waited, and prepares others.
pub async fn attend(
    file: &Path,
    plan: &Plan,
    next: Option<Plan>,
    spec: &InstalledSpec,
    env: &Env,
) -> Result<u8> {
    let mut signals = Signals::listen()?;
    let parent = Parent::of_process(env);
    let connection = ConnectionFile::read(file)?;
    let listeners = connection.listen().await?;
    let opened = Box::pin(open(plan, next, connection, spec, env, &mut signals, &parent)).await;
    match opened {
        Ok((session, warm)) => {
            let mut running = pin!(session.run(listeners, signals, parent));
            if let Some(warm) = warm {
                tokio::select! {
                    ended = &mut running => return ended,
                    () = replenish::replenish(&warm, spec, env) => {}
                }
            }
            running.await
        }
        Err(error) => match error.downcast_ref() {
            Some(Stopped(status)) => Ok(*status),
            None => Err(error),
        },
    }
}

/// Starts the kernel, unless it is told to stop meanwhile.
async fn open(
    plan: &Plan,
    next: Option<Plan>,
    connection: ConnectionFile,
    spec: &InstalledSpec,
    env: &Env,
    signals: &mut Signals,
    parent: &Parent,
) -> Result<(Session, Option<Warm>)> {
    let mut stop = pin!(async {
        let status = tokio::select! {
            signal = signals.next() => status(signal),
            () = parent.gone() => status(Signal::TERM),
        };
        anyhow!(Stopped(status))
    });
    let deadline = Instant::now() + plan.launch.timeout;
    let mut prepared = plan.clone();
    let preparing = async {
        let engine = Engine::of(plan.engine.as_deref(), env, ANSWER, deadline).await?;
        plan.check_needs(&engine)?;
        let context = Context::new(plan, env, engine, deadline);
        let (image, is_rootless) = tokio::join!(bring::image(&context), is_rootless(&context));
        let (image, is_rootless) = (image?, is_rootless?);
        let mut start = prepare(&mut prepared, &context, &image, is_rootless).await?;
        start.connection = connection.members;
        let warm = match next {
            Some(mut next) => match warm::late(plan, &next, &start) {
                Some(late) => {
                    let start = prepare(&mut next, &context, &image, is_rootless).await?;
                    Warm::new(next, start, late, &image, spec)
                }
                None => None,
            },
            None => None,
        };
        Ok((context, start, image, warm))
    };
    let guarding = Guard::post(&plan.launch.name, plan.engine.as_deref(), env);
    let ((context, start, image, mut warm), mut guard) = tokio::select! {
        both = async { tokio::try_join!(preparing, guarding) } => both?,
        stopped = &mut stop => return Err(stopped),
    };
    if let Some(of_kernel) = &mut warm {
        let claimed = tokio::select! {
            claimed = Box::pin(of_kernel.claim(&context, &start, &mut guard)) => claimed,
            stopped = &mut stop => {
                guard.leave();
                return Err(stopped);
            }
        };
        if let Some(session) = claimed {
            return Ok((session, warm));
        }
    }
    let bootstrap = bring::program(spec, &image.architecture, &plan.launch)?;
    let bootstrap = bring::archive(&bootstrap, &[])?;
    let context = Context::new(&prepared, env, context.engine, deadline);
    guard.note(&plan.launch.name);
    let opening = Box::pin(Session::open(&context, bootstrap, &start));
    let failure = match run::or_stopped(opening, stop, &context).await {
        Ok(session) => return Ok((session, warm)),
        Err(failure) => failure,
    };
    context.engine.set_deadline(Instant::now() + REMOVAL);
    match container::clean_up(&context).await {
        Ok(()) => {
            if may_still_create(&context, &failure) {
                guard.leave();
            }
            Err(failure)
        }
        Err(error) => {
            guard.leave();
            Err(anyhow!("{failure:#}. Besides, {error:#}"))
        }
    }
}

/// Whether the engine may still be creating the container.
fn may_still_create(context: &Context<'_>, failure: &anyhow::Error) -> bool {
    let refused = || {
        let refusal = failure.chain().find_map(|cause| cause.downcast_ref::<engine::Error>());
        refusal.is_none_or(|refusal| refusal.status().is_some())
    };
    !context.has_created() && (context.is_changing() || !refused())
}

/// Completes the request for the container by what only the engine knows, and returns what the bootstrap is to do,
/// for a connection that is still to be said.
async fn prepare(
    plan: &mut Plan,
    context: &Context<'_>,
    image: &Image,
    is_rootless: bool,
) -> Result<protocol::message::Start> {
    let Context { engine, env, .. } = context;
    // It has been pulled.
    plan.pull = match plan.pull {
        PullPolicy::Always => PullPolicy::Missing,
        policy => policy,
    };
    if is_rootless {
        if has_own_user(plan) {
            // There, root in a container is the user for whom the engine runs.
            plan.request["User"] = "0:0".into();
        }
        // Its containers have other groups of these numbers, or none.
        let own =
            plan.launch.supplementary_groups.iter().map(|group| Value::from(group.to_string()));
        let own: Vec<_> = own.collect();
        if let Some(groups) = plan.request["HostConfig"]["GroupAdd"].as_array_mut() {
            groups.retain(|group| !own.contains(group));
        }
    }
    let network = plan.request["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
    if network.starts_with("container:")
        && let Some(request) = plan.request.as_object_mut()
    {
        // It has the host name of the other container.
        request.remove("Hostname");
    }
    let directory = match plan.own_directory.clone() {
        Some(target) => mount_directory(plan, engine, &target, env).await?,
        None => None,
    };
    let words = |name: &str| -> Option<Vec<String>> {
        let words = plan.request[name].as_array()?;
        Some(words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect())
    };
    let start = protocol::message::Start {
        entrypoint: words("Entrypoint").unwrap_or_else(|| image.entrypoint().to_vec()),
        command: words("Cmd").unwrap_or_default(),
        connection: serde_json::Map::new(),
        user: has_own_user(context.plan).then(|| user(env)),
        directory,
        environment: BTreeMap::new(),
        has_home: words("Env").iter().flatten().any(|variable| variable.starts_with("HOME=")),
    };
    bring::begin_with_bootstrap(plan);
    for name in ["AttachStdin", "AttachStdout", "AttachStderr", "OpenStdin", "StdinOnce"] {
        plan.request[name] = true.into();
    }
    // What goes through the streams is not the kernel's output, and much.
    put(&mut plan.request, "HostConfig.LogConfig", json!({"Type": "none"}));
    Ok(start)
}

/// Whether the engine maps users otherwise than the system does. Says which limits it does not hold.
async fn is_rootless(context: &Context<'_>) -> Result<bool> {
    if rustix::process::getuid().is_root() {
        return Ok(false);
    }
    match context.engine.info().await {
        Ok(info) => {
            if let Some(limits) = context.plan.unheld_limits(&context.engine, &info) {
                tracing::warn!("{limits}");
            }
            Ok(info.is_rootless())
        }
        // From proxies that let applications access containers only.
        Err(error) if error.is_forbidden() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the kernel is to run as whoever runs the launcher.
fn has_own_user(plan: &Plan) -> bool {
    plan.request["User"].as_str() == plan.launch.user_and_group().as_deref()
}

/// The name of whoever runs the launcher.
fn user(env: &Env) -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| env.get(name));
    let unnamed = if rustix::process::getuid().is_root() { "root" } else { "user" };
    named.unwrap_or(unnamed).to_owned()
}

/// Directories that an image has, too, and without which it is useless.
const OF_IMAGE: [&str; 11] =
    ["/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/sbin", "/sys", "/usr"];

/// Replaces the mount of the notebook's directory by what the engine knows it as; without one, the kernel starts
/// in the image's own directory. Returns what the bootstrap is to look at.
async fn mount_directory(
    plan: &mut Plan,
    engine: &Engine,
    target: &str,
    env: &Env,
) -> Result<Option<Directory>> {
    let directory = env.directory()?;
    let mounts = plan.request["HostConfig"]["Mounts"].take();
    let mounts = mounts.as_array().cloned().unwrap_or_default();
    let is_own = |mount: &Value| mount["Target"] == target && directory == mount_source(mount);
    let (own, mut others): (Vec<_>, Vec<_>) = mounts.into_iter().partition(is_own);
    let read_only = own.iter().any(|mount| mount["ReadOnly"] == true);
    let found = if OF_IMAGE.contains(&target) {
        Err(format!("it would hide `{target}` of the image"))
    } else {
        let found = own_container::mounts(engine, directory, target, read_only).await?;
        found.ok_or_else(|| {
            format!(
                "the engine at {} does not have it, or has another one there; if it has it, say where by \
                 `mount_cwd.paths` in launch_docker.toml",
                engine.endpoint()
            )
        })
    };
    let reason = found.as_ref().err().cloned();
    others.extend(found.unwrap_or_default());
    plan.request["HostConfig"]["Mounts"] = others.into();
    let Some(reason) = reason else {
        let identity = Identity::of(&fs_err::metadata(directory)?);
        return Ok(Some(Directory { path: target.into(), identity }));
    };
    tracing::warn!(
        "The directory {} is not mounted into the kernel's container: {reason}",
        directory.display()
    );
    if plan.request["WorkingDir"] == target {
        plan.request["WorkingDir"] = "".into();
    }
    Ok(None)
}

fn mount_source(mount: &Value) -> &Path {
    Path::new(mount["Source"].as_str().unwrap_or_default())
}
