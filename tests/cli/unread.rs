//! Neither the launcher nor the kernel waits for somebody who reads.

use std::io::{PipeReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal as Number, kill_process};
use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::launch::of_gateway_provisioners;
use crate::sandbox::{Sandbox, in_shell};

/// More than all that lies between a container and a launcher takes in.
const MUCH: usize = 8 << 20;

/// Something that has happened.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<(Mutex<bool>, Condvar)>);

impl Signal {
    pub(crate) fn give(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |given| !*given));
    }

    fn is_given(&self) -> bool {
        *self.0.0.lock().unwrap()
    }
}

/// How an engine does what may take its time.
struct Ways<Attach, Start, Events, Inspect> {
    attach: Attach,
    start: Start,
    events: Events,
    inspect: Inspect,
}

pub(crate) fn respond(stream: &mut UnixStream, status: &str, body: &str) -> bool {
    let head = format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).is_ok()
}

/// The answer that is a stream begins.
pub(crate) fn begin(stream: &mut UnixStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

pub(crate) fn container(state: &Value) -> String {
    json!({
        "Id": "c1", "State": state, "Config": {"Labels": {"kernel_id": crate::launch::ID}},
    })
    .to_string()
}

fn engine<A, S, E, I>(ways: Ways<A, S, E, I>) -> FakeEngine
where
    A: Fn(&mut UnixStream) + Clone + Send + 'static,
    S: Fn() + Clone + Send + 'static,
    E: Fn(&mut UnixStream) + Clone + Send + 'static,
    I: Fn() -> (&'static str, String) + Clone + Send + 'static,
{
    let Ways { attach, start, events, inspect } = ways;
    FakeEngine::with(move |asked, stream, sender| {
        let line = asked.0.clone();
        let _ = sender.send(asked);
        match line.split(['?', ' ']).nth(1).unwrap_or_default() {
            "/_ping" => respond(stream, "200 OK", ""),
            path if path.starts_with("/images/") => respond(stream, "200 OK", "{}"),
            "/containers/create" => {
                let created = json!({"Id": "c1", "Warnings": ["x".repeat(900), "y".repeat(900)]});
                respond(stream, "201 Created", &created.to_string())
            }
            "/containers/c1/attach" => {
                begin(stream);
                attach(stream);
                false
            }
            "/containers/c1/start" => {
                start();
                respond(stream, "204 No Content", "")
            }
            "/events" => {
                begin(stream);
                events(stream);
                false
            }
            "/containers/c1/json" => {
                let (status, body) = inspect();
                respond(stream, status, &body)
            }
            "/containers/c1" => respond(stream, "204 No Content", ""),
            _ => respond(stream, "404 Not Found", "{}"),
        }
    })
}

/// Writes as a container does to whom an engine is attached.
fn write_frames(stream: &mut UnixStream, length: usize) -> bool {
    let frame = [&[1, 0, 0, 0, 0, 0, 4, 0], [b'x'; 1024].as_slice()].concat();
    (0..length / 1024).all(|_| stream.write_all(&frame).is_ok())
}

/// Somebody else has removed the container.
fn tell_of_its_end(stream: &mut UnixStream) {
    let _ = stream.write_all(b"{\"Action\": \"destroy\", \"Actor\": {\"ID\": \"c1\"}}\n");
}

/// Waits until the launcher has gone.
fn stay(stream: &mut UnixStream) {
    let _ = stream.read(&mut [0]);
}

fn running() -> (&'static str, String) {
    ("200 OK", container(&json!({"Status": "running"})))
}

/// A launch that may not take a minute, though the server would wait for longer.
fn launcher(sandbox: &Sandbox, engine: &FakeEngine, timeout: u32) -> Command {
    let option = format!("--launch-timeout={timeout}");
    let mut command = of_gateway_provisioners(sandbox, engine, &[&option]);
    command.env("GP_DOCKER_MODE", "docker");
    in_shell("exec timeout --kill-after=5 60 \"$@\"", &command)
}

/// A standard error for which there is no room, and which nobody reads.
fn unread(command: &mut Command) -> PipeReader {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'.'; 1 << 16]).unwrap();
    command.stderr(writer).stdout(Stdio::null());
    reader
}

#[test]
fn a_kernel_goes_on_when_nobody_reads_what_the_launcher_says() {
    let (sandbox, all_read) = (Sandbox::new(), Signal::default());
    let read = all_read.clone();
    let engine = engine(Ways {
        attach: move |stream: &mut UnixStream| {
            if write_frames(stream, MUCH) {
                all_read.give();
            }
            stay(stream);
        },
        start: || {},
        events: move |stream: &mut UnixStream| {
            read.wait();
            tell_of_its_end(stream);
        },
        inspect: running,
    });
    let mut command = launcher(&sandbox, &engine, 600);
    let _reader = unread(&mut command);
    assert_eq!(command.status().unwrap().code(), Some(0));
}

fn idle() -> FakeEngine {
    engine(Ways { attach: stay, start: || {}, events: stay, inspect: running })
}

#[test]
fn the_deadline_and_signals_count_when_nobody_reads() {
    let (sandbox, engine) = (Sandbox::new(), idle());
    let mut command = launcher(&sandbox, &engine, 1);
    let reader = unread(&mut command);
    assert_eq!(command.status().unwrap().code(), Some(0));
    drop(reader);

    let (sandbox, engine) = (Sandbox::new(), idle());
    let mut command = launcher(&sandbox, &engine, 600);
    let _reader = unread(&mut command);
    let mut child = command.spawn().unwrap();
    // `timeout` passes signals on.
    while !engine.heads().iter().any(|head| head.contains("/containers/c1/start")) {
        assert_eq!(child.try_wait().unwrap(), None);
        thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Number::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let heads = engine.heads();
    assert!(heads.iter().any(|head| head.starts_with("DELETE ")), "{heads:?}");
}

#[test]
fn a_closed_standard_error_is_no_reason_to_fail() {
    let gone =
        || engine(Ways { attach: stay, start: || {}, events: tell_of_its_end, inspect: running });
    let (sandbox, engine) = (Sandbox::new(), gone());
    let mut command = in_shell("exec \"$@\" 2>&-", &launcher(&sandbox, &engine, 600));
    assert_eq!(sandbox.run(&mut command).code(), Some(0));

    let (sandbox, engine) = (Sandbox::new(), gone());
    let mut command = launcher(&sandbox, &engine, 600);
    drop(unread(&mut command));
    assert_eq!(command.status().unwrap().code(), Some(0));
}

/// An engine answers when the container runs, and a kernel may have said a lot by then.
#[test]
fn a_kernel_is_read_before_its_start_is_answered() {
    let (sandbox, all_read) = (Sandbox::new(), Signal::default());
    let read = all_read.clone();
    let engine = engine(Ways {
        attach: move |stream: &mut UnixStream| {
            if write_frames(stream, MUCH) {
                all_read.give();
            }
            stay(stream);
        },
        start: move || read.wait(),
        events: tell_of_its_end,
        inspect: running,
    });
    let outcome = sandbox.run(&mut launcher(&sandbox, &engine, 600));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

/// Whoever is attached and does not read stops the kernel.
#[test]
fn what_is_not_read_is_closed() {
    // It is not in frames.
    let (sandbox, closed) = (Sandbox::new(), Signal::default());
    let seen = closed.clone();
    let engine = engine(Ways {
        attach: move |stream: &mut UnixStream| {
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
            closed.give();
        },
        start: || {},
        events: move |stream: &mut UnixStream| {
            seen.wait();
            tell_of_its_end(stream);
        },
        inspect: running,
    });
    let outcome = sandbox.run(&mut launcher(&sandbox, &engine, 600));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn a_kernel_of_which_the_engine_stops_telling_is_let_go() {
    let (sandbox, closed) = (Sandbox::new(), Signal::default());
    let seen = closed.clone();
    let engine = engine(Ways {
        attach: move |stream: &mut UnixStream| {
            while write_frames(stream, MUCH) {}
            closed.give();
        },
        start: || {},
        events: |_: &mut UnixStream| {},
        inspect: move || {
            if seen.is_given() { running() } else { ("503 Service Unavailable", "{}".to_owned()) }
        },
    });
    let outcome = sandbox.run(&mut launcher(&sandbox, &engine, 600));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}
