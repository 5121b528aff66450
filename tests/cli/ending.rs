//! Why a kernel has ended, in the words of the log.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::launch::of_gateway_provisioners;
use crate::sandbox::{Outcome, Sandbox};
use crate::unread::{begin, container, respond};

/// How a kernel comes to its end, and what it is made of.
#[derive(Clone)]
struct End {
    /// What happens, and what the engine says of it.
    events: Vec<Value>,
    out_of_memory: bool,
    /// `Config` of the image.
    image: Value,
    output: &'static str,
}

fn end(events: &[(&str, Value)], image: Value) -> End {
    let event = |(action, attributes): &(&str, Value)| json!({"Action": action, "Actor": {"Attributes": attributes}});
    End { events: events.iter().map(event).collect(), out_of_memory: false, image, output: "" }
}

fn died(exit_code: &str) -> (&'static str, Value) {
    ("die", json!({"exitCode": exit_code, "signal": null}))
}

fn destroyed() -> (&'static str, Value) {
    ("destroy", Value::Null)
}

fn bootstrap() -> Value {
    json!({"Cmd": ["/usr/local/bin/bootstrap-kernel.sh"]})
}

impl End {
    fn engine(self) -> FakeEngine {
        FakeEngine::with(move |(line, _), stream, _| {
            let output = [
                &[1, 0, 0, 0, 0, 0, 0, u8::try_from(self.output.len()).unwrap()],
                self.output.as_bytes(),
            ]
            .concat();
            match line.split(['?', ' ']).nth(1).unwrap_or_default() {
                "/_ping" => respond(stream, "200 OK", ""),
                "/containers/create" => respond(stream, "201 Created", r#"{"Id": "c1"}"#),
                "/services/create" => respond(stream, "201 Created", r#"{"ID": "s1"}"#),
                "/containers/c1/attach" | "/services/s1/logs" => {
                    begin(stream);
                    let _ = stream.write_all(&output);
                    false
                }
                "/events" => {
                    begin(stream);
                    for event in &self.events {
                        let _ = stream.write_all(format!("{event}\n").as_bytes());
                    }
                    false
                }
                "/containers/c1/start" | "/containers/c1" | "/services/s1"
                    if !line.starts_with("GET") =>
                {
                    respond(stream, "204 No Content", "")
                }
                "/containers/c1/json" => {
                    let state = json!({"Status": "exited", "OOMKilled": self.out_of_memory});
                    respond(stream, "200 OK", &container(&state))
                }
                "/services/s1" => {
                    let labels = json!({"kernel_id": crate::launch::ID});
                    // As large as the variables of a client make it.
                    let variables = vec!["<".repeat(400_000); 10];
                    let of_tasks = json!({"ContainerSpec": {"Env": variables}});
                    let spec = json!({"Name": "x", "Labels": labels, "TaskTemplate": of_tasks});
                    respond(stream, "200 OK", &json!({"ID": "s1", "Spec": spec}).to_string())
                }
                "/tasks" => {
                    let code = self.events[0]["Actor"]["Attributes"]["exitCode"].as_str().unwrap();
                    let code: i64 = code.parse().unwrap();
                    let task = json!({
                        "ID": "t1", "ServiceID": "s1", "DesiredState": "shutdown",
                        "Spec": {"ContainerSpec": {"Env": vec!["<".repeat(400_000); 10]}},
                        "Status": {
                            "State": "complete", "Message": "finished",
                            "ContainerStatus": {"ContainerID": "c1", "ExitCode": code},
                        },
                    });
                    respond(stream, "200 OK", &json!([task]).to_string())
                }
                "/images/foo%2Fbar%3Av1/json" => {
                    respond(stream, "200 OK", &json!({"Config": self.image}).to_string())
                }
                _ => respond(stream, "404 Not Found", r#"{"message": "no such object"}"#),
            }
        })
    }

    fn told(self, mode: &str, words: &[&str], removed: bool) -> (Outcome, Vec<String>) {
        let (sandbox, engine) = (Sandbox::new(), self.engine());
        let mut command = of_gateway_provisioners(&sandbox, &engine, words);
        command.env("GP_DOCKER_MODE", mode);
        if !removed {
            command.env("REMOVE_CONTAINER", "False");
        }
        (sandbox.run(&mut command), engine.heads())
    }

    /// The reason for the failure, in both modes.
    fn reasons(self) -> [String; 2] {
        let (container, _) = self.clone().told("docker", &[], true);
        let (service, heads) = self.told("swarm", &["--swarm"], true);
        // And it is taken back, however large it is.
        assert!(
            heads.iter().any(|head| head.starts_with("DELETE /v1.41/services/s1 ")),
            "{heads:?}"
        );
        [container.error().to_owned(), service.error().to_owned()]
    }
}

#[test]
fn an_image_that_starts_no_kernel_is_told_by_its_command() {
    let ended = || [died("0"), destroyed()];
    for (image, command) in [
        (json!({"Cmd": ["python3"]}), "is `python3`, which"),
        (json!({"Entrypoint": ["tini", "--"], "Cmd": ["bash"]}), "is `tini -- bash`, which"),
        (json!({"Entrypoint": null, "Cmd": null}), "is none, which"),
    ] {
        for reason in end(&ended(), image).reasons() {
            assert!(reason.contains("It wrote nothing. The command of the image"), "{reason}");
            assert!(reason.contains(command), "{reason}");
            assert!(reason.contains("`jupyter image-bootstrap install`"), "{reason}");
        }
    }
    for other in [
        end(&ended(), bootstrap()),
        end(&[died("3"), destroyed()], json!({"Cmd": ["python3"]})),
        End { output: "I was here", ..end(&ended(), json!({"Cmd": ["python3"]})) },
    ] {
        for reason in other.reasons() {
            assert!(!reason.contains("The command of the image"), "{reason}");
        }
    }
}

#[test]
fn want_of_memory_is_told_whatever_the_exit_status_is() {
    let oom = || ("oom", json!({}));
    let memory = "exceeding the memory limit";
    for (events, noted, removed) in [
        (vec![oom(), died("0"), destroyed()], false, true),
        // It is told after the end.
        (vec![died("0"), oom(), destroyed()], false, true),
        // It is told after something else, when there is no more output.
        (vec![died("0"), ("start", json!({})), oom(), destroyed()], false, true),
        // It is told, and not noted.
        (vec![oom(), died("0")], false, false),
        // It is not told, but noted.
        (vec![died("0")], true, false),
    ] {
        let end = End { out_of_memory: noted, ..end(&events, bootstrap()) };
        let (outcome, _) = end.told("docker", &[], removed);
        assert!(outcome.error().contains("ran out of memory"), "{outcome}");
        assert!(outcome.error().contains(memory), "{outcome}");
        assert!(!outcome.error().contains("exit status 0"), "{outcome}");
    }
    let noted = End { out_of_memory: true, ..end(&[died("0")], bootstrap()) };
    let (outcome, _) = noted.told("swarm", &["--swarm"], true);
    assert!(outcome.error().contains(memory), "{outcome}");
    for reason in end(&[died("137"), destroyed()], bootstrap()).reasons() {
        assert!(reason.contains("exit status 137"), "{reason}");
        assert!(reason.contains("most likely for lack of memory"), "{reason}");
    }
}

/// What a kernel writes last may come when its end is known already, and piece by piece.
#[test]
fn what_a_container_writes_last_is_waited_for() {
    for remove in ["True", "False"] {
        let (started, ended) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let engine = FakeEngine::with(move |(line, _), stream, _| {
            match line.split(['?', ' ']).nth(1).unwrap_or_default() {
                "/_ping" => respond(stream, "200 OK", ""),
                "/containers/create" => respond(stream, "201 Created", r#"{"Id": "c1"}"#),
                "/containers/c1/start" => {
                    let goes_on = respond(stream, "204 No Content", "");
                    started.wait();
                    goes_on
                }
                "/events" => {
                    begin(stream);
                    started.wait();
                    let (action, attributes) = died("3");
                    let event = json!({"Action": action, "Actor": {"Attributes": attributes}});
                    let _ = stream.write_all(format!("{event}\n").as_bytes());
                    ended.wait();
                    // It goes on telling for as long as the launcher listens.
                    let _ = stream.read(&mut [0]);
                    false
                }
                "/containers/c1/attach" => {
                    begin(stream);
                    ended.wait();
                    for word in ["the last ", "words"] {
                        thread::sleep(Duration::from_millis(20));
                        let head = [1, 0, 0, 0, 0, 0, 0, u8::try_from(word.len()).unwrap()];
                        let _ = stream.write_all(&[&head, word.as_bytes()].concat());
                    }
                    false
                }
                "/containers/c1/json" => {
                    respond(stream, "200 OK", &container(&json!({"Status": "exited"})))
                }
                path if path.starts_with("/images/") => respond(stream, "200 OK", "{}"),
                _ => respond(stream, "204 No Content", ""),
            }
        });
        let sandbox = Sandbox::new();
        let mut command = of_gateway_provisioners(&sandbox, &engine, &[]);
        command.env("GP_DOCKER_MODE", "docker").env("REMOVE_CONTAINER", remove);
        let outcome = sandbox.run(&mut command);
        assert!(outcome.error().contains("the last words"), "{outcome}");
    }
}
