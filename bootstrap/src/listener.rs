//! Listens for the server, which asks for signals, one for each connection. Anybody who reaches the container's
//! network may connect: what comes is bounded, and what is not understood is dropped.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bootstrap::protocol::gateway::{LONGEST, Sender, Wish};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{self, AbortHandle, JoinHandle};
use tokio::time::{sleep, timeout};

/// How many connections there may be. The oldest makes way for the next: a server says all at once, and closes.
const CONNECTIONS: usize = 64;

/// How long one may last.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait if no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Whom it hears: everybody, if nobody is named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Senders {
    pub(crate) named: Vec<Sender>,
    /// The addresses of the server.
    pub(crate) server: Vec<Ipv4Addr>,
}

impl Senders {
    fn have(&self, peer: IpAddr) -> bool {
        let is_named = |peer| self.named.iter().any(|sender| sender.is(peer, &self.server));
        match peer {
            _ if self.named.is_empty() => true,
            IpAddr::V4(peer) => is_named(peer),
            IpAddr::V6(_) => false,
        }
    }
}

/// A listener. The port is closed when it is dropped.
pub(crate) struct Listener {
    accepting: JoinHandle<()>,
    wishes: mpsc::Receiver<Wish>,
}

impl Listener {
    pub(crate) fn start(bound: std::net::TcpListener, senders: Senders) -> io::Result<Self> {
        bound.set_nonblocking(true)?;
        let listener = TcpListener::from_std(bound)?;
        let (sender, wishes) = mpsc::channel(CONNECTIONS);
        let accepting = tokio::spawn(accept(listener, senders, sender));
        Ok(Self { accepting, wishes })
    }

    /// Returns what the server wants next. This method is cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Wish> {
        self.wishes.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, senders: Senders, sender: mpsc::Sender<Wish>) {
    let mut has_refused = false;
    let mut connections: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        if !senders.have(peer.ip()) {
            // Once, so that nobody fills the log.
            if !has_refused {
                let _ = writeln!(
                    io::stderr(),
                    "bootstrap_kernel: {} is refused, as all are that signals_from does not name",
                    peer.ip()
                );
            }
            has_refused = true;
            continue;
        }
        if connections.len() == CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let sender = sender.clone();
        let connection = tokio::spawn(async move {
            if let Ok(Some(wish)) = timeout(PATIENCE, read(stream)).await {
                let _ = sender.send(wish).await;
            }
        });
        connections.push_back(connection.abort_handle());
        // Those that are there are heard before more are accepted.
        task::yield_now().await;
    }
}

/// Reads to the end of what is said.
async fn read(stream: TcpStream) -> Option<Wish> {
    let mut said = Vec::new();
    // One byte more shows that it is too long.
    let most = LONGEST as u64 + 1;
    stream.take(most).read_to_end(&mut said).await.ok()?;
    if said.len() > LONGEST { None } else { Wish::of(&said) }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn start() -> (Listener, SocketAddr) {
        start_for(Senders::default())
    }

    fn start_for(senders: Senders) -> (Listener, SocketAddr) {
        let bound = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = bound.local_addr().unwrap();
        (Listener::start(bound, senders).unwrap(), address)
    }

    async fn say(address: SocketAddr, said: &[u8]) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may be closed in the middle of what is too long.
        let _ = stream.write_all(said).await;
    }

    #[tokio::test]
    async fn garbage_and_what_is_too_long_are_dropped() {
        let (mut listener, address) = start();
        say(address, b"\x00\xff garbage").await;
        say(address, b"").await;
        let long = format!("{{\"signum\": 9{}}}", " ".repeat(LONGEST));
        say(address, long.as_bytes()).await;
        say(address, &vec![b'['; 1 << 20]).await;
        say(address, b"{\"signum\": 2}").await;
        assert_eq!(listener.next().await, Some(Wish { signal: Some(2), shutdown: false }));
    }

    #[tokio::test]
    async fn connections_that_are_held_stop_nobody() {
        let (mut listener, address) = start();
        let mut held = Vec::new();
        for _ in 0..4 * CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"{").await.unwrap();
            held.push(stream);
        }
        say(address, b"{\"shutdown\": 1}").await;
        assert_eq!(listener.next().await, Some(Wish { signal: None, shutdown: true }));
    }

    #[tokio::test]
    async fn who_is_not_named_is_not_heard_and_keeps_nobody_from_it() {
        let named = ["server", "127.0.1.0/24"].map(|name| Sender::of(name).unwrap()).to_vec();
        let server = vec![Ipv4Addr::new(127, 0, 0, 9)];
        let (mut listener, address) = start_for(Senders { named, server });
        // More than there may be connections.
        let mut refused = Vec::new();
        for _ in 0..2 * CONNECTIONS {
            let mut stream = from([127, 0, 0, 1], address).await;
            let _ = stream.write_all(b"{\"signum\": 9}").await;
            // It has been said to its end; that may have been refused before.
            let _ = stream.shutdown().await;
            refused.push(stream);
        }
        for (host, signal) in [([127, 0, 0, 9], 2), ([127, 0, 1, 200], 15)] {
            let said = format!("{{\"signum\": {signal}}}");
            from(host, address).await.write_all(said.as_bytes()).await.unwrap();
            let wish = Wish { signal: Some(signal), shutdown: false };
            assert_eq!(listener.next().await, Some(wish));
        }
        for mut stream in refused {
            // The other side has closed it, with what was said or before.
            assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
        }
    }

    /// A connection that comes from this address of the machine.
    async fn from(host: [u8; 4], address: SocketAddr) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((host, 0).into()).unwrap();
        socket.connect(address).await.unwrap()
    }

    #[tokio::test]
    async fn nobody_listens_any_more_once_it_is_dropped() {
        let (listener, address) = start();
        drop(listener);
        // The task ends when it is next run.
        task::yield_now().await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
