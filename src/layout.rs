//! Where the files of a specification lie, and what they are called. The installer writes them, the launcher
//! reads them, and both name them to people.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What Jupyter reads of a specification.
pub const KERNEL_JSON: &str = "kernel.json";

/// The directory of a specification in which its launcher lies.
pub const SCRIPTS: &str = "scripts";

/// The file name of the native launcher.
pub const NATIVE: &str = "launch_docker";

/// The file name of the launcher in Python.
pub const PYTHON: &str = "launch_docker.py";

/// The file beside the launcher that administrators edit.
pub const OPTIONS: &str = "launch_docker.toml";

/// A file that is in a specification as long as its files are being replaced one by one.
pub const REPLACING: &str = ".replacing";

/// How the name of a directory begins in which specifications are made, and lie until they are removed.
pub const STAGING: &str = ".jupyter-docker-spec-";

/// The path of a launcher, or of what belongs to one, relative to the specification's directory.
#[must_use]
pub fn script(name: impl AsRef<OsStr>) -> PathBuf {
    Path::new(SCRIPTS).join(name.as_ref())
}
