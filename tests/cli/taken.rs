//! What has the name of a kernel's container or service already, and whether it may go.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::injection::launcher;
use crate::launch::ID;
use crate::sandbox::{Outcome, Sandbox};

/// The address to which the kernels of the tests' server report, and that of another server.
const OURS: Option<&str> = Some("192.0.2.1:8877");
const OTHER: Option<&str> = Some("192.0.2.1:8878");

fn labels(kernel_id: Option<&str>) -> Value {
    kernel_id.map_or_else(|| json!({"a": "b"}), |id| json!({"kernel_id": id}))
}

fn environment(address: Option<&str>) -> Value {
    let variable = address.map(|address| format!("RESPONSE_ADDRESS={address}"));
    ["PATH=/bin".to_owned()].into_iter().chain(variable).collect()
}

fn container(kernel_id: Option<&str>, address: Option<&str>, status: &str) -> Value {
    let config = json!({"Labels": labels(kernel_id), "Env": environment(address)});
    json!({"Id": "c0", "State": {"Status": status}, "Config": config})
}

fn service(kernel_id: Option<&str>, address: Option<&str>) -> Value {
    let container = json!({"ContainerSpec": {"Env": environment(address)}});
    json!({"ID": "s0", "Spec": {"Labels": labels(kernel_id), "TaskTemplate": container}})
}

/// Launches where `present` has the name, and where nothing can be created when that is gone. Says what came of
/// it, and whether it was removed.
fn launch(sandbox: &Sandbox, mode: &str, present: &Value, tasks: &[&str]) -> (Outcome, bool) {
    let removed = Arc::new(AtomicBool::new(false));
    let (seen, present) = (Arc::clone(&removed), present.to_string());
    let task = |state| json!({"ID": "t", "DesiredState": "running", "Status": {"State": state}});
    let tasks: Value = tasks.iter().map(task).collect();
    let engine = FakeEngine::with(move |(line, _), stream, _| {
        let gone = removed.load(Ordering::SeqCst);
        let words: Vec<&str> = line.split([' ', '/', '?']).collect();
        let (status, body) = match words[..] {
            [_, "", "_ping", ..] => ("200 OK\r\nApi-Version: 1.41", String::new()),
            ["DELETE", ..] => {
                removed.store(true, Ordering::SeqCst);
                ("200 OK", String::new())
            }
            ["POST", "", _, "create", ..] if gone => {
                ("400 Bad Request", json!({"message": "the way is free"}).to_string())
            }
            ["POST", "", _, "create", ..] => {
                ("409 Conflict", json!({"message": "the name is taken"}).to_string())
            }
            ["GET", "", "tasks", ..] => ("200 OK", tasks.to_string()),
            ["GET", ..] if !gone => ("200 OK", present.clone()),
            _ => ("404 Not Found", json!({"message": "no such object"}).to_string()),
        };
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).is_ok()
    });
    let mut command = launcher(sandbox, &engine);
    let outcome = sandbox.run(command.env("GP_DOCKER_MODE", mode).env("KERNEL_USERNAME", "zoe"));
    (outcome, seen.load(Ordering::SeqCst))
}

fn assert_removed(outcome: &Outcome, removed: bool, what: &str) {
    assert!(removed, "{what}: {outcome}");
    assert!(outcome.error().contains("the way is free"), "{what}: {outcome}");
}

fn assert_left(outcome: &Outcome, removed: bool, reason: &str) {
    assert!(!removed, "{outcome}");
    assert!(outcome.error().contains(reason), "{outcome}");
}

#[test]
fn what_is_no_container_of_this_kernel_is_never_removed() {
    let sandbox = Sandbox::new();
    for kernel_id in [None, Some("another")] {
        for address in [None, OURS] {
            for status in ["created", "running", "exited", "dead"] {
                let (outcome, removed) =
                    launch(&sandbox, "docker", &container(kernel_id, address, status), &[]);
                assert_left(
                    &outcome,
                    removed,
                    "is taken by a container that is not of this kernel",
                );
            }
        }
    }
}

#[test]
fn what_is_no_service_of_this_kernel_is_never_removed() {
    let sandbox = Sandbox::new();
    for kernel_id in [None, Some("another")] {
        for tasks in [&[][..], &["running"], &["complete"]] {
            let (outcome, removed) = launch(&sandbox, "swarm", &service(kernel_id, OURS), tasks);
            assert_left(&outcome, removed, "is taken by a service that is not of this kernel");
        }
    }
}

#[test]
fn a_container_of_this_kernel_goes_if_it_is_this_servers_or_has_ended() {
    let sandbox = Sandbox::new();
    for status in ["created", "running", "paused", "restarting", "exited"] {
        let (outcome, removed) =
            launch(&sandbox, "docker", &container(Some(ID), OURS, status), &[]);
        assert_removed(&outcome, removed, status);
    }
    for address in [OTHER, None] {
        for status in ["exited", "dead"] {
            let (outcome, removed) =
                launch(&sandbox, "docker", &container(Some(ID), address, status), &[]);
            assert_removed(&outcome, removed, status);
        }
        for status in ["created", "running", "paused", "restarting"] {
            let (outcome, removed) =
                launch(&sandbox, "docker", &container(Some(ID), address, status), &[]);
            assert_left(&outcome, removed, "another server has a kernel with the id of this one");
            assert_left(&outcome, removed, &format!("with `docker rm --force zoe-{ID}`"));
        }
    }
}

#[test]
fn a_service_of_this_kernel_goes_if_it_is_this_servers_or_has_ended() {
    let sandbox = Sandbox::new();
    let (outcome, removed) = launch(&sandbox, "swarm", &service(Some(ID), OURS), &["running"]);
    assert_removed(&outcome, removed, "running");
    for address in [OTHER, None] {
        for tasks in [&["complete"][..], &["failed", "rejected"]] {
            let (outcome, removed) = launch(&sandbox, "swarm", &service(Some(ID), address), tasks);
            assert_removed(&outcome, removed, "ended");
        }
        for tasks in [&[][..], &["pending"], &["running"], &["failed", "running"]] {
            let (outcome, removed) = launch(&sandbox, "swarm", &service(Some(ID), address), tasks);
            assert_left(&outcome, removed, "another server has a kernel with the id of this one");
            assert_left(&outcome, removed, &format!("with `docker service rm zoe-{ID}`"));
        }
    }
}
