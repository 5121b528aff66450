//! The messages of the control stream, one as JSON per line.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::mux::Stream;

/// What a launcher asks for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request<S = Start> {
    /// To start the kernel; the first message.
    Start(S),
    /// To send this signal to the kernel's process group.
    Signal(i32),
}

/// The kernel to be started.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Start {
    /// What runs the command: the entrypoint of the image. May be empty.
    pub entrypoint: Vec<String>,
    /// The program and its arguments, in which [`CONNECTION_FILE`] stands for the path of the connection file.
    pub command: Vec<String>,
    /// The content of the connection file. Its transport and ports are those of the client's side, and are
    /// replaced.
    pub connection: Map<String, Value>,
    /// The user's name, for users whom the image does not know.
    pub user: Option<String>,
    /// A directory that must be what it is on the launcher's side.
    pub directory: Option<Directory>,
    /// Whether somebody has said what `HOME` is.
    #[serde(default)]
    pub has_home: bool,
    /// Variables besides those of the container.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// What a bootstrap does that is started before anybody wants its kernel. It is the file [`PREPARED`] in the
/// directory that follows [`WAIT`] on the command line.
#[derive(Debug, Deserialize, Serialize)]
pub struct Prepared {
    /// The kernel, as far as it is known: without a connection.
    pub start: Start,
    /// How long to wait for a launcher.
    pub seconds: u64,
    pub early: Early,
}

/// What is done of a kernel before it is wanted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Early {
    /// Nothing.
    Nothing,
    /// The command runs a module of Python that [`HOOKS`] has one for, which prepares all before it waits.
    Module,
    /// This command prepares all before it waits for a line on its standard input: the variables that the kernel has
    /// besides, as an object of JSON. Before, it must not look at the connection file.
    Command(Vec<String>),
}

/// The option by which a bootstrap waits for its launcher.
pub const WAIT: &str = "--wait";

/// The file with what it is to prepare, and the directory with modules of Python.
pub const PREPARED: &str = "prepared.json";
pub const HOOKS: &str = "hooks";

/// A directory, and how it is told from another one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Directory {
    /// Its path in the container.
    pub path: PathBuf,
    pub identity: Identity,
}

/// What two paths of the same directory have in common.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Identity {
    /// The numbers of its device and its inode. File systems that are shared with a virtual machine give others.
    inode: (u64, u64),
    /// The time of its last change, in seconds and nanoseconds.
    changed: (i64, i64),
}

impl Identity {
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether this is most likely the same directory.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.inode == other.inode || self.changed == other.changed
    }
}

/// What Jupyter replaces by the path of the connection file.
pub const CONNECTION_FILE: &str = "{connection_file}";

/// What the bootstrap answers.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The kernel's process runs.
    Started,
    /// It could not be started, for this reason.
    Failed(String),
    /// It has ended with this exit status; the last message.
    Ended(u8),
}

/// The longest message, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// One end of the control stream.
pub struct Control {
    stream: BufReader<Stream>,
    /// What has come of the next message.
    line: Vec<u8>,
}

impl Control {
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self { stream: BufReader::new(stream), line: Vec::new() }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the other side has gone.
    pub async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.stream.write_all(&line).await?;
        self.stream.flush().await
    }

    /// Returns the next message; `None` at the end. This method is cancel safe.
    ///
    /// # Errors
    /// When what comes is no message.
    pub async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            let come = self.stream.fill_buf().await?;
            if come.is_empty() {
                return Ok(None);
            }
            let end = come.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(come.len(), |end| end + 1);
            self.line.extend_from_slice(&come[..taken]);
            self.stream.consume(taken);
            if self.line.len() as u64 > LIMIT {
                return Err(io::Error::other("a message is too long"));
            }
            if end.is_some() {
                let message = serde_json::from_slice(&self.line);
                self.line.clear();
                return Ok(Some(message?));
            }
        }
    }
}
