//! What an engine may answer. The first line of an input says what was asked, with which status it is
//! answered, and into pieces of how many bytes the answer is cut; the rest is the answer's body, or with
//! the status 0 all of it. It is understood or refused, in a message that can be read.
#![no_main]

use std::cell::LazyCell;
use std::path::PathBuf;
use std::time::Duration;

use jupyter_docker_spec::engine::{Endpoint, Engine, PullProgress, Result, SwarmObject};
use jupyter_docker_spec::env::Env;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::yield_now;
use tokio::time::Instant;

/// Longer than anything takes that ends.
const LIMIT: Duration = Duration::from_secs(60);
/// The most that a message may say, in characters.
const MESSAGE: usize = 2000;
const PONG: &[u8] = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n";

/// An engine and its client, in one thread.
struct Bed {
    runtime: Runtime,
    listener: UnixListener,
    endpoint: Endpoint,
    engine: Engine,
}

thread_local! {
    static BED: LazyCell<Bed> = LazyCell::new(Bed::new);
}

impl Bed {
    fn new() -> Self {
        let path = PathBuf::from(format!("/dev/shm/jds-fuzz-{}.sock", std::process::id()));
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let endpoint = Endpoint::Unix(path.clone());
        let (listener, engine) = runtime.block_on(async {
            // A fuzzer's main function does not have it ignored, as that of a program in Rust has.
            drop(signal(SignalKind::pipe()).expect("a client may be gone"));
            let listener = UnixListener::bind(path).expect("a socket");
            let env = Env::default();
            let connect = Engine::connect(endpoint.clone(), &env, LIMIT, Instant::now() + LIMIT);
            let engine = tokio::select! {
                engine = connect => engine.expect("an engine"),
                () = serve(&listener, PONG, usize::MAX) => panic!("it serves for ever"),
            };
            (listener, engine)
        });
        Self { runtime, listener, endpoint, engine }
    }
}

/// Answers every request so, and ends the connection then.
async fn serve(listener: &UnixListener, answer: &[u8], cut: usize) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        // A client that has seen enough may be gone.
        let _ = answer_one(&mut stream, answer, cut).await;
    }
}

async fn answer_one(stream: &mut UnixStream, answer: &[u8], cut: usize) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    for piece in answer.chunks(cut) {
        stream.write_all(piece).await?;
        if cut != usize::MAX {
            yield_now().await;
        }
    }
    stream.shutdown().await
}

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(head) = std::str::from_utf8(&input[..end]) else { return };
    let body = &input[end + 1..];
    let mut words = head.split(' ');
    let (what, status, cut) = (words.next(), words.next(), words.next());
    let Some(status) = status.and_then(|text| text.parse::<u16>().ok()) else { return };
    let cut = cut.and_then(|text| text.parse().ok()).filter(|cut| *cut > 0).unwrap_or(usize::MAX);
    let mut answer = Vec::new();
    if status != 0 {
        answer.extend_from_slice(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes());
    }
    answer.extend_from_slice(body);
    BED.with(|bed| {
        let result = bed.runtime.block_on(async {
            tokio::select! {
                result = ask(bed, what.unwrap_or_default()) => result,
                () = serve(&bed.listener, &answer, cut) => panic!("it serves for ever"),
            }
        });
        if let Err(error) = result {
            let text = error.to_string();
            assert!(text.chars().count() < MESSAGE, "{} characters", text.chars().count());
            // It has come to an end by itself.
            assert!(!text.contains("did not answer within"), "{text}");
        }
    });
});

async fn ask(bed: &Bed, what: &str) -> Result<()> {
    let engine = &bed.engine;
    match what {
        "attach" => {
            let mut output = engine.attach_output("x").await?;
            while let Some((_, piece)) = output.next().await? {
                assert!(!piece.is_empty());
            }
            Ok(())
        }
        "create" => engine.create_container("x", None, &()).await.map(drop),
        "events" => {
            let mut events = engine.container_events("x").await?;
            while events.next().await?.is_some() {}
            Ok(())
        }
        "image" => engine.inspect_image("x").await.map(|image| _ = image.volumes().len()),
        "info" => engine.info().await.map(drop),
        "inspect" => engine.inspect_container("x").await.map(|it| _ = it.config.labels.len()),
        "list" => {
            let listed = engine.containers_with(&["x"]).await?;
            listed.iter().for_each(|container| _ = container.is_of_service());
            Ok(())
        }
        "logs" => engine.service_logs("x", 5).await.map(drop),
        "network" => engine.inspect_network("x").await.map(|it| _ = it.addresses().count()),
        "nodes" => engine.nodes().await.map(drop),
        "path" => engine.has_path("x", "/").await.map(drop),
        "ping" => {
            let env = Env::default();
            let connect =
                Engine::connect(bed.endpoint.clone(), &env, LIMIT, Instant::now() + LIMIT);
            connect.await.map(|engine| assert!(engine.api_version().len() <= "65535.65535".len()))
        }
        "pull" => {
            let mut layers = PullProgress::default();
            let image = "x/y:1".parse()?;
            let update = |progress: &_| {
                layers.update(progress);
                assert!(layers.thousandths() <= 1000 && !layers.summary().is_empty());
            };
            engine.pull_image(&image, None, None, update).await
        }
        "remove" => engine.remove_container("x", true).await,
        "secret" => engine.swarm_object(SwarmObject::Secret, "x").await.map(drop),
        "service" => engine.inspect_service("x").await.map(|it| _ = it.labels()),
        "service-create" => engine.create_service(&(), None).await.map(drop),
        "services" => engine.services_with(&["x"]).await.map(drop),
        "start" => engine.start_container("x").await,
        "tasks" => engine.service_tasks("x").await.map(drop),
        "usage" => engine.usage("x").await.map(|it| _ = (it.cpu_nanoseconds(), it.memory())),
        _ => Ok(()),
    }
}
