//! Carries the connections of clients to the bootstrap.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, Listener};
use crate::protocol::Purpose;
use crate::protocol::mux::{Opener, STREAMS};
use crate::protocol::relay::relay;

/// How many connections are carried at once; further ones wait. The bootstrap may be later in noticing the end of
/// one.
const CONNECTIONS: usize = STREAMS / 2;

/// How long to wait when no more files may be opened.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of clients.
pub(super) struct Clients {
    /// The tasks that accept them; they end with this.
    accepting: JoinSet<()>,
    carrying: TaskTracker,
}

impl Clients {
    /// Serves clients at these listeners, which are in the order of the kernel's channels.
    pub(super) fn serve(listeners: Vec<Listener>, opener: &Opener) -> Self {
        let mut accepting = JoinSet::new();
        let carrying = TaskTracker::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        for (channel, listener) in (0_u8..).zip(listeners) {
            let (opener, carrying) = (opener.clone(), carrying.clone());
            let room = Arc::clone(&room);
            accepting.spawn(async move {
                while let Ok(place) = Arc::clone(&room).acquire_owned().await {
                    let Ok(client) = listener.accept().await else {
                        sleep(PAUSE).await;
                        continue;
                    };
                    let opener = opener.clone();
                    carrying.spawn(async move {
                        carry(client, channel, opener).await;
                        drop(place);
                    });
                }
            });
        }
        Self { accepting, carrying }
    }

    /// Accepts no more of them, and waits until those that there are have ended, as they do when the kernel has.
    pub(super) async fn finish(mut self) {
        self.accepting.shutdown().await;
        self.carrying.close();
        self.carrying.wait().await;
    }
}

async fn carry(client: Box<dyn Connection>, channel: u8, opener: Opener) {
    let Ok(mut stream) = opener.open().await else { return };
    if stream.write_u8(Purpose::Channel(channel).byte()).await.is_ok() {
        relay(client, stream).await;
    }
}
