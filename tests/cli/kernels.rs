//! What `ps` and `prune` ask an engine. What they find on a real one is in `tests/engine`.

use serde_json::json;

use crate::engine::FakeEngine;
use crate::sandbox::{INSTALLER, Sandbox};

/// An engine lets those wait who inspect a container that it is starting.
#[test]
fn the_container_of_a_service_is_not_inspected() {
    let sandbox = Sandbox::new();
    let engine = FakeEngine::answering(|path, _| {
        Some(match path {
            "/containers/json" => json!([
                {"Id": "own", "Labels": null},
                {"Id": "task", "Labels": {"com.docker.swarm.service.id": "s1"}},
            ]),
            "/info" => json!({"Swarm": {"ControlAvailable": false}}),
            "/containers/own/json" => json!({
                "Id": "own", "Name": "/own", "Created": "2020-01-01T00:00:00Z", "Config": {},
                "State": {"Status": "exited"},
            }),
            _ => return None,
        })
    });
    let mut command = sandbox.command(INSTALLER);
    command.args(["prune", "--dry-run"]).env("DOCKER_HOST", engine.host());
    let outcome = sandbox.run(&mut command);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(outcome.stdout.starts_with("own "), "{outcome}");
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome}");
}
