//! A log that nobody has to read: messages are written by a thread, and where it has to wait for a reader,
//! nobody waits for it. What does not find room meanwhile is counted.
//!
//! The descriptor is not made non-blocking: it is the server's, and the same for all who have it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd as _;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// How many messages are kept for a reader.
const MOST: usize = 100;

/// How long the last messages may take at the end of the program.
const LAST: Duration = Duration::from_secs(1);

/// How soon it is tried again where somebody else has made the descriptor non-blocking.
const AGAIN: Duration = Duration::from_millis(10);

static LOG: Log = Log { state: Mutex::new(State::NEW), changed: Condvar::new() };

struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    messages: VecDeque<Vec<u8>>,
    lost: usize,
    /// There is a thread from the first message on: an ordinary launch has none.
    has_thread: bool,
    is_writing: bool,
}

impl State {
    const NEW: Self =
        Self { messages: VecDeque::new(), lost: 0, has_thread: false, is_writing: false };

    fn is_idle(&self) -> bool {
        self.messages.is_empty() && self.lost == 0 && !self.is_writing
    }
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, message: &[u8]) {
        let mut state = self.state();
        if !state.has_thread {
            state.has_thread = thread::Builder::new().spawn(|| self::LOG.write()).is_ok();
        }
        if !state.has_thread {
            // Without a thread it is said at once, or nobody would know why there is none.
            let _ = io::stderr().write_all(message);
        } else if state.messages.len() < MOST {
            state.messages.push_back(message.to_vec());
        } else {
            state.lost += 1;
        }
        self.changed.notify_all();
    }

    /// Writes what is there, and what comes, for ever.
    fn write(&self) {
        // Not through the standard library's own, which others would have to wait for.
        let file = io::stderr().as_fd().try_clone_to_owned().map(File::from);
        let mut out: Box<dyn Write> = match file {
            Ok(file) => Box::new(file),
            Err(_) => Box::new(io::stderr()),
        };
        let mut state = self.state();
        loop {
            let message = match state.messages.pop_front() {
                Some(message) => message,
                None if state.lost > 0 => {
                    format!("({} messages were lost)\n", std::mem::take(&mut state.lost)).into()
                }
                None => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            state.is_writing = true;
            drop(state);
            write_all(&mut *out, &message);
            state = self.state();
            state.is_writing = false;
            self.changed.notify_all();
        }
    }
}

/// Writes all of it, or as much as somebody takes who has gone then.
fn write_all(out: &mut dyn Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(_) => return,
        }
    }
}

/// Where messages are sent, each with one call.
pub(super) struct Patient;

impl Write for Patient {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        LOG.add(message);
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says the last that a program says, without anything of the log, of which nothing is known any more. Waits for
/// a reader, but no longer than a second.
pub fn say_at_last(text: String) {
    write_within(io::stderr(), text, LAST);
}

/// Writes a line; false if that has taken too long, and may go on.
fn write_within(mut out: impl Write + Send + 'static, text: String, limit: Duration) -> bool {
    let (done, written) = mpsc::channel();
    let writer = thread::Builder::new().spawn(move || {
        let _ = out.write_all((text + "\n").as_bytes());
        let _ = done.send(());
    });
    writer.is_ok() && written.recv_timeout(limit).is_ok()
}

/// Waits for what has been said to be written, but no longer than a second: nobody may be reading.
pub fn finish() {
    let state = LOG.state();
    if state.has_thread {
        let _ = LOG.changed.wait_timeout_while(state, LAST, |state| !state.is_idle());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands on what is written, as far as it is taken.
    struct Out(mpsc::SyncSender<Vec<u8>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn last_words_are_said_and_nobody_has_to_hear_them() {
        let (out, said) = mpsc::sync_channel(1);
        assert!(write_within(Out(out.clone()), "one".to_owned(), Duration::MAX));
        assert_eq!(said.recv().unwrap(), b"one\n");
        // There is no room, and nobody who makes some.
        out.send(Vec::new()).unwrap();
        assert!(!write_within(Out(out), "two".to_owned(), Duration::from_millis(1)));
        drop(said);
    }
}
