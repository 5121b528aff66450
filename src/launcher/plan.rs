//! The plan of a launch: the request with everything that the specification's `launch_docker.toml` adds, and
//! what must be done besides. `build` makes it. Pure.

mod actions;
mod bootstrap;
mod build;
mod limits;
mod needs;
mod networks;
mod warm;

use std::time::Duration;

use serde_json::Value as Json;

pub use self::actions::platform_name;
use super::launch::Launch;
use crate::model::Mode;
use crate::options::put;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// If the engine does not have it.
    #[default]
    Missing,
    /// At each launch.
    Always,
    /// Never: the engine has it, or the launch fails.
    Never,
}

/// A secret or config of the Swarm that the kernel gets as a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Its name in the Swarm.
    pub source: String,
    /// The target file: `Name`, `UID`, `GID` and `Mode`.
    pub file: Json,
}

/// How long a kernel waits for a launch unless the file says it.
const WARM_TIME: Duration = Duration::from_secs(30 * 60);

/// Something that a plan asks for and not every engine has; see `needs`.
#[derive(Clone, Debug)]
struct Need {
    has: Having,
    /// What it is, and where the file has it.
    what: String,
}

#[derive(Clone, Copy, Debug)]
enum Having {
    /// From this version of the API on, which is that of this Docker.
    Since((u16, u16), &'static str),
    /// All but Podman.
    Docker,
}

/// A launch with everything that must be done for it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub launch: Launch,
    /// The body of `POST /containers/create` or `POST /services/create`.
    pub request: Json,
    /// Such as `linux/amd64`; `None` for the engine's own.
    pub platform: Option<String>,
    pub pull: PullPolicy,
    /// Networks to which a container is attached besides the first, with their endpoint settings.
    pub networks: Vec<(String, Json)>,
    pub secrets: Vec<Reference>,
    pub configs: Vec<Reference>,
    /// Where the notebook's directory is mounted, if that must be looked at before: see `attend`.
    pub own_directory: Option<String>,
    /// Whether a server's kernel is started by our bootstrap, and not by that of its image.
    pub brings_bootstrap: bool,
    /// Whom that hears; everybody, if nobody is named.
    pub signals_from: Vec<String>,
    /// The address of the engine, if the file names one.
    pub engine: Option<String>,
    /// How many kernels are to wait for the next launches, and for how long.
    pub warm: usize,
    pub warm_time: Duration,
    /// What is run in place of the command while they wait; see `protocol::message::Early`.
    pub warm_command: Option<Vec<String>>,
    needs: Vec<Need>,
}

impl Plan {
    /// Sets the directory in which the kernel starts.
    pub(super) fn set_working_directory(&mut self, directory: &str) {
        let field = match self.launch.mode {
            Mode::Docker => "WorkingDir",
            Mode::Swarm => "Dir",
        };
        self.set(field, directory.into());
    }

    /// Adds words to the command that starts the kernel.
    pub fn pass_on(&mut self, words: &[String]) {
        if let Some(Json::Array(command)) = self.request.get_mut("Cmd") {
            command.extend(words.iter().cloned().map(Json::from));
        }
    }

    /// Sets a field of the container, or of the service's containers.
    pub(super) fn set(&mut self, field: &str, value: Json) {
        put(self.container(), field, value);
    }

    /// What the request says of the container, or of the service's containers.
    pub(super) fn container(&mut self) -> &mut Json {
        match self.launch.mode {
            Mode::Docker => &mut self.request,
            Mode::Swarm => &mut self.request["TaskTemplate"]["ContainerSpec"],
        }
    }

    /// The fields of the container, or of the service's containers, for its entrypoint and its command.
    pub(super) fn command_fields(&self) -> [&'static str; 2] {
        match self.launch.mode {
            Mode::Docker => ["Entrypoint", "Cmd"],
            Mode::Swarm => ["Command", "Args"],
        }
    }
}

#[cfg(test)]
mod tests;
