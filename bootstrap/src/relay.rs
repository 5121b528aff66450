//! Connects clients to the kernel.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bootstrap::protocol::CHANNELS;
use bootstrap::protocol::mux::Stream;
use bootstrap::protocol::relay::{PIECE, relay};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The kernel's ports, in the order of [`CHANNELS`].
pub(crate) type Ports = [u16; CHANNELS.len()];

/// How often to look whether the kernel listens: at first, and once it is late.
const SOON: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_millis(250);

/// When it is late.
const LATE: Duration = Duration::from_secs(10);

/// What there is to be known of the kernel.
#[derive(Clone)]
pub(crate) struct Kernel {
    /// `None` until it is started.
    pub(crate) ports: watch::Receiver<Option<Ports>>,
    pub(crate) ended: CancellationToken,
}

/// Carries the connection of a client to one of the kernel's channels, until either has gone.
pub(crate) async fn carry(mut client: Stream, channel: u8, kernel: Kernel) {
    let ended = kernel.ended.clone();
    // What the client says meanwhile.
    let mut said = Vec::new();
    let connected = {
        let mut connecting = std::pin::pin!(connect(kernel, channel));
        loop {
            tokio::select! {
                connected = &mut connecting => break connected,
                () = ended.cancelled() => return,
                read = client.read_buf(&mut said), if said.len() < PIECE => {
                    // It does not wait any more.
                    if !matches!(read, Ok(1..)) {
                        return;
                    }
                }
            }
        }
    };
    let Some(mut kernel) = connected else { return };
    // Requests are small, and each is waited for.
    let _ = kernel.set_nodelay(true);
    if kernel.write_all(&said).await.is_ok() {
        relay(client, kernel).await;
    }
}

/// Connects as soon as the kernel listens.
async fn connect(mut kernel: Kernel, channel: u8) -> Option<TcpStream> {
    let ports = kernel.ports.wait_for(Option::is_some).await.ok().and_then(|ports| *ports)?;
    Some(reached(*ports.get(usize::from(channel))?).await)
}

/// Connects to a port of the kernel as soon as it listens there.
pub(crate) async fn reached(port: u16) -> TcpStream {
    let begin = Instant::now();
    loop {
        if let Ok(connection) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            return connection;
        }
        sleep(if begin.elapsed() < LATE { SOON } else { LATER }).await;
    }
}
