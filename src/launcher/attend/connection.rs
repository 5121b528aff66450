//! The connection file of Jupyter, and the places that it names, where clients connect:
//! <https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>

use std::io;
use std::path::{Path, PathBuf};

use crate::protocol::CHANNELS;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::files;

/// Where a client connects to a channel.
pub(super) enum Listener {
    Tcp(TcpListener),
    /// With the path that is removed at the end.
    Ipc(UnixListener, PathBuf),
}

pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// What a connection file says.
pub(super) struct ConnectionFile {
    pub(super) members: Map<String, Value>,
    path: PathBuf,
}

impl ConnectionFile {
    /// # Errors
    /// When it cannot be read, or is no connection file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let filled_in = path != Path::new(crate::server::CONNECTION_FILE[1]);
        ensure!(
            filled_in,
            "`{}` was not filled in: whoever started this does not know kernelspecs of Jupyter",
            path.display()
        );
        let text = files::read(path).context("could not read the connection file")?;
        let members = serde_json::from_slice(&text).with_context(|| {
            format!("could not understand the connection file `{}`", path.display())
        })?;
        Ok(Self { members, path: path.to_path_buf() })
    }

    /// Listens where clients connect, in the order of [`CHANNELS`].
    ///
    /// # Errors
    /// When the file does not say where that is, or it cannot be done there.
    pub(super) async fn listen(&self) -> Result<Vec<Listener>> {
        let text = |name: &str| self.members.get(name).and_then(Value::as_str);
        let transport = text("transport").unwrap_or("tcp");
        let ip = text("ip").unwrap_or("127.0.0.1");
        let mut listeners = Vec::new();
        for channel in CHANNELS {
            let port = self.members.get(channel).and_then(Value::as_u64);
            let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
            let port = port.with_context(|| {
                format!("the connection file `{}` has no `{channel}`", self.path.display())
            })?;
            let (listener, place) = match transport {
                "tcp" => {
                    // All addresses, in the spelling of ZeroMQ.
                    let ip = if ip == "*" { "0.0.0.0" } else { ip };
                    let listener = TcpListener::bind((ip, port)).await.map(Listener::Tcp);
                    (listener, format!("{ip}:{port}"))
                }
                "ipc" => {
                    let path = PathBuf::from(format!("{ip}-{port}"));
                    let place = path.display().to_string();
                    (listen_at(path), place)
                }
                other => bail!(
                    "the connection file `{}` has the transport `{other}`, not `tcp` or `ipc`",
                    self.path.display()
                ),
            };
            listeners.push(listener.with_context(|| {
                format!("could not listen at {place}, where the connection file has `{channel}`")
            })?);
        }
        Ok(listeners)
    }
}

/// Listens at a path, where a launcher that was killed may have left its socket.
fn listen_at(path: PathBuf) -> io::Result<Listener> {
    let is_left = std::os::unix::net::UnixStream::connect(&path)
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if is_left {
        fs_err::remove_file(&path)?;
    }
    Ok(Listener::Ipc(UnixListener::bind(&path)?, path))
}

impl Listener {
    /// Returns the next client. This method is cancel safe.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Requests are small, and each is waited for.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Ipc(listener, _) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Ipc(_, path) = self {
            let _ = fs_err::remove_file(path);
        }
    }
}
