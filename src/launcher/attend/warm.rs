//! Kernels that wait: containers in which everything is done that can be done before an application wants the
//! kernel. A launcher whose kernel runs prepares the next one; whoever then starts the same kernel takes it.
//!
//! A container that waits is told from all others by a digest of what it was made from. It ends by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::guard::Guard;
use super::session::Session;
use crate::engine::Image;
use crate::launcher::bring;
use crate::launcher::context::Context;
use crate::launcher::plan::Plan;
use crate::launcher::spec::InstalledSpec;
use crate::launcher::waiting::{WARM, claimed, take};
use crate::protocol::message::{Early, Start, WAIT};

/// What stands in front of ipykernel's own module in Python's search path.
pub(super) const IPYKERNEL: (&str, &[u8]) =
    ("ipykernel_launcher", include_bytes!("warm/ipykernel_launcher.py"));

/// How long those that wait may take to answer, all together, before another kernel is started instead.
const ANSWER: Duration = Duration::from_millis(50);

/// The kernels of a launch that could wait.
pub(super) struct Warm {
    /// What they are made from.
    pub(super) plan: Plan,
    pub(super) start: Start,
    identity: String,
    pub(super) early: Early,
    /// Variables that only a launch knows.
    late: BTreeMap<String, String>,
    /// The container that was taken, and the name that it is to have.
    pub(super) used: Option<(String, String)>,
    /// Those that were taken in vain.
    pub(super) useless: Vec<String>,
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
        let is_ours = |words: &[String]| words[0] == "-m" && words[1] == IPYKERNEL.0;
        let early = match plan.warm_command.take() {
            Some(command) => Early::Command(command),
            None if start.command.windows(2).any(is_ours) => Early::Module,
            None => Early::Nothing,
        };
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
            early,
            bring::stamp(spec, image)?,
            rustix::process::getuid().as_raw(),
            env!("CARGO_PKG_VERSION"),
        ]);
        let digest = Sha256::digest(made_from.to_string());
        let first = digest.first_chunk().copied().map_or(0, u128::from_be_bytes);
        let identity = format!("{first:032x}");
        plan.request["Labels"][WARM] = identity.clone().into();
        Some(Self { plan, start, identity, early, late, used: None, useless: Vec::new() })
    }

    /// Takes a kernel that waits, if there is one. The guard looks after what is taken.
    pub(super) async fn claim(
        &mut self,
        context: &Context<'_>,
        start: &Start,
        guard: &mut Guard,
    ) -> Option<Session> {
        let engine = &context.engine;
        let mut waiting = engine.running_with(&self.label()).await.ok()?;
        // Launchers that begin together begin with different ones.
        let first = usize::try_from(random(waiting.len().max(1) as u64)).unwrap_or_default();
        waiting.rotate_left(first);
        let mut start = start.clone();
        start.environment.clone_from(&self.late);
        let mut left = ANSWER;
        for container in waiting {
            let name = container.name().unwrap_or_default();
            let Some(claimed) = claimed(name).filter(|_| !left.is_zero()) else { continue };
            guard.note(&claimed);
            let Some(taken) = take(engine, name).await else { continue };
            let begun = Instant::now();
            match Session::take(context, &taken, &start, left).await {
                Ok(session) => {
                    self.used = Some((taken, context.launch.name.clone()));
                    return Some(session);
                }
                Err(error) => {
                    tracing::debug!("The kernel that waited in {name} cannot be used: {error:#}");
                    self.useless.push(taken);
                }
            }
            left = left.saturating_sub(begun.elapsed());
        }
        None
    }

    /// The label of the containers that wait for this launch, or the next such.
    pub(super) fn label(&self) -> String {
        format!("{WARM}={}", self.identity)
    }

    /// The word in the names of those, of which each has its own number.
    pub(super) fn word(&self, number: usize) -> String {
        format!("{}{number:02x}", &self.identity[..12])
    }
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
pub(super) fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    // Where the system has none, launchers only meet more often.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_ne_bytes(bytes) % below
}
