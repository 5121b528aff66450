//! What is to be put in place, and what has become of it.

use std::borrow::Cow;
use std::path::PathBuf;

/// What a file contains.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Cow<'static, [u8]>),
    /// What is in this file.
    CopyOf(PathBuf),
    /// What is in this program, which is replaced and not edited: the file may be one with that of other
    /// specifications.
    Program(PathBuf),
    /// What is in the file of this path in the specification in this directory, which no link leads to:
    /// it may be another user's. Nobody may read it who may not read that.
    CopyIn(PathBuf, PathBuf),
    /// These bytes in the place of such a file.
    Edited(PathBuf, PathBuf, Vec<u8>),
    /// A symbolic link.
    LinkTo(PathBuf),
}

/// A file of a specification.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path in the specification.
    pub path: PathBuf,
    /// What is in it.
    pub content: Content,
    /// Whether it can be run.
    pub executable: bool,
}

impl File {
    /// A file with these bytes that is not to be run.
    #[must_use]
    pub fn data(path: impl Into<PathBuf>, content: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { path: path.into(), content: Content::Bytes(content.into()), executable: false }
    }
}

/// What an installation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no specification.
    Created,
    /// The specification took the place of another.
    Replaced,
    /// The specification was there already, to the byte, and nothing was written.
    Unchanged,
}

/// A specification to be installed.
#[derive(Clone, Debug)]
pub struct Job {
    /// The directory that it becomes.
    pub destination: PathBuf,
    /// Its files, in the order in which they are written, `kernel.json` last.
    pub files: Vec<File>,
    /// Whether it may take the place of another.
    pub replace: bool,
    /// The directory of the specification that it is a copy of, whose directories it has, for nobody else than those.
    pub copy_of: Option<PathBuf>,
}
