//! The connection file that the kernel reads, in the container.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bootstrap::protocol::CHANNELS;
use rustix::process::geteuid;
use serde_json::{Map, Value};

use crate::home;
use crate::relay::Ports;

/// How many names are tried in a directory that containers may share.
const NAMES: usize = 1000;

/// Finds ports that are free, so that kernels which share a network do not meet.
pub(crate) fn free_ports() -> io::Result<Ports> {
    let mut listeners = Vec::new();
    let mut ports = [0; CHANNELS.len()];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        // Bound until all are found, so that they differ.
        listeners.push(listener);
    }
    Ok(ports)
}

/// Writes the file, which only this user may read: it has the key of the kernel.
///
/// If root runs a program of the image that starts the kernel (`may_change_user`), such as one that gives up root
/// before, then every user of this container may read the file, in a directory that nobody else sees.
pub(crate) fn write(
    connection: &Map<String, Value>,
    ports: Ports,
    may_change_user: bool,
) -> Result<PathBuf, String> {
    let text = text(connection, ports);
    if may_change_user
        && geteuid().is_root()
        && let Some(path) =
            home::unshared().find_map(|directory| write_new(&directory, &text, 0o644).ok())
    {
        return Ok(path);
    }
    let mut reasons = Vec::new();
    for directory in home::places() {
        match write_new(&directory, &text, 0o600) {
            Ok(path) => return Ok(path),
            Err(error) => reasons.push(format!("{}: {error}", directory.display())),
        }
    }
    Err(format!(
        "there is no directory for the connection file; mount one with `--tmpfs /tmp` ({})",
        reasons.join("; ")
    ))
}

/// Writes another connection to the same ports into the file.
pub(crate) fn write_again(
    path: &Path,
    connection: &Map<String, Value>,
    ports: Ports,
) -> io::Result<()> {
    std::fs::write(path, text(connection, ports))
}

fn text(connection: &Map<String, Value>, ports: Ports) -> String {
    let mut connection = connection.clone();
    connection.insert("transport".to_owned(), "tcp".into());
    connection.insert("ip".to_owned(), Ipv4Addr::LOCALHOST.to_string().into());
    for (channel, port) in CHANNELS.into_iter().zip(ports) {
        connection.insert(channel.to_owned(), port.into());
    }
    Value::Object(connection).to_string()
}

fn write_new(directory: &Path, text: &str, mode: u32) -> io::Result<PathBuf> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    for number in 0..NAMES {
        let path = directory.join(format!("kernel-{number}.json"));
        match options.open(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
