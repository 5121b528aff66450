//! The life of a kernel: from the creation of its container to its exit status.

use std::io;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use hyper::body::Bytes;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::carry::Clients;
use super::connection::Listener;
use super::parent::Parent;
use crate::engine::{Attachment, Ended, NextExit, explain_ssh};
use crate::launcher::bring;
use crate::launcher::container;
use crate::launcher::context::Context;
use crate::launcher::death;
use crate::log;
use crate::protocol::message::{Answer, Control, Request, Start};
use crate::protocol::mux::{self, Mode, Opener, Requests};
use crate::protocol::signals::{Signals, status};
use crate::protocol::{GREETING, Purpose};
use crate::text;

/// How long the bootstrap may take to answer once the container runs.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the engine may take to say how a container has ended after its streams have.
const VERDICT_LIMIT: Duration = Duration::from_secs(10);

/// How long a bootstrap that does not read may keep a signal from being sent.
const SIGNAL_LIMIT: Duration = Duration::from_secs(1);

/// How long the last bytes of a kernel that has ended may take to a client.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// A container that runs, with a bootstrap that answers.
pub(super) struct Session {
    image: String,
    endpoint: String,
    exit: NextExit,
    carrying: JoinHandle<io::Result<()>>,
    opener: Opener,
    control: Control,
    started: Instant,
}

impl Session {
    /// Creates the container, brings the bootstrap into it, and has it start the kernel.
    pub(super) async fn open(context: &Context<'_>, tar: Bytes, start: &Start) -> Result<Self> {
        let engine = &context.engine;
        let id = container::create_in_networks(context).await?;
        // In this order nothing is missed, even if the container is removed at once.
        let (brought, exit) =
            tokio::join!(bring::bring(engine, &id, context.plan, tar), engine.next_exit(&id));
        brought.context("could not bring the bootstrap into the container")?;
        // Podman looks already now whether the container's first program is there.
        let attached = engine.attach(&id, log::pass_on).await;
        let attached = attached.map_err(|error| container::explain_attach(context, error))?;
        let exit = exit?;
        let begun = context.change(engine.start_container(&id)).await;
        begun.map_err(|error| container::explain_start(context, error))?;
        Self::begin(context, attached, exit, start).await
    }

    /// Has a bootstrap that waits start the kernel, which it must have done within this time.
    pub(super) async fn take(
        context: &Context<'_>,
        id: &str,
        start: &Start,
        answer: Duration,
    ) -> Result<Self> {
        let engine = &context.engine;
        let (attached, exit) = tokio::join!(engine.attach(id, log::pass_on), engine.next_exit(id));
        let begun = timeout(answer, Self::begin(context, attached?, exit?, start)).await;
        begun.unwrap_or_else(|_| Err(silent(answer)))
    }

    /// Has the bootstrap of a container that runs start the kernel.
    async fn begin<F: FnMut(&[u8]) + Send + Unpin + 'static>(
        context: &Context<'_>,
        mut attached: Attachment<F>,
        mut exit: NextExit,
        start: &Start,
    ) -> Result<Self> {
        let engine = &context.engine;
        let started = Instant::now();
        // If nobody is there any more, the engine says why.
        let _ = attached.write_all(GREETING).await;
        let mut greeting = *GREETING;
        match timeout(ANSWER, attached.read_exact(&mut greeting)).await {
            Ok(Ok(_)) if greeting == *GREETING => {}
            Ok(Ok(_)) => bail!(
                "the bootstrap in the container says `{}`, and this launcher `{}`: they are of different \
                 versions; install the specification again with --local --replace",
                greeting.escape_ascii(),
                GREETING.escape_ascii()
            ),
            Ok(Err(error)) if error.kind() == io::ErrorKind::Other => bail!(
                "could not understand what the engine at {} sends of the container: {error}",
                engine.endpoint()
            ),
            Ok(Err(_)) => {
                let ended = timeout(VERDICT_LIMIT, exit.ended()).await.unwrap_or(Ok(None))?;
                let how = ended.map_or_else(String::new, |ended| {
                    format!(" with exit status {}", ended.status_code)
                });
                let why = foreign(context).await.unwrap_or_default();
                bail!("the bootstrap in the container ended{how} before it answered{why}");
            }
            Err(_) => return Err(silent(ANSWER)),
        }
        let (opener, requests) = mux::opener();
        let carrying = tokio::spawn(carry(attached, requests));
        let starting = async {
            let mut stream = opener.open().await?;
            stream.write_u8(Purpose::Control.byte()).await?;
            let mut control = Control::new(stream);
            control.send(&Request::Start(start)).await?;
            let answer = control.next().await?;
            io::Result::Ok((control, answer))
        };
        let broken = match timeout(ANSWER, starting).await {
            Ok(Ok((control, Some(Answer::Started)))) => {
                let endpoint = engine.endpoint().to_string();
                let image = context.launch.image.clone();
                return Ok(Self { image, endpoint, exit, carrying, opener, control, started });
            }
            Ok(Ok((_, Some(Answer::Failed(reason))))) => bail!(
                "the kernel could not be started in image `{}`: {reason}",
                context.launch.image
            ),
            Ok(Ok((_, _))) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => return Err(silent(ANSWER)),
        };
        // Of a connection that is broken, the streams in it only say that it is.
        drop(opener);
        let carried = timeout(LAST_BYTES, carrying).await;
        let error = carried.ok().and_then(|carried| carried.ok()?.err()).or(broken);
        let wrong = [io::ErrorKind::Other, io::ErrorKind::InvalidData];
        match error.filter(|error| wrong.contains(&error.kind())) {
            Some(error) => {
                bail!("could not understand what the bootstrap in the container says: {error}")
            }
            None => bail!("the container ended while the kernel was starting"),
        }
    }

    /// Carries everything until the kernel has ended, and returns its exit status.
    pub(super) async fn run(
        mut self,
        listeners: Vec<Listener>,
        mut signals: Signals,
        parent: Parent,
    ) -> Result<u8> {
        let clients = Clients::serve(listeners, &self.opener);
        let mut told = None;
        let mut waits = true;
        let mut carried = None;
        let ended = loop {
            tokio::select! {
                answer = self.control.next() => match answer {
                    Ok(Some(Answer::Ended(code))) => break Some(code.into()),
                    Ok(Some(_)) => {}
                    // The bootstrap has gone, most likely with the whole container.
                    Ok(None) | Err(_) => break self.verdict().await,
                },
                // An engine, or a proxy before it, may forget that it was asked.
                ended = self.exit.ended(), if waits => match ended {
                    Ok(Some(Ended { status_code, error: None })) => break Some(status_code),
                    _ => waits = false,
                },
                signal = signals.next() => {
                    told = Some(signal);
                    // If it is not there any more, its end is about to be known.
                    let request = Request::<Start>::Signal(signal.as_raw());
                    let _ = timeout(SIGNAL_LIMIT, self.control.send(&request)).await;
                }
                // The kernel ends with the stream, and the stream with this process.
                () = parent.gone() => return Ok(status(Signal::TERM)),
                result = &mut self.carrying => {
                    carried = Some(result);
                    break self.verdict().await;
                }
            }
        };
        let _ = timeout(LAST_BYTES, clients.finish()).await;
        if carried.is_none() {
            // What the kernel has written last may still be on its way.
            carried = timeout(LAST_BYTES, &mut self.carrying).await.ok();
        }
        let broken = carried.and_then(|result| explain_ssh(result.ok()?.as_ref().err()?));
        let Some(code) = ended else {
            let at = self.endpoint;
            match broken {
                Some(reason) => {
                    bail!("the kernel is lost, and with it the engine at `{at}`: {reason}")
                }
                None => bail!("the kernel is lost: the engine at {at} does not say how it ended"),
            }
        };
        let is_asked_for = told.is_some_and(|signal| i64::from(status(signal)) == code);
        if code != 0 && !is_asked_for {
            let age = text::seconds(self.started.elapsed());
            let how = death::how(code, false);
            tracing::error!("The kernel of image {} {how}, {age} s after its start", self.image);
            if let Some(reason) = broken {
                tracing::error!(
                    "The connection to the engine at `{}` broke: {reason}",
                    self.endpoint
                );
            }
        }
        Ok(u8::try_from(code).unwrap_or(u8::MAX))
    }

    /// How the container has ended, if the engine says so.
    async fn verdict(&mut self) -> Option<i64> {
        let ended = timeout(VERDICT_LIMIT, self.exit.ended()).await.ok()?.ok()??;
        ended.error.is_none().then_some(ended.status_code)
    }
}

/// Carries streams until the bootstrap closes the connection, and then what it still writes to standard error.
async fn carry<F>(mut attached: Attachment<F>, requests: Requests) -> io::Result<()>
where
    F: FnMut(&[u8]) + Unpin,
{
    mux::carry(&mut attached, Mode::Client, requests, drop).await?;
    let _ = timeout(LAST_BYTES, tokio::io::copy(&mut attached, &mut tokio::io::sink())).await;
    Ok(())
}

/// Why not even the bootstrap runs in an image that is for another architecture than the engine's host.
async fn foreign(context: &Context<'_>) -> Option<String> {
    let name = &context.launch.image;
    let image = context.engine.inspect_image(name).await.ok()?;
    let info = context.engine.info().await.ok()?;
    let (of_image, own) = (&*image.architecture, info.docker_architecture());
    let differ = !of_image.is_empty() && !own.is_empty() && of_image != own;
    differ.then(|| {
        format!(
            ": the image `{name}` is for linux/{of_image}, and the engine's host is linux/{own}, which runs no \
             others without QEMU; pull it with `docker pull --platform linux/{own} {name}`, or choose \
             another image"
        )
    })
}

fn silent(limit: Duration) -> anyhow::Error {
    anyhow!("the bootstrap in the container did not answer within {} s", text::seconds(limit))
}
