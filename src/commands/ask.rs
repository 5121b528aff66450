//! Questions on the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, ensure};

/// Asks a question, and says whether the answer is yes.
///
/// # Errors
/// When there is nobody to answer.
pub(super) fn yes(question: &str) -> Result<bool> {
    // Standard output is for data.
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer).context("could not read the answer")?;
    if !answer.ends_with('\n') || !io::stdin().is_terminal() {
        // Nobody has typed the end of the line.
        writeln!(io::stderr())?;
    }
    ensure!(read > 0, "there is nobody to answer; say yes with -y");
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
