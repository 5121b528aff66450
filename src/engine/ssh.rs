//! Connections to an engine on another machine, as Docker's client makes them: the system's `ssh` runs
//! `docker system dial-stdio` there, which hands on what comes to the engine's socket:
//! <https://docs.docker.com/engine/security/protect-access/#use-ssh-to-protect-the-docker-daemon-socket>
//!
//! Each connection has an `ssh` of its own, which ends by itself when its input does, thus also when this process is
//! killed. It is killed only while nothing has come through it: later it may be the one through which others of
//! the same user go (`ControlMaster`).

use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::os::unix::process::CommandExt as _;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::destination::Destination;
use super::ssh_failure::SshFailure;
use crate::env::Env;

/// How much is kept of what `ssh` writes to standard error: its end, which says why it gave up.
const SAID: usize = 8 * 1024;

/// How long an `ssh` may take to end when it has closed the connection.
const END: Duration = Duration::from_secs(5);

/// How long another process may keep its standard error open, such as the one that others go through.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Starts `ssh` for one engine.
pub(super) struct Ssh {
    destination: Destination,
    env: Env,
}

impl Ssh {
    pub(super) fn new(destination: &Destination, env: &Env) -> Self {
        Self { destination: destination.clone(), env: env.clone() }
    }

    /// Opens a connection. Whether it leads to an engine is known once something comes.
    pub(super) fn connect(&self) -> io::Result<SshStream> {
        let (ours, theirs) = Socket::pair()?;
        ours.set_nonblocking(true)?;
        let stream = UnixStream::from_std(ours)?;
        let mut command = std::process::Command::new("ssh");
        self.env.apply_to(&mut command).args(self.destination.arguments());
        command.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs));
        // Who interrupts a kernel, or this program, signals a whole process group.
        command.stderr(Stdio::piped()).process_group(0);
        let mut child = Command::from(command).spawn()?;
        let said = child.stderr.take();
        let has_answered = Arc::new(AtomicBool::new(false));
        let ssh = Process { child, has_answered: Arc::clone(&has_answered) };
        let (open, closed) = oneshot::channel();
        let ended = tokio::spawn(ssh.ended(said, closed));
        let end = End::Awaited(Box::pin(async move {
            let ended = timeout(END, ended).await;
            ended.ok().and_then(|ended| ended.ok()?)
        }));
        Ok(SshStream {
            stream,
            destination: self.destination.clone(),
            has_answered,
            end,
            _open: open,
        })
    }
}

/// How an `ssh` has ended, and what it said.
type Ended = (ExitStatus, String);

/// An `ssh`. Unless something has come through it, it is killed when nobody waits for it any more.
struct Process {
    child: Child,
    has_answered: Arc<AtomicBool>,
}

impl Process {
    /// Waits for its end; for that of one that has not answered only until the connection is `closed`.
    async fn ended(
        mut self,
        mut said: Option<ChildStderr>,
        closed: oneshot::Receiver<()>,
    ) -> Option<Ended> {
        let has_answered = Arc::clone(&self.has_answered);
        let given_up = async {
            let _ = closed.await;
            if has_answered.load(Ordering::Relaxed) {
                pending::<()>().await;
            }
        };
        let mut text = Vec::new();
        let status = tokio::select! {
            status = self.child.wait() => status.ok()?,
            never = async { hear(&mut said, &mut text).await; pending().await } => never,
            () = given_up => return None,
        };
        let _ = timeout(LAST_WORDS, hear(&mut said, &mut text)).await;
        Some((status, String::from_utf8_lossy(&text).into_owned()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_answered.load(Ordering::Relaxed) {
            let _ = self.child.start_kill();
        }
    }
}

/// Reads what is said to its end, and keeps the end of it.
async fn hear(said: &mut Option<ChildStderr>, text: &mut Vec<u8>) {
    let Some(said) = said else { return };
    while said.read_buf(text).await.is_ok_and(|length| length > 0) {
        text.drain(..text.len().saturating_sub(SAID));
    }
}

/// What is known of the end of an `ssh`.
enum End {
    Awaited(Pin<Box<dyn Future<Output = Option<Ended>> + Send>>),
    /// `None` if nothing went wrong.
    Known(Option<SshFailure>),
}

/// A connection through an `ssh`. When that fails, its errors say why; see [`SshFailure`].
pub(super) struct SshStream {
    stream: UnixStream,
    destination: Destination,
    has_answered: Arc<AtomicBool>,
    end: End,
    /// Tells the task that waits for the end that this is dropped.
    _open: oneshot::Sender<()>,
}

impl SshStream {
    /// What to report when the connection has ended with this result: the reason that `ssh` has, if it failed.
    fn poll_explained<T>(
        &mut self,
        context: &mut Context<'_>,
        result: io::Result<T>,
    ) -> Poll<io::Result<T>> {
        if let End::Awaited(end) = &mut self.end {
            let ended = ready!(end.as_mut().poll(context));
            let failed = ended.filter(|(status, _)| !status.success());
            let has_answered = self.has_answered.load(Ordering::Relaxed);
            let failure = failed.map(|(status, said)| SshFailure {
                destination: self.destination.clone(),
                status,
                said,
                has_answered,
            });
            self.end = End::Known(failure);
        }
        Poll::Ready(match &self.end {
            End::Known(Some(failure)) => Err(failure.clone().into()),
            _ => result,
        })
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if read.is_ok() && buffer.filled().len() > before {
            self.has_answered.store(true, Ordering::Relaxed);
            return Poll::Ready(read);
        }
        self.poll_explained(context, read)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.stream).poll_write(context, bytes)) {
            Err(error) => self.poll_explained(context, Err(error)),
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
