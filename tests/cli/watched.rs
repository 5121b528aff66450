//! What a launcher makes of what an engine answers, one after the other, while the server waits.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal as Number, kill_process};
use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::launch::{ID, of_gateway_provisioners};
use crate::sandbox::{Outcome, Sandbox, at_once};
use crate::unread::{Signal, begin, container, respond};

/// How long a server waits whose time is to be over, in seconds: time enough to create a kernel on a busy machine.
pub(crate) const SHORT: u32 = 4;

pub(crate) type Answer = (&'static str, Value);

pub(crate) fn ok(body: Value) -> Answer {
    ("200 OK", body)
}

pub(crate) fn gone() -> Answer {
    ("404 Not Found", json!({"message": "no such object"}))
}

pub(crate) fn broken() -> Answer {
    ("500 Internal Server Error", json!({"message": "out of order"}))
}

pub(crate) fn no_manager() -> Answer {
    ("503 Service Unavailable", json!({"message": "This node is not a swarm manager."}))
}

fn taken() -> Answer {
    ("409 Conflict", json!({"message": "the name is taken"}))
}

pub(crate) fn created() -> Answer {
    ("201 Created", json!({"Id": "c1", "ID": "s1"}))
}

/// The answers to one kind of question: the last is given again and again.
pub(crate) type Script = (&'static str, Vec<Answer>);

/// An engine that answers from the scripts, and does not know what is in none. `after` counts for the tasks and
/// the service once the launcher has asked for its output, as it does when the server's time is over.
pub(crate) fn scripted(scripts: Vec<Script>, after: Vec<Script>) -> FakeEngine {
    let scripts = Arc::new(Mutex::new((scripts, after)));
    FakeEngine::with(move |(line, _), stream, _| {
        let question = line.split('?').next().unwrap_or_default();
        let mut both = scripts.lock().unwrap();
        let (scripts, after) = &mut *both;
        match question {
            "HEAD /_ping" => return respond(stream, "200 OK", ""),
            "GET /services/s1/logs" => {
                scripts.retain(|(name, _)| !after.iter().any(|(later, _)| later == name));
                scripts.append(after);
                begin(stream);
                return false;
            }
            _ => {}
        }
        let (status, body) = next(scripts, question);
        drop(both);
        respond(stream, status, &body.to_string())
    })
}

/// The next answer to a question.
fn next(scripts: &mut [Script], question: &str) -> Answer {
    match scripts.iter_mut().find(|(name, _)| *name == question) {
        Some((_, answers)) if answers.len() > 1 => answers.remove(0),
        Some((_, answers)) => answers[0].clone(),
        None => gone(),
    }
}

pub(crate) fn launched(engine: &FakeEngine, mode: &str, timeout: u32) -> Outcome {
    launched_with(engine, mode, timeout, &[])
}

fn launched_with(
    engine: &FakeEngine,
    mode: &str,
    timeout: u32,
    variables: &[(&str, &str)],
) -> Outcome {
    let sandbox = Sandbox::new();
    let option = format!("--launch-timeout={timeout}");
    let mut words = vec![option.as_str()];
    words.extend((mode == "swarm").then_some("--swarm"));
    let mut command = of_gateway_provisioners(&sandbox, engine, &words);
    command.env("GP_DOCKER_MODE", mode).env("KERNEL_USERNAME", "zoe");
    sandbox.run(command.envs(variables.iter().copied()))
}

fn is_removed(engine: &FakeEngine) -> bool {
    engine.heads().iter().any(|head| head.starts_with("DELETE "))
}

#[test]
fn a_name_is_tried_again_when_nothing_has_it_any_more() {
    for (mode, kind) in [("docker", "containers"), ("swarm", "services")] {
        let create: &'static str = format!("POST /{kind}/create").leak();
        let name: &'static str = match mode {
            "docker" => format!("GET /containers/zoe-{ID}/json").leak(),
            _ => format!("GET /services/zoe-{ID}").leak(),
        };
        let launch = |inspect: Vec<Answer>| {
            let refused = ("400 Bad Request", json!({"message": "the way is free"}));
            let image = ("GET /images/foo%2Fbar%3Av1/json", vec![ok(json!({}))]);
            let scripts = vec![image, (create, vec![taken(), refused]), (name, inspect)];
            let engine = scripted(scripts, vec![]);
            let outcome = launched(&engine, mode, 600);
            assert!(!is_removed(&engine), "{outcome}");
            outcome
        };
        let outcome = launch(vec![gone()]);
        assert!(outcome.error().contains("the way is free"), "{outcome}");
        assert!(!outcome.stderr.contains("may be left over"), "{outcome}");
        let outcome = launch(vec![broken(), gone()]);
        assert!(outcome.error().contains("out of order"), "{outcome}");
    }
}

#[test]
fn a_container_on_its_way_out_is_left_to_those_who_remove_it() {
    let name: &'static str = format!("GET /containers/zoe-{ID}/json").leak();
    let leaving: Value = container(&json!({"Status": "removing"})).parse().unwrap();
    let refused = ("400 Bad Request", json!({"message": "the way is free"}));
    let engine = scripted(
        vec![
            ("GET /images/foo%2Fbar%3Av1/json", vec![ok(json!({}))]),
            ("POST /containers/create", vec![taken(), taken(), refused]),
            (name, vec![ok(leaving.clone()), ok(leaving), gone()]),
        ],
        vec![],
    );
    let outcome = launched(&engine, "docker", 600);
    assert!(outcome.error().contains("the way is free"), "{outcome}");
    assert!(!is_removed(&engine), "{outcome}");
}

/// A kernel that comes to this after the server's time.
fn after_the_time(events: &'static [&'static str]) -> Outcome {
    let engine = FakeEngine::with(move |(line, _), stream, _| {
        match line.split(['?', ' ']).nth(1).unwrap_or_default() {
            "/_ping" => respond(stream, "200 OK", ""),
            "/containers/create" => respond(stream, "201 Created", &created().1.to_string()),
            "/events" => {
                begin(stream);
                // The time has begun before this.
                thread::sleep(Duration::from_secs(SHORT.into()));
                for action in events {
                    let event =
                        json!({"Action": action, "Actor": {"Attributes": {"exitCode": "137"}}});
                    let _ = stream.write_all(format!("{event}\n").as_bytes());
                }
                let _ = stream.read(&mut [0]);
                false
            }
            "/containers/c1/attach" => {
                begin(stream);
                let _ = stream.write_all(b"\x01\0\0\0\0\0\0\x0aI was here");
                let _ = stream.read(&mut [0]);
                false
            }
            path if path.starts_with("/images/") => respond(stream, "200 OK", "{}"),
            _ => respond(stream, "204 No Content", ""),
        }
    });
    launched(&engine, "docker", SHORT)
}

#[test]
fn a_container_that_the_server_gives_up_is_told_from_one_that_it_shuts_down() {
    at_once(
        [
            (&["kill", "die", "destroy"][..], true),
            (&["destroy"], true),
            (&["die", "destroy"], false),
        ],
        |(events, given_up)| {
            let outcome = after_the_time(events);
            if given_up {
                let error = outcome.error();
                assert!(error.contains("the server removed the container"), "{outcome}");
                assert!(error.contains("I was here"), "{outcome}");
            } else {
                assert_eq!(outcome.code(), Some(0), "{outcome}");
            }
        },
    );
}

/// A container of which this is said when it is created, when it is started, and when it is looked at because the
/// engine has ended its events.
fn containers(create: Vec<Answer>, start: Answer, inspect: Vec<Answer>) -> FakeEngine {
    let scripts = vec![
        ("GET /images/foo%2Fbar%3Av1/json", vec![ok(json!({}))]),
        ("POST /images/create", vec![ok(json!({}))]),
        ("POST /containers/create", create),
        ("POST /containers/c1/start", vec![start]),
        ("GET /containers/c1/json", inspect),
        ("DELETE /containers/c1", vec![("204 No Content", Value::Null)]),
    ];
    let scripted = Arc::new(Mutex::new(scripts));
    FakeEngine::with(move |(line, _), stream, _| {
        let question = line.split('?').next().unwrap_or_default();
        match question {
            "HEAD /_ping" => respond(stream, "200 OK", ""),
            "GET /events" | "POST /containers/c1/attach" => {
                begin(stream);
                false
            }
            _ => {
                let (status, body) = next(&mut scripted.lock().unwrap(), question);
                respond(stream, status, &body.to_string())
            }
        }
    })
}

fn in_state(status: &str) -> Answer {
    ok(container(&json!({"Status": status})).parse().unwrap())
}

#[test]
fn what_has_become_of_a_container_is_looked_at_when_the_engine_stops_telling() {
    let started = || ("204 No Content", Value::Null);
    let launched = |inspect, timeout| {
        launched(&containers(vec![created()], started(), inspect), "docker", timeout)
    };
    for inspect in
        [vec![in_state("running")], vec![no_manager(), in_state("running"), in_state("exited")]]
    {
        let outcome = launched(inspect, 600);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
    }
    // It does not say before the server's time is over.
    let outcome = launched(vec![no_manager()], SHORT);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    for (inspect, reason) in [
        (vec![in_state("exited")], "is exited"),
        (vec![no_manager(), in_state("exited")], "is exited"),
        (vec![broken(), gone()], "is gone"),
    ] {
        let outcome = launched(inspect, 600);
        let reason = format!("the engine was restarted, and the container `zoe-{ID}` {reason}");
        assert!(outcome.error().contains(&reason), "{outcome}");
    }
}

#[test]
fn the_log_says_why_a_container_cannot_be_started() {
    for (message, said) in [
        (
            "exec /bin/sh: exec format error",
            "the image `foo/bar:v1` may be for another architecture than the engine's host; see it \
             with `docker image inspect --format {{.Architecture}} foo/bar:v1`",
        ),
        ("network kernels not found", "the network `kernels` does not exist on the engine"),
        ("the network kernels is full", "could not start the container"),
        ("the file was not found", "could not start the container"),
    ] {
        let start = ("400 Bad Request", json!({"message": message}));
        let outcome = launched(&containers(vec![created()], start, vec![gone()]), "docker", 600);
        assert!(outcome.error().contains(said), "{outcome}");
    }
}

#[test]
fn what_a_failed_launch_has_created_is_removed_unless_it_is_to_be_kept() {
    let refused = || ("400 Bad Request", json!({"message": "no"}));
    for (inspect, remove, removed) in [
        (vec![in_state("created")], "True", true),
        (vec![in_state("exited")], "True", true),
        (vec![in_state("created")], "False", true),
        (vec![in_state("exited")], "False", false),
        // It is tried again.
        (vec![broken(), in_state("created")], "True", true),
        (vec![gone()], "True", false),
    ] {
        let what = format!("{inspect:?} {remove}");
        let engine = containers(vec![created()], refused(), inspect);
        let outcome = launched_with(&engine, "docker", 600, &[("REMOVE_CONTAINER", remove)]);
        assert!(outcome.error().starts_with("could not start"), "{what}: {outcome}");
        assert!(!outcome.stderr.contains("may be left over"), "{what}: {outcome}");
        assert_eq!(is_removed(&engine), removed, "{what}: {outcome}");
    }
}

#[test]
fn who_may_not_pull_an_image_is_told_how_to_log_in() {
    for (message, advice) in [
        ("pull access denied for foo/bar", "log in with `docker login "),
        ("no basic auth credentials", "log in with `docker login "),
        (
            "unexpected status from HEAD request to x: 401 Unauthorized",
            "log in with `docker login ",
        ),
        ("out of order", "pull it beforehand with `docker pull foo/bar:v1`"),
    ] {
        let scripts = vec![
            ("POST /containers/create", vec![gone()]),
            ("POST /images/create", vec![("500 No", json!({"message": message}))]),
        ];
        let outcome = launched(&scripted(scripts, vec![]), "docker", 600);
        assert!(outcome.error().contains(advice), "{message}: {outcome}");
        assert_eq!(outcome.stderr.contains("docker login"), advice.contains("login"), "{outcome}");
    }
}

/// The engine creates it all the same, and only its answer has the id.
#[test]
fn what_is_being_created_when_the_launcher_is_stopped_is_removed() {
    let service = json!({"ID": "s1", "Spec": {"Labels": {"kernel_id": ID}}}).to_string();
    for (mode, created, leftover, present) in [
        (
            "docker",
            "/containers/create",
            "/containers/c1",
            container(&json!({"Status": "created"})),
        ),
        ("swarm", "/services/create", "/services/s1", service),
    ] {
        let (asked, stopped) = (Signal::default(), Signal::default());
        let (begun, told) = (asked.clone(), stopped.clone());
        let engine = FakeEngine::with(move |(line, _), stream, _| {
            let path = line.split(['?', ' ']).nth(1).unwrap_or_default();
            if path == created {
                begun.give();
                told.wait();
                // The signal reaches the launcher before this.
                thread::sleep(Duration::from_millis(300));
                return respond(stream, "201 Created", r#"{"Id": "c1", "ID": "s1"}"#);
            }
            match (line.split(' ').next(), path.strip_prefix(leftover)) {
                (Some("DELETE"), Some(_)) => respond(stream, "204 No Content", ""),
                (Some("POST"), Some("/attach")) => {
                    begin(stream);
                    true
                }
                (_, Some(_)) => respond(stream, "200 OK", &present),
                _ if path == "/events" => {
                    begin(stream);
                    true
                }
                _ if path == "/_ping" => respond(stream, "200 OK", ""),
                _ if path.starts_with("/images/") => respond(stream, "200 OK", "{}"),
                _ => respond(stream, "404 Not Found", "{}"),
            }
        });
        let sandbox = Sandbox::new();
        let words: &[&str] = if mode == "swarm" { &["--swarm"] } else { &[] };
        let mut command = of_gateway_provisioners(&sandbox, &engine, words);
        let child = command.env("GP_DOCKER_MODE", mode).stderr(Stdio::piped()).spawn().unwrap();
        asked.wait();
        kill_process(Pid::from_child(&child), Number::TERM).unwrap();
        stopped.give();
        let outcome = sandbox.outcome(&child.wait_with_output().unwrap());
        assert!(outcome.error().contains("the launcher was stopped by SIGTERM"), "{outcome}");
        let removal = format!("DELETE /v1.41{leftover}");
        let heads = engine.heads();
        assert!(heads.iter().any(|head| head.starts_with(&removal)), "{mode}: {outcome}");
        // Nothing else is begun.
        assert!(!heads.iter().any(|head| head.contains("/start")), "{mode}: {outcome}");
    }
}

/// What else it does not have is no matter of when it is pulled.
#[test]
fn an_image_that_is_missing_after_it_was_pulled_is_no_matter_of_the_policy() {
    let missing = ("404 Not Found", json!({"message": "no such image: foo/bar:v1"}));
    let engine = containers(vec![missing], gone(), vec![gone()]);
    let outcome = launched(&engine, "docker", 600);
    assert!(outcome.error().contains("no such image"), "{outcome}");
    assert!(!outcome.stderr.contains("pull_policy"), "{outcome}");
}
