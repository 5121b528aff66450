//! The standard streams of a container, both ways:
//! <https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container/operation/ContainerAttach>

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::output::{Channel, Frames};

/// How many bytes are read at once.
const PIECE: usize = 64 * 1024;

/// Standard input, for writing, and standard output, for reading. What comes on standard error is handed on
/// while standard output is read.
pub struct Attachment<F> {
    connection: TokioIo<Upgraded>,
    on_stderr: F,
    frames: Frames,
    buffer: Box<[u8]>,
    /// What was read and is not in pieces yet.
    read: Bytes,
    /// Of standard output, not yet taken.
    piece: Bytes,
}

impl<F: FnMut(&[u8])> Attachment<F> {
    pub(super) fn new(connection: Upgraded, on_stderr: F) -> Self {
        Self {
            connection: TokioIo::new(connection),
            on_stderr,
            frames: Frames::default(),
            buffer: vec![0; PIECE].into(),
            read: Bytes::new(),
            piece: Bytes::new(),
        }
    }
}

impl<F: FnMut(&[u8]) + Unpin> AsyncRead for Attachment<F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.piece.is_empty() {
            match this.frames.next(&mut this.read).map_err(io::Error::other)? {
                Some((Channel::Stdout, piece)) => this.piece = piece,
                Some((Channel::Stderr, piece)) => (this.on_stderr)(&piece),
                None => {
                    let mut buffer = ReadBuf::new(&mut this.buffer);
                    ready!(Pin::new(&mut this.connection).poll_read(context, &mut buffer))?;
                    if buffer.filled().is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    this.read = Bytes::copy_from_slice(buffer.filled());
                }
            }
        }
        let part = this.piece.split_to(this.piece.len().min(to.remaining()));
        to.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}

impl<F: Unpin> AsyncWrite for Attachment<F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}
