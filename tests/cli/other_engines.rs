//! Engines that do not have all that a file asks for, and Podman, which says some things in another way. What they are
//! like is seen on real ones.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use fs_err as fs;
use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::launch::{ID, launched_by_gateway_provisioners, of_gateway_provisioners};
use crate::sandbox::{INSTALLER, Outcome, Sandbox};
use crate::unread::{Signal, begin, container};

/// What an engine answers: a status, and a body.
type Answer = (u16, Value);

fn send(stream: &mut UnixStream, version: &str, podman: bool, (status, body): &Answer) -> bool {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let more = if podman { "Libpod-Api-Version: 5.4.2\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} X\r\nApi-Version: {version}\r\n{more}Content-Length");
    stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).is_ok()
}

/// An engine that answers a question, without its query, in this way, and knows nothing else.
fn engine(
    version: &'static str,
    podman: bool,
    answers: impl Fn(&str, &Value) -> Option<Answer> + Clone + Send + 'static,
) -> FakeEngine {
    FakeEngine::with(move |asked, stream, sender| {
        let (line, body) = asked.clone();
        let _ = sender.send(asked);
        let question = line.split('?').next().unwrap_or_default();
        let question = question.replace(&format!("/v{version}/"), "/");
        let answer = match question.as_str() {
            "HEAD /_ping" => Some((200, Value::Null)),
            "GET /info" => {
                Some((200, json!({"ServerVersion": "1", "Architecture": "x86_64", "Swarm": {}})))
            }
            _ => answers(&question, &body),
        };
        let answer = answer.unwrap_or((404, json!({"message": "no such object"})));
        send(stream, version, podman, &answer)
    })
}

fn options(sandbox: &Sandbox, text: &str) {
    let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
    fs::write(file, text).unwrap();
}

/// A launch from a specification with these options.
fn launched(engine: &FakeEngine, words: &[&str], mode: &str, text: &str) -> Outcome {
    let sandbox = Sandbox::new();
    of_gateway_provisioners(&sandbox, engine, words);
    options(&sandbox, text);
    let mut command = launched_by_gateway_provisioners(&sandbox, engine);
    sandbox.run(command.env("GP_DOCKER_MODE", mode))
}

/// What a key asks for, and the version of the API that has it.
const ASKED: [(&str, &str, &str, &str); 12] = [
    ("docker", "annotations = { a = 'b' }", "`annotations`", "1.43"),
    (
        "docker",
        "healthcheck = { test = 'x', start_interval = '1s' }",
        "`start_interval` of `healthcheck`",
        "1.44",
    ),
    (
        "docker",
        "volumes = [{ type = 'bind', source = '/a', target = '/b', bind = { recursive = 'readonly' } }]",
        "`bind.recursive` of `volumes`",
        "1.44",
    ),
    (
        "docker",
        "volumes = [{ type = 'volume', source = 'a', target = '/b', volume = { subpath = 'c' } }]",
        "`volume.subpath` of `volumes`",
        "1.45",
    ),
    (
        "docker",
        "volumes = [{ type = 'image', source = 'a', target = '/b' }]",
        "`type = \"image\"` of `volumes`",
        "1.48",
    ),
    (
        "docker",
        "networks = { a = { mac_address = '02:42:ac:11:00:02' } }",
        "`mac_address` of `networks`",
        "1.44",
    ),
    ("docker", "networks = { a = { gw_priority = 1 } }", "`gw_priority` of `networks`", "1.48"),
    ("docker", "platform = 'linux/amd64'", "`platform`", "1.41"),
    ("swarm", "cap_add = ['NET_ADMIN']", "`cap_add`", "1.41"),
    ("swarm", "ulimits = { nofile = 1 }", "`ulimits`", "1.41"),
    ("swarm", "deploy.resources.limits.pids = 5", "`pids_limit`", "1.41"),
    (
        "swarm",
        "healthcheck = { test = 'x', start_interval = '1s' }",
        "`start_interval` of `healthcheck`",
        "1.44",
    ),
];

#[test]
fn what_an_engine_would_ignore_is_refused_with_both_versions() {
    for (mode, text, what, since) in ASKED {
        let words: &[&str] = if mode == "swarm" { &["--swarm"] } else { &[] };
        let old = engine("1.40", false, |_, _| None);
        let outcome = launched(&old, words, mode, text);
        let error = outcome.error();
        assert!(error.contains("launch_docker.toml:1:"), "{text}: {outcome}");
        assert!(error.contains(&format!(" {what} needs version {since} of")), "{text}: {outcome}");
        assert!(
            error.contains("speaks 1.40: remove it, or update the engine"),
            "{text}: {outcome}"
        );
        // Nothing was asked for.
        assert!(old.asked().iter().all(|(line, _)| line.starts_with("HEAD ")), "{text}: {outcome}");

        let new = engine(since.to_owned().leak(), false, |question, _| {
            let is_change = question.starts_with("POST ");
            is_change.then(|| (400, json!({"message": "reached"})))
        });
        let outcome = launched(&new, words, mode, text);
        assert!(outcome.error().contains("reached"), "{text}: {outcome}");
    }
}

/// What `check` says of a specification with these options.
fn checked(engine: &FakeEngine, text: &str, variables: &[(&str, &str)]) -> String {
    let sandbox = Sandbox::new();
    let mut install = sandbox.installer();
    install.args(["--prefix=p", "--kernel-name=k", "--image-name=i"]);
    assert_eq!(sandbox.run(&mut install).code(), Some(0));
    options(&sandbox, text);
    let mut command = sandbox.command(INSTALLER);
    command.args(["check", "k"]).env("DOCKER_HOST", engine.host());
    command.env("JUPYTER_PATH", sandbox.path("p/share/jupyter")).env("KERNEL_USERNAME", "alice");
    sandbox.run(command.envs(variables.iter().copied())).stdout
}

const NETWORK: (&str, &str) = ("GP_DOCKER_NETWORK", "podman");

fn of_podman(question: &str) -> Option<Answer> {
    match question {
        "GET /networks/podman" => {
            Some((200, json!({"Name": "podman", "Scope": "local", "Driver": "bridge"})))
        }
        "GET /containers/json" => Some((200, json!([]))),
        _ => None,
    }
}

#[test]
fn check_says_what_an_engine_would_ignore() {
    let text = "annotations = { a = 'b' }\nnetworks = { a = { gw_priority = 1 } }";
    let old = engine("1.41", false, |_, _| None);
    let said = checked(&old, text, &[]);
    for (line, what, since) in
        [(1, "`annotations`", "1.43"), (2, "`gw_priority` of `networks`", "1.48")]
    {
        let place = format!("launch_docker.toml:{line}:");
        let found = said.lines().find(|line| line.contains(&place)).unwrap_or_default();
        assert!(found.contains("error"), "{said}");
        assert!(found.contains(&format!(" {what} needs version {since} of")), "{said}");
        assert!(found.contains("speaks 1.41"), "{said}");
    }
}

#[test]
fn limits_that_the_engine_of_a_user_does_not_hold_are_told() {
    for (version, told) in [("1", true), ("2", false)] {
        let engine = FakeEngine::answering(move |path, _| {
            let options = ["name=seccomp,profile=builtin", "name=rootless"];
            let info = json!({"SecurityOptions": options, "CgroupVersion": version});
            (path == "/info").then_some(info)
        });
        let said = checked(&engine, "mem_limit = '64m'\npids_limit = 5", &[]);
        let line = "does not hold the limits on memory, processes in launch_docker.toml";
        assert_eq!(said.contains(line), told, "{said}");
        assert!(!checked(&engine, "", &[]).contains("does not hold"), "{said}");
    }
}

#[test]
fn gpus_are_devices_in_podman() {
    for (text, devices) in [
        ("gpus = 'all'", "\"nvidia.com/gpu=all\""),
        ("gpus = 2", "\"nvidia.com/gpu=0\", \"nvidia.com/gpu=1\""),
        (
            "gpus = [{ device_ids = ['GPU-1', '3'] }]",
            "\"nvidia.com/gpu=GPU-1\", \"nvidia.com/gpu=3\"",
        ),
        (
            "deploy.resources.reservations.devices = [{ capabilities = ['gpu'] }]",
            "\"nvidia.com/gpu=all\"",
        ),
    ] {
        let said = "launch_docker.toml:1:";
        let wanted =
            format!("Podman gives no GPUs for `gpus`; ask for them by `devices = [{devices}]`");
        let outcome = launched(&engine("1.41", true, |_, _| None), &[], "docker", text);
        assert!(outcome.error().contains(said) && outcome.error().contains(&wanted), "{outcome}");
        let checked =
            checked(&engine("1.41", true, |question, _| of_podman(question)), text, &[NETWORK]);
        assert!(checked.contains(&wanted), "{checked}");
        // Docker has them.
        let refused = |_: &str, _: &Value| Some((400, json!({"message": "reached"})));
        let outcome = launched(&engine("1.41", false, refused), &[], "docker", text);
        assert!(outcome.error().contains("reached"), "{outcome}");
    }
    let text = "devices = ['nvidia.com/gpu=all']";
    let refused = |_: &str, _: &Value| Some((400, json!({"message": "reached"})));
    let outcome = launched(&engine("1.41", true, refused), &[], "docker", text);
    assert!(outcome.error().contains("reached"), "{outcome}");
}

#[test]
fn the_network_of_podman_is_called_by_its_name() {
    let podman = engine("1.41", true, |question, _| of_podman(question));
    let wanted = "the network `bridge` is `podman` in Podman";
    let sandbox = Sandbox::new();
    of_gateway_provisioners(&sandbox, &podman, &[]);
    let mut command = launched_by_gateway_provisioners(&sandbox, &podman);
    let outcome =
        sandbox.run(command.env("GP_DOCKER_NETWORK", "bridge").env("GP_DOCKER_MODE", "docker"));
    assert!(outcome.error().contains(wanted), "{outcome}");
    assert!(outcome.error().contains("name `podman` in GP_DOCKER_NETWORK"), "{outcome}");
    assert!(!podman.asked().iter().any(|(line, _)| line.contains("/create")), "{outcome}");
    let said = checked(&podman, "", &[]);
    assert!(
        said.contains(
            "the network `bridge` (GP_DOCKER_NETWORK, which is not set here) is `podman`"
        ),
        "{said}"
    );
    let said = checked(&podman, "", &[NETWORK]);
    assert!(
        said.contains("the network `podman` (GP_DOCKER_NETWORK) has the driver bridge"),
        "{said}"
    );
}

#[test]
fn a_registry_that_podman_does_not_ask_is_no_error() {
    let said = checked(&engine("1.41", true, |question, _| of_podman(question)), "", &[NETWORK]);
    let line = said.lines().find(|line| line.contains("does not have the image `i`")).unwrap();
    assert!(line.contains("warning"), "{said}");
    assert!(line.contains("Podman does not ask the registry before it pulls it"), "{said}");
}

#[test]
fn what_podman_refuses_with_the_status_of_any_failure_is_understood() {
    let image = |question: &str| question.starts_with("GET /images/").then(|| (200, json!({})));
    // A network.
    let missing =
        json!({"message": "unable to find network with name or ID kernels: network not found"});
    let podman = engine("1.41", true, move |question, _| match question {
        "POST /containers/create" => Some((500, missing.clone())),
        _ => image(question),
    });
    let outcome = launched(&podman, &[], "docker", "");
    assert!(outcome.error().contains("the network `kernels` does not exist"), "{outcome}");
    assert!(outcome.error().contains("docker network create kernels"), "{outcome}");

    // A name.
    let taken = json!({"message": "creating container storage: the container name \"x\" is already in use by 0a1b"});
    let podman = engine("1.41", true, move |question, _| match question {
        "POST /containers/create" => Some((500, taken.clone())),
        question if question.ends_with("/json") && question.starts_with("GET /containers/") => {
            Some((
                200,
                json!({"Id": "c2", "State": {"Status": "running"}, "Config": {"Labels": {}}}),
            ))
        }
        _ => image(question),
    });
    let outcome = launched(&podman, &[], "docker", "");
    assert!(
        outcome.error().contains("is taken by a container that is not of this kernel"),
        "{outcome}"
    );
}

/// An engine on which a container is created, of which this is said.
fn creating(podman: bool, attach: Option<Answer>) -> FakeEngine {
    engine("1.41", podman, move |question, _| match question {
        "POST /containers/create" => Some((201, json!({"Id": "c1"}))),
        "POST /containers/c1/attach" => attach.clone(),
        "GET /events" => Some((200, Value::Null)),
        "GET /containers/c1/json" => {
            Some((200, container(&json!({"Status": "created"})).parse().unwrap()))
        }
        "POST /containers/c1/kill" | "DELETE /containers/c1" => Some((204, Value::Null)),
        question if question.starts_with("GET /images/") => Some((200, json!({}))),
        _ => None,
    })
}

#[test]
fn a_kernel_of_a_server_is_removed_from_podman_at_once() {
    let stop = |podman: bool, text: &str| {
        let engine = creating(podman, None);
        launched(&engine, &[], "docker", text);
        let asked = engine.asked();
        let create = asked.iter().find(|(line, _)| line.contains("/containers/create")).unwrap();
        // What a failed launch has left is not asked to stop, either.
        let killed = asked.iter().position(|(line, _)| line.contains("/containers/c1/kill"));
        let removed = asked.iter().position(|(line, _)| line.starts_with("DELETE "));
        assert_eq!(killed.is_some(), podman, "{asked:?}");
        assert!(removed > killed, "{asked:?}");
        create.1["StopTimeout"].clone()
    };
    assert_eq!(stop(true, ""), 0);
    assert_eq!(stop(true, "init = true"), Value::Null);
    assert_eq!(stop(true, "stop_grace_period = '5s'"), 5);
    assert_eq!(stop(false, ""), Value::Null);
}

#[test]
fn a_command_that_podman_misses_when_it_is_attached_to_is_a_start_that_failed() {
    let message = json!({"message": "crun: executable file `/none` not found: OCI runtime attempted to invoke a command"});
    let outcome = launched(&creating(true, Some((500, message))), &[], "docker", "");
    assert!(outcome.error().contains("could not start the container"), "{outcome}");
    assert!(outcome.error().contains("`/none` not found"), "{outcome}");
    let foreign = json!({"message": "crun: exec: Exec format error"});
    let outcome = launched(&creating(true, Some((500, foreign))), &[], "docker", "");
    assert!(outcome.error().contains("may be for another architecture"), "{outcome}");
}

/// A container that has ended with this status, without a word of a signal, and of which the engine still knows this.
fn ended(podman: bool, exit_code: u8, out_of_memory: bool) -> Outcome {
    let started = Signal::default();
    let engine = FakeEngine::with(move |(line, _), stream, _| {
        let path = line.split(['?', ' ']).nth(1).unwrap_or_default();
        let mut answer = |status, body| send(stream, "1.41", podman, &(status, body));
        match path {
            "/_ping" => answer(200, Value::Null),
            "/containers/create" => answer(201, json!({"Id": "c1"})),
            "/containers/c1/start" => {
                started.give();
                answer(204, Value::Null)
            }
            "/containers/c1/json" => answer(
                200,
                json!({
                    "Id": "c1", "Config": {"Labels": {"kernel_id": ID}},
                    "State": {"Status": "stopped", "OOMKilled": out_of_memory},
                }),
            ),
            "/events" => {
                begin(stream);
                started.wait();
                let attributes = json!({"exitCode": exit_code.to_string()});
                for action in ["die", "remove"] {
                    let event = json!({"Action": action, "Actor": {"Attributes": attributes}});
                    let _ = stream.write_all(format!("{event}\n").as_bytes());
                }
                let _ = stream.read(&mut [0]);
                false
            }
            "/containers/c1/attach" => {
                begin(stream);
                false
            }
            path if path.starts_with("/images/") => answer(200, json!({})),
            _ => answer(204, Value::Null),
        }
    });
    launched(&engine, &[], "docker", "")
}

#[test]
fn a_kernel_that_is_removed_from_podman_has_not_died() {
    for (podman, exit_code, out_of_memory, died) in [
        (true, 137, false, None),
        (true, 143, false, None),
        (true, 137, true, Some("exceeding the memory limit")),
        (true, 0, true, Some("ran out of memory")),
        (true, 3, false, Some("exit status 3")),
        (false, 137, false, Some("exit status 137")),
    ] {
        let outcome = ended(podman, exit_code, out_of_memory);
        match died {
            Some(how) => assert!(outcome.error().contains(how), "{exit_code}: {outcome}"),
            None => assert_eq!((outcome.code(), &*outcome.stderr), (Some(0), ""), "{outcome}"),
        }
    }
}
