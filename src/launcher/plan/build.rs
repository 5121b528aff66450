//! Makes the plan of a launch: first what the server asks for, then what `launch_docker.toml` adds, then what
//! the user may change.

use anyhow::{Context as _, Result};
use serde_json::Value as Json;

use super::actions::ACTIONS;
use super::{Plan, PullPolicy, needs};
use crate::env::Env;
use crate::launcher::launch::Launch;
use crate::launcher::overrides;
use crate::launcher::spec::InstalledSpec;
use crate::model::Mode;
use crate::options::BRING_BOOTSTRAP;
use crate::options::interpolation::Interpolation;

impl Plan {
    /// Makes the plan for a launch of this specification. With `check_only`, only the file is checked, and its
    /// variables may be unset.
    pub fn new(launch: Launch, spec: &InstalledSpec, env: &Env, check_only: bool) -> Result<Self> {
        let options = &spec.options;
        let request = match launch.mode {
            Mode::Docker => serde_json::to_value(launch.container()),
            Mode::Swarm => serde_json::to_value(launch.service()),
        };
        let mut plan = Self {
            request: request.context("could not write the request")?,
            platform: None,
            pull: PullPolicy::default(),
            networks: Vec::new(),
            secrets: Vec::new(),
            configs: Vec::new(),
            own_directory: None,
            brings_bootstrap: false,
            signals_from: Vec::new(),
            engine: None,
            warm: 0,
            warm_time: super::WARM_TIME,
            warm_command: None,
            needs: Vec::new(),
            launch,
        };
        if options.is_empty() {
            return Ok(plan);
        }
        let launch = plan.launch.clone();
        let interpolation = launch.interpolation(env, check_only);
        // Where the image's own bootstrap starts the kernel, no command has a use for the file.
        let has_connection_file =
            interpolation.has_connection_file || options.is_on(BRING_BOOTSTRAP);
        let interpolation = Interpolation { has_connection_file, ..interpolation };
        options.check_templates(launch.mode)?;
        if options.get("healthcheck").is_some() {
            // Replaces the list instead of appending to it.
            plan.set("Healthcheck", Json::Null);
        }
        options.apply(&mut plan.request, launch.mode, &interpolation)?;
        for (name, act) in ACTIONS {
            if let Some(node) = options.get(name).filter(|node| !interpolation.skips(node)) {
                act(&mut plan, node, &interpolation, options)
                    .map_err(|wrong| options.error(&wrong.of(name)))?;
            }
        }
        overrides::apply(&mut plan, spec, env, check_only)?;
        plan.needs = needs::of(&plan, options);
        Ok(plan)
    }
}
