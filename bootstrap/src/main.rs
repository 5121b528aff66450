//! `bootstrap_kernel`, the first process of a kernel's container. It starts the kernel and ends with it. For a
//! launcher that is the kernel of a Jupyter client, it carries the client's connections over the container's standard
//! input and output; for a server, it does what the bootstrap of the servers' own images does (see `gateway`).

mod connection_file;
mod curve;
mod gateway;
mod home;
mod kernel;
mod listener;
mod payload;
mod ports;
mod processes;
mod random;
mod relay;
mod waiting;

use std::future::pending;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::time::Duration;

use bootstrap::protocol::gateway::GATEWAY;
use bootstrap::protocol::message::{Answer, Control, Request, Start};
use bootstrap::protocol::mux::{self, Mode, Stream};
use bootstrap::protocol::signals::{self, Signals};
use bootstrap::protocol::{GREETING, Purpose};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::kernel::Running;
use self::processes::{Children, forward};
use self::waiting::Waiting;

/// The exit status of a container whose kernel cannot be started, as that of a shell.
const NOT_STARTED: u8 = 127;

/// The exit status of a container whose launcher does not speak as it should.
const BROKEN: u8 = 125;

/// How long a kernel may take to end after its launcher has gone.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long the last bytes of a kernel that has ended may take to a client.
const LAST_BYTES: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let code = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let mut words = std::env::args_os().skip(1);
            match words.next() {
                Some(word) if word == GATEWAY => gateway::run(words).await,
                _ => run().await,
            }
        })
    });
    ExitCode::from(code.unwrap_or_else(|error| {
        // The launcher shows what is written here.
        let _ = writeln!(io::stderr(), "bootstrap_kernel: could not serve the kernel: {error}");
        BROKEN
    }))
}

/// Returns the exit status of the kernel.
async fn run() -> io::Result<u8> {
    let mut children = Children::listen()?;
    let mut told = Signals::listen()?;
    let mut input = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut output = pipe::Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
    let mut waiting = Waiting::of_process()?;
    if waiting.is_none() {
        output.write_all(GREETING).await?;
    }
    let prewarmed = waiting.as_ref().and_then(Waiting::id);
    tokio::select! {
        greeted = greet(&mut input) => greeted?,
        signal = told.next() => return Ok(signals::status(signal)),
        code = children.ended(prewarmed) => return Ok(code),
        () = waiting::over(waiting.as_ref()) => return Ok(0),
    }
    if let Some(waiting) = &mut waiting {
        // Whoever listens only now has missed what was written before, and leaves if this takes long.
        let until = waiting.until();
        tokio::select! {
            ready = waiting.ready() => ready?,
            () = sleep_until(until) => return Ok(0),
        }
        output.write_all(GREETING).await?;
    }

    let (ports, started) = watch::channel(None);
    let ended = CancellationToken::new();
    let (to_control, mut controls) = mpsc::unbounded_channel();
    let relays = TaskTracker::new();
    let accept = {
        let (relays, ended) = (relays.clone(), ended.clone());
        move |mut stream: Stream| {
            let kernel = relay::Kernel { ports: started.clone(), ended: ended.clone() };
            let to_control = to_control.clone();
            relays.spawn(async move {
                match stream.read_u8().await.ok().and_then(Purpose::of) {
                    Some(Purpose::Control) => drop(to_control.send(Control::new(stream))),
                    Some(Purpose::Channel(index)) => relay::carry(stream, index, kernel).await,
                    None => {}
                }
            });
        }
    };
    let (opener, requests) = mux::opener();
    let joined = tokio::io::join(input, output);
    let mut carrying = tokio::spawn(mux::carry(joined, Mode::Server, requests, accept));

    let mut control = None;
    let mut running: Option<Running> = None;
    let code = loop {
        let kernel = running.as_ref().map(Running::id);
        tokio::select! {
            Some(stream) = controls.recv(), if control.is_none() => control = Some(stream),
            request = next(&mut control) => match request {
                Some(Request::Start(_)) if kernel.is_some() => {}
                Some(Request::Start(start)) => match begin(waiting.take(), start).await {
                    Ok(started) => {
                        ports.send_replace(Some(started.ports()));
                        running = Some(started);
                        answer(&mut control, &Answer::Started).await;
                    }
                    Err(reason) => {
                        answer(&mut control, &Answer::Failed(reason)).await;
                        break NOT_STARTED;
                    }
                },
                Some(Request::Signal(signal)) => {
                    forward(kernel, Signal::from_named_raw(signal));
                }
                None => control = None,
            },
            code = children.ended(kernel) => {
                answer(&mut control, &Answer::Ended(code)).await;
                break code;
            }
            signal = told.next() => match kernel {
                Some(_) => forward(kernel, Some(signal)),
                None => return Ok(signals::status(signal)),
            },
            // Nobody is there any more for whom the kernel could do anything.
            _ = &mut carrying => {
                forward(kernel, Some(Signal::TERM));
                return Ok(timeout(FAREWELL, children.ended(kernel)).await.unwrap_or(BROKEN));
            }
        }
    };
    drop(control);
    ended.cancel();
    relays.close();
    let _ = timeout(LAST_BYTES, relays.wait()).await;
    // This ends the connection, after all that was written.
    drop(opener);
    let _ = timeout(LAST_BYTES, carrying).await;
    Ok(code)
}

/// Starts the kernel, or takes the one that has waited.
async fn begin(waiting: Option<Waiting>, start: Start) -> Result<Running, String> {
    match waiting {
        Some(waiting) => waiting.into_kernel(start).await,
        None => Running::start(start, None),
    }
}

/// Looks whether the launcher speaks the same version.
async fn greet(input: &mut pipe::Receiver) -> io::Result<()> {
    let mut greeting = *GREETING;
    input.read_exact(&mut greeting).await?;
    if greeting == *GREETING {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "the launcher says `{}`, and this program `{}`: they are of different versions",
        greeting.escape_ascii(),
        GREETING.escape_ascii()
    )))
}

/// Waits for a request; returns `None` if there are no more.
async fn next(control: &mut Option<Control>) -> Option<Request> {
    match control {
        Some(control) => control.next().await.ok().flatten(),
        None => pending().await,
    }
}

/// Answers a launcher, which may have gone.
async fn answer(control: &mut Option<Control>, answer: &Answer) {
    if let Some(control) = control {
        let _ = control.send(answer).await;
    }
}
