//! An engine that is none: it answers a launcher on a socket and remembers what it was asked.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The first line of a request without its version, and its body.
pub(crate) type Asked = (String, Value);

/// Listens until the test ends.
pub(crate) struct FakeEngine {
    directory: TempDir,
    asked: Receiver<Asked>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl FakeEngine {
    /// An engine on which a container lives until its start is answered, and is then removed by
    /// somebody, so that a launcher has no reason to stay.
    pub(crate) fn new() -> Self {
        let (started, starts) = mpsc::channel();
        let starts = Arc::new(Mutex::new(starts));
        Self::with(move |asked, stream, sender| {
            // Before the answer, after which the test may look.
            let (line, _) = asked.clone();
            let _ = sender.send(asked);
            answer(&line, stream, &started, &starts)
        })
    }

    /// One that sends these bytes to whoever asks anything, and closes the connection.
    pub(crate) fn saying(bytes: &'static [u8]) -> Self {
        Self::with(move |_, stream, _| {
            let _ = stream.write_all(bytes);
            false
        })
    }

    /// One that answers in this way, and says whether there may be another request.
    pub(crate) fn with(
        serve: impl Fn(Asked, &mut UnixStream, &Sender<Asked>) -> bool + Clone + Send + 'static,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let (sender, asked) = mpsc::channel();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let all_heads = Arc::clone(&heads);
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let (serve, sender) = (serve.clone(), sender.clone());
                let heads = Arc::clone(&all_heads);
                thread::spawn(move || {
                    while let Some(asked) = read(&mut stream, &heads) {
                        if !serve(asked, &mut stream, &sender) {
                            break;
                        }
                    }
                });
            }
        });
        Self { directory, asked, heads }
    }

    /// One that answers each call with what `body` makes of its path and query, and does not know what it
    /// makes nothing of.
    pub(crate) fn answering(
        body: impl Fn(&str, &str) -> Option<Value> + Clone + Send + 'static,
    ) -> Self {
        Self::with(move |(line, _), stream, _| {
            let target = line.split(' ').nth(1).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let (status, body) = match (path, body(path, query)) {
                ("/_ping", _) => ("200 OK", String::new()),
                (_, Some(body)) => ("200 OK", body.to_string()),
                _ => ("404 Not Found", json!({"message": "no such object"}).to_string()),
            };
            let head = format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length");
            stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).is_ok()
        })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The heads of all requests until now, as they came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// What it was asked until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }
}

/// Reads a request; `None` at the end of the connection.
fn read(stream: &mut UnixStream, heads: &Mutex<Vec<String>>) -> Option<Asked> {
    let mut head = String::new();
    let mut byte = [0];
    while !head.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0].into());
    }
    heads.lock().unwrap().push(head.clone());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").replace("/v1.41/", "/");
    Some((line, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// Answers a request. Says whether there may be another.
fn answer(
    line: &str,
    stream: &mut UnixStream,
    started: &Sender<()>,
    starts: &Mutex<Receiver<()>>,
) -> bool {
    const STREAM: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let json = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let path = line.split(['?', ' ']).nth(1).unwrap_or_default();
    let (text, more) = match path {
        "/_ping" => {
            ("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n".into(), true)
        }
        "/containers/create" => (json("201 Created", r#"{"Id": "c1", "Warnings": null}"#), true),
        "/containers/c1/start" => ("HTTP/1.1 204 No Content\r\n\r\n".into(), true),
        "/containers/c1/attach" | "/events" => (STREAM.into(), false),
        path if path.starts_with("/images/") && path.ends_with("/json") => {
            (json("200 OK", "{}"), true)
        }
        "/services/create" => (json("201 Created", r#"{"ID": "s1"}"#), true),
        // The service is gone.
        _ => (json("404 Not Found", r#"{"message": "no such object"}"#), true),
    };
    let _ = stream.write_all(text.as_bytes());
    if path.ends_with("/start") {
        let _ = started.send(());
    }
    if path == "/events" && starts.lock().unwrap().recv().is_ok() {
        let _ = stream.write_all(b"{\"Action\": \"destroy\", \"Actor\": {\"ID\": \"c1\"}}\n");
    }
    more
}
