//! `check --launch` for a specification that is of no server: starts a kernel as an application does, asks it what
//! it is, and ends it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use super::docker::Docker;
use super::launcher::Launcher;
use super::report::Report;
use super::{kernel_info, launch, requested};
use crate::commands::show;
use crate::image::Addition;
use crate::kernelspec::specification::Specification;
use crate::model::Language;
use crate::paths::Paths;
use crate::protocol::CHANNELS;
use crate::server::CONNECTION_FILE;
use crate::text;

/// How long applications wait for a kernel as a rule.
const READY: Duration = Duration::from_secs(60);

/// How long a kernel may take to end when it is told to.
const END: Duration = Duration::from_secs(30);

/// How long removing its container may take, and how often to look.
const GOING: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);

/// Starts a kernel and reports how far it came. It ends with this program, whatever happens.
pub(super) async fn check(
    docker: &Docker,
    spec: &Specification,
    paths: &Paths<'_>,
    report: &mut Report,
) {
    let outcome = match launch::kernel_id() {
        Ok(id) => start(docker, spec, &id, paths, report).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        let reason = format!("{error:#}");
        let advice = add_kernel(spec, &reason, paths).unwrap_or_default();
        report.error(format!("the kernel could not be started: {reason}{advice}"));
    }
}

/// What R and Python say if they do not have the kernel.
const MISSING: [&str; 2] = ["No module named ipykernel", "IRkernel"];

/// What to do where the image has the language and not the kernel.
fn add_kernel(spec: &Specification, reason: &str, paths: &Paths<'_>) -> Option<String> {
    let language = Language::parse(&spec.language)?;
    if Addition::package(language).is_none() || !MISSING.iter().any(|word| reason.contains(word)) {
        return None;
    }
    let name = spec.directory.file_name()?.to_str()?;
    let command = show::table::bare(name, &spec.directory, paths).ok()?;
    let image = show::shell::quoted(&format!("--image-name={}", spec.image()?));
    Some(format!(
        ". The image has no kernel; this builds one with it, and installs the specification again, for which it needs \
         the other options that it had: `{command} --local --language={} {image} --add-kernel`",
        language.name()
    ))
}

async fn start(
    docker: &Docker,
    spec: &Specification,
    kernel_id: &str,
    paths: &Paths<'_>,
    report: &mut Report,
) -> Result<()> {
    let directory = tempfile::tempdir().context("could not make a directory")?;
    let file = directory.path().join(format!("kernel-{kernel_id}.json"));
    let key = launch::kernel_id()?;
    let shell = write(&file, &key).await?;
    let [_, placeholder] = CONNECTION_FILE;
    let words = spec.argv.iter().map(|word| word.replace(placeholder, &file.to_string_lossy()));
    let env = requested::environment(spec, paths.env, "");
    let begin = Instant::now();
    let mut launcher = Launcher::start(words.collect(), &env)?;
    let answered = tokio::select! {
        answered = timeout(READY, kernel_info::ask(shell, &key)) => answered,
        failed = launcher.failure() => return Err(failed),
    };
    let info = match answered {
        Ok(Ok(info)) => info,
        // The connection ends with the kernel, and the launcher says why.
        Ok(Err(error)) => return Err(timeout(END, launcher.failure()).await.unwrap_or(error)),
        Err(_) => bail!("it did not answer within {} s{}", text::seconds(READY), launcher.said()),
    };
    let took = text::seconds(begin.elapsed());
    report.ok(format!("a kernel answered {took} s after its start: {info}"));
    end(&mut launcher).await?;
    let label = format!("kernel_id={kernel_id}");
    let begin = Instant::now();
    while !docker.engine.containers_with(&[&label]).await?.is_empty() {
        if begin.elapsed() > GOING {
            bail!("its container is still there; look for the label {label}");
        }
        sleep(LOOK).await;
    }
    report.ok("nothing is left of the kernel");
    Ok(())
}

/// Writes a connection file that only this user may read, and returns the port of the shell channel.
async fn write(file: &Path, key: &str) -> Result<u16> {
    let mut connection = json!({
        "transport": "tcp",
        "ip": "127.0.0.1",
        "signature_scheme": "hmac-sha256",
        "key": key,
    });
    let mut listeners = Vec::new();
    for channel in CHANNELS {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        connection[channel] = listener.local_addr()?.port().into();
        // Until all are found, so that they differ.
        listeners.push(listener);
    }
    fs_err::write(file, connection.to_string())?;
    fs_err::set_permissions(file, Permissions::from_mode(0o600))?;
    let [shell, ..] = &*listeners else { bail!("there are no channels") };
    Ok(shell.local_addr()?.port())
}

/// Tells the kernel to end, as an application does that has lost its patience.
async fn end(launcher: &mut Launcher) -> Result<()> {
    let id = launcher.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(id) = id {
        kill_process(id, Signal::TERM)?;
    }
    let ended = timeout(END, launcher.child.wait()).await;
    ended.map_err(|_| anyhow!("the launcher did not end within {} s", text::seconds(END)))??;
    Ok(())
}
