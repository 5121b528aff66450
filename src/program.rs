//! How both programs start and end: panics, output and exit statuses.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Runtime};

/// How many pairs of files a runtime and its tasks open at least.
const PAIRS: usize = 4;

/// The exit status for an invalid command line.
const USAGE: u8 = 2;

/// A signal has ended what was under way, and it has been tidied up.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: {told}")]
pub struct Interrupted {
    pub signal: u8,
    /// What has become of it.
    pub told: &'static str,
}

/// Makes a panic print its place only, in a program that it aborts: `cargo build-static` leaves out what a
/// backtrace needs, and without symbols it would name nothing. The program then ends like after any failure,
/// because a server does not take a signal for one. It also ends if nobody reads its log.
pub fn report_panics() {
    #[cfg(panic = "abort")]
    std::panic::set_hook(Box::new(|panic| {
        // Not with the log, which may have panicked itself.
        crate::log::write_last_message(panic.to_string());
        std::process::exit(1);
    }));
}

/// Makes the runtime for asynchronous work. One thread suffices: nearly all of the work is waiting for the
/// engine.
///
/// # Errors
/// If this process may open too few files, which would later be a panic.
pub fn runtime() -> Result<Runtime> {
    let pairs: io::Result<Vec<_>> = (0..PAIRS).map(|_| UnixStream::pair()).collect();
    drop(pairs.context("too few files may be open at once; see `ulimit -n`")?);
    Builder::new_current_thread().enable_all().build().context("could not start")
}

/// Reports the result of a command.
#[must_use]
pub fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            // The status that shells give a program that was killed by a signal.
            let interrupted = error.downcast_ref::<Interrupted>();
            interrupted.map_or(ExitCode::FAILURE, |by| ExitCode::from(128 + by.signal))
        }
    }
}

/// Prints the result of a command, or reports its error.
#[must_use]
pub fn printed(result: Result<impl AsRef<[u8]>>) -> ExitCode {
    match result {
        Ok(text) => print(text, ExitCode::SUCCESS),
        Err(error) => finish(Err(error)),
    }
}

/// Reports an invalid command line.
#[must_use]
pub fn usage(message: &str) -> ExitCode {
    tracing::error!("{message}");
    USAGE.into()
}

/// Writes to standard output; that its reader has gone is not an error.
#[must_use]
pub fn print(text: impl AsRef<[u8]>, code: ExitCode) -> ExitCode {
    match io::stdout().write_all(text.as_ref()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => code,
    }
}
