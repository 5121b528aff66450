//! Carries what a client and its kernel say to each other.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, copy_buf, split};

/// How many bytes are read at once.
pub const PIECE: usize = 64 * 1024;

/// Carries both directions until the kernel's side closes. When the client's does, the kernel's is told, and
/// answers by closing, too.
pub async fn relay(
    client: impl AsyncRead + AsyncWrite + Unpin,
    kernel: impl AsyncRead + AsyncWrite + Unpin,
) {
    let (from_client, mut to_client) = split(client);
    let (from_kernel, mut to_kernel) = split(kernel);
    let mut from_client = BufReader::with_capacity(PIECE, from_client);
    let mut from_kernel = BufReader::with_capacity(PIECE, from_kernel);
    let to_kernel = async {
        let _ = copy_buf(&mut from_client, &mut to_kernel).await;
        let _ = to_kernel.shutdown().await;
        std::future::pending::<()>().await;
    };
    let to_client = async {
        let _ = copy_buf(&mut from_kernel, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::select! {
        () = to_kernel => {}
        () = to_client => {}
    }
}
