//! What `ps` and `prune` ask an engine, what they take for a kernel, and when its server has gone for them. What
//! they find on a real one is in `tests/engine`.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::sandbox::{INSTALLER, Outcome, Sandbox, in_shell};

/// The labels of a kernel.
fn labels() -> Value {
    json!({"app": "gateway-provisioners", "component": "kernel", "kernel_id": "k1"})
}

/// What the engine says of a container that was created long ago.
fn details(id: &str, state: &str, labels: &Value, variables: &[&str]) -> Value {
    json!({
        "Id": id, "Name": format!("/{id}"), "Created": "2020-01-01T00:00:00Z",
        "Config": {"Image": "i", "Labels": labels, "Env": variables}, "State": {"Status": state},
    })
}

/// An engine with these containers, which are what it says of each.
fn engine_with(containers: Vec<Value>) -> FakeEngine {
    engine_that_has(containers, Vec::new())
}

/// One that has these volumes besides, which no container has.
fn engine_that_has(containers: Vec<Value>, volumes: Vec<Value>) -> FakeEngine {
    FakeEngine::answering(move |path, _| {
        Some(match path {
            "/volumes" => json!({"Volumes": volumes, "Warnings": null}),
            path if path.starts_with("/volumes/") => json!({}),
            "/containers/json" => containers
                .iter()
                .map(|container| {
                    json!({"Id": container["Id"], "Labels": container["Config"]["Labels"]})
                })
                .collect(),
            "/info" => json!({"Swarm": {"ControlAvailable": false}}),
            path if path.ends_with("/stats") => json!({}),
            path => {
                let id = path.split('/').nth(2)?;
                containers.iter().find(|container| container["Id"] == id)?.clone()
            }
        })
    })
}

/// A volume that was made long ago.
fn volume(name: &str, labels: &Value) -> Value {
    json!({"Name": name, "CreatedAt": "2020-01-01T00:00:00Z", "Driver": "local", "Labels": labels})
}

/// The labels of a kernel with this id.
fn of(kernel_id: &str) -> Value {
    let mut labels = labels();
    labels["kernel_id"] = kernel_id.into();
    labels
}

fn command(sandbox: &Sandbox, engine: &FakeEngine, words: &[&str]) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.args(words).env("DOCKER_HOST", engine.host());
    command
}

fn run(sandbox: &Sandbox, engine: &FakeEngine, words: &[&str]) -> Outcome {
    let outcome = sandbox.run(&mut command(sandbox, engine, words));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    outcome
}

/// An engine lets those wait who inspect a container that it is starting.
#[test]
fn the_container_of_a_service_is_not_inspected() {
    let sandbox = Sandbox::new();
    let own = details("own", "exited", &labels(), &[]);
    let mut task = own.clone();
    task["Id"] = "task".into();
    task["Config"]["Labels"]["com.docker.swarm.service.id"] = "s1".into();
    let engine = engine_with(vec![own, task]);
    let outcome = run(&sandbox, &engine, &["prune", "--dry-run"]);
    assert!(outcome.stdout.starts_with("own "), "{outcome}");
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome}");
    let heads = engine.heads().join("");
    assert!(heads.contains("/containers/own/json") && !heads.contains("/task/"), "{heads}");
    // It is asked for kernels only.
    let filter = "filters=%7B%22label%22%3A%5B%22component%3Dkernel%22%2C%22kernel_id%22%5D%7D";
    assert!(heads.contains(filter), "{heads}");
}

/// `component=kernel` is a label that others may use, too.
#[test]
fn only_what_has_all_labels_of_a_kernel_is_one() {
    let sandbox = Sandbox::new();
    let mut containers = Vec::new();
    for (id, name, value) in [
        ("no-app", "app", Value::Null),
        ("other-app", "app", json!("nginx")),
        ("no-id", "kernel_id", Value::Null),
        ("empty-id", "kernel_id", json!("")),
        ("no-component", "component", Value::Null),
        ("other-component", "component", json!("proxy")),
    ] {
        for state in ["exited", "created", "dead"] {
            let mut labels = labels();
            match value {
                Value::Null => drop(labels.as_object_mut().unwrap().remove(name)),
                _ => labels[name] = value.clone(),
            }
            containers.push(details(&format!("{id}-{state}"), state, &labels, &[]));
        }
    }
    let engine = engine_with(containers);
    assert_eq!(run(&sandbox, &engine, &["ps", "--json"]).stdout, "[]\n");
    let outcome = run(&sandbox, &engine, &["prune", "-y"]);
    assert!(outcome.stderr.contains("Nothing to remove"), "{outcome}");
    let heads = engine.heads().join("");
    assert!(!heads.contains("DELETE "), "{heads}");
}

/// A network namespace of one's own, in which this script sets up addresses and routes first.
fn in_network(script: &str, command: &Command) -> Command {
    let root = rustix::process::geteuid().is_root();
    let user = if root { "" } else { "--user --map-root-user" };
    let mut shell = in_shell(
        &format!(
            "exec unshare {user} --net sh -c 'set -e; ip link set lo up; {script} exec \"$@\"' sh \"$@\""
        ),
        command,
    );
    shell.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    shell
}

/// An address of this host at which nobody listens.
fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_server_has_gone_only_if_nothing_else_can_be_meant() {
    const GONE: &str = "its server no longer listens on";
    const ELSEWHERE: &str = "only the host of its server can tell";
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = listener.local_addr().unwrap().to_string();
    let (here, plain) = ("127.0.0.1:8877", "");
    for (script, address, expected) in [
        (None, served.as_str(), "each kernel has a server that waits for it"),
        (None, &free_port(), GONE),
        (None, "198.51.100.7:8877", ELSEWHERE),
        (None, "somewhere", "does not say where its server listens"),
        (None, "0.0.0.0:8877", ELSEWHERE),
        (Some(plain), here, GONE),
        (Some(plain), "[::1]:8877", GONE),
        (Some("ip addr add 192.0.2.9/24 dev lo;"), "192.0.2.9:8877", GONE),
        // That it can be bound to does not make an address this host's.
        (Some("echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind;"), "198.51.100.7:8877", ELSEWHERE),
        (Some("ip route add local 198.51.100.0/24 dev lo;"), "198.51.100.7:8877", ELSEWHERE),
        (Some("ip route add local 198.51.100.7 dev lo;"), "198.51.100.7:8877", ELSEWHERE),
        // The server is in another network namespace, which has the same address.
        (Some(plain), served.as_str(), "in another network namespace"),
        // As in a container that has the engine's socket.
        (
            Some("exec unshare --pid --fork --mount-proc \"$@\";"),
            here,
            "run it on the engine's host",
        ),
    ] {
        let variable = format!("RESPONSE_ADDRESS={address}");
        let engine = engine_with(vec![details("c1", "running", &labels(), &[&variable])]);
        let mut command = command(&sandbox, &engine, &["prune", "-y"]);
        if let Some(script) = script {
            command = in_network(script, &command);
        }
        let outcome = sandbox.run(&mut command);
        let says = format!("{script:?} {address}: {outcome}");
        assert_eq!(outcome.code(), Some(0), "{says}");
        assert!(outcome.stderr.contains(expected), "{says}");
        let removed = engine.heads().iter().any(|head| head.starts_with("DELETE "));
        assert_eq!(removed, expected == GONE, "{says}");
    }
}

/// The host of another engine may have the same addresses: all have the bridge's.
#[test]
fn of_an_engine_on_another_host_no_running_kernel_is_removed() {
    let sandbox = Sandbox::new();
    let variable = format!("RESPONSE_ADDRESS={}", free_port());
    let running = details("running", "running", &labels(), &[&variable]);
    let exited = details("exited", "exited", &labels(), &[&variable]);
    let engine = FakeEngine::answering(move |path, _| {
        Some(match path {
            "/containers/json" => json!([{"Id": "running"}, {"Id": "exited"}]),
            "/info" => json!({"Name": "far", "Swarm": {"ControlAvailable": false}}),
            "/containers/running/json" => running.clone(),
            "/containers/exited/json" => exited.clone(),
            "/containers/exited" => json!({}),
            "/volumes" => json!({"Volumes": null}),
            _ => return None,
        })
    });
    let outcome = run(&sandbox, &engine, &["prune", "-y"]);
    assert!(outcome.stderr.contains("is on a host named `far`, and this is `"), "{outcome}");
    assert!(outcome.stderr.contains("Removed the container exited: it is exited"), "{outcome}");
    let heads = engine.heads();
    assert_eq!(heads.iter().filter(|head| head.starts_with("DELETE ")).count(), 1, "{heads:?}");
}

/// Other nodes have the same bridge.
#[test]
fn a_service_on_another_node_may_have_another_server() {
    let sandbox = Sandbox::new();
    let variable = format!("RESPONSE_ADDRESS={}", free_port());
    for (node, known_as, removed) in
        [("n1", "192.0.2.1", true), ("n2", "192.0.2.1", false), ("n2", "127.0.0.1", true)]
    {
        let variable = variable.clone();
        let engine = FakeEngine::answering(move |path, _| {
            Some(match path {
                "/containers/json" | "/nodes" => json!([]),
                "/volumes" => json!({"Volumes": null}),
                "/info" => json!({
                    "Swarm": {"ControlAvailable": true, "NodeID": "n1", "NodeAddr": known_as},
                }),
                "/services" => json!([{
                    "ID": "s1", "CreatedAt": "2020-01-01T00:00:00Z",
                    "Spec": {
                        "Name": "one", "Labels": labels(),
                        "TaskTemplate": {"ContainerSpec": {"Env": [variable]}},
                    },
                }]),
                "/tasks" => {
                    json!([{"ServiceID": "s1", "NodeID": node, "Status": {"State": "running"}}])
                }
                "/services/s1" => json!({}),
                _ => return None,
            })
        });
        let outcome = run(&sandbox, &engine, &["prune", "-y"]);
        let heads = engine.heads();
        let deleted = heads.iter().any(|head| head.starts_with("DELETE "));
        assert_eq!(deleted, removed, "{node} {known_as}: {outcome}");
    }
}

/// A client may have variables of any size; they must not keep anybody from seeing and removing kernels.
#[test]
fn neither_size_nor_number_of_kernels_is_too_much() {
    const CONTAINERS: usize = 2900;
    const SERVICES: usize = 8;
    const VOLUMES: usize = 20_000;
    let sandbox = Sandbox::new();
    let large = format!("KERNEL_LARGE={}", "<".repeat(400_000));
    let volumes: Vec<Value> =
        (0..VOLUMES).map(|number| volume(&format!("{number:064}"), &of("gone"))).collect();
    let engine = FakeEngine::answering(move |path, _| {
        Some(match path {
            "/containers/json" => (0..CONTAINERS)
                .map(|number| {
                    let filling = "x".repeat(1000);
                    json!({"Id": format!("c{number}"), "Labels": labels(), "Command": filling})
                })
                .collect(),
            "/volumes" => json!({"Volumes": volumes}),
            "/info" => json!({"Swarm": {"ControlAvailable": true}}),
            // In the escapes of Go, one is too large for any bound on a whole answer.
            "/containers/c0/json" => {
                let mut variables = vec![large.as_str(); 10];
                variables.push("KERNEL_USERNAME=ann");
                details("c0", "exited", &labels(), &variables)
            }
            path if path.starts_with("/containers/") => details("c1", "exited", &labels(), &[]),
            "/services" => (0..SERVICES)
                .map(|number| {
                    json!({
                        "ID": format!("s{number}"), "CreatedAt": "2020-01-01T00:00:00Z",
                        "Spec": {
                            "Name": "one", "Labels": labels(),
                            "TaskTemplate": {"ContainerSpec": {"Env": [&large, "KERNEL_USERNAME=bob"]}},
                        },
                    })
                })
                .collect(),
            "/tasks" => (0..SERVICES)
                .map(|number| {
                    json!({
                        "ServiceID": format!("s{number}"), "Status": {"State": "failed"},
                        "Spec": {"ContainerSpec": {"Env": [&large]}},
                    })
                })
                .collect(),
            "/nodes" => json!([]),
            _ => return None,
        })
    });
    let outcome = run(&sandbox, &engine, &["ps", "--json"]);
    let kernels: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(kernels.len(), CONTAINERS + SERVICES);
    let of = |user: &str| kernels.iter().filter(|kernel| kernel["user"] == user).count();
    assert_eq!((of("ann"), of("bob")), (1, SERVICES));
    let outcome = run(&sandbox, &engine, &["prune", "--dry-run"]);
    assert_eq!(outcome.stdout.lines().count(), CONTAINERS + SERVICES + VOLUMES);
}

/// The answer to a question may come from anywhere.
#[test]
fn an_answer_without_end_is_none() {
    let sandbox = Sandbox::new();
    for (answer, removed) in [
        ("</dev/zero", false),
        ("<<.\ny\n.\n", true),
        ("<<.\nyes and no\n.\n", false),
        ("</dev/null", false),
    ] {
        let engine = engine_with(vec![details("c1", "exited", &labels(), &[])]);
        let command = command(&sandbox, &engine, &["prune"]);
        let script = format!("ulimit -v 400000; timeout 60 \"$@\" {answer}");
        let outcome = sandbox.run(&mut in_shell(&script, &command));
        assert_eq!(outcome.code(), Some(i32::from(!removed)), "{answer}: {outcome}");
        let heads = engine.heads();
        let deleted = heads.iter().any(|head| head.starts_with("DELETE "));
        assert_eq!(deleted, removed, "{answer}: {outcome}");
    }
}

/// What the engine was asked to remove, of each the last part of its path.
fn deleted(engine: &FakeEngine) -> Vec<String> {
    let heads = engine.heads();
    let lines = heads.iter().filter_map(|head| head.strip_prefix("DELETE "));
    lines.map(|line| line.split([' ', '?']).next().unwrap().to_owned()).collect()
}

/// A server removes a container without its volumes.
#[test]
fn volumes_of_kernels_that_are_gone_are_removed() {
    let sandbox = Sandbox::new();
    let (old, older) = ("0a".repeat(32), "0b".repeat(32));
    let mut of_gateway = of("gone");
    of_gateway["app"] = "enterprise-gateway".into();
    of_gateway["kernelspec"] = "k".into();
    let mut first = volume(&older, &of_gateway);
    first["CreatedAt"] = "2019-01-01T00:00:00+01:00".into();
    let there = || {
        let kernels = vec![details("c1", "exited", &labels(), &[])];
        engine_that_has(kernels, vec![volume(&old, &of("gone too")), first.clone()])
    };
    let engine = there();
    let outcome = run(&sandbox, &engine, &["prune", "--dry-run"]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("c1 "), "{outcome}");
    assert!(lines[1].starts_with(&format!("{older}  ")), "{outcome}");
    assert!(lines[2].starts_with(&format!("{old}  ")), "{outcome}");
    assert!(lines[2].ends_with("left over from the kernel gone too, which is gone"), "{outcome}");
    // Only those that no container has, with our labels.
    let filter = "/volumes?filters=%7B%22dangling%22%3A%5B%22true%22%5D%2C%22label%22%3A%5B%22\
                  component%3Dkernel%22%2C%22kernel_id%22%5D%7D";
    assert!(engine.heads().join("").contains(filter), "{:?}", engine.heads());
    // Nobody says yes.
    let outcome = sandbox.run(&mut command(&sandbox, &engine, &["prune"]));
    assert!(outcome.error().contains("there is nobody to answer"), "{outcome}");
    assert!(outcome.stderr.contains(&older), "{outcome}");
    assert!(deleted(&engine).is_empty());

    let engine = there();
    let outcome = run(&sandbox, &engine, &["prune", "-y", "--json"]);
    let removed: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let age = removed[1]["age_seconds"].as_u64().unwrap();
    let expected = json!({
        "volume": older, "kernel_id": "gone", "system": removed[1]["system"], "specification": "k",
        "created": "2019-01-01T00:00:00+01:00", "age_seconds": age, "removed": true,
    });
    assert_eq!(removed[1], expected, "{outcome}");
    assert_eq!(removed[1]["system"], "enterprise-gateway", "{outcome}");
    assert_eq!(removed.len(), 3, "{outcome}");
    let paths = ["containers/c1", &format!("volumes/{older}"), &format!("volumes/{old}")];
    assert_eq!(deleted(&engine), paths.map(|path| format!("/v1.41/{path}")));
}

#[test]
fn no_volume_is_removed_that_may_be_anothers() {
    let sandbox = Sandbox::new();
    let name = "0c".repeat(32);
    let mut volumes = vec![
        // An administrator's with a name, whatever its labels.
        volume("data", &of("gone")),
        volume(&name[1..], &of("gone")),
        volume(&name.to_uppercase(), &of("gone")),
        volume(&format!("g{}", &name[1..]), &of("gone")),
        // Of a kernel that is there.
        volume(&name, &labels()),
        volume(&name, &Value::Null),
    ];
    for label in ["app", "component", "kernel_id"] {
        for value in [json!(""), json!("other"), Value::Null] {
            let mut labels = of("gone");
            match value {
                // Any id may be a kernel's.
                Value::String(text) if label == "kernel_id" && !text.is_empty() => continue,
                Value::Null => drop(labels.as_object_mut().unwrap().remove(label)),
                _ => labels[label] = value,
            }
            volumes.push(volume(&name, &labels));
        }
    }
    for created in [Value::Null, json!("soon"), json!("2999-01-01T00:00:00Z")] {
        let mut young = volume(&name, &of("gone"));
        match created {
            Value::Null => drop(young.as_object_mut().unwrap().remove("CreatedAt")),
            _ => young["CreatedAt"] = created,
        }
        volumes.push(young);
    }
    let variable = format!("RESPONSE_ADDRESS={}", "198.51.100.7:8877");
    let running = details("c1", "running", &labels(), &[&variable]);
    let engine = engine_that_has(vec![running], volumes);
    let outcome = run(&sandbox, &engine, &["prune", "-y", "--older-than=0s"]);
    assert!(outcome.stderr.contains("Nothing to remove"), "{outcome}");
    assert_eq!(deleted(&engine), [""; 0]);
}

#[test]
fn a_volume_that_is_in_use_or_gone_by_then_is_no_failure() {
    let name = "0d".repeat(32);
    for (status, code, says) in [
        (404, 0, "Removed the volume"),
        (409, 0, "alone: it is in use"),
        (500, 1, "Could not remove the volume"),
    ] {
        let sandbox = Sandbox::new();
        let listed = json!({"Volumes": [volume(&name, &of("gone"))]});
        let engine = FakeEngine::with(move |(line, _), stream, _| {
            let (status, body) = match line.split(['?', ' ']).nth(1).unwrap_or_default() {
                "/_ping" => (200, String::new()),
                "/containers/json" => (200, "[]".to_owned()),
                "/info" => (200, "{}".to_owned()),
                "/volumes" => (200, listed.to_string()),
                _ => (status, json!({"message": "no"}).to_string()),
            };
            let head = format!("HTTP/1.1 {status} X\r\nApi-Version: 1.41\r\nContent-Length");
            stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).is_ok()
        });
        let outcome = sandbox.run(&mut command(&sandbox, &engine, &["prune", "-y"]));
        assert_eq!(outcome.code(), Some(code), "{outcome}");
        assert!(outcome.stderr.contains(says), "{outcome}");
    }
}
