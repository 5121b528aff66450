//! The signals that the launcher passes on to the bootstrap, and the bootstrap to the kernel.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

const FORWARDED: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2];

/// What a shell adds to the number of the signal that ended a process.
pub const SIGNALLED: i32 = 128;

/// The exit status of a process that this signal has ended.
#[must_use]
pub fn status(signal: Signal) -> u8 {
    u8::try_from(SIGNALLED + signal.as_raw()).unwrap_or(u8::MAX)
}

/// The signals that others send to this process.
pub struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    /// Listens for them, from now on.
    ///
    /// # Errors
    /// When too few files may be open.
    pub fn listen() -> io::Result<Self> {
        let listen = |kind: Signal| Ok((kind, signal(SignalKind::from_raw(kind.as_raw()))?));
        FORWARDED.into_iter().map(listen).collect::<io::Result<_>>().map(Self)
    }

    /// Returns the next one. This method is cancel safe.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let come = |(kind, signal): &mut (Signal, unix::Signal)| {
                signal.poll_recv(context).is_ready().then_some(*kind)
            };
            self.0.iter_mut().find_map(come).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
