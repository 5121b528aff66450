//! What all services of a deployment have.

use super::yaml::Map;
use crate::server::System;

/// The port that servers listen on in their containers.
pub(super) const INSIDE: u32 = 8888;

/// The labels of the service that is this component.
pub(super) fn labels(system: System, component: &str) -> Map {
    Map::default().with("app", system.facts().label).with("component", component)
}
