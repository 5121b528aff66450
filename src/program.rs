//! How the two programs end: what they print, and with which status.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Result;

/// The exit status after a command line that is not understood.
const USAGE: u8 = 2;

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
