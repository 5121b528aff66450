//! `jupyter-docker-spec pull`: pulls the images of specifications before kernels need them.

mod display;
mod images;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use self::display::Display;
use self::images::{Job, Kernelspec, Target};
use super::output::json;
use crate::cli::Pull;
use crate::engine::{self, Engine, Error, Image, Reference, RegistryAuth};
use crate::env::Env;
use crate::launcher::plan::PullPolicy;
use crate::launcher::pull::HELPER_LIMIT;
use crate::paths::Paths;
use crate::program;
use crate::text;

/// How long the engine may take for one answer, and for all: images may be large and connections slow, and
/// the user can interrupt.
const ANSWER: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What became of an image.
#[derive(Clone, Debug, Default, Serialize)]
struct Outcome {
    status: Status,
    reason: Option<String>,
    /// Its digest in the registry.
    digest: Option<String>,
    /// Its id on the engine.
    id: Option<String>,
    /// How much was downloaded, if the engine has told.
    bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Pulled,
    UpToDate,
    Skipped,
    #[default]
    Failed,
}

impl Outcome {
    fn without(status: Status, reason: String) -> Self {
        Self { status, reason: Some(reason), bytes: Some(0), ..Self::default() }
    }
}

/// Pulls the images of the named specifications, or of all that Jupyter finds. Returns the output, and the
/// exit status.
pub fn run(args: &Pull, paths: &Paths<'_>) -> Result<(String, ExitCode)> {
    let specifications = images::specifications(&args.names, paths)?;
    let runtime = program::runtime()?;
    let display = Display::new(paths.env, args.quiet);
    let pulled = runtime.block_on(async {
        tokio::select! {
            biased;
            signal = stopped() => Err(signal),
            pulled = pull_all(&specifications, &display, paths.env) => Ok(pulled),
        }
    });
    match pulled {
        Ok(outcomes) => report(args, &specifications, &outcomes?),
        Err(signal) => {
            display.close();
            let signal = signal.context("could not listen for signals")?;
            tracing::error!("interrupted: what was not complete has not been kept");
            // The status that shells give a program that was killed by a signal.
            Ok((String::new(), ExitCode::from(128 + signal)))
        }
    }
}

/// Waits for a signal that stops a process, and returns its number.
pub(super) async fn stopped() -> io::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
        _ = hangup.recv() => 1,
    })
}

/// Returns an image, which is pulled if the engine does not have it.
pub(super) async fn fetched(
    image: &str,
    platform: Option<&str>,
    engine: &Engine,
    env: &Env,
) -> Result<Image> {
    let target = Target {
        image: image.to_owned(),
        engine: None,
        platform: platform.map(str::to_owned),
        policy: PullPolicy::Missing,
        of_swarm: false,
    };
    if let Some(image) = find(image, engine).await?.filter(|image| target.is_for(image)) {
        return Ok(image);
    }
    let display = Display::new(env, false);
    let outcome = tokio::select! {
        outcome = pull(&target, engine, &display, env) => outcome,
        never = display.keep_current() => match never {},
    };
    match (outcome.status, find(image, engine).await?) {
        (Status::Pulled | Status::UpToDate | Status::Skipped, Some(image)) => Ok(image),
        _ => bail!(
            "the image `{image}` is not on the engine and could not be pulled: {}",
            outcome.reason.unwrap_or_default()
        ),
    }
}

/// Reports what cannot be pulled, pulls the rest, and returns the results in the order of `specifications`.
async fn pull_all(
    specifications: &[Kernelspec],
    display: &Display,
    env: &Env,
) -> Result<Vec<Outcome>> {
    let outcomes: Vec<RefCell<Outcome>> =
        specifications.iter().map(|_| RefCell::default()).collect();
    for (specification, outcome) in specifications.iter().zip(&outcomes) {
        *outcome.borrow_mut() = match &specification.target {
            Err(reason) => Outcome::without(Status::Failed, reason.clone()),
            Ok(target) if target.policy == PullPolicy::Never => {
                let reason = "its pull_policy is `never`".to_owned();
                Outcome::without(Status::Skipped, reason)
            }
            Ok(_) => continue,
        };
        log_outcome(specification.target.as_ref().ok(), &specification.name, &outcome.borrow());
    }
    let jobs = images::jobs(specifications);
    if !jobs.is_empty() {
        let engines = engines(&jobs, env).await?;
        if let Some(Ok(engine)) = engines.get(&None) {
            log_swarm(specifications, engine);
        }
        let next = Cell::new(0);
        let worker = async || {
            while let Some(job) = jobs.get(next.replace(next.get() + 1)) {
                let outcome = match &engines[&job.target.engine] {
                    Ok(engine) => pull(&job.target, engine, display, env).await,
                    Err(error) => Outcome::without(Status::Failed, error.to_string()),
                };
                let names: Vec<&str> = job
                    .specifications
                    .iter()
                    .map(|number| &*specifications[*number].name)
                    .collect();
                display.say(|| log_outcome(Some(&job.target), &names.join(", "), &outcome));
                for number in &job.specifications {
                    outcomes[*number].replace(outcome.clone());
                }
            }
        };
        // Three images at a time, because an engine downloads three layers at a time.
        tokio::select! {
            _ = async { tokio::join!(worker(), worker(), worker()) } => {}
            never = display.keep_current() => match never {},
        }
    }
    Ok(outcomes.into_iter().map(RefCell::into_inner).collect())
}

/// The engines of these images, by the addresses that specifications name. That of the environment has to answer.
async fn engines(
    jobs: &[Job],
    env: &Env,
) -> engine::Result<BTreeMap<Option<String>, engine::Result<Engine>>> {
    let mut engines = BTreeMap::new();
    for Job { target, .. } in jobs {
        if engines.contains_key(&target.engine) {
            continue;
        }
        let address = target.engine.as_deref();
        let connected = Engine::of(address, env, ANSWER, Instant::now() + ALL).await;
        let connected = if address.is_none() { Ok(connected?) } else { connected };
        engines.insert(target.engine.clone(), connected);
    }
    Ok(engines)
}

/// Logs for which specifications one engine with the image is not enough.
fn log_swarm(specifications: &[Kernelspec], engine: &Engine) {
    let of_swarm = |specification: &&Kernelspec| {
        specification.target.as_ref().is_ok_and(|target| target.of_swarm)
    };
    let names: Vec<&str> =
        specifications.iter().filter(of_swarm).map(|specification| &*specification.name).collect();
    if !names.is_empty() {
        tracing::info!(
            "For a Swarm ({}) the images are pulled to the engine at {} only; its other nodes pull \
             them by themselves",
            names.join(", "),
            engine.endpoint()
        );
    }
}

async fn pull(target: &Target, engine: &Engine, display: &Display, env: &Env) -> Outcome {
    let failed = |reason| Outcome::without(Status::Failed, reason);
    let reference: Reference = match target.image.parse() {
        Ok(reference) => reference,
        Err(error) => return failed(error.to_string()),
    };
    let before = match find(&target.image, engine).await {
        Ok(before) => before,
        Err(error) => return failed(error.to_string()),
    };
    if let Some(image) =
        before.as_ref().filter(|image| target.policy == PullPolicy::Missing && target.is_for(image))
    {
        let reason = "the engine has it, and its pull_policy is `missing`".to_owned();
        let id = Some(image.id.clone());
        return Outcome { id, ..Outcome::without(Status::Skipped, reason) };
    }
    let auth = match engine::credentials(&reference, env, HELPER_LIMIT).await {
        Ok(auth) => auth,
        Err(error) => {
            display.say(|| {
                tracing::warn!("Going on without credentials for {}: {error}", target.image);
            });
            None
        }
    };
    let row = display.begin(&target.image);
    let mut digest = None;
    let platform = target.platform.as_deref();
    let pulled = engine.pull_image(&reference, platform, auth.as_ref(), |progress| {
        if let Some(given) = progress.status.strip_prefix("Digest: ") {
            digest = Some(given.to_owned());
        }
        display.update(row, progress);
    });
    let pulled = pulled.await;
    let bytes = display.end(row);
    if let Err(error) = pulled {
        return failed(error.to_string() + &advice(&error, &reference, auth.as_ref()));
    }
    match find(&target.image, engine).await {
        Ok(Some(image)) => {
            let same = before.is_some_and(|before| before.id == image.id);
            let status = if same { Status::UpToDate } else { Status::Pulled };
            let bytes = if same { Some(0) } else { bytes };
            Outcome { status, reason: None, digest, id: Some(image.id), bytes }
        }
        Ok(None) => failed("the engine has pulled it, and does not have it".to_owned()),
        Err(error) => failed(error.to_string()),
    }
}

/// The image, if the engine has it.
async fn find(image: &str, engine: &Engine) -> engine::Result<Option<Image>> {
    match engine.inspect_image(image).await {
        Ok(image) => Ok(Some(image)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What to do about a failed pull.
fn advice(error: &Error, image: &Reference, auth: Option<&RegistryAuth>) -> String {
    let registry = image.registry();
    match auth {
        _ if !error.wants_login() => String::new(),
        None => format!(
            "; there are no credentials for `{registry}` here: log in with `docker login {registry}`"
        ),
        Some(_) => format!(
            "; there are credentials for `{registry}`, but they do not open it: log in again with \
             `docker login {registry}`"
        ),
    }
}

/// Logs what became of the image of the named specifications.
fn log_outcome(target: Option<&Target>, names: &str, outcome: &Outcome) {
    let Outcome { status, reason, bytes, .. } = outcome;
    let reason = reason.as_deref().unwrap_or_default();
    let Some(Target { image, .. }) = target else {
        tracing::error!("The image of {names} is not known: {reason}");
        return;
    };
    match status {
        Status::Pulled => {
            let amount = bytes.map(|bytes| format!(": {} MB", text::megabytes(bytes)));
            tracing::info!("Pulled the image {image} of {names}{}", amount.unwrap_or_default());
        }
        Status::UpToDate => tracing::info!("The image {image} of {names} is up to date"),
        Status::Skipped => tracing::info!("Skipped the image {image} of {names}: {reason}"),
        Status::Failed => {
            tracing::error!("The image {image} of {names} could not be pulled: {reason}");
        }
    }
}

/// The result for a specification, as JSON.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    name: &'a str,
    path: Cow<'a, str>,
    image: Option<&'a str>,
    platform: Option<&'a str>,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

fn report(
    args: &Pull,
    specifications: &[Kernelspec],
    outcomes: &[Outcome],
) -> Result<(String, ExitCode)> {
    let failed = outcomes.iter().any(|outcome| outcome.status == Status::Failed);
    let code = if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if !args.json {
        return Ok((String::new(), code));
    }
    let entries: Vec<Entry<'_>> = specifications
        .iter()
        .zip(outcomes)
        .map(|(specification, outcome)| {
            let target = specification.target.as_ref().ok();
            Entry {
                name: &specification.name,
                path: specification.directory.to_string_lossy(),
                image: target.map(|target| &*target.image),
                platform: target.and_then(|target| target.platform.as_deref()),
                outcome,
            }
        })
        .collect();
    Ok((json(&entries)?, code))
}
