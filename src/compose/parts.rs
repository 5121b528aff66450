//! What every service of a deployment has.

use super::yaml::Map;
use crate::server::System;

/// The port on which servers listen in their containers.
pub(super) const INSIDE: u32 = 8888;

/// The labels of a service, of which this is the component.
pub(super) fn labels(system: System, component: &str) -> Map {
    Map::default().with("app", system.facts().label).with("component", component)
}
