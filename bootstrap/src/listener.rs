//! Listens for the server, which asks for signals, one for each connection. Anybody who reaches the container's
//! network may connect: what comes is bounded, and what is not understood is dropped.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bootstrap::protocol::gateway::{LONGEST, Wish};
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

/// A listener. The port is closed when it is dropped.
pub(crate) struct Listener {
    accepting: JoinHandle<()>,
    wishes: mpsc::Receiver<Wish>,
}

impl Listener {
    pub(crate) fn start(bound: std::net::TcpListener) -> io::Result<Self> {
        bound.set_nonblocking(true)?;
        let listener = TcpListener::from_std(bound)?;
        let (sender, wishes) = mpsc::channel(CONNECTIONS);
        let accepting = tokio::spawn(accept(listener, sender));
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

async fn accept(listener: TcpListener, sender: mpsc::Sender<Wish>) {
    let mut connections: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
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
        let bound = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = bound.local_addr().unwrap();
        (Listener::start(bound).unwrap(), address)
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
    async fn nobody_listens_any_more_once_it_is_dropped() {
        let (listener, address) = start();
        drop(listener);
        // The task ends when it is next run.
        task::yield_now().await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
