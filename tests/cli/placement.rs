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
/// times, and where the kernel's task of before a restart is still there for the first `former` times. It
/// then runs, and is removed by its server. How the launch ends, and how often its service was looked at.
fn launch_on_full_swarm(full: usize, former: usize) -> (Outcome, usize) {
    let looks = Arc::new(AtomicUsize::new(0));
    let all_looks = Arc::clone(&looks);
    let engine = FakeEngine::answering(move |path, query| match (path, query) {
        ("/services/create", _) => Some(json!({"ID": "new"})),
        ("/nodes/n", _) => Some(json!({
            "ID": "n", "Description": {"Hostname": "n"}, "Spec": {"Availability": "active"},
            "Status": {"State": "ready"},
        })),
        ("/tasks", query) if query.contains("kernel_id") => {
            let there = looks.load(Ordering::SeqCst) <= former;
            Some(if there { task("old", "running", "") } else { json!([]) })
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
    let (outcome, _) = launch_on_full_swarm(6, 2);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn room_that_is_taken_by_others_is_not_waited_for() {
    for (former, fewest, most) in [(0, 2, 2), (2, 4, 100)] {
        let (outcome, looks) = launch_on_full_swarm(usize::MAX, former);
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        assert!(outcome.error().contains("no node of the Swarm can run the kernel"), "{outcome}");
        assert!((fewest..=most).contains(&looks), "{looks} looks with {former}: {outcome}");
    }
}
