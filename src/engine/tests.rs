//! Faults that a real engine does not show on demand, shown by a fake one: a thread that answers
//! each connection with bytes of the test's choice.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Endpoint, Engine, Error, Result};
use crate::env::Env;

const PONG: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n";
const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

/// What the fake engine does with one request.
enum Reply {
    /// Sends this, and reads on.
    Send(String),
    /// Sends this and closes the connection.
    Close(String),
    /// Sends this, and nothing more for as long as the client stays.
    Hang(String),
}

use Reply::{Close, Hang, Send};

struct Fake {
    directory: TempDir,
    requests: mpsc::Receiver<String>,
    closed: mpsc::Receiver<()>,
}

impl Fake {
    /// An engine that gives these replies, one after the other, to whatever is asked.
    fn new(replies: impl IntoIterator<Item = Reply> + std::marker::Send + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
        let (sender, requests) = mpsc::channel();
        let (closing, closed) = mpsc::channel();
        let mut replies = replies.into_iter().collect::<Vec<_>>().into_iter();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                while let Some(request) = read_request(&mut stream) {
                    let Some(reply) = replies.next() else { return };
                    if sender.send(request).is_err() {
                        return;
                    }
                    let (Send(text) | Close(text) | Hang(text)) = &reply;
                    // The client may have closed the connection.
                    let _ = stream.write_all(text.as_bytes());
                    match reply {
                        Send(_) => {}
                        Close(_) => break,
                        Hang(_) => {
                            let _ = stream.read(&mut [0]);
                            break;
                        }
                    }
                }
                drop(stream);
                let _ = closing.send(());
            }
        });
        Self { directory, requests, closed }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.socket())
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    async fn connect(&self, answer_limit: Duration) -> Result<Engine> {
        Engine::connect(self.endpoint(), &Env::default(), answer_limit, Instant::now() + LONG).await
    }

    /// The first lines of the requests so far.
    fn asked(&self) -> Vec<String> {
        self.requests.try_iter().map(|text| text.lines().next().unwrap().to_owned()).collect()
    }
}

/// A request with its body; `None` when the client has closed the connection.
fn read_request(stream: &mut UnixStream) -> Option<String> {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        text.push(byte[0].into());
    }
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(text + std::str::from_utf8(&body).unwrap())
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn stream(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len())
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Asserts that the work fails with a message of this kind.
macro_rules! assert_fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?, $part:expr) => {
        match $result {
            Err(error) => {
                assert!(matches!(error, $pattern $(if $guard)?), "{error:?}");
                let text = error.to_string();
                assert!(text.contains($part), "{text}");
            }
            Ok(_) => panic!("it succeeded"),
        }
    };
}

mod streams;

#[test]
fn calls_share_a_connection_and_survive_its_end() {
    let created = || Send(answer("201 Created", r#"{"Id": "abc", "Warnings": null}"#));
    let fake = Fake::new([
        Send(PONG.to_owned()),
        created(),
        Close(answer("204 No Content", "")),
        Send(answer("304 Not Modified", "")),
    ]);
    run(async {
        let engine = fake.connect(LONG).await.unwrap();
        assert_eq!(engine.api_version(), "1.41");
        let made = engine.create_container("a b", None, &json!({"Image": "x"})).await.unwrap();
        assert_eq!((made.id.as_str(), made.warnings.len()), ("abc", 0));
        engine.start_container("abc").await.unwrap();
        fake.closed.recv_timeout(LONG).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        engine.start_container("abc").await.unwrap();
    });
    assert_eq!(
        fake.asked(),
        [
            "HEAD /_ping HTTP/1.1",
            "POST /v1.41/containers/create?name=a%20b HTTP/1.1",
            "POST /v1.41/containers/abc/start HTTP/1.1",
            "POST /v1.41/containers/abc/start HTTP/1.1",
        ]
    );
}

#[test]
fn a_ping_that_only_get_answers_is_good_enough() {
    let fake = Fake::new([Send(answer("405 Method Not Allowed", "")), Send(PONG.to_owned())]);
    assert_eq!(run(fake.connect(LONG)).unwrap().api_version(), "1.41");
    assert_eq!(fake.asked(), ["HEAD /_ping HTTP/1.1", "GET /_ping HTTP/1.1"]);
}

/// Docker 29 refuses all versions before 1.44, and those after it may refuse more.
#[test]
fn the_engines_own_version_is_in_each_path() {
    for version in ["1.40", "1.44", "1.55"] {
        let pong = PONG.replace("1.41", version);
        let fake = Fake::new([Send(pong), Send(answer("204 No Content", ""))]);
        run(async { fake.connect(LONG).await.unwrap().start_container("x").await.unwrap() });
        let asked = fake.asked();
        assert_eq!(asked[1], format!("POST /v{version}/containers/x/start HTTP/1.1"));
    }
}

/// Something may pass on more than an engine.
#[test]
fn an_engine_may_be_below_a_path() {
    use std::io::{BufRead as _, BufReader};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        stream.write_all(PONG.as_bytes()).unwrap();
        line
    });
    let host = format!("tcp://127.0.0.1:{port}/some/where");
    let env = crate::env::Env::new(std::path::Path::new("/"), [("DOCKER_HOST", &host)]);
    let endpoint = Endpoint::from_env(&env).unwrap();
    run(Engine::connect(endpoint, &Env::default(), LONG, Instant::now() + LONG)).unwrap();
    assert_eq!(serving.join().unwrap(), "HEAD /some/where/_ping HTTP/1.1\r\n");
}

#[test]
fn a_missing_engine_is_told_from_one_that_may_not_be_used() {
    let connect = |path: &str| {
        run(Engine::connect(
            Endpoint::Unix(path.into()),
            &Env::default(),
            LONG,
            Instant::now() + LONG,
        ))
    };
    assert_fails!(connect("/nonexistent/socket"), Error::NoEngine { .. }, "set DOCKER_HOST");

    let fake = Fake::new([]);
    let path = fake.directory.path().join("closed");
    drop(UnixListener::bind(&path).unwrap());
    assert_fails!(connect(path.to_str().unwrap()), Error::NoEngine { .. }, "Connection refused");

    let endpoint =
        Endpoint::Tcp { host: "host.invalid".to_owned(), port: 1, base: String::new(), tls: None };
    let result = run(Engine::connect(endpoint, &Env::default(), LONG, Instant::now() + LONG));
    assert_fails!(
        result,
        Error::NoEngine { .. },
        "found no Docker Engine at `tcp://host.invalid:1`"
    );
}

#[test]
fn an_engine_that_hangs_is_given_up() {
    for so_far in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"] {
        let fake = Fake::new([Send(PONG.to_owned()), Hang(so_far.to_owned())]);
        run(async {
            let engine = fake.connect(SHORT).await.unwrap();
            assert_fails!(
                engine.inspect_container("x").await,
                Error::TimedOut { .. },
                "did not answer within 0.2 s"
            );
        });
    }
    let unfinished = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nO";
    for replies in [
        vec![Hang(String::new())],
        vec![Send(answer("405 Method Not Allowed", "")), Hang(unfinished.to_owned())],
    ] {
        let fake = Fake::new(replies);
        assert_fails!(run(fake.connect(SHORT)), Error::TimedOut { .. }, "did not answer");
    }
}

#[test]
fn nothing_is_asked_after_the_deadline() {
    let fake = Fake::new([Send(PONG.to_owned()), Send(answer("204 No Content", ""))]);
    run(async {
        let engine = fake.connect(LONG).await.unwrap();
        engine.set_deadline(Instant::now());
        assert_fails!(
            engine.start_container("x").await,
            Error::DeadlinePassed { .. },
            "did not start the container"
        );
        engine.set_deadline(Instant::now() + LONG);
        engine.remove_container("x", true).await.unwrap();
    });
    assert_eq!(
        fake.asked(),
        ["HEAD /_ping HTTP/1.1", "DELETE /v1.41/containers/x?v=1&force=1 HTTP/1.1"]
    );
}

#[test]
fn what_is_no_docker_engine_is_called_so() {
    for (bytes, part) in [
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "does not answer as a Docker Engine does"),
        (answer("200 OK", "hello"), "does not name its version"),
    ] {
        let fake = Fake::new([Close(bytes)]);
        assert_fails!(run(fake.connect(LONG)), Error::BadAnswer { .. }, part);
    }
    let moved = || Send(answer("301 Moved Permanently\r\nLocation: /elsewhere", ""));
    let fake = Fake::new([moved(), moved()]);
    assert_fails!(run(fake.connect(LONG)), Error::Status { .. }, "Moved Permanently (status 301");
}

#[test]
fn answers_that_break_off_or_go_wrong_are_errors() {
    let huge = "x".repeat(33 * 1024 * 1024);
    for (reply, part) in [
        (Close(String::new()), "lost the Docker Engine"),
        (
            Close("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned()),
            "lost the Docker Engine",
        ),
        (Close(answer("200 OK", "[]")), "does not answer as a Docker Engine does"),
        (Close(answer("200 OK", &huge)), "it sends more than"),
        (
            Send(answer("500 Internal Server Error", r#"{"message":"no space left"}"#)),
            "no space left",
        ),
        (Close(answer("500 Internal Server Error", &huge)), "Internal Server Error"),
    ] {
        let fake = Fake::new([Send(PONG.to_owned()), reply]);
        run(async {
            let engine = fake.connect(LONG).await.unwrap();
            assert_fails!(engine.inspect_container("x").await, _, part);
        });
    }
}

#[test]
fn what_an_engine_says_is_told_in_short() {
    let long = "x".repeat(100_000);
    let quoted = format!("\"{long}\"");
    let version = format!("HTTP/1.1 200 OK\r\nApi-Version: {long}\r\nContent-Length: 0\r\n\r\n");
    let pong = || Send(PONG.to_owned());
    for replies in [
        vec![pong(), Send(answer("200 OK", &quoted))],
        vec![pong(), Send(answer("500 X", &json!({ "message": long }).to_string()))],
        vec![Send(version)],
    ] {
        let fake = Fake::new(replies);
        let text = run(async {
            match fake.connect(LONG).await {
                Ok(engine) => engine.inspect_container("x").await.unwrap_err().to_string(),
                Err(error) => error.to_string(),
            }
        });
        assert!(text.contains("xxx") && text.len() < 2000, "{} bytes", text.len());
    }
    let fake = Fake::new([pong(), Close(stream(&quoted))]);
    run(async {
        let engine = fake.connect(LONG).await.unwrap();
        let error = engine.container_events("x").await.unwrap().next().await.unwrap_err();
        assert!(error.to_string().len() < 2000);
    });
}

#[test]
fn removing_what_is_gone_or_going_is_fine() {
    let conflict = |text: &str| answer("409 Conflict", &json!({ "message": text }).to_string());
    let fake = Fake::new([
        Send(PONG.to_owned()),
        Send(answer("404 Not Found", r#"{"message":"No such container: x"}"#)),
        Send(conflict("removal of container x is already in progress")),
        Send(conflict("You cannot remove a running container x")),
    ]);
    run(async {
        let engine = fake.connect(LONG).await.unwrap();
        engine.remove_container("x", false).await.unwrap();
        engine.remove_container("x", false).await.unwrap();
        let result = engine.remove_container("x", false).await;
        assert_fails!(result, Error::Status { status: 409, .. }, "running container");
    });
}
