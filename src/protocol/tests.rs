//! Both ends of a stream, without a container between them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::Purpose;
use super::message::{Answer, Control, Request, Start};
use super::mux::{self, Mode, Opener, Stream};
use super::relay::relay;

/// How many bytes are on their way between the two ends.
const BETWEEN: usize = 64 * 1024;

/// More than one side may send ahead of a reader.
const MUCH: usize = 4 * 1024 * 1024;

/// Makes the launcher's end, and what comes to the bootstrap's. Both end with the opener.
fn ends() -> (Opener, UnboundedReceiver<Stream>) {
    let (one, other) = duplex(BETWEEN);
    let (opener, requests) = mux::opener();
    tokio::spawn(mux::carry(one, Mode::Client, requests, drop));
    let (sender, accepted) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        // Only the launcher opens streams.
        let (_opener, requests) = mux::opener();
        mux::carry(other, Mode::Server, requests, |stream| drop(sender.send(stream))).await
    });
    (opener, accepted)
}

/// A stream with this first byte, from both ends.
async fn stream(opener: &Opener, accepted: &mut UnboundedReceiver<Stream>) -> (Stream, Stream) {
    let mut ours = opener.open().await.unwrap();
    ours.write_u8(Purpose::Channel(1).byte()).await.unwrap();
    let mut theirs = accepted.recv().await.unwrap();
    assert_eq!(Purpose::of(theirs.read_u8().await.unwrap()), Some(Purpose::Channel(1)));
    (ours, theirs)
}

#[test]
fn a_purpose_is_a_byte_and_back() {
    let known = (0..=u8::MAX).filter_map(|byte| Some((byte, Purpose::of(byte)?.byte())));
    let known: Vec<_> = known.collect();
    assert_eq!(known, [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (255, 255)]);
}

#[tokio::test]
async fn a_reader_that_is_late_stops_no_other() {
    let (opener, mut accepted) = ends();
    let (mut stalled, _nobody_reads) = stream(&opener, &mut accepted).await;
    tokio::spawn(async move { stalled.write_all(&vec![0; MUCH]).await });
    let (mut ours, mut theirs) = stream(&opener, &mut accepted).await;
    tokio::spawn(async move {
        ours.write_all(&vec![1; MUCH]).await.unwrap();
        ours.shutdown().await
    });
    let mut read = Vec::new();
    theirs.read_to_end(&mut read).await.unwrap();
    assert!(read.len() == MUCH && read.iter().all(|byte| *byte == 1));
}

#[tokio::test]
async fn what_was_written_arrives_before_the_end() {
    let (opener, mut accepted) = ends();
    let (mut ours, mut theirs) = stream(&opener, &mut accepted).await;
    ours.write_all(b"last words").await.unwrap();
    ours.shutdown().await.unwrap();
    drop((ours, opener));
    let mut read = Vec::new();
    theirs.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"last words");
    assert!(accepted.recv().await.is_none());
}

#[tokio::test]
async fn messages_are_read_whole_whoever_asks_meanwhile() {
    let (opener, mut accepted) = ends();
    let (ours, theirs) = stream(&opener, &mut accepted).await;
    let (mut ours, mut theirs) = (Control::new(ours), Control::new(theirs));
    ours.send(&Request::<Start>::Signal(2)).await.unwrap();
    ours.send(&Request::<Start>::Signal(15)).await.unwrap();
    for number in [2, 15] {
        // Asking and giving it up loses nothing.
        for _ in 0..3 {
            tokio::select! {
                biased;
                () = std::future::ready(()) => {}
                message = theirs.next::<Request>() => panic!("{message:?}"),
            }
        }
        let message: Option<Request> = theirs.next().await.unwrap();
        assert!(
            matches!(message, Some(Request::Signal(signal)) if signal == number),
            "{message:?}"
        );
    }
    theirs.send(&Answer::Ended(3)).await.unwrap();
    assert!(matches!(ours.next().await.unwrap(), Some(Answer::Ended(3))));
    drop(theirs);
    assert!(ours.next::<Answer>().await.unwrap().is_none());
}

#[tokio::test]
async fn a_message_without_an_end_is_refused() {
    let (opener, mut accepted) = ends();
    let (mut ours, theirs) = stream(&opener, &mut accepted).await;
    tokio::spawn(async move { ours.write_all(&vec![b' '; MUCH]).await });
    let error = Control::new(theirs).next::<Request>().await.unwrap_err();
    assert_eq!(error.to_string(), "a message is too long");
}

#[tokio::test]
async fn when_a_client_has_said_all_it_still_hears_the_answer() {
    let (mut client, client_side) = duplex(BETWEEN);
    let (mut kernel, kernel_side): (DuplexStream, DuplexStream) = duplex(BETWEEN);
    let carrying = tokio::spawn(relay(client_side, kernel_side));
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = Vec::new();
    kernel.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"question");
    kernel.write_all(b"answer").await.unwrap();
    drop(kernel);
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"answer");
    carrying.await.unwrap();
}

#[tokio::test]
async fn a_kernel_that_has_ended_ends_the_connection_though_the_client_does_not() {
    let (client, client_side) = duplex(BETWEEN);
    let (kernel, kernel_side) = duplex(BETWEEN);
    let carrying = tokio::spawn(relay(client_side, kernel_side));
    drop(kernel);
    carrying.await.unwrap();
    drop(client);
}
