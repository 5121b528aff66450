//! The network on which a kernel is started, and the one on which its server looks for it.

use super::{NETWORK_VARIABLES, System};
use crate::env::Env;
use crate::model::Mode;

/// The network if no variable names one.
const DEFAULT: &str = "bridge";

/// What that is called in Podman.
pub const PODMANS_NETWORK: &str = "podman";

/// The network on which a launcher with this environment starts the kernel, and the variable that names it.
#[must_use]
pub fn network_of_launcher(env: &Env, system: System) -> (&'static str, &str) {
    let named = NETWORK_VARIABLES.into_iter().find_map(|name| Some((name, env.get(name)?)));
    named.unwrap_or((system.facts().network_variable, DEFAULT))
}

/// The network on which a server with this environment looks for its kernels: an empty one if its variable is
/// empty.
#[must_use]
pub fn network_of_server(env: &Env, system: System) -> &str {
    let variable = system.facts().network_variable;
    if env.is_set(variable) { env.get(variable).unwrap_or_default() } else { DEFAULT }
}

/// Why no server finds a kernel on a network, as far as the network's name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// It exists on one node only, and cannot have services.
    OneNode,
    /// A container has no address of its own on it.
    NoAddress,
    /// The engine knows it by another name, and that is where the server looks for the address.
    OtherName,
}

/// Why no server finds a container, or a service, on the network of this name.
#[must_use]
pub fn unreachable(network: &str, mode: Mode) -> Option<Unreachable> {
    match (mode, network) {
        (Mode::Swarm, "bridge" | "host" | "none") => Some(Unreachable::OneNode),
        (Mode::Docker, "host" | "none") => Some(Unreachable::NoAddress),
        (Mode::Docker, _) if network.starts_with("container:") => Some(Unreachable::NoAddress),
        (Mode::Docker, "default") => Some(Unreachable::OtherName),
        _ => None,
    }
}
