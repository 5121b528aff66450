//! Questions on the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, Result, ensure};

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 1024;

/// Asks a question, and returns whether the answer is yes. Fails if nobody can answer.
pub(super) fn yes(question: &str) -> Result<bool> {
    // Standard output is for data.
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = Vec::new();
    let read = io::stdin().lock().take(LONGEST).read_until(b'\n', &mut answer);
    read.context("could not read the answer")?;
    if !answer.ends_with(b"\n") || !io::stdin().is_terminal() {
        // The user ended the input without a newline.
        writeln!(io::stderr())?;
    }
    ensure!(!answer.is_empty(), "there is nobody to answer; say yes with -y");
    let answer = String::from_utf8_lossy(&answer);
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
