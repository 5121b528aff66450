//! How the two programs end: what they print, and with which status.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Runtime};

/// How many pairs of files a runtime and what is done in it open at least.
const PAIRS: usize = 4;

/// The exit status after a command line that is not understood.
const USAGE: u8 = 2;

/// Has a panic say where it was, and no more, in a program that it aborts: `cargo build-static` leaves
/// out what a backtrace would be made from, and without symbols it would name nothing. It ends as any failure
/// does, because a server takes no signal for one, and without a reader too.
pub fn report_panics() {
    #[cfg(panic = "abort")]
    std::panic::set_hook(Box::new(|panic| {
        // Not by the log: that may be where it was.
        crate::log::say_at_last(panic.to_string());
        std::process::exit(1);
    }));
}

/// What asynchronous work is done in. One thread will do: nearly all of it is waiting for the engine.
///
/// # Errors
/// When this process may open too few files, which would be a panic later.
pub fn runtime() -> Result<Runtime> {
    let pairs: io::Result<Vec<_>> = (0..PAIRS).map(|_| UnixStream::pair()).collect();
    drop(pairs.context("too few files may be open at once; see `ulimit -n`")?);
    Builder::new_current_thread().enable_all().build().context("could not start")
}

/// Reports what a command has come to.
#[must_use]
pub fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what a command has come to, or reports why it has not.
#[must_use]
pub fn printed(result: Result<impl AsRef<[u8]>>) -> ExitCode {
    match result {
        Ok(text) => print(text, ExitCode::SUCCESS),
        Err(error) => finish(Err(error)),
    }
}

/// Reports what is wrong with a command line.
#[must_use]
pub fn usage(message: &str) -> ExitCode {
    tracing::error!("{message}");
    USAGE.into()
}

/// Writes to standard output; a reader that has gone away is no failure.
#[must_use]
pub fn print(text: impl AsRef<[u8]>, code: ExitCode) -> ExitCode {
    match io::stdout().write_all(text.as_ref()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => code,
    }
}
