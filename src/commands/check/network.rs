//! Checks the networks of a specification's kernels, from the server's and the engine's point of view.

use super::docker::Docker;
use super::report::Report;
use super::requested;
use crate::engine::{self, Network};
use crate::env::Env;
use crate::kernelspec::specification::Specification;
use crate::model::Mode;
use crate::server::{
    PODMANS_NETWORK, System, Unreachable, network_of_launcher, network_of_server, unreachable,
};

/// The network on which the server looks for its kernels, and the variable that names it.
pub(super) fn of_server(system: System, env: &Env) -> (String, String) {
    let variable = system.facts().network_variable;
    let unset = if env.is_set(variable) { "" } else { ", which is not set here" };
    (network_of_server(env, system).to_owned(), format!("{variable}{unset}"))
}

impl Docker {
    /// Whether containers can be attached to the kernels' network, and the server finds them there.
    pub(super) async fn network(
        &self,
        spec: &Specification,
        env: &Env,
        report: &mut Report,
    ) -> bool {
        let (name, variable) = of_server(spec.system, env);
        let is_reached = by_launcher(spec, env, &name, report);
        match unreachable(&name, spec.mode) {
            Some(Unreachable::OneNode) => {
                report.error(format!(
                    "the network `{name}` ({variable}) is on one node only; create one with `docker \
                     network create --driver overlay --attachable NAME`, and name it there"
                ));
                return false;
            }
            Some(Unreachable::NoAddress) => {
                report.error(format!(
                    "on the network `{name}` ({variable}) a container has no address of its own; name \
                     another there"
                ));
                return false;
            }
            // The engine tells its name for the network.
            Some(Unreachable::OtherName) | None => {}
        }
        if name.is_empty() {
            report.error(format!(
                "{variable} is empty, and the server finds no kernel; name a network there"
            ));
            return false;
        }
        if self.engine.is_podman() && name == "bridge" {
            report.error(format!(
                "the network `bridge` ({variable}) is `{PODMANS_NETWORK}` in Podman, and by that name alone the server \
                 finds a kernel's address; name `{PODMANS_NETWORK}` there"
            ));
            return false;
        }
        let network = match self.engine.inspect_network(&name).await {
            Ok(network) => network,
            Err(error) => {
                self.no_network(&name, &variable, spec.mode, &error, report);
                return false;
            }
        };
        // The server looks up a container's address under the name that it was configured with.
        if spec.mode == Mode::Docker && network.name != name && !network.name.is_empty() {
            report.error(format!(
                "the network `{name}` ({variable}) is `{0}` by its name, and by that alone the server finds \
                 a kernel's address; name `{0}` there",
                network.name
            ));
            return false;
        }
        is_usable(&network, &name, &variable, spec.mode, report) && is_reached
    }

    /// Checks the further networks that `launch_docker.toml` names.
    pub(super) async fn further_networks(&self, names: &[String], mode: Mode, report: &mut Report) {
        for name in names {
            match self.engine.inspect_network(name).await {
                Ok(_) => report.ok(format!("the network `{name}` of launch_docker.toml is there")),
                Err(error) => self.no_network(name, "launch_docker.toml", mode, &error, report),
            }
        }
    }

    #[expect(clippy::unused_self, reason = "it is about this engine")]
    fn no_network(
        &self,
        name: &str,
        place: &str,
        mode: Mode,
        error: &engine::Error,
        report: &mut Report,
    ) {
        if error.is_ambiguous() {
            return report.error(format!(
                "the network `{name}` ({place}) is ambiguous: there are several of that name; remove all but \
                 one, by the ids that `docker network ls --filter name={name}` shows"
            ));
        }
        if name == "default" && error.is_not_found() {
            return report.error(format!(
                "the network `{name}` ({place}) is `bridge` by its name, and by that alone the server finds a \
                 kernel's address; name `bridge` there"
            ));
        }
        if error.is_not_found() {
            let options = if mode == Mode::Swarm { " --driver overlay --attachable" } else { "" };
            return report.error(format!(
                "the network `{name}` ({place}) does not exist; create it with `docker network \
                 create{options} {name}`, or name another there"
            ));
        }
        report.error(error.to_string());
    }
}

/// Whether the launcher starts the kernel on the network on which the server looks for it.
fn by_launcher(spec: &Specification, env: &Env, servers: &str, report: &mut Report) -> bool {
    let given = requested::environment(spec, env, "");
    let (variable, name) = network_of_launcher(&given, spec.system);
    // The engine uses one name for the other.
    let is_same = name == servers || (name == "default" && servers == "bridge");
    if is_same || servers.is_empty() {
        return true;
    }
    let message = format!(
        "{variable} has the launcher start kernels on the network `{name}`, and the server looks for them on \
         `{servers}` ({}); unset {variable}, or name the same network in both",
        spec.system.facts().network_variable
    );
    // The server uses the first network of a service.
    if spec.mode == Mode::Swarm {
        report.warning(message);
        return true;
    }
    report.error(message);
    false
}

fn is_usable(
    network: &Network,
    name: &str,
    variable: &str,
    mode: Mode,
    report: &mut Report,
) -> bool {
    let is_overlay = network.driver == "overlay";
    if mode == Mode::Swarm && network.scope != "swarm" {
        report.error(format!(
            "the network `{name}` ({variable}) does not span the Swarm, it has the scope {}; create one \
             with `docker network create --driver overlay --attachable NAME`",
            network.scope
        ));
        return false;
    }
    if mode == Mode::Docker && is_overlay && !network.attachable {
        report.error(format!(
            "containers cannot be attached to the network `{name}` ({variable}); create it with \
             `--attachable`, or install the specification with --swarm"
        ));
        return false;
    }
    report.ok(format!("the network `{name}` ({variable}) has the driver {}", network.driver));
    !is_overlay || network.attachable
}
