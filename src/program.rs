//! How the two programs end: what they print, and with which status.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Result;

/// The exit status after a command line that is not understood.
const USAGE: u8 = 2;

/// Has a panic say where it was, and no more, in a program that it aborts: `cargo build-static` leaves
/// out what a backtrace would be made from, and without symbols it would name nothing.
pub fn report_panics() {
    #[cfg(panic = "abort")]
    std::panic::set_hook(Box::new(|panic| {
        // Not by the log: that may be where it was.
        let _ = writeln!(io::stderr(), "{panic}");
    }));
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
