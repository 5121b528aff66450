//! Streams over one connection, each with credit of its own, so that a client that does not read stops no
//! other: <https://github.com/hashicorp/yamux/blob/master/spec.md>

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite, BufStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};
pub use yamux::Mode;
use yamux::{Config, Connection, ConnectionError, FrameDecodeError};

use super::relay::PIECE;

/// One of the streams.
pub type Stream = Compat<yamux::Stream>;

/// How many streams there may be at once. Each client has five connections to a kernel, and each page of a
/// notebook is one.
pub const STREAMS: usize = 256;

/// How much the other side may send ahead of a reader, in bytes: yamux gives no stream less.
const AHEAD: usize = 256 * 1024;

/// The length of the header of a frame, in bytes.
const HEADER: usize = 12;

/// Opens streams. Clones share the connection, which ends in an orderly way when the last of them is dropped.
#[derive(Clone)]
pub struct Opener(mpsc::UnboundedSender<oneshot::Sender<Stream>>);

/// The requests of an [`Opener`].
pub struct Requests(mpsc::UnboundedReceiver<oneshot::Sender<Stream>>);

/// Makes an opener, and what [`carry`] needs to serve it.
#[must_use]
pub fn opener() -> (Opener, Requests) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Opener(sender), Requests(receiver))
}

impl Opener {
    /// Opens a stream.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn open(&self) -> io::Result<Stream> {
        let (sender, stream) = oneshot::channel();
        let ended = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.send(sender).map_err(|_| ended())?;
        stream.await.map_err(|_| ended())
    }
}

/// Carries the streams over a connection, and hands over those that the other side opens. Returns when the
/// other side has closed the connection, or once all that was written has been sent after the last opener was
/// dropped.
///
/// # Errors
/// When the connection breaks; [`Other`](io::ErrorKind::Other), when what comes is no yamux.
pub async fn carry<T: AsyncRead + AsyncWrite + Unpin>(
    connection: T,
    mode: Mode,
    mut requests: Requests,
    mut accept: impl FnMut(Stream),
) -> io::Result<()> {
    let mut config = Config::default();
    config.set_max_num_streams(STREAMS).set_max_connection_receive_window(Some(STREAMS * AHEAD));
    // Each piece of what is carried is woken for, read and written by four processes on its way: a frame is one.
    config.set_split_send_size(PIECE - HEADER);
    let connection = BufStream::with_capacity(PIECE, PIECE, connection);
    let mut connection = Connection::new(connection.compat(), config, mode);
    let mut request = None;
    let mut is_over = false;
    let carried = poll_fn(|context| {
        loop {
            if request.is_none() && !is_over {
                match requests.0.poll_recv(context) {
                    Poll::Ready(Some(next)) => request = Some(next),
                    Poll::Ready(None) => is_over = true,
                    Poll::Pending => {}
                }
            }
            if is_over && request.is_none() {
                return connection.poll_close(context);
            }
            if request.is_some()
                && let Poll::Ready(stream) = connection.poll_new_outbound(context)
            {
                let stream = stream?.compat();
                // Whoever has asked may no longer be waiting.
                request.take().map(|sender: oneshot::Sender<Stream>| sender.send(stream));
                continue;
            }
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(stream)) => accept(stream?.compat()),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    carried.await.map_err(|error| match error {
        ConnectionError::Io(error) | ConnectionError::Decode(FrameDecodeError::Io(error)) => error,
        other => io::Error::other(other),
    })
}
