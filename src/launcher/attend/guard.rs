//! A process that removes a container which its launcher could not start any more, because somebody killed it.
//! An engine removes by itself only containers that have run.
//!
//! It has a session of its own, so that a signal to the launcher's process group does not reach it, and reads a
//! pipe that ends with the launcher.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep};

use crate::engine::Engine;
use crate::env::Env;
use crate::launcher::args::GUARD;
use crate::launcher::waiting::is_waiting;

/// What a guard writes when nothing can reach it any more that is meant for the launcher, and the line that it reads
/// when it is not needed any more.
const READY: u8 = b'r';
const DONE: &str = "done";

const FAILED: &str = "could not start a process that looks after the container";

/// How long the engine may still be at creating the container.
const CREATION: Duration = Duration::from_secs(60);

/// How long whoever takes a container needs at most until it has the name of a kernel.
const TAKING: Duration = Duration::from_secs(10);

/// How often to look for it.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How long an answer of the engine may take.
const ANSWER: Duration = Duration::from_secs(10);

/// The launcher's end of a guard, which is off duty when this is dropped.
pub(super) struct Guard {
    process: Child,
    /// `None` once it is to do its duty.
    to_guard: Option<ChildStdin>,
}

impl Guard {
    /// Starts a guard for the container of this name, on this engine or on that of the environment, and returns when
    /// it is on duty.
    pub(super) async fn post(name: &str, engine: Option<&str>, env: &Env) -> Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        env.apply_to(&mut command);
        command.args([GUARD, name]).envs(engine.map(|address| ("DOCKER_HOST", address)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().context(FAILED)?;
        let (to_guard, from_guard) = (process.stdin.take(), process.stdout.take());
        let guard = Self { process, to_guard };
        let from_guard = from_guard.context(FAILED)?;
        let mut from_guard = pipe::Receiver::from_owned_fd(from_guard.into())?;
        let ready = from_guard.read_u8().await.context(FAILED)?;
        ensure!(ready == READY, FAILED);
        Ok(guard)
    }

    /// Has it look after a container from now on, by its id or the name that it may have then. That of its own name it
    /// removes even if that is still to come.
    pub(super) fn note(&mut self, container: &str) {
        if let Some(to_guard) = &mut self.to_guard {
            // A guard that has gone is one whom somebody has killed.
            let _ = writeln!(to_guard, "{container}");
        }
    }

    /// Leaves it to the guard to remove the container.
    pub(super) fn leave(mut self) {
        self.to_guard.take();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut to_guard) = self.to_guard.take() {
            let _ = writeln!(to_guard, "{DONE}");
            drop(to_guard);
            let _ = self.process.wait();
        }
    }
}

/// Is the guard of a container. Returns when its launcher is done, or once the container is removed.
///
/// # Errors
/// When the engine does not answer.
pub async fn stand(name: &str, env: &Env) -> Result<()> {
    rustix::process::setsid().context("could not start a session")?;
    let mut from_launcher =
        pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    io::stdout().write_all(&[READY])?;
    io::stdout().flush()?;
    let mut said = String::new();
    let _ = from_launcher.read_to_string(&mut said).await;
    if said.lines().last() == Some(DONE) {
        return Ok(());
    }
    // One that waits and runs is of use to others, and ends by itself.
    let force = !is_waiting(name);
    let (own, others): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| *line == name);
    let removing = async {
        // One that is to wait is known by its id from when it is there.
        if own.is_empty() || !force && !others.is_empty() {
            return Ok(());
        }
        remove_in_time(name, force, env).await
    };
    tokio::join!(removing, remove_others(&others, force, env)).0
}

/// Removes the container of this name once it is there.
async fn remove_in_time(name: &str, force: bool, env: &Env) -> Result<()> {
    let until = Instant::now() + CREATION;
    loop {
        let removed = remove(name, force, env, until + ANSWER).await;
        if removed.as_ref().is_ok_and(|was_there| *was_there) || Instant::now() > until {
            return removed.map(drop);
        }
        // It may be about to be created, or the engine be starting.
        sleep(POLL_INTERVAL).await;
    }
}

/// Removes those that the launcher had to do with, unless it was somebody else who has taken them.
async fn remove_others(containers: &[&str], force: bool, env: &Env) {
    if force && !containers.is_empty() {
        sleep(TAKING).await;
    }
    for container in containers {
        let _ = remove(container, force, env, Instant::now() + ANSWER).await;
    }
}

/// Removes a container; returns whether there was one. Without `force`, one that runs stays.
async fn remove(name: &str, force: bool, env: &Env, deadline: Instant) -> Result<bool> {
    let engine = Engine::from_env(env, ANSWER, deadline).await?;
    match engine.inspect_container(name).await {
        Ok(container) => {
            if force || container.state.status != "running" {
                engine.remove_container(&container.id, force).await?;
            }
            Ok(true)
        }
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
