//! What all services of a deployment have.

use super::servers::Server;
use super::yaml::Map;

/// The port that servers listen on in their containers.
pub(super) const INSIDE: u32 = 8888;

/// The labels of the service that is this component.
pub(super) fn labels(server: &Server, component: &str) -> Map {
    Map::default().with("app", server.system.facts().label).with("component", component)
}
