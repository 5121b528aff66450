//! What a launcher makes of what a Swarm answers, one after the other, while the server waits.

use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::launch::{ID, of_gateway_provisioners};
use crate::sandbox::{Sandbox, at_once};
use crate::watched::{
    Answer, SHORT, Script, broken, created, gone, launched, no_manager, ok, scripted,
};

/// A service with one task, in each of these states when it is looked at.
fn tasks(states: &[&str]) -> Vec<Answer> {
    let task = |state: &&str| {
        let (desired, state) = state.split_once(' ').unwrap_or(("running", state));
        ok(json!([{
            "ID": "t1", "ServiceID": "s1", "NodeID": "n1", "DesiredState": desired,
            "Status": {"State": state, "ContainerStatus": {"ContainerID": "c1", "ExitCode": 3}},
        }]))
    };
    states.iter().map(task).collect()
}

fn service() -> Answer {
    ok(json!({"ID": "s1", "Spec": {
        "Labels": {"kernel_id": ID},
        "TaskTemplate": {"ContainerSpec": {"Env": ["RESPONSE_ADDRESS=192.0.2.1:8877"]}},
    }}))
}

/// A Swarm in which the kernel's service has been created.
fn swarm(tasks: Vec<Answer>, after: Vec<Script>) -> FakeEngine {
    let node = json!({
        "ID": "n1", "Description": {"Hostname": "worker"}, "Spec": {"Availability": "active"},
        "Status": {"State": "ready"},
    });
    let scripts = vec![
        ("POST /services/create", vec![created()]),
        ("GET /tasks", tasks),
        ("GET /services/s1", vec![service()]),
        ("DELETE /services/s1", vec![ok(Value::Null)]),
        ("GET /nodes/n1", vec![ok(node)]),
    ];
    scripted(scripts, after)
}

#[test]
fn a_service_that_the_server_gives_up_is_told_from_one_that_it_shuts_down() {
    let over = |states: &[&str], last: Answer| tasks(states).into_iter().chain([last]).collect();
    at_once(
        [
            // How it goes on when the server's time is over, and whether that is a failure.
            (over(&[], gone()), gone(), true),
            (over(&["running"], gone()), gone(), true),
            (over(&["shutdown complete"], gone()), gone(), false),
            // That what lies between says so does not mean that the service is gone.
            (over(&[], gone()), service(), false),
            (over(&[], broken()), gone(), false),
            (over(&["running"], no_manager()), no_manager(), false),
            (tasks(&["running"]), service(), false),
        ],
        |(looks, service, given_up)| {
            let what = format!("{looks:?}");
            let after = vec![("GET /tasks", looks), ("GET /services/s1", vec![service])];
            let outcome = launched(&swarm(tasks(&["running"]), after), "swarm", SHORT);
            if given_up {
                let error = outcome.error();
                assert!(error.contains("the server removed the service"), "{what}: {outcome}");
            } else {
                assert_eq!(outcome.code(), Some(0), "{what}: {outcome}");
            }
        },
    );
}

#[test]
fn a_swarm_that_does_not_answer_for_a_while_is_asked_again() {
    let looks = |states: &[&str], then: Answer, last: &[&str]| {
        tasks(states).into_iter().chain([then]).chain(tasks(last)).collect::<Vec<_>>()
    };
    for (tasks, failure) in [
        (looks(&["running"], no_manager(), &["failed"]), "ended with exit status 3"),
        (looks(&[], broken(), &["preparing", "failed"]), "ended with exit status 3"),
        (looks(&["running"], broken(), &["shutdown running"]), "has given up the service"),
    ] {
        let outcome = launched(&swarm(tasks, vec![]), "swarm", 600);
        assert!(outcome.error().contains(failure), "{outcome}");
    }
    // The last look came too late: the server may have the kernel by now.
    let outcome = launched(&swarm(looks(&["running"], no_manager(), &[]), vec![]), "swarm", SHORT);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn an_engine_that_is_no_manager_any_more_may_have_left_the_service() {
    let scripts = vec![
        ("POST /services/create", vec![created()]),
        ("GET /tasks", vec![no_manager()]),
        ("GET /services/s1", vec![no_manager()]),
    ];
    let engine = scripted(scripts, vec![]);
    let outcome = launched(&engine, "swarm", 600);
    assert!(outcome.error().contains("is not a swarm manager"), "{outcome}");
    assert!(outcome.error().contains(&format!("`docker service rm zoe-{ID}`")), "{outcome}");
}

#[test]
fn an_engine_that_is_no_manager_has_left_nothing() {
    let name: &'static str = format!("GET /services/zoe-{ID}").leak();
    let scripts = |inspect| {
        scripted(vec![("POST /services/create", vec![no_manager()]), (name, vec![inspect])], vec![])
    };
    let outcome = launched(&scripts(no_manager()), "swarm", 600);
    assert!(outcome.error().contains("is not a manager of a Docker Swarm"), "{outcome}");
    assert!(!outcome.stderr.contains("may be left over"), "{outcome}");
    // What is not said by one that is none.
    let outcome = launched(&scripts(broken()), "swarm", 600);
    assert!(outcome.error().contains("may be left over"), "{outcome}");
}

#[test]
fn how_far_a_task_has_come_is_told_when_it_takes_its_time() {
    at_once(
        [
            ("preparing", "its task is preparing on node worker, which pulls the image"),
            ("starting", "its task is starting on node worker\n"),
        ],
        |(state, said)| {
            // As many as take longer than it is patient.
            let states = [vec![state; 10], vec!["failed"]].concat();
            let outcome = launched(&swarm(tasks(&states), vec![]), "swarm", 600);
            assert!(outcome.stderr.contains(said), "{outcome}");
        },
    );
}

#[test]
fn a_task_that_stays_new_lacks_an_address() {
    let outcome = launched(&swarm(tasks(&["new"]), vec![]), "swarm", SHORT);
    let error = outcome.error();
    assert!(error.contains("was not running after 4 s: its task is new"), "{outcome}");
    assert!(error.contains("`docker network inspect kernels`"), "{outcome}");
    assert!(!error.contains("docker pull"), "{outcome}");
}

/// Swarm takes all generic resources back when a node changes.
#[test]
fn resources_that_are_taken_back_are_explained_to_who_asked_for_some() {
    const TAKEN_BACK: &str = "assigned node no longer meets constraints";
    let gpu = "--generic-resource=NVIDIA-GPU=1";
    for (option, reason, explained) in [
        (Some(gpu), TAKEN_BACK, true),
        (Some(gpu), "No such image: foo/bar:v1", false),
        (None, TAKEN_BACK, false),
    ] {
        let task = json!([{
            "ID": "t1", "ServiceID": "s1", "NodeID": "n1", "DesiredState": "shutdown",
            "Status": {"State": "rejected", "Err": reason},
        }]);
        let (sandbox, engine) = (Sandbox::new(), swarm(vec![ok(task)], vec![]));
        let words: Vec<&str> = ["--swarm"].into_iter().chain(option).collect();
        let mut command = of_gateway_provisioners(&sandbox, &engine, &words);
        let outcome = sandbox.run(command.env("GP_DOCKER_MODE", "swarm"));
        assert!(outcome.error().contains("was rejected by node worker"), "{outcome}");
        let says_how = outcome.error().contains("keep it there with a service on each node");
        assert_eq!(says_how, explained, "{outcome}");
    }
}

#[test]
fn a_task_that_swarm_has_replaced_does_not_count_any_more() {
    let task = |state: &str| json!({"ID": state, "ServiceID": "s1", "DesiredState": "running", "Status": {"State": state}});
    let both = ok(json!([task("failed"), task("running")]));
    let outcome = launched(&swarm(vec![both], vec![]), "swarm", SHORT);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn the_log_says_why_a_service_cannot_be_created() {
    for (status, message, said) in [
        ("503 Service Unavailable", "no", "is not a manager of a Docker Swarm"),
        ("404 Not Found", "network kernels not found", "`kernels` does not exist in the Swarm"),
        ("403 Forbidden", "network kernels cannot be used: scope", "does not span the Swarm"),
        ("400 Bad Request", "the scope is too large", "could not create the service"),
        ("400 Bad Request", "the network kernels is full", "could not create the service"),
        ("400 Bad Request", "the mount was not found", "could not create the service"),
    ] {
        let refused = (status, json!({"message": message}));
        let scripts = vec![("POST /services/create", vec![refused])];
        let outcome = launched(&scripted(scripts, vec![]), "swarm", 600);
        assert!(outcome.error().contains(said), "{message}: {outcome}");
    }
}

#[test]
fn the_log_says_what_is_the_matter_with_a_node() {
    let node = |state: &str, availability: &str, message: &str| {
        json!({
            "ID": "n1", "Description": {"Hostname": "worker"},
            "Spec": {"Availability": availability}, "Status": {"State": state, "Message": message},
        })
    };
    for (node, said) in [
        (ok(node("ready", "active", "")), "on node worker;"),
        (ok(node("ready", "drain", "")), "on node worker (availability: drain);"),
        (ok(node("down", "active", "")), "on node worker (down);"),
        (
            ok(node("down", "drain", "heartbeat failure")),
            "on node worker (down: heartbeat failure);",
        ),
        (gone(), "on node n1;"),
    ] {
        let scripts = vec![
            ("POST /services/create", vec![created()]),
            ("GET /tasks", tasks(&["shutdown running"])),
            ("GET /services/s1", vec![service()]),
            ("GET /nodes/n1", vec![node]),
        ];
        let outcome = launched(&scripted(scripts, vec![]), "swarm", 600);
        assert!(outcome.error().contains(said), "{outcome}");
    }
}
