//! Prepares kernels that wait, while the kernel of the launcher runs.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

use super::guard::Guard;
use super::warm::{IPYKERNEL, Warm, random};
use crate::engine::Engine;
use crate::env::Env;
use crate::launcher::bring;
use crate::launcher::container;
use crate::launcher::context::Context;
use crate::launcher::launch::{USER, name};
use crate::launcher::plan::Plan;
use crate::launcher::spec::InstalledSpec;
use crate::launcher::waiting::{WAITING, WARM, is_waiting};
use crate::protocol::message::{HOOKS, PREPARED, Prepared};

/// How many containers of all specifications may wait on an engine.
const MOST: usize = 32;

/// How long a kernel has the processors for itself before the next one is prepared, and how much longer at most, so
/// that launchers which began together do not prepare together.
const DELAY: Duration = Duration::from_secs(1);
const SPREAD: u64 = 500;

/// How long preparing them may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Prepares kernels until enough of them wait.
pub(super) async fn replenish(warm: &Warm, spec: &InstalledSpec, env: &Env) {
    sleep(DELAY + Duration::from_millis(random(SPREAD))).await;
    if let Err(error) = prepare(warm, spec, env).await {
        tracing::warn!("Could not prepare the next kernel: {error:#}");
    }
}

async fn prepare(warm: &Warm, spec: &InstalledSpec, env: &Env) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    let engine = Engine::of(warm.plan.engine.as_deref(), env, LIMIT, deadline).await?;
    for container in &warm.useless {
        // Most have ended since.
        let _ = engine.remove_container(container, true).await;
    }
    if let Some((container, name)) = &warm.used {
        // By now nobody else is about to take it.
        let _ = engine.rename_container(container, name).await;
    }
    for number in 0..warm.plan.warm {
        let names = waiting(&engine).await?;
        let user = env.get(USER).unwrap_or_default();
        // Of launchers that prepare together, the engine gives each name to one.
        let name = name(user, &format!("{WAITING}-{}", warm.word(number)));
        if names.len() >= MOST {
            break;
        }
        if !names.contains(&name) {
            let mut plan = warm.plan.clone();
            rename(&mut plan, number);
            begin(warm, &name, &plan, spec, env, deadline).await?;
        }
    }
    Ok(())
}

/// Starts a container that waits, under this name, unless another launcher does.
async fn begin(
    warm: &Warm,
    name: &str,
    plan: &Plan,
    spec: &InstalledSpec,
    env: &Env,
    deadline: Instant,
) -> Result<()> {
    let engine = Engine::of(plan.engine.as_deref(), env, LIMIT, deadline).await?;
    let mut guard =
        OnDuty(Some(Guard::post(&plan.launch.name, plan.engine.as_deref(), env).await?));
    let image = engine.inspect_image(&plan.launch.image).await?;
    let context = Context::new(plan, env, engine, deadline);
    guard.note(&plan.launch.name);
    let id = container::create_in_networks(&context).await?;
    guard.note(&id);
    match context.engine.rename_container(&id, name).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => {
            context.engine.remove_container(&id, false).await?;
            guard.relieve();
            return Ok(());
        }
        Err(error) => bail!(error),
    }
    let prepared = Prepared {
        start: warm.start.clone(),
        seconds: plan.warm_time.as_secs(),
        early: warm.early.clone(),
    };
    let (hook, module) = IPYKERNEL;
    let files = [
        (PREPARED.to_owned(), serde_json::to_vec(&prepared)?),
        (format!("{HOOKS}/{hook}.py"), module.to_vec()),
    ];
    let program = bring::program(spec, &image.architecture, &plan.launch)?;
    let tar = bring::archive(&program, &files)?;
    let brought = bring::bring(&context.engine, &id, plan, tar).await;
    brought.context("could not bring the bootstrap into it")?;
    context.engine.start_container(&id).await?;
    guard.relieve();
    Ok(())
}

/// Gives one of several containers a name of its own, which is its host name unless the file says another.
fn rename(plan: &mut Plan, number: usize) {
    if number == 0 {
        return;
    }
    // The word at the end of the name is in hexadecimal digits.
    let mark = format!("x{number}");
    let kept = plan.launch.name.len().saturating_sub(mark.len());
    let name = format!("{}{mark}", &plan.launch.name[..kept]);
    if plan.request["Hostname"] == plan.launch.name {
        plan.request["Hostname"] = name.clone().into();
    }
    plan.launch.name = name;
}

/// A guard that does its duty unless it is relieved.
struct OnDuty(Option<Guard>);

impl OnDuty {
    fn note(&mut self, container: &str) {
        if let Some(guard) = &mut self.0 {
            guard.note(container);
        }
    }

    fn relieve(&mut self) {
        self.0.take();
    }
}

impl Drop for OnDuty {
    fn drop(&mut self) {
        if let Some(guard) = self.0.take() {
            guard.leave();
        }
    }
}

/// The names of the containers that wait, or are about to.
async fn waiting(engine: &Engine) -> Result<Vec<String>> {
    let found = engine.containers_with(&[WARM]).await?;
    let names = found.into_iter().filter(|container| !container.has_ended());
    let names = names.filter_map(|container| container.name().map(str::to_owned));
    Ok(names.filter(|name| is_waiting(name)).collect())
}
