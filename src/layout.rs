//! Where the files of a specification are, and what they are called. The installer writes them, the launcher
//! reads them, and messages name them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The file that Jupyter reads.
pub const KERNEL_JSON: &str = "kernel.json";

/// The directory of the launcher in a specification.
pub const SCRIPTS: &str = "scripts";

/// The file name of the native launcher.
pub const NATIVE: &str = "launch_docker";

/// The file name of what the launcher brings into the containers of local kernels, beside it, for images of this
/// program's own architecture.
pub const BOOTSTRAP_FILE: &str = "bootstrap_kernel";

/// Docker's name for the architecture of this program.
pub const ARCHITECTURE: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => std::env::consts::ARCH,
};

/// Docker's names for the architectures that there are packages for.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Docker's names for the architectures that a specification may have a further bootstrap for.
pub fn other_architectures() -> impl Iterator<Item = &'static str> {
    ARCHITECTURES.into_iter().filter(|name| *name != ARCHITECTURE)
}

/// Docker's name for an architecture of which the kernel's may be given.
#[must_use]
pub fn docker_architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        docker => docker,
    }
}

/// The file name of the bootstrap for images of an architecture, by Docker's name for it.
#[must_use]
pub fn bootstrap(architecture: &str) -> String {
    if architecture == ARCHITECTURE {
        BOOTSTRAP_FILE.to_owned()
    } else {
        format!("{BOOTSTRAP_FILE}-{architecture}")
    }
}

/// The file name of the Python launcher.
pub const PYTHON: &str = "launch_docker.py";

/// The file beside the launcher that administrators edit.
pub const OPTIONS: &str = "launch_docker.toml";

/// A file that exists while a specification's files are being replaced one by one.
pub const REPLACING: &str = ".replacing";

/// The prefix of the directories in which specifications are prepared, and wait for their removal.
pub const STAGING: &str = ".jupyter-docker-spec-";

/// The path of a launcher's file, relative to the specification's directory.
#[must_use]
pub fn script(name: impl AsRef<OsStr>) -> PathBuf {
    Path::new(SCRIPTS).join(name.as_ref())
}
