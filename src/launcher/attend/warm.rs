//! Kernels that wait: containers in which everything is done that can be done before an application wants the
//! kernel. A launcher whose kernel runs prepares the next one; whoever then starts the same kernel takes it.
//!
//! A container that waits is told from all others by a digest of what it was made from. It ends by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::guard::Guard;
use super::session::Session;
use crate::engine::{Engine, Image};
use crate::env::Env;
use crate::launcher::bring;
use crate::launcher::container;
use crate::launcher::context::Context;
use crate::launcher::launch::{WAITING, WARM, is_waiting};
use crate::launcher::plan::Plan;
use crate::launcher::spec::InstalledSpec;
use crate::protocol::message::{HOOKS, PREPARED, Prepared, Start, WAIT};

/// What stands in front of ipykernel's own module in Python's search path.
const IPYKERNEL: (&str, &[u8]) =
    ("ipykernel_launcher", include_bytes!("warm/ipykernel_launcher.py"));

/// What the name of a container has instead once it is taken.
const CLAIMED: &str = "claimed";

/// How many containers of all specifications may wait on an engine.
const MOST: usize = 32;

/// How long one that waits may take to answer before another kernel is started instead.
const ANSWER: Duration = Duration::from_millis(50);

/// How long a kernel has the processors for itself before the next one is prepared, and how much longer at most, so
/// that launchers which began together do not prepare together.
const DELAY: Duration = Duration::from_secs(1);
const SPREAD: u64 = 500;

/// How long preparing one may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The kernels of a launch that could wait.
pub(super) struct Warm {
    /// What they are made from.
    plan: Plan,
    start: Start,
    identity: String,
    has_hook: bool,
    /// Variables that only a launch knows.
    late: BTreeMap<String, String>,
    /// The container that was taken, and the name that it is to have.
    taken: Option<(String, String)>,
}

impl Warm {
    /// Takes the completed `plan` of a kernel that waits, and what its bootstrap is to do; `late` is what only the
    /// launch knows. Returns `None` without a bootstrap, of which the launch tells.
    pub(super) fn new(
        mut plan: Plan,
        mut start: Start,
        late: BTreeMap<String, String>,
        image: &Image,
        spec: &InstalledSpec,
    ) -> Option<Self> {
        let has_hook =
            start.command.windows(2).any(|words| words[0] == "-m" && words[1] == IPYKERNEL.0);
        plan.request["Cmd"] = json!([WAIT, bring::further(&plan)]);
        // It is looked at by the launch, and changes with each file that is made in it.
        start.directory = None;
        let made_from = json!([
            without_names(&plan),
            variables(&plan),
            plan.networks,
            plan.platform,
            image.id,
            start,
            bring::stamp(spec, image)?,
            rustix::process::getuid().as_raw(),
            env!("CARGO_PKG_VERSION"),
        ]);
        let digest = Sha256::digest(made_from.to_string());
        let first = digest.first_chunk().copied().map_or(0, u128::from_be_bytes);
        let identity = format!("{first:032x}");
        plan.request["Labels"][WARM] = identity.clone().into();
        Some(Self { plan, start, identity, has_hook, late, taken: None })
    }

    /// Takes a kernel that waits, if there is one.
    pub(super) async fn claim(&mut self, context: &Context<'_>, start: &Start) -> Option<Session> {
        let label = format!("{WARM}={}", self.identity);
        let mut waiting = waiting(&context.engine, &label).await.ok()?;
        // Launchers that begin together begin with different ones.
        let first = usize::try_from(random(waiting.len().max(1) as u64)).unwrap_or_default();
        waiting.rotate_left(first);
        let mut start = start.clone();
        start.environment.clone_from(&self.late);
        for (id, name) in waiting {
            // Of several that give it the same new name, the engine lets one succeed.
            let Some(claimed) = claimed(&name) else { continue };
            if context.engine.rename_container(&id, &claimed).await.is_err() {
                continue;
            }
            match Session::take(context, &id, &start, ANSWER).await {
                Ok(session) => {
                    self.taken = Some((id, context.launch.name.clone()));
                    return Some(session);
                }
                // It ends, as nobody is attached to it any more.
                Err(error) => {
                    tracing::debug!(
                        "The kernel that waited in {claimed} cannot be used: {error:#}"
                    );
                }
            }
        }
        None
    }

    /// Prepares kernels until enough of them wait.
    pub(super) async fn replenish(self, spec: &InstalledSpec, env: &Env) {
        sleep(DELAY + Duration::from_millis(random(SPREAD))).await;
        if let Err(error) = self.prepare(spec, env).await {
            tracing::warn!("Could not prepare the next kernel: {error:#}");
        }
    }

    async fn prepare(&self, spec: &InstalledSpec, env: &Env) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        let engine = Engine::of(self.plan.engine.as_deref(), env, LIMIT, deadline).await?;
        if let Some((id, name)) = &self.taken {
            let _ = engine.rename_container(id, name).await;
        }
        let own = format!("{WARM}={}", self.identity);
        for number in 0..self.plan.warm {
            let of_all = waiting(&engine, WARM).await?.len();
            if of_all >= MOST || waiting(&engine, &own).await?.len() >= self.plan.warm {
                break;
            }
            let mut plan = self.plan.clone();
            if number > 0 {
                rename(&mut plan, number);
            }
            self.begin(plan, spec, env, deadline).await?;
        }
        Ok(())
    }

    /// Starts a container that waits.
    async fn begin(
        &self,
        plan: Plan,
        spec: &InstalledSpec,
        env: &Env,
        deadline: Instant,
    ) -> Result<()> {
        let engine = Engine::of(plan.engine.as_deref(), env, LIMIT, deadline).await?;
        let mut guard =
            OnDuty(Some(Guard::post(&plan.launch.name, plan.engine.as_deref(), env).await?));
        let image = engine.inspect_image(&plan.launch.image).await?;
        let context = Context::new(&plan, env, engine, deadline);
        let id = container::create_in_networks(&context).await?;
        let prepared = Prepared {
            start: self.start.clone(),
            seconds: plan.warm_time.as_secs(),
            has_hook: self.has_hook,
        };
        let (hook, module) = IPYKERNEL;
        let files = [
            (PREPARED.to_owned(), serde_json::to_vec(&prepared)?),
            (format!("{HOOKS}/{hook}.py"), module.to_vec()),
        ];
        let program = bring::program(spec, &image.architecture, &plan.launch)?;
        let tar = bring::archive(&program, &files)?;
        bring::bring(&context.engine, &id, &plan, tar)
            .await
            .context("could not bring the bootstrap into it")?;
        context.engine.start_container(&id).await?;
        guard.relieve();
        Ok(())
    }
}

/// Gives one of several containers a name of its own, which is its host name unless the file says another.
fn rename(plan: &mut Plan, number: usize) {
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

/// The containers that wait, by the label that they have: the id and the name of each.
async fn waiting(engine: &Engine, label: &str) -> Result<Vec<(String, String)>> {
    let found = engine.running_with(label).await?;
    let named = found.into_iter().filter_map(|container| {
        let name = container.name()?.to_owned();
        is_waiting(&name).then_some((container.id, name))
    });
    Ok(named.collect())
}

/// The name of one that waited, once it is taken.
fn claimed(name: &str) -> Option<String> {
    let (stem, word) = name.rsplit_once('-')?;
    Some(format!("{}{CLAIMED}-{word}", stem.strip_suffix(WAITING)?))
}

/// What a launch has in its environment that a kernel which waits for it has not. Returns `None` if they differ
/// otherwise, or the kernel must know more when it starts: then none can wait.
pub(super) fn late(launch: &Plan, next: &Plan, start: &Start) -> Option<BTreeMap<String, String>> {
    let is_encrypted = start.connection.keys().any(|member| member.starts_with("curve_"));
    if is_encrypted || without_names(launch) != without_names(next) {
        return None;
    }
    let (all, known) = (variables(launch), variables(next));
    let is_kept = known.keys().all(|name| all.contains_key(name));
    let late = all.into_iter().filter(|(name, value)| known.get(name) != Some(value));
    is_kept.then(|| late.collect())
}

fn variables(plan: &Plan) -> BTreeMap<String, String> {
    let all = plan.request["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.filter_map(|one| one.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// The request without what is different for each kernel.
fn without_names(plan: &Plan) -> Value {
    let mut request = plan.request.clone();
    let is_named = request["Hostname"] == plan.launch.name;
    if let Some(request) = request.as_object_mut() {
        request.remove("Env");
        request.retain(|field, _| field != "Hostname" || !is_named);
    }
    request["Labels"]["kernel_id"] = Value::Null;
    request
}

/// A number below this one.
fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    // Where the system has none, launchers only meet more often.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_ne_bytes(bytes) % below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_waits_is_known_by_its_name_until_it_is_taken() {
        for (name, taken) in [
            ("ann-waiting-1a2b3c4d", Some("ann-claimed-1a2b3c4d")),
            // Without a user, or one of this name.
            ("waiting-1a2b3c4d", Some("claimed-1a2b3c4d")),
            ("waiting-waiting-1a2b3c4d2", Some("waiting-claimed-1a2b3c4d2")),
            ("waiting-claimed-1a2b3c4d", None),
            ("ann-6f5c4c1e-0ff5-4b9c-9d0e-0d8f3e5a6b7c-1a2b3c4d", None),
            ("waiting", None),
        ] {
            assert_eq!(is_waiting(name), taken.is_some(), "{name}");
            assert_eq!(claimed(name).as_deref(), taken, "{name}");
        }
    }
}
