//! `check --launch`: starts a kernel as the server would, with a listener in the server's place, and
//! takes it away again.

use std::net::{IpAddr, SocketAddr};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::docker::{self, Docker};
use super::handshake::{ConnectionInfo, Handshake};
use super::reach::Listening;
use super::report::Report;
use crate::env::Env;
use crate::kernelspec::installed::Installed;
use crate::paths::Paths;
use crate::settings::{DEFAULT_LAUNCH_TIMEOUT, Mode, System};
use crate::text;

/// What a kernel may send at most; connection information has some hundred bytes.
const MESSAGE: u64 = 64 * 1024;

/// How long the kernel, and what it ran in, may take to go.
const GOING: Duration = Duration::from_secs(30);

/// How often it is looked whether it has gone.
const LOOK: Duration = Duration::from_millis(200);

/// Who the kernel is started for.
const USER: &str = "check";

/// Starts a kernel of the specification and says how far it came. What was started is removed, also
/// when this program is told to stop.
pub(super) async fn check(
    docker: &Docker,
    spec: &Installed,
    listening: &Listening<'_>,
    paths: &Paths<'_>,
    report: &mut Report,
) {
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
        outcome = launch(docker, spec, &kernel_id, listening, paths, report) => outcome,
        _ = interrupt => Err(anyhow!("interrupted")),
    };
    if let Err(error) = outcome {
        report.error(format!("the kernel could not be started: {error:#}"));
    }
    match remove(docker, &kernel_id).await {
        Ok(()) => report.ok("nothing is left of the kernel"),
        Err(error) => report.error(format!(
            "what was started could not be removed ({error:#}); look for the label \
             kernel_id={kernel_id}"
        )),
    }
}

/// An id that no kernel has, in the form of a UUID.
fn kernel_id() -> Result<String> {
    let bytes = fs_err::read("/proc/sys/kernel/random/uuid").context("could not make an id")?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

async fn launch(
    docker: &Docker,
    spec: &Installed,
    kernel_id: &str,
    listening: &Listening<'_>,
    paths: &Paths<'_>,
    report: &mut Report,
) -> Result<()> {
    let limit = launch_timeout(spec, paths.env);
    let handshake = Handshake::new()?;
    let address = listening.address(docker).await?;
    let listener = TcpListener::bind((address, 0))
        .await
        .with_context(|| format!("could not listen on {address}"))?;
    let answer_to = listener.local_addr()?;
    let mut launcher = Launcher::start(spec, kernel_id, answer_to, &handshake, paths)?;
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
        bail!("what came is about another kernel, {}", info.kernel_id);
    }
    report
        .ok(format!("the kernel told {answer_to} after {took} s that it runs, from {}", from.ip()));
    match shut_down(from.ip(), &info).await {
        Ok(()) => report.ok(format!("its ports are reached: {} and others", info.shell_port)),
        // A service's packets may come from another address than its own.
        Err(error) if spec.mode == Mode::Swarm => {
            report
                .ok(format!("its listener was not reached at the address it came from: {error:#}"));
        }
        Err(error) => report.error(format!("the kernel's listener is not reached: {error:#}")),
    }
    Ok(())
}

/// How long the server would wait for the kernel.
fn launch_timeout(spec: &Installed, env: &Env) -> Duration {
    let of_spec = spec.launch_timeout().and_then(|seconds| seconds.as_f64());
    let of_server = || match spec.system {
        System::GatewayProvisioners => None,
        System::EnterpriseGateway => env.get("EG_KERNEL_LAUNCH_TIMEOUT")?.parse().ok(),
    };
    of_spec
        .or_else(of_server)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(Duration::from_secs(DEFAULT_LAUNCH_TIMEOUT.get().into()))
}

/// The connection information of the kernel, and where it came from.
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
async fn shut_down(kernel: IpAddr, info: &ConnectionInfo) -> Result<()> {
    let work = async {
        let mut stream = TcpStream::connect((kernel, info.comm_port)).await?;
        stream.write_all(br#"{"shutdown": 1}"#).await?;
        stream.shutdown().await
    };
    let port = info.comm_port;
    timeout(Duration::from_secs(5), work)
        .await
        .with_context(|| format!("no answer at {kernel}:{port}"))?
        .with_context(|| format!("{kernel}:{port}"))
}

/// Removes whatever has the label of the kernel, and waits until it has gone.
async fn remove(docker: &Docker, kernel_id: &str) -> Result<()> {
    let engine = &docker.engine;
    let label = format!("kernel_id={kernel_id}");
    let begin = Instant::now();
    loop {
        if docker.manages_swarm() {
            for service in engine.services_with(&label).await? {
                engine.remove_service(&service).await?;
            }
        }
        let containers = engine.containers_with(&label).await?;
        if containers.is_empty() {
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

/// The specification's launcher, run as the server runs it. It is killed when this is dropped.
struct Launcher {
    child: tokio::process::Child,
    stderr: Option<JoinHandle<String>>,
    said: String,
}

impl Launcher {
    fn start(
        spec: &Installed,
        kernel_id: &str,
        answer_to: SocketAddr,
        handshake: &Handshake,
        paths: &Paths<'_>,
    ) -> Result<Self> {
        let key = handshake.public_key()?;
        let address = answer_to.to_string();
        let values = [
            ("{kernel_id}", kernel_id),
            ("{port_range}", spec.text("port_range").unwrap_or("0..0")),
            ("{response_address}", address.as_str()),
            ("{public_key}", key.as_str()),
            ("{transport_encryption}", ""),
            ("{spark_context_init_mode}", "none"),
        ];
        let mut words = spec.kernel_json.argv.iter().map(|word| {
            values.iter().fold(word.clone(), |word, (name, value)| word.replace(name, value))
        });
        let program = words.next().context("`argv` in kernel.json is empty")?;
        let (network, _) = docker::network(spec.system, paths.env);
        let image = spec.image();
        let language = spec.kernel_json.language.to_lowercase();
        let mut command = tokio::process::Command::new(&program);
        command
            .args(words)
            .env_clear()
            .envs(paths.env.iter())
            .env(spec.system.mode_variable(), spec.mode.name())
            .env(spec.system.network_variable(), network)
            .env("KERNEL_GID", "100")
            .env("KERNEL_ID", kernel_id)
            .env("KERNEL_LANGUAGE", language)
            .env("KERNEL_UID", "1000")
            .env("KERNEL_USERNAME", USER)
            .envs(image.map(|image| ("KERNEL_IMAGE", image)))
            .envs(image.map(|image| ("KERNEL_EXECUTOR_IMAGE", image)))
            .envs(&spec.kernel_json.env)
            .current_dir(paths.env.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child =
            command.spawn().with_context(|| format!("could not run the launcher `{program}`"))?;
        let stream = child.stderr.take();
        let stderr = tokio::spawn(async move {
            let mut text = Vec::new();
            if let Some(stream) = stream {
                let _ = stream.take(MESSAGE).read_to_end(&mut text).await;
            }
            String::from_utf8_lossy(&text).trim().to_owned()
        });
        Ok(Self { child, stderr: Some(stderr), said: String::new() })
    }

    /// Waits until the launcher has failed. One that has ended well is none of the reasons for a
    /// kernel not to answer.
    async fn failure(&mut self) -> anyhow::Error {
        let status: std::io::Result<ExitStatus> = self.child.wait().await;
        if let Some(stderr) = self.stderr.take() {
            self.said = stderr.await.unwrap_or_default();
        }
        match status {
            Ok(status) if status.success() => std::future::pending().await,
            Ok(status) => anyhow!("the launcher failed ({status}){}", self.said()),
            Err(error) => anyhow!(error),
        }
    }

    /// What it has said, for the end of a message.
    fn said(&self) -> String {
        if self.said.is_empty() { String::new() } else { format!(": {}", self.said) }
    }
}
