//! `check --launch`: starts a kernel as the server would, with a listener instead of the server, and removes
//! it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

use super::docker::Docker;
use super::files::{self, Requirements};
use super::handshake::{ConnectionInfo, Handshake};
use super::launcher::Launcher;
use super::reach::ServerAddress;
use super::report::Report;
use super::requested;
use super::users::User;
use crate::env::Env;
use crate::kernelspec::specification::Specification;
use crate::model::Mode;
use crate::paths::Paths;
use crate::server::{DEFAULT_LAUNCH_TIMEOUT, launch_timeout};
use crate::text;

/// The largest message of a kernel, in bytes; connection information has some hundred.
const MESSAGE: u64 = 64 * 1024;

/// How long removing the kernel and its container may take.
const GOING: Duration = Duration::from_secs(90);

/// How often to check whether it has gone.
const LOOK: Duration = Duration::from_millis(200);

/// Starts a kernel of the specification and reports how far it came. What was started is removed, even if
/// this program is told to stop.
pub(super) async fn check(
    docker: &Docker,
    spec: &Specification,
    required: &Requirements,
    server_address: &ServerAddress<'_>,
    paths: &Paths<'_>,
    report: &mut Report,
) {
    let Some(user) = User::of_server(spec, paths.env) else { return };
    report.ok(format!("a kernel is started for `{}` ({})", user.name, user.source));
    let volumes = missing_volumes(docker, spec, required, &user.name, paths.env).await;
    let kernel_id = match kernel_id() {
        Ok(id) => id,
        Err(error) => return report.error(format!("{error:#}")),
    };
    let interrupt = async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        Ok::<(), std::io::Error>(())
    };
    let outcome = tokio::select! {
        outcome = launch(docker, spec, (&kernel_id, &user.name), server_address, paths, report) => outcome,
        _ = interrupt => Err(anyhow!("interrupted")),
    };
    if let Err(error) = outcome {
        report.error(format!("the kernel could not be started: {error:#}"));
    }
    match remove(docker, &kernel_id, &volumes).await {
        Ok(()) => report.ok("nothing is left of the kernel"),
        Err(error) => report.error(format!(
            "what was started could not be removed ({error:#}); look for the label \
             kernel_id={kernel_id}"
        )),
    }
}

/// A new kernel id, in the format of a UUID.
pub(super) fn kernel_id() -> Result<String> {
    let bytes = fs_err::read("/proc/sys/kernel/random/uuid").context("could not make an id")?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

async fn launch(
    docker: &Docker,
    spec: &Specification,
    (kernel_id, user): (&str, &str),
    server_address: &ServerAddress<'_>,
    paths: &Paths<'_>,
    report: &mut Report,
) -> Result<()> {
    let limit = patience(spec, paths.env);
    let handshake = Handshake::new()?;
    let address = server_address.address(docker).await?;
    let listener = TcpListener::bind((address, 0))
        .await
        .with_context(|| format!("could not listen on {address}"))?;
    let answer_to = listener.local_addr()?;
    let (key, address) = (handshake.public_key()?, answer_to.to_string());
    let values = [
        ("{kernel_id}", kernel_id),
        ("{port_range}", spec.port_range().unwrap_or("0..0")),
        ("{response_address}", &address),
        ("{public_key}", &key),
        ("{transport_encryption}", ""),
        ("{spark_context_init_mode}", "none"),
    ];
    let words = spec.argv.iter().map(|word| {
        values.iter().fold(word.clone(), |word, (name, value)| word.replace(name, value))
    });
    let env = requested::environment(spec, paths.env, user);
    let env = env.with(env.iter().chain([("KERNEL_ID", kernel_id)]));
    let mut launcher = Launcher::start(words.collect(), &env)?;
    let begin = Instant::now();
    let received = tokio::select! {
        received = timeout(limit, receive(&listener, &handshake)) => received,
        failed = launcher.failure() => return Err(failed),
    };
    let Ok(received) = received else {
        bail!(
            "it did not send its connection information to {answer_to} within the launch timeout \
             of {} s; see whether containers on this network reach that address{}",
            text::seconds(limit),
            launcher.said()
        );
    };
    let (info, from) = received?;
    let took = text::seconds(begin.elapsed());
    if info.kernel_id != kernel_id {
        bail!("the message is about another kernel, {}", info.kernel_id);
    }
    report
        .ok(format!("the kernel told {answer_to} after {took} s that it runs, from {}", from.ip()));
    let Some(port) = info.comm_port else {
        report.ok("the kernel is told everything by messages, and has no listener");
        return Ok(());
    };
    match shut_down(from.ip(), port).await {
        Ok(()) => report.ok(format!("its ports are reached: {} and others", info.shell_port)),
        // Packets of a service may come from another address than its own.
        Err(error) if spec.mode == Mode::Swarm => {
            report
                .ok(format!("its listener was not reached at the address it came from: {error:#}"));
        }
        Err(error) => report.error(format!("the kernel's listener is not reached: {error:#}")),
    }
    Ok(())
}

/// How long the server would wait for the kernel.
fn patience(spec: &Specification, env: &Env) -> Duration {
    let stanza = spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let of_spec = spec.launch_timeout().map(|seconds| seconds.to_string());
    let found =
        launch_timeout(&env.with(env.iter().chain(stanza)), spec.system, of_spec.as_deref());
    found.unwrap_or(Duration::from_secs(DEFAULT_LAUNCH_TIMEOUT.get().into()))
}

/// Receives the kernel's connection information; also returns the address that sent it.
async fn receive(
    listener: &TcpListener,
    handshake: &Handshake,
) -> Result<(ConnectionInfo, SocketAddr)> {
    let (stream, from) = listener.accept().await?;
    let mut sent = Vec::new();
    stream.take(MESSAGE).read_to_end(&mut sent).await?;
    let info = handshake.read(&sent).with_context(|| format!("what came from {from} is wrong"))?;
    Ok((info, from))
}

/// Tells the kernel's listener to end, as the server does.
async fn shut_down(kernel: IpAddr, port: u16) -> Result<()> {
    let work = async {
        let mut stream = TcpStream::connect((kernel, port)).await?;
        stream.write_all(br#"{"shutdown": 1}"#).await?;
        stream.shutdown().await
    };
    timeout(Duration::from_secs(20), work)
        .await
        .with_context(|| format!("no answer at {kernel}:{port}"))?
        .with_context(|| format!("{kernel}:{port}"))
}

/// The volumes that the kernel would create because the engine does not have them: for instance those of a
/// user without kernels yet.
async fn missing_volumes(
    docker: &Docker,
    spec: &Specification,
    required: &Requirements,
    user: &str,
    env: &Env,
) -> Vec<String> {
    let plan = requested::kernel(spec, env, user).ok();
    let mounts = plan.iter().flat_map(files::mounts).chain(&required.mounts);
    let volumes = mounts.filter(|mount| mount["Type"] == "volume");
    let names: BTreeSet<&str> = volumes.filter_map(|mount| mount["Source"].as_str()).collect();
    let mut missing = Vec::new();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        if docker.engine.has_volume(name).await.is_ok_and(|has| !has) {
            missing.push(name.to_owned());
        }
    }
    missing
}

/// Removes everything with the label of the kernel, waits until it has gone, and then removes these volumes.
async fn remove(docker: &Docker, kernel_id: &str, volumes: &[String]) -> Result<()> {
    let engine = &docker.engine;
    let label = format!("kernel_id={kernel_id}");
    let begin = Instant::now();
    loop {
        if docker.manages_swarm() {
            for service in engine.services_with(&[&label]).await? {
                engine.remove_service(&service.id).await?;
            }
        }
        let containers = engine.containers_with(&[&label]).await?;
        if containers.is_empty() {
            for volume in volumes {
                engine.remove_volume(volume).await?;
            }
            return Ok(());
        }
        for container in containers {
            engine.remove_container(&container.id, true).await?;
        }
        if begin.elapsed() > GOING {
            bail!("it is still there after {} s", text::seconds(GOING));
        }
        sleep(LOOK).await;
    }
}
