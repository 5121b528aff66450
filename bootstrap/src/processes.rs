//! The work of a container's first process: to reap all that end, and to pass signals on.

use std::io;

use bootstrap::protocol::signals::SIGNALLED;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use tokio::signal::unix::{self, SignalKind, signal};

/// Sends a signal to the process group of the kernel, which may just have ended.
pub(crate) fn forward(kernel: Option<Pid>, signal: Option<Signal>) {
    if let (Some(kernel), Some(signal)) = (kernel, signal) {
        let _ = kill_process_group(kernel, signal);
    }
}

/// Reaps processes that have ended, be they ours or adopted.
pub(crate) struct Children(unix::Signal);

impl Children {
    pub(crate) fn listen() -> io::Result<Self> {
        signal(SignalKind::child()).map(Self)
    }

    /// Returns the exit status of the kernel once it has ended; never, if there is none. This method is cancel
    /// safe.
    pub(crate) async fn ended(&mut self, kernel: Option<Pid>) -> u8 {
        loop {
            while let Ok(Some((id, how))) = wait(WaitOptions::NOHANG) {
                if kernel == Some(id) {
                    return exit_status(how);
                }
            }
            self.0.recv().await;
        }
    }
}

fn exit_status(how: WaitStatus) -> u8 {
    let code = how.exit_status().or(how.terminating_signal().map(|signal| SIGNALLED + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
