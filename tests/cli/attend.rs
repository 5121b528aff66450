//! What a launcher that is the kernel itself says of a container, or of an engine, that does not speak as the
//! bootstrap does: `src/protocol`.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::sleep;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::engine::FakeEngine;
use crate::local::{OTHER, OTHER_ARCHITECTURE, OWN_ARCHITECTURE, installer, made_foreign, program};
use crate::sandbox::{LAUNCHER, Outcome, Sandbox, at_once, in_shell};

/// How much memory the launcher may ask for, in kB, most of which is what a program is loaded into.
const MEMORY: usize = 400_000;

const GREETING: &[u8] = b"jupyter-docker-spec stream 1";

/// How long an engine takes to copy a file into a container.
const COPYING: Duration = Duration::from_millis(50);

/// The status with which the container has ended once its streams have.
const ENDED: u8 = 42;

/// An engine whose container says what this writes, and ends.
pub(crate) fn engine(speak: impl Fn(&mut UnixStream) + Clone + Send + 'static) -> FakeEngine {
    engine_with("", speak)
}

/// The same with an image for this architecture; the engine's host has the other one of [`OTHER_ARCHITECTURE`].
fn engine_with(
    architecture: &'static str,
    speak: impl Fn(&mut UnixStream) + Clone + Send + 'static,
) -> FakeEngine {
    let end = Arc::new((Mutex::new(false), Condvar::new()));
    let brought = Arc::new(AtomicBool::new(false));
    FakeEngine::with(move |asked, stream, sender| {
        let (line, _) = asked.clone();
        let _ = sender.send(asked);
        let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        let mut say = |head: &str, body: &str| {
            let text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(text.as_bytes()).is_ok()
        };
        let ended = || end.1.wait_while(end.0.lock().unwrap(), |ended| !*ended);
        match &*path {
            "/_ping" => say("200 OK\r\nApi-Version: 1.41", ""),
            "/info" => say("200 OK", &json!({"Architecture": std::env::consts::ARCH}).to_string()),
            "/containers/create" => say("201 Created", r#"{"Id": "c1"}"#),
            "/containers/c1/archive" => {
                sleep(COPYING);
                brought.store(true, Ordering::SeqCst);
                say("200 OK", "")
            }
            // As Podman does.
            "/containers/c1/attach" if !brought.load(Ordering::SeqCst) => say(
                "500 Internal Server Error",
                r#"{"message": "the first program was not found"}"#,
            ),
            "/containers/c1/start" => say("204 No Content", ""),
            "/containers/c1/attach" => {
                let head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
                let _ = stream.write_all(head.as_bytes());
                speak(stream);
                *end.0.lock().unwrap() = true;
                end.1.notify_all();
                false
            }
            "/containers/c1/wait" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                drop(ended());
                let _ = stream.write_all(json!({"StatusCode": ENDED}).to_string().as_bytes());
                false
            }
            path if path.starts_with("/images/") => {
                say("200 OK", &json!({"Architecture": architecture}).to_string())
            }
            path if path.ends_with("/json") => say(
                "200 OK",
                r#"{"Id": "c1", "State": {"Status": "running"}, "Config": {"Labels": {"kernel_id": "c"}}}"#,
            ),
            "/containers/c1" => say("204 No Content", ""),
            _ => say("404 Not Found", r#"{"message": "no such object"}"#),
        }
    })
}

/// The launcher of a specification, with a limit on its memory.
pub(crate) fn launcher(sandbox: &Sandbox, engine: &FakeEngine) -> Command {
    let words =
        ["--local", "--prefix=p", "--image-name=my/image:1", "--kernel-name=k", "--replace"];
    let mut install = installer(sandbox, &words);
    let installed = sandbox.run(install.env("JUPYTER_DOCKER_SPEC_LAUNCHER", LAUNCHER));
    assert_eq!(installed.code(), Some(0), "{installed}");
    let connection = json!({
        "transport": "ipc", "ip": sandbox.path("kernel-c-ipc"), "key": "k", "signature_scheme": "hmac-sha256",
        "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5,
    });
    let file = sandbox.file("kernel-c.json", connection.to_string());
    let mut command =
        sandbox.command(sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker"));
    command.arg("--connection-file").arg(file).env("DOCKER_HOST", engine.host());
    in_shell(&format!("ulimit -v {MEMORY} && exec timeout 60 \"$@\""), &command)
}

fn launched(speak: impl Fn(&mut UnixStream) + Clone + Send + 'static) -> Outcome {
    let sandbox = Sandbox::new();
    let engine = engine(speak);
    let outcome = sandbox.run(&mut launcher(&sandbox, &engine));
    let asked = engine.asked();
    let removed = asked.iter().any(|(line, _)| line.starts_with("DELETE /containers/c1"));
    assert!(removed || outcome.code() == Some(ENDED.into()), "{asked:?} {outcome}");
    outcome
}

/// Output of the container, as engines send it.
fn frame(channel: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[channel, 0, 0, 0], &length, bytes].concat()
}

fn stdout(stream: &mut UnixStream, bytes: &[u8]) -> bool {
    stream.write_all(&frame(1, bytes)).is_ok()
}

/// Data on the first stream, in the form of yamux, as the other side of it sends it.
fn data(bytes: &[u8]) -> Vec<u8> {
    const ACKNOWLEDGED: [u8; 2] = [0, 2];
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0, 0], &ACKNOWLEDGED[..], &[0, 0, 0, 1], &length, bytes].concat()
}

/// Greets, and waits until the launcher has asked for a kernel.
fn greet(stream: &mut UnixStream) {
    stdout(stream, GREETING);
    let (mut heard, mut piece) = (Vec::new(), [0; 1024]);
    while !heard.ends_with(b"\n") {
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => heard.extend_from_slice(&piece[..length]),
            _ => break,
        }
    }
}

/// Lets a launcher that still speaks be heard until it stops.
fn listen(stream: &mut UnixStream) {
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = std::io::copy(stream, &mut std::io::sink());
}

#[test]
fn an_image_decides_which_bootstrap_is_brought() {
    let sandbox = Sandbox::new();
    let silent = |_: &mut UnixStream| {};
    let run = |architecture| {
        let engine = engine_with(architecture, silent);
        let outcome = sandbox.run(&mut launcher(&sandbox, &engine));
        let brought = engine.heads().into_iter().find(|head| head.starts_with("PUT "));
        let length = brought.map(|head| {
            let lines = head.to_lowercase();
            let length = lines.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.unwrap().parse::<usize>().unwrap()
        });
        (
            outcome
                .error()
                .replace(OTHER_ARCHITECTURE, "[OTHER]")
                .replace(OWN_ARCHITECTURE, "[OWN]"),
            length,
        )
    };
    let (reason, own) = run("");
    assert_snapshot!(reason, @"the bootstrap in the container ended with exit status 42 before it answered");
    assert_eq!(run(OWN_ARCHITECTURE), (reason, own));
    let (reason, brought) = run("../s390x");
    assert_snapshot!(reason, @"the image `my/image:1` is for ../s390x, for which there is no `bootstrap_kernel`: its kernels cannot be brought up; choose an image for another architecture");
    assert_eq!(brought, None);
    let (reason, brought) = run(OTHER_ARCHITECTURE);
    assert_snapshot!(reason, @"could not read `bootstrap_kernel-[OTHER]`, which belongs beside the launcher for images for [OTHER] such as `my/image:1`; packages of jupyter-docker-spec bring it: install one, and the specification again with --local --replace: failed to open file `[ROOT]/p/share/jupyter/kernels/k/scripts/bootstrap_kernel-[OTHER]`: No such file or directory (os error 2)");
    assert_eq!(brought, None);
    // It is larger than that for this architecture.
    made_foreign(&program(&sandbox, &format!("stub/{OTHER}"), &"of another".repeat(1000)));
    let (reason, other) = run(OTHER_ARCHITECTURE);
    assert_snapshot!(reason, @"the bootstrap in the container ended with exit status 42 before it answered: the image `my/image:1` is for linux/[OTHER], and the engine's host is linux/[OWN], which runs no others without QEMU; pull it with `docker pull --platform linux/[OWN] my/image:1`, or choose another image");
    assert!(other.unwrap() > own.unwrap() + 9_000);
}

#[test]
fn a_bootstrap_that_does_not_greet_is_told_of() {
    let outcome = launched(|stream| {
        stdout(stream, b"Usage: sh [OPTION]... FILE and more of the same");
        listen(stream);
    });
    assert_snapshot!(outcome.error(), @"the bootstrap in the container says `Usage: sh [OPTION]... FILE a`, and this launcher `jupyter-docker-spec stream 1`: they are of different versions; install the specification again with --local --replace");
    let outcome = launched(|stream| {
        stdout(stream, b"jupyter-docker-spec stream 2");
        listen(stream);
    });
    assert_snapshot!(outcome.error(), @"the bootstrap in the container says `jupyter-docker-spec stream 2`, and this launcher `jupyter-docker-spec stream 1`: they are of different versions; install the specification again with --local --replace");
    let outcome = launched(|stream| {
        let _ = stream.write_all(&frame(2, b"exec format error\n"));
        stdout(stream, b"jupyter");
    });
    assert_snapshot!(outcome.error(), @"the bootstrap in the container ended with exit status 42 before it answered");
    assert!(outcome.stderr.starts_with("exec format error\n"), "{outcome}");
}

#[test]
fn an_engine_that_does_not_send_frames_is_told_of() {
    let outcome = launched(|stream| {
        let _ = stream.write_all(b"Hello, this is a terminal\r\n");
        listen(stream);
    });
    assert!(
        outcome.error().ends_with(" sends of the container: its output is not in frames"),
        "{outcome}"
    );
}

#[test]
fn a_bootstrap_that_does_not_keep_to_the_protocol_is_told_of() {
    let outcome = launched(|stream| {
        greet(stream);
        stdout(stream, &[0xff; 64]);
        listen(stream);
    });
    assert_snapshot!(outcome.error(), @"could not understand what the bootstrap in the container says: decode error: decode error: unknown version: 255");
    let outcome = launched(|stream| {
        greet(stream);
        stdout(stream, &data(b"what?\n"));
        listen(stream);
    });
    assert_snapshot!(outcome.error(), @"could not understand what the bootstrap in the container says: expected value at line 1 column 1");
    let outcome = launched(|stream| {
        greet(stream);
        stdout(stream, &data(b"{\"failed\": \"the moon is full\\u001b[31m\"}\n"));
        listen(stream);
    });
    assert_snapshot!(outcome.error(), @r"the kernel could not be started in image `my/image:1`: the moon is full\u{1b}[31m");
}

#[test]
fn what_never_ends_fills_no_memory() {
    let pieces: [fn(&mut UnixStream) -> bool; 6] = [
        // One frame of the greatest length there is, before the greeting and after it.
        |stream| {
            let mut go_on = stream.write_all(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]).is_ok();
            while go_on {
                go_on = stream.write_all(&[b'x'; 16384]).is_ok();
            }
            false
        },
        |stream| stdout(stream, &[b'x'; 16384]),
        |stream| stdout(stream, &[]),
        // A message without an end, beyond what was allowed to be sent, and within it.
        |stream| stdout(stream, &data(&[b'x'; 16384])),
        // Streams that nobody has asked for.
        |stream| stdout(stream, &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0]),
        // Questions whose answers are not read.
        |stream| stdout(stream, &[0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0].repeat(1000)),
    ];
    at_once(pieces, |piece| {
        at_once([false, true], |greets| {
            let outcome = launched(move |stream| {
                // A launcher that waits until somebody reads what it writes does not read either.
                stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
                if greets {
                    greet(stream);
                }
                // A second of a fast machine: more than the limit of its memory.
                for _ in 0..40_000 {
                    if !piece(stream) {
                        break;
                    }
                }
            });
            assert!(!outcome.error().contains("memory"), "{outcome}");
        });
    });
}

#[test]
fn a_kernel_is_lost_when_its_streams_are_no_streams_any_more() {
    let outcome = launched(|stream| {
        greet(stream);
        stdout(stream, &data(b"\"started\"\n"));
        stdout(stream, &[0xff; 64]);
        listen(stream);
    });
    assert_eq!(outcome.code(), Some(ENDED.into()), "{outcome}");
    let message =
        "[E [TIME] launch_docker] The kernel of image my/image:1 ended with exit status 42, ";
    assert!(outcome.stderr.starts_with(message), "{outcome}");
}
