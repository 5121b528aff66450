//! Finds out what the engine would refuse of a kernel's container: it is asked to create containers with
//! parts of the request, which are removed without having been started.

use serde_json::{Value, json};

use super::docker::Docker;
use super::files::Requirements;
use super::packages::{ImageCheck, labels};
use super::report::Report;
use crate::launcher::plan::Plan;
use crate::model::Mode;

/// The engine's message for a missing directory.
const MISSING: &str = "bind source path does not exist";

impl Docker {
    /// Whether the engine would create the kernel's container: with each directory of the host, and with
    /// everything else.
    pub(super) async fn host(
        &self,
        image: &str,
        plan: Option<&Plan>,
        required: &Requirements,
        report: &mut Report,
    ) {
        for mount in required.mounts.iter().filter(|mount| mount["Type"] == "bind") {
            let source = mount["Source"].as_str().unwrap_or_default();
            let mut request = ImageCheck::at_paths_only(image);
            request["HostConfig"] = json!({"Mounts": [mount]});
            let Err(error) = self.would_create(&request).await else { continue };
            let mode = plan.map_or(Mode::Docker, |plan| plan.launch.mode);
            match (error.to_string(), mode) {
                (text, Mode::Docker) if text.contains(MISSING) => report.error(format!(
                    "`{source}`, which launch_docker.toml mounts, is not on the engine's host; make it there"
                )),
                (text, Mode::Swarm) if text.contains(MISSING) => report.warning(format!(
                    "`{source}`, which launch_docker.toml mounts, is not on this node of the Swarm; each that \
                     runs kernels needs it"
                )),
                (text, _) => report.error(text),
            }
        }
        // A service may run on any node.
        let Some(plan) = plan.filter(|plan| plan.launch.mode == Mode::Docker) else { return };
        let mut request = plan.request.clone();
        request["Labels"] = labels();
        for field in ["Mounts", "Binds", "VolumesFrom"] {
            request["HostConfig"][field] = Value::Null;
        }
        if let Err(error) = self.would_create(&request).await {
            report.error(format!("the engine refuses to create the kernel's container: {error}"));
        }
    }

    /// Creates a container and removes it.
    async fn would_create(&self, request: &Value) -> crate::engine::Result<()> {
        let probe = self.engine.create_probe(request).await?;
        self.remove_probe(&probe.id).await
    }
}
