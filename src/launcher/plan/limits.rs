//! Limits that an engine takes without holding them: with cgroups of version 1, that of an ordinary user has none.

use super::Plan;
use crate::engine::{Engine, Info};

/// What a limit is on, and where a request for a container has it.
const LIMITS: [(&str, &[&str]); 3] = [
    ("memory", &["Memory", "MemoryReservation", "MemorySwap"]),
    ("processors", &["NanoCpus", "CpuQuota", "CpuShares", "CpusetCpus"]),
    ("processes", &["PidsLimit"]),
];

impl Plan {
    /// What there is to say of limits that are asked for and that this engine does not hold.
    #[must_use]
    pub fn unheld_limits(&self, engine: &Engine, info: &Info) -> Option<String> {
        let is_asked = |field: &str| {
            let value = &self.request["HostConfig"][field];
            value.as_i64().is_some_and(|value| value > 0)
                || value.as_str().is_some_and(|value| !value.is_empty())
        };
        let asked = LIMITS.iter().filter(|(_, fields)| fields.iter().any(|field| is_asked(field)));
        let what: Vec<_> = asked.map(|(what, _)| *what).collect();
        (!info.holds_limits() && !what.is_empty()).then(|| {
            format!(
                "The engine at {} does not hold the limits on {} in launch_docker.toml: one that runs as an ordinary \
                 user does so only where the system has cgroups of version 2 alone",
                engine.endpoint(),
                what.join(", ")
            )
        })
    }
}
