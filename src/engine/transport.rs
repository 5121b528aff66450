//! HTTP/1.1 connections to one Docker Engine, over a socket, TCP, TLS or `ssh`.
//!
//! Consecutive calls share a connection; concurrent calls, and streams, have one each. A call is sent again
//! only if nothing of it was sent the first time.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::thread;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

use super::endpoint::Endpoint;
use super::error::{Error, Result, cause};
use super::sockets;
use super::ssh::Ssh;
use super::ssh_failure::SshFailure;
use super::tls::{self, Tls};
use crate::env::Env;

/// A connection that can be reused once an answer is read to its end.
pub(super) type Connection = SendRequest<Full<Bytes>>;

/// One type for all transports, because each type would add its own copy of hyper to the launcher.
trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

pub(super) struct Transport {
    endpoint: Endpoint,
    way: Way,
    env: Env,
    idle: Cell<Option<Connection>>,
}

/// How connections are opened.
enum Way {
    Unix(PathBuf),
    Tcp { host: String, port: u16, tls: Option<Tls> },
    Ssh(Ssh),
}

impl Transport {
    pub(super) fn new(endpoint: Endpoint, env: &Env) -> Result<Self> {
        let way = match &endpoint {
            Endpoint::Unix(path) => Way::Unix(path.clone()),
            Endpoint::Tcp { host, port, tls, .. } => {
                let tls = tls.as_ref().map(|files| Tls::new(host, files)).transpose()?;
                Way::Tcp { host: host.clone(), port: *port, tls }
            }
            Endpoint::Ssh(destination) => Way::Ssh(Ssh::new(destination, env)),
        };
        Ok(Self { endpoint, way, env: env.clone(), idle: Cell::new(None) })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request. Returns the head of the answer, and the connection that its body arrives on.
    pub(super) async fn send(
        &self,
        action: &'static str,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection)> {
        if let Some(mut connection) = self.idle.take()
            && connection.ready().await.is_ok()
        {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                Err(mut error) => match error.take_message() {
                    // The engine closed the connection since the last call.
                    Some(unsent) => request = unsent,
                    None => return Err(self.lost(action, error.error())),
                },
            }
        }
        // Boxed, because a TLS handshake needs some ten kB, which would be in each caller's future.
        let mut connection = Box::pin(self.connect(action)).await?;
        match connection.send_request(request).await {
            Ok(response) => Ok((response, connection)),
            Err(error) => Err(self.lost(action, &error)),
        }
    }

    /// Keeps a connection for the next call.
    pub(super) fn put_back(&self, connection: Connection) {
        self.idle.set(Some(connection));
    }

    /// Makes the next call open a connection of its own.
    pub(super) fn close_idle(&self) {
        self.idle.take();
    }

    /// The error for a connection that was open and then broke.
    pub(super) fn lost(&self, action: &'static str, error: &hyper::Error) -> Error {
        match (lost(action, &self.endpoint.to_string(), error), &self.endpoint) {
            (Error::BadAnswer { action, endpoint, reason }, Endpoint::Ssh(destination)) => {
                let command = destination.command();
                let reason = format!(
                    "{reason}; see that `{command} true` prints nothing, as a start-up file of the shell there may"
                );
                Error::BadAnswer { action, endpoint, reason }
            }
            (error, _) => error,
        }
    }

    async fn connect(&self, action: &'static str) -> Result<Connection> {
        let (sender, connection) = http1::handshake(TokioIo::new(self.open().await?))
            .await
            .map_err(|error| self.lost(action, &error))?;
        // Errors of the connection are reported to the call that they interrupt. The task ends when the
        // sender and the answer are dropped.
        tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Ok(sender)
    }

    async fn open(&self) -> Result<Box<dyn Pipe>> {
        let (host, port, tls) = match &self.way {
            Way::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                return Ok(Box::new(stream.map_err(|error| self.unreachable(error))?));
            }
            Way::Ssh(ssh) => {
                let stream = ssh.connect().map_err(|error| {
                    io::Error::new(error.kind(), format!("could not run `ssh`: {error}"))
                });
                return Ok(Box::new(stream.map_err(|error| self.unreachable(error))?));
            }
            Way::Tcp { host, port, tls } => (host, *port, tls),
        };
        let stream = connect(host, port).await.map_err(|error| self.unreachable(error))?;
        // What goes through an attached container is small, and waited for.
        stream.set_nodelay(true).map_err(|error| self.unreachable(error))?;
        let Some(tls) = tls else { return Ok(Box::new(stream)) };
        match tls.connect(stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Error::Tls {
                endpoint: self.endpoint.to_string(),
                reason: tls::explain(&error).unwrap_or_else(|| error.to_string()),
            }),
        }
    }

    /// What to do if there are other engines than the one of this socket.
    fn others(&self) -> String {
        let own = self.endpoint.to_string();
        let others = match &self.endpoint {
            Endpoint::Unix(_) => sockets::others(&self.env),
            Endpoint::Tcp { .. } | Endpoint::Ssh(_) => Vec::new(),
        };
        let other = others.into_iter().find(|other| *other != own);
        other.map_or_else(String::new, |other| {
            format!(
                "; there is one at `{other}`, which is meant after `export DOCKER_HOST={other}`"
            )
        })
    }

    fn unreachable(&self, error: io::Error) -> Error {
        let remedy = match &self.endpoint {
            Endpoint::Unix(path) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Error::PermissionDenied { path: path.clone(), others: self.others() };
            }
            Endpoint::Unix(_) => {
                "start it, or set DOCKER_HOST to where it listens; in a container, mount its \
                 socket with `--volume /var/run/docker.sock:/var/run/docker.sock`"
            }
            Endpoint::Tcp { .. } => "start it, or set DOCKER_HOST to where it listens",
            Endpoint::Ssh(_) => "install OpenSSH's client, such that it is on the PATH",
        };
        let remedy = format!("{remedy}{}", self.others()).into();
        Error::NoEngine { endpoint: self.endpoint.to_string(), reason: error, remedy }
    }
}

/// Connects to a host. The name is resolved in a thread of our own: Tokio's panics if the number of processes
/// is limited.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return TcpStream::connect((address, port)).await;
    }
    let (sender, addresses) = oneshot::channel();
    let name = (host.to_owned(), port);
    thread::Builder::new().spawn(move || {
        let addresses = name.to_socket_addrs().map(Vec::from_iter);
        // After the launch's deadline, nobody waits for the addresses any more.
        let _ = sender.send(addresses);
    })?;
    TcpStream::connect(&*addresses.await.map_err(io::Error::other)??).await
}

/// The error for a connection to `endpoint` that was open and then broke.
pub(super) fn lost(action: &'static str, endpoint: &str, error: &hyper::Error) -> Error {
    let endpoint = endpoint.to_owned();
    if let Some(reason) = tls::explain(error) {
        return Error::Tls { endpoint, reason };
    }
    if let Some(failure) = cause::<SshFailure>(error) {
        let remedy = failure.remedy();
        return if failure.has_answered {
            Error::Connection { action, endpoint, reason: format!("{failure}; {remedy}") }
        } else {
            let (reason, remedy) = (failure.clone().into(), remedy.into());
            Error::NoEngine { endpoint, reason, remedy }
        };
    }
    if error.is_parse() {
        return Error::BadAnswer { action, endpoint, reason: chain(error) };
    }
    Error::Connection { action, endpoint, reason: chain(error) }
}

/// The error and its causes, which hyper leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
