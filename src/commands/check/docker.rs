//! Looks at the engine, and at what a specification needs of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::contents::Contents;
use super::report::Report;
use crate::engine::{self, Endpoint, Engine, Info, Reference};
use crate::env::Env;
use crate::kernelspec::installed::Installed;
use crate::settings::{Mode, System};

/// How long the engine may take for an answer, and for all of them.
const ANSWER: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(300);

/// What the image's command has to be.
pub(super) const BOOTSTRAP: &str = "bootstrap-kernel.sh";

/// An engine that has answered, and what it says of itself.
pub(super) struct Docker {
    pub(super) engine: Engine,
    info: Info,
    /// What looks into images have come to, by what was asked for.
    pub(super) looks: RefCell<BTreeMap<String, Contents>>,
}

/// Looks for the engine.
pub(super) async fn connect(env: &Env, report: &mut Report) -> Option<Docker> {
    report.about("Docker Engine");
    let connected = async {
        let endpoint = Endpoint::from_env(env)?;
        let deadline = Instant::now() + ALL;
        let engine =
            Engine::connect(endpoint, env.get("DOCKER_API_VERSION"), ANSWER, deadline).await?;
        let info = engine.info().await?;
        Ok::<_, engine::Error>((engine, info))
    };
    match connected.await {
        Ok((engine, info)) => {
            report.ok(format!(
                "version {} at {} (API {})",
                info.server_version,
                engine.endpoint(),
                engine.api_version()
            ));
            Some(Docker { engine, info, looks: RefCell::default() })
        }
        Err(error) => {
            report.error(error.to_string());
            None
        }
    }
}

/// The network that the server's kernels are on, and the variable that says so.
pub(super) fn network(system: System, env: &Env) -> (String, String) {
    let names = ["DOCKER_NETWORK", system.network_variable()];
    let given = names.iter().find_map(|name| Some((env.get(name)?.to_owned(), (*name).to_owned())));
    given.unwrap_or_else(|| {
        ("bridge".to_owned(), format!("{}, which is not set here", system.network_variable()))
    })
}

impl Docker {
    /// Whether services can be asked for.
    pub(super) fn manages_swarm(&self) -> bool {
        self.info.swarm.control_available
    }

    /// Looks at all that the kernels of a specification need, which `word` means to our commands.
    /// Returns the image if containers of it can be had on the kernels' network.
    pub(super) async fn check<'a>(
        &self,
        word: &str,
        spec: &'a Installed,
        env: &'a Env,
        report: &mut Report,
    ) -> Option<&'a str> {
        self.swarm(spec, report);
        let attachable = self.network(spec, env, report).await;
        match spec.image_on_server(env) {
            Ok(image) => {
                let fit = self.image(image, word, spec, env, report).await;
                (attachable && fit).then_some(image)
            }
            Err(variable) => {
                report.warning(format!("no image is named: the server has to, with {variable}"));
                None
            }
        }
    }

    fn swarm(&self, spec: &Installed, report: &mut Report) {
        let swarm = &self.info.swarm;
        if spec.mode == Mode::Docker {
            return;
        }
        if swarm.control_available {
            report.ok("the engine is a manager of a Swarm");
        } else if swarm.local_node_state == "active" {
            report.error(
                "the engine is a worker of a Swarm; set DOCKER_HOST to a manager, or promote it \
                 with `docker node promote`",
            );
        } else {
            report.error(
                "the engine is in no Swarm; make one with `docker swarm init`, or install the \
                 specification without --swarm",
            );
        }
    }

    /// Whether containers can be attached to the network of the kernels.
    async fn network(&self, spec: &Installed, env: &Env, report: &mut Report) -> bool {
        let (name, variable) = network(spec.system, env);
        if spec.mode == Mode::Swarm && ["bridge", "host", "none"].contains(&&*name) {
            report.error(format!(
                "the network `{name}` ({variable}) is on one node only; create one with `docker \
                 network create --driver overlay --attachable NAME`, and name it there"
            ));
            return false;
        }
        if spec.mode == Mode::Docker && ["host", "none"].contains(&&*name) {
            report.error(format!(
                "on the network `{name}` ({variable}) a container has no address of its own; name \
                 another there"
            ));
            return false;
        }
        match self.engine.inspect_network(&name).await {
            Ok(network) if spec.mode == Mode::Swarm && network.scope != "swarm" => {
                report.error(format!(
                    "the network `{name}` ({variable}) does not span the Swarm, it is of the scope \
                     {}; create one with `docker network create --driver overlay --attachable NAME`",
                    network.scope
                ));
            }
            Ok(network)
                if spec.mode == Mode::Docker
                    && network.driver == "overlay"
                    && !network.attachable =>
            {
                report.error(format!(
                    "containers cannot be attached to the network `{name}` ({variable}); create it \
                     with `--attachable`, or install the specification with --swarm"
                ));
            }
            Ok(network) => {
                let driver = &network.driver;
                report.ok(format!("the network `{name}` ({variable}) has the driver {driver}"));
                return network.driver != "overlay" || network.attachable;
            }
            Err(error) if error.is_not_found() => report.error(format!(
                "the network `{name}` ({variable}) does not exist; create it with `docker network \
                 create{} {name}`, or name another there",
                if spec.mode == Mode::Swarm { " --driver overlay --attachable" } else { "" }
            )),
            Err(error) => report.error(error.to_string()),
        }
        false
    }

    /// Whether the engine has the image, and it has what starts the kernel.
    async fn image(
        &self,
        name: &str,
        word: &str,
        spec: &Installed,
        env: &Env,
        report: &mut Report,
    ) -> bool {
        let image = match self.engine.inspect_image(name).await {
            Ok(image) => image,
            Err(error) if error.is_not_found() => {
                self.registry(name, word, spec, env, report).await;
                return false;
            }
            Err(error) => {
                report.error(error.to_string());
                return false;
            }
        };
        let own = docker_architecture(&self.info.architecture);
        let has_own = image.architecture == own || image.architecture.is_empty();
        if has_own {
            report.ok(format!("the engine has the image `{name}`"));
        } else {
            report.error(format!(
                "the image `{name}` is for {}, and the engine's host is {own}; pull it with \
                 `docker pull --platform linux/{own} {name}`",
                image.architecture
            ));
        }
        let command: Vec<String> = image.command().map(str::to_owned).collect();
        let is_bootstrap = command.iter().any(|word| word.contains(BOOTSTRAP));
        let contents = match self.contents(name, &command, has_own, spec, env).await {
            Ok(contents) => contents,
            Err(error) => {
                report.warning(format!("could not look into the image: {error}"));
                return false;
            }
        };
        if !contents.missing.is_empty() {
            report.error(format!(
                "the image `{name}` has no {}; make it with `jupyter image-bootstrap install \
                 --languages {}`, or choose an image for this language",
                contents.missing.join(" and no "),
                spec.kernel_json.language.to_lowercase()
            ));
        } else if is_bootstrap {
            report.ok("the image has what starts the kernel");
        } else {
            report.error(format!(
                "the image `{name}` does not run {BOOTSTRAP} when it is started; give it the line \
                 CMD [\"/usr/local/bin/{BOOTSTRAP}\"]"
            ));
        }
        contents.tell_parts(name, report);
        has_own && is_bootstrap && contents.missing.is_empty()
    }

    /// An image that the engine does not have.
    async fn registry(
        &self,
        name: &str,
        word: &str,
        spec: &Installed,
        env: &Env,
        report: &mut Report,
    ) {
        let when = match spec.mode {
            Mode::Docker => "is pulled at the first launch, which may outlast the launch timeout",
            Mode::Swarm => "is pulled by each node at its first launch",
        };
        let reference: Reference = match name.parse() {
            Ok(reference) => reference,
            Err(error) => {
                report.error(format!("`{name}` is no name of an image: {error}"));
                return;
            }
        };
        let auth = engine::credentials(&reference, env, ANSWER).await.ok().flatten();
        match self.engine.find_in_registry(name, auth.as_ref()).await {
            Ok(()) => report.warning(format!(
                "the engine does not have the image `{name}`: it {when}; pull it with \
                 `jupyter-docker-spec pull {word}`"
            )),
            Err(error) => report.error(format!(
                "the engine does not have the image `{name}`, and the registry does not say that it \
                 has it; build or pull it, or correct its name: {error}"
            )),
        }
    }
}

/// An architecture of Linux, as Go and Docker name it.
fn docker_architecture(linux: &str) -> &str {
    match linux {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv7l" | "armv6l" => "arm",
        "i686" | "i386" => "386",
        other => other,
    }
}
