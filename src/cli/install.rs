//! What `install` is told.

use std::ffi::OsString;

use clap::Args;

use crate::options::container_options;
use crate::setting::CommandLine;

const EXAMPLES: &str = "Examples:
  jupyter-docker-spec install --local --user --image-name=foo/my_image:v1
  jupyter-docker-spec install --language=R --kernel-name=r_docker \\
      --image-name=foo/my_r_kernel_image:v4_0
  jupyter-docker-spec install --swarm --kernel-name=python_swarm";

const BRIEFLY: &str = "\
All of them, by `--help`: Kernel, Specification, Destination, Configuration,
Messages, and Container, which has the options of `docker run`.

  jupyter-docker-spec install --local --user --image-name=foo/my_image:v1";

/// The command line of `install`, or what counts like one for a single specification: a table of
/// `install --file`, a sample. Its options are made from two tables, [`crate::setting::ALL`] and
/// [`container_options::CONTAINER_OPTIONS`].
#[derive(Args, Clone, Debug)]
#[command(after_help = BRIEFLY, after_long_help = EXAMPLES)]
pub struct Install {
    /// What it says of the settings.
    #[arg(skip)]
    pub line: CommandLine,

    /// The value of `--prefix`, which need not be UTF-8.
    #[arg(skip)]
    pub prefix: Option<OsString>,

    /// What `docker run` has options for too.
    #[arg(skip)]
    pub container: Vec<container_options::Given>,

    /// What a file of specifications has for `launch_docker.toml`, as it is to stand there.
    #[arg(skip)]
    pub launch_docker: Option<String>,
}
