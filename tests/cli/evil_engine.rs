//! What an engine, or what stands in its place, may answer: docs/security.md.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::hostile::{EVIL, RAW};
use crate::injection::{assert_harmless, launcher};
use crate::sandbox::{INSTALLER, Outcome, Sandbox, at_once, in_shell};

/// How much memory the programs may ask for, in kB, most of which is what a program is loaded into.
const MEMORY: usize = 400_000;

fn run(sandbox: &Sandbox, engine: &FakeEngine, words: &[&str]) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    let outcome = sandbox.run(command.args(words).env("DOCKER_HOST", engine.host()));
    assert!(!outcome.stdout.contains(RAW) && !outcome.stderr.contains(RAW), "{outcome:}");
    outcome
}

#[test]
fn evil_names_of_kernels_stay_in_their_cells() {
    let sandbox = Sandbox::new();
    let engine = FakeEngine::answering(|path, _| {
        Some(match path {
            "/containers/json" => json!([{"Id": "c1"}, {"Id": EVIL}]),
            "/info" => json!({"Swarm": {"ControlAvailable": false}}),
            path if path.ends_with("/stats") => json!({}),
            "/volumes" => json!({"Volumes": [{
                "Name": "a".repeat(64), "CreatedAt": "2020-01-01T00:00:00Z",
                "Labels": {
                    "kernel_id": format!("of a volume{EVIL}"), "component": "kernel",
                    "app": "gateway-provisioners",
                },
            }]}),
            _ => json!({
                "Id": EVIL, "Name": EVIL, "Created": "2020-01-01T00:00:00Z",
                "Config": {
                    "Image": EVIL,
                    "Labels": {
                        "kernel_id": EVIL, "kernelspec": EVIL, "component": "kernel",
                        "app": "gateway-provisioners",
                    },
                    "Env": [format!("KERNEL_USERNAME={EVIL}"), format!("RESPONSE_ADDRESS={EVIL}")],
                },
                "State": {"Status": "exited"},
            }),
        })
    });
    let outcome = run(&sandbox, &engine, &["ps"]);
    assert_eq!(outcome.stdout.lines().count(), 3, "{outcome}");
    let outcome = run(&sandbox, &engine, &["ps", "--json"]);
    let kernels: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(kernels.len(), 2);
    // As it was said, in the escapes of JSON.
    assert!(kernels[0]["user"].as_str().unwrap().contains(RAW), "{outcome}");
    let outcome = run(&sandbox, &engine, &["prune", "--dry-run"]);
    assert_eq!(outcome.stdout.lines().count(), 3, "{outcome}");
    // The question, which nobody answers.
    assert_eq!(run(&sandbox, &engine, &["prune"]).code(), Some(1));
    assert_eq!(run(&sandbox, &engine, &["prune", "--json", "-y"]).code(), Some(0));
}

/// The launcher, with a limit on its memory.
fn limited(sandbox: &Sandbox, engine: &FakeEngine) -> Command {
    let mut command = launcher(sandbox, engine);
    command.env("GP_LAUNCH_TIMEOUT", "1");
    in_shell(&format!("ulimit -v {MEMORY} && exec timeout 60 \"$@\""), &command)
}

#[test]
fn a_message_of_any_length_is_a_short_record() {
    // What the engine has started by its own words is left to the server.
    let cases = [
        (json!({"Id": "c1", "Warnings": EVIL.repeat(10_000)}), 1),
        (json!({"Id": "c1", "Warnings": vec![EVIL.repeat(10_000)]}), 0),
        (json!(EVIL.repeat(10_000)), 1),
        (json!({EVIL.repeat(10_000): null}), 1),
    ];
    at_once(cases, |(body, code)| {
        let sandbox = Sandbox::new();
        let engine = FakeEngine::answering(move |_, _| Some(body.clone()));
        let outcome = sandbox.run(&mut limited(&sandbox, &engine));
        assert_eq!(outcome.code(), Some(code), "{outcome}");
        assert_harmless(&outcome);
        assert!(outcome.stderr.len() < 400_000, "{}", outcome.stderr.len());
    });
}

/// Nobody reads a hundred thousand of them.
#[test]
fn of_many_warnings_a_few_are_told() {
    let sandbox = Sandbox::new();
    let warnings = vec!["Your kernel does not support swap limit capabilities"; 100_000];
    let body = json!({"Id": "c1", "Warnings": warnings});
    assert!(body.to_string().len() > 4_000_000);
    let engine = FakeEngine::answering(move |_, _| Some(body.clone()));
    let outcome = sandbox.run(&mut limited(&sandbox, &engine));
    assert_harmless(&outcome);
    assert!(outcome.stderr.contains(": and 99995 more\n"), "{}", &outcome.stderr[..5000]);
    assert_eq!(outcome.stderr.matches("Your kernel does not support").count(), 5);
}

/// Sends a piece again and again.
fn endless(stream: &mut UnixStream, head: &str, piece: &[u8]) -> bool {
    let mut go_on = stream.write_all(head.as_bytes()).is_ok();
    while go_on {
        go_on = stream.write_all(piece).is_ok();
    }
    false
}

#[test]
fn what_never_ends_fills_no_memory() {
    const OK: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n";
    let cases = [
        ("/_ping", "HTTP/1.1 200 OK\r\nX-Long: ", "x"),
        ("/_ping", "HTTP/1.1 200 OK\r\n", "X-More: x\r\n"),
        (
            "/_ping",
            "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            "10\r\n0123456789abcdef\r\n",
        ),
        ("/_ping", "", "x"),
        ("/containers/create", "HTTP/1.1 201 Created\r\n\r\n[", " "),
        ("/containers/create", "HTTP/1.1 201 Created\r\n\r\n", "["),
        ("/containers/create", "HTTP/1.1 201 Created\r\n\r\n{\"Warnings\":[", "\"\","),
        ("/containers/create", "HTTP/1.1 201 Created\r\n\r\n{", "\"\":\"\","),
        ("/json ", "HTTP/1.1 200 OK\r\n\r\n{\"Config\":{\"Volumes\":{", "\"/x\":{},"),
        ("/images/create", "HTTP/1.1 200 OK\r\n\r\n\"", "x"),
        ("/images/create", "HTTP/1.1 200 OK\r\n\r\n", "\n"),
    ];
    at_once(cases, |(place, head, piece)| {
        let sandbox = Sandbox::new();
        let engine = FakeEngine::with(move |(line, _), stream, _| {
            if line.contains(place) {
                return endless(stream, head, piece.repeat(4096).as_bytes());
            }
            let (status, body) = match line {
                line if line.contains("/_ping") => (OK, ""),
                // Where a container is to be created, the image is there.
                line if line.contains("/json") && place.contains("/containers/") => (OK, "{}"),
                _ => ("HTTP/1.1 404 Not Found\r\n", ""),
            };
            let length = body.len();
            stream
                .write_all(format!("{status}Content-Length: {length}\r\n\r\n{body}").as_bytes())
                .is_ok()
        });
        let outcome = sandbox.run(&mut limited(&sandbox, &engine));
        outcome.error();
        assert_harmless(&outcome);
        assert!(!outcome.stderr.contains("memory"), "{place} {head}: {outcome}");
    });
}

#[test]
fn a_redirect_is_not_followed() {
    let sandbox = Sandbox::new();
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let other = FakeEngine::saying(b"");
        let location = format!("Location: http://{}/_ping", other.host());
        let answer = format!("HTTP/1.1 {status}\r\n{location}\r\nContent-Length: 0\r\n\r\n");
        let engine = FakeEngine::saying(answer.leak().as_bytes());
        let outcome = sandbox.run(&mut limited(&sandbox, &engine));
        outcome.error();
        assert!(other.heads().is_empty(), "{outcome}");
        assert!(engine.heads().iter().all(|head| head.contains(" /_ping HTTP/1.1")), "{outcome}");
    }
}
