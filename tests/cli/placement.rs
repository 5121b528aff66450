//! A service that no node has room for: what the launcher waits for, and for how long. A real Swarm is in
//! `tests/engine/test_nodes.py`; one that takes its time at a certain moment is here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::launch::launch;
use crate::sandbox::{Outcome, Sandbox};

fn task(service: &str, state: &str, error: &str) -> Value {
    json!([{
        "ID": "t", "ServiceID": service, "NodeID": "n", "DesiredState": "running",
        "Status": {"State": state, "Err": error},
    }])
}

/// A launch on a Swarm that has no room for the kernel when its service is looked at for the first `full`
/// times, and until the second of them tells of `others` of its tasks, or does not answer that. The kernel
/// then runs, and is removed by its server. How the launch ends, and how often its service was looked at.
fn launch_on_full_swarm(full: usize, others: Option<Value>) -> (Outcome, usize) {
    let looks = Arc::new(AtomicUsize::new(0));
    let all_looks = Arc::clone(&looks);
    let engine =
        FakeEngine::answering(move |path, query| match (path, query) {
            ("/services/create", _) => Some(json!({"ID": "new"})),
            ("/nodes/n", _) => Some(json!({
                "ID": "n", "Description": {"Hostname": "n"}, "Spec": {"Availability": "active"},
                "Status": {"State": "ready"},
            })),
            ("/tasks", query) if query.contains("kernel_id") => {
                if looks.load(Ordering::SeqCst) <= 2 { others.clone() } else { Some(json!([])) }
            }
            ("/tasks", _) => match looks.fetch_add(1, Ordering::SeqCst) {
                look if look < full => Some(task("new", "pending", "no suitable node")),
                look if look == full => Some(task("new", "running", "")),
                _ => None,
            },
            _ => None,
        });
    let sandbox = Sandbox::new();
    let mut command = launch(&sandbox);
    command.envs([("GP_DOCKER_MODE", "swarm"), ("GP_DOCKER_NETWORK", "kernels")]);
    let outcome = sandbox.run(command.env("DOCKER_HOST", engine.host()));
    (outcome, all_looks.load(Ordering::SeqCst))
}

#[test]
fn swarm_may_take_its_time_to_give_a_kernel_what_its_predecessor_had() {
    // It is there at first, or the engine does not tell.
    for others in [Some(task("old", "running", "")), None] {
        let (outcome, _) = launch_on_full_swarm(6, others);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
    }
}

#[test]
fn room_that_is_taken_by_others_is_not_waited_for() {
    for (others, fewest, most) in [
        (json!([]), 2, 2),
        // Its own task, and one that has ended.
        (task("new", "pending", ""), 2, 2),
        (task("old", "complete", ""), 2, 2),
        (task("old", "running", ""), 4, 100),
    ] {
        let (outcome, looks) = launch_on_full_swarm(usize::MAX, Some(others));
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        assert!(outcome.error().contains("no node of the Swarm can run the kernel"), "{outcome}");
        assert!((fewest..=most).contains(&looks), "{looks} looks: {outcome}");
    }
}
