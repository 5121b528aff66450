//! Faults in answers that arrive bit by bit.

use tokio::time::Instant;

use super::Reply::{Close, Hang, Send};
use super::{Fake, LONG, PONG, SHORT, answer, run, stream};
use crate::engine::{Channel, Error, Event, RegistryAuth};

#[test]
fn a_pull_fails_with_the_error_in_its_stream() {
    let lines = "{\"status\":\"Pulling from x\",\"id\":\"latest\"}\r\n\
        {\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":9},\"id\":\"a1\"}\r\n\
        {\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"a1\"}\r\n";
    let error = r#"{"errorDetail":{"message":"toomanyrequests"},"error":"toomanyrequests"}"#;
    let fake = Fake::new([
        Send(PONG.to_owned()),
        Send(stream(&format!("{lines}{error}\r\n")) + "0\r\n\r\n"),
        Send(stream(lines) + "0\r\n\r\n"),
        Hang(stream(lines)),
    ]);
    let auth = RegistryAuth::default();
    let image =
        "localhost:5000/x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            .parse()
            .unwrap();
    run(async {
        let engine = fake.connect(SHORT).await.unwrap();
        let mut seen = Vec::new();
        let result = engine
            .pull_image(&image, Some("linux/arm64"), Some(&auth), |progress| {
                seen.push((progress.id.clone(), progress.current(), progress.total()));
            })
            .await;
        assert_fails!(result, Error::Status { .. }, "failed to pull the image: toomanyrequests");
        assert_eq!(seen[1], ("a1".to_owned(), Some(5), Some(9)));
        assert_eq!(seen.len(), 3);
        engine.pull_image(&image, None, None, |_| ()).await.unwrap();

        engine.set_deadline(Instant::now() + 5 * SHORT);
        let result = engine.pull_image(&image, None, None, |_| ()).await;
        // The deadline, because the limit for answers does not apply to pulls.
        assert_fails!(
            result,
            Error::TimedOut { limit, .. } if limit > SHORT,
            "failed to pull the image"
        );
    });
    let requests: Vec<String> = fake.requests.try_iter().collect();
    assert!(
        requests[1].contains("/images/create?fromImage=localhost%3A5000%2Fx&tag=sha256%3Ae3b0")
    );
    assert!(requests[1].contains("x-registry-auth: "));
    assert!(!requests[2].contains("x-registry-auth: "));
}

#[test]
fn events_and_ends_are_understood_in_pieces() {
    let event = |action: &str, attributes: &str| {
        format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"x","Attributes":{attributes}}}}}"#
        ) + "\n"
    };
    let events = event("start", "{}")
        + &event("oom", "null")
        + &event("kill", r#"{"signal":"15"}"#)
        + &event("exec_start: sh", "{}")
        + &event("die", r#"{"exitCode":"137"}"#)
        + &event("destroy", "{}");
    let (first, second) = events.split_at(101);
    let frames = "\u{1}\0\0\0\0\0\0\u{3}out\u{2}\0\0\0\0\0\0\u{3}err";
    let fake = Fake::new([
        Send(PONG.to_owned()),
        Close(stream(first) + &format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len())),
        Close("HTTP/1.1 200 OK\r\n\r\n".to_owned() + frames),
        Send(answer("200 OK", frames)),
        Close(stream(&"x".repeat(9 * 1024 * 1024))),
    ]);
    run(async {
        let engine = fake.connect(LONG).await.unwrap();
        let mut events = engine.container_events("x").await.unwrap();
        for expected in [
            Event::Start,
            Event::OutOfMemory,
            Event::Kill { signal: Some(15) },
            Event::Die { exit_code: 137 },
            Event::Destroy,
        ] {
            assert_eq!(events.next().await.unwrap(), Some(expected));
        }
        assert_eq!(events.next().await.unwrap(), None);
        drop(events);

        let mut output = engine.attach_output("x").await.unwrap();
        assert_eq!(output.next().await.unwrap().unwrap(), (Channel::Stdout, "out".into()));
        assert_eq!(output.next().await.unwrap().unwrap(), (Channel::Stderr, "err".into()));
        assert_eq!(output.next().await.unwrap(), None);
        drop(output);
        assert_eq!(engine.service_logs("x", 5).await.unwrap(), "outerr");

        let mut events = engine.container_events("x").await.unwrap();
        assert_fails!(events.next().await, Error::BadAnswer { .. }, "a line without end");
    });
}
