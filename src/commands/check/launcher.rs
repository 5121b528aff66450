//! The launcher of a specification, run as a server or an application runs it.

use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result, anyhow};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinHandle;

use crate::env::Env;

/// How many bytes of what it writes are kept.
const KEPT: u64 = 64 * 1024;

/// The specification's launcher, run as the server runs it. It is killed when this is dropped.
pub(super) struct Launcher {
    pub(super) child: tokio::process::Child,
    stderr: Option<JoinHandle<String>>,
    said: String,
}

impl Launcher {
    /// Runs it with these words and this environment.
    pub(super) fn start(words: Vec<String>, env: &Env) -> Result<Self> {
        let mut words = words.into_iter();
        let program = words.next().context("`argv` in kernel.json is empty")?;
        let mut command = tokio::process::Command::new(&program);
        env.apply_to(command.as_std_mut());
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child =
            command.spawn().with_context(|| format!("could not run the launcher `{program}`"))?;
        let stream = child.stderr.take();
        let stderr = tokio::spawn(async move {
            let mut text = Vec::new();
            if let Some(mut stream) = stream {
                let _ = (&mut stream).take(KEPT).read_to_end(&mut text).await;
                // A launcher that writes more must not be killed by a closed pipe.
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
            reason(&String::from_utf8_lossy(&text))
        });
        Ok(Self { child, stderr: Some(stderr), said: String::new() })
    }

    /// Waits until the launcher fails. One that exits with success does not explain why a kernel does not
    /// answer.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        let status: std::io::Result<ExitStatus> = self.child.wait().await;
        if let Some(stderr) = self.stderr.take() {
            self.said = stderr.await.unwrap_or_default();
        }
        match status {
            Ok(status) if status.success() => std::future::pending().await,
            Ok(status) => anyhow!("the launcher failed ({status}){}", self.said()),
            Err(error) => anyhow!(error),
        }
    }

    /// Why it failed, for the end of a message.
    pub(super) fn said(&self) -> String {
        if self.said.is_empty() { String::new() } else { format!(": {}", self.said) }
    }
}

/// How many lines of a kernel's output are shown.
const LAST: usize = 3;

/// Extracts the reason from a launcher's output: its errors without the log's bracket, or else everything, as
/// one line.
fn reason(written: &str) -> String {
    let is_message = |line: &str| {
        line.strip_prefix('[').is_some_and(|rest| {
            rest.starts_with(['D', 'I', 'W', 'E'])
                && rest[1..].starts_with(' ')
                && rest.contains("] ")
        })
    };
    let mut errors = Vec::new();
    let mut in_error = false;
    for line in written.lines() {
        if is_message(line) {
            in_error = line.starts_with("[E ");
        }
        if in_error {
            let text = line.split_once("] ").filter(|_| is_message(line));
            errors.push(text.map_or(line, |(_, text)| text).trim());
        }
    }
    if errors.is_empty() {
        errors = written.lines().map(str::trim).collect();
    }
    let lines: Vec<&str> = errors.into_iter().filter(|line| !line.is_empty()).collect();
    let reason = lines.join("; ").replace(":; ", ": ");
    // A launcher that is the kernel passes on what the kernel writes.
    let kernels = written.lines().take_while(|line| !is_message(line)).map(str::trim);
    let kernels: Vec<&str> = kernels.filter(|line| !line.is_empty()).collect();
    if in_error && !kernels.is_empty() {
        let last = &kernels[kernels.len().saturating_sub(LAST)..];
        return format!("{reason}. It wrote: {}", last.join("; "));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn of_what_a_launcher_writes_its_errors_are_the_reason() {
        for (written, expected) in [
            ("", ""),
            (
                "[I 2026 launch_docker] Pulling\n[E 2026 launch_docker] no image `x`\n",
                "no image `x`",
            ),
            (
                "[E 1 a] It wrote:\n    one\n\n    [E 1 a] two\n[W 1 a] x\n",
                "It wrote: one; [E 1 a] two",
            ),
            ("[E 1 a] first\n[E 1 a] second\n", "first; second"),
            ("Traceback\n  File\nImageNotFound: 404\n", "Traceback; File; ImageNotFound: 404"),
            ("[W 1 a] careful\n", "[W 1 a] careful"),
            ("1\n2\n3\n4\n[E 1 a] it ended\n", "it ended. It wrote: 2; 3; 4"),
        ] {
            assert_eq!(reason(written), expected);
        }
    }
}
