//! The connection file that the kernel reads, in the container.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bootstrap::protocol::CHANNELS;
use rustix::process::geteuid;
use serde_json::{Map, Value};

use crate::home;
use crate::relay::Ports;

/// How many names are tried in a directory that containers may share.
const NAMES: usize = 1000;

/// The content of a connection file with this address and these ports.
pub(crate) fn at(
    address: Ipv4Addr,
    ports: Ports,
    mut connection: Map<String, Value>,
) -> Map<String, Value> {
    connection.insert("transport".to_owned(), "tcp".into());
    connection.insert("ip".to_owned(), address.to_string().into());
    for (channel, port) in CHANNELS.into_iter().zip(ports) {
        connection.insert(channel.to_owned(), port.into());
    }
    connection
}

/// Writes the file, which only this user may read: it has the key of the kernel.
///
/// If root runs a program of the image that starts the kernel (`may_change_user`), such as one that gives up root
/// before, then every user of this container may read the file, in a directory that nobody else sees.
pub(crate) fn write(
    connection: &Map<String, Value>,
    may_change_user: bool,
) -> Result<PathBuf, String> {
    let text = text(connection);
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

/// Writes another connection into the file.
pub(crate) fn write_again(path: &Path, connection: &Map<String, Value>) -> io::Result<()> {
    std::fs::write(path, text(connection))
}

fn text(connection: &Map<String, Value>) -> String {
    Value::Object(connection.clone()).to_string()
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
