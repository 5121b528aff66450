//! Whoever started the launcher. When a Jupyter server is killed, nobody ends its kernels: they notice it
//! themselves.

use std::future::pending;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open};
use tokio::net::unix::pipe;
use tokio::time::sleep;

use crate::env::Env;

/// The variable by which kernels know the process of the application that started them.
const VARIABLE: &str = "JPY_PARENT_PID";

/// How often to look for it where Linux has no other way.
const LOOK: Duration = Duration::from_secs(1);

/// The parent, if it is the application itself. Another program may start a launcher and leave it alone.
pub(super) enum Parent {
    /// Becomes readable when it has ended.
    Watched(pipe::Receiver),
    /// Before Linux 5.3, and where a profile of an older engine is in force.
    Asked(Pid),
    Another,
}

impl Parent {
    pub(super) fn of_process(env: &Env) -> Self {
        let is_application = |pid: &Pid| {
            let number = pid.as_raw_nonzero().to_string();
            env.get(VARIABLE) == Some(&*number)
        };
        let Some(pid) = getppid().filter(is_application) else { return Self::Another };
        let file = pidfd_open(pid, PidfdFlags::NONBLOCK).ok();
        // No pipe, but as a pipe it becomes readable at the end of the other process. Tokio has a type for any
        // file, whose constructors are unsafe.
        let watched = file.and_then(|file| pipe::Receiver::from_owned_fd_unchecked(file).ok());
        watched.map_or(Self::Asked(pid), Self::Watched)
    }

    /// Returns when it has ended. This method is cancel safe.
    pub(super) async fn gone(&self) {
        match self {
            Self::Watched(file) => drop(file.readable().await),
            Self::Asked(pid) => {
                while getppid() == Some(*pid) {
                    sleep(LOOK).await;
                }
            }
            Self::Another => pending().await,
        }
    }
}
