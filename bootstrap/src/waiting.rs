//! A kernel that is prepared before anybody wants it: in a container that waits for its launcher.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::future::pending;
use std::io::{self, Read as _};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bootstrap::protocol::message::{Early, HOOKS, PREPARED, Prepared, Start, WAIT};
use rustix::process::Pid;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep_until, timeout};

use crate::kernel::{Hook, Running};

/// How long a kernel that has waited may take to say that it knows what it is wanted for. Launchers wait for less.
const ANSWER: Duration = Duration::from_secs(1);

/// How messages are signed if nobody says how.
const SCHEME: &str = "hmac-sha256";

/// A container that waits.
pub(crate) struct Waiting {
    until: Instant,
    /// `None` if the kernel is to be started later.
    kernel: Option<Prewarmed>,
}

/// A kernel that has begun.
struct Prewarmed {
    running: Running,
    line: Line,
}

/// By which a kernel is told that it is wanted.
enum Line {
    /// Of a module of ours, which answers.
    Module(UnixStream),
    /// Of a command, which may still be preparing.
    Command(pipe::Sender),
}

impl Waiting {
    /// Prepares the kernel if that is what this process was started for.
    pub(crate) fn of_process() -> io::Result<Option<Self>> {
        let mut words = env::args_os().skip(1);
        let (Some(option), Some(directory)) = (words.next(), words.next()) else {
            return Ok(None);
        };
        if option != OsStr::new(WAIT) {
            return Ok(None);
        }
        let directory = Path::new(&directory);
        let prepared: Prepared = serde_json::from_slice(&fs::read(directory.join(PREPARED))?)?;
        let until = Instant::now() + Duration::from_secs(prepared.seconds);
        let kernel = match prepared.early {
            Early::Nothing => None,
            Early::Module => Some(begin_module(prepared.start, directory.join(HOOKS))?),
            Early::Command(command) => Some(begin_command(Start { command, ..prepared.start })?),
        };
        Ok(Some(Self { until, kernel }))
    }

    /// The kernel's process, if there is one already.
    pub(crate) fn id(&self) -> Option<Pid> {
        self.kernel.as_ref().map(|kernel| kernel.running.id())
    }

    /// When it does not wait any more.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// Returns when the kernel has done all that can be done before it is wanted.
    pub(crate) async fn ready(&mut self) -> io::Result<()> {
        match &mut self.kernel {
            Some(Prewarmed { line: Line::Module(line), .. }) => line.read_u8().await.map(drop),
            _ => Ok(()),
        }
    }

    /// Gives the launcher the kernel that it wants.
    pub(crate) async fn into_kernel(self, start: Start) -> Result<Running, String> {
        let Some(Prewarmed { running, line }) = self.kernel else {
            return Running::start(start, None);
        };
        running.become_wanted(&start)?;
        let telling = async {
            match line {
                Line::Module(line) => tell_module(line, &start).await,
                Line::Command(mut line) => {
                    let environment = serde_json::to_string(&start.environment)?;
                    line.write_all(format!("{environment}\n").as_bytes()).await
                }
            }
        };
        let told = timeout(ANSWER, telling).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        told.map_err(|error| format!("the kernel that waited does not answer: {error}"))?;
        Ok(running)
    }
}

async fn tell_module(mut line: UnixStream, start: &Start) -> io::Result<()> {
    let text = |name: &str| start.connection.get(name).and_then(Value::as_str);
    let wanted = json!({
        "key": text("key").unwrap_or_default(),
        "signature_scheme": text("signature_scheme").unwrap_or(SCHEME),
        "environment": start.environment,
    });
    line.write_all(format!("{wanted}\n").as_bytes()).await?;
    line.read_u8().await.map(drop)
}

/// Returns when a container has waited for long enough; never, if it does not wait.
pub(crate) async fn over(waiting: Option<&Waiting>) {
    match waiting {
        Some(waiting) => sleep_until(waiting.until).await,
        None => pending().await,
    }
}

fn begin_module(mut start: Start, modules: PathBuf) -> io::Result<Prewarmed> {
    start.connection = nobody()?;
    let (own, line) = net::UnixStream::pair()?;
    own.set_nonblocking(true)?;
    let hook = Hook { modules: Some(modules), line: line.into() };
    let running = Running::start(start, Some(hook)).map_err(io::Error::other)?;
    Ok(Prewarmed { running, line: Line::Module(UnixStream::from_std(own)?) })
}

fn begin_command(mut start: Start) -> io::Result<Prewarmed> {
    start.connection = nobody()?;
    // Not a socket, which nobody can open by the name `/dev/stdin`.
    let (line, own) = io::pipe()?;
    let hook = Hook { modules: None, line: line.into() };
    let running = Running::start(start, Some(hook)).map_err(io::Error::other)?;
    let line = pipe::Sender::from_owned_fd(own.into())?;
    Ok(Prewarmed { running, line: Line::Command(line) })
}

/// A connection with a key that nobody knows.
fn nobody() -> io::Result<Map<String, Value>> {
    let mut key = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let key = format!("{:032x}", u128::from_ne_bytes(key));
    let connection = json!({"key": key, "signature_scheme": SCHEME});
    Ok(connection.as_object().cloned().unwrap_or_default())
}
