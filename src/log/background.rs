//! A log that need not be read: a thread writes the messages, so nobody else waits for a reader. Messages for
//! which there is no room are counted.
//!
//! The descriptor is not made non-blocking, because the server and others share it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd as _;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// How many messages are kept for a reader, and how many bytes.
const MAX_MESSAGES: usize = 100;
const MAX_BYTES: usize = 1024 * 1024;

/// How long writing the last messages may take at the end of the program.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// How long to wait if somebody else made the descriptor non-blocking.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

static LOG: Log = Log { state: Mutex::new(State::NEW), changed: Condvar::new() };

struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    messages: VecDeque<Vec<u8>>,
    /// How many bytes they have together.
    bytes: usize,
    lost: usize,
    /// The thread starts with the first message: an ordinary launch needs none.
    has_thread: bool,
    is_writing: bool,
}

impl State {
    const NEW: Self =
        Self { messages: VecDeque::new(), bytes: 0, lost: 0, has_thread: false, is_writing: false };

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
            // Without a thread it is written directly, so that it is not lost.
            let _ = io::stderr().write_all(message);
        } else if state.messages.len() < MAX_MESSAGES && state.bytes < MAX_BYTES {
            state.bytes += message.len();
            state.messages.push_back(message.to_vec());
        } else {
            state.lost += 1;
        }
        self.changed.notify_all();
    }

    /// Writes messages as they come; never returns.
    fn write(&self) {
        // The lock of the standard library's stderr would block others.
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
            state.bytes = state.messages.iter().map(Vec::len).sum();
            state.is_writing = true;
            drop(state);
            write_all(&mut *out, &message);
            state = self.state();
            state.is_writing = false;
            self.changed.notify_all();
        }
    }
}

/// Writes everything, or stops if the reader has gone.
fn write_all(out: &mut dyn Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY_INTERVAL),
            Err(_) => return,
        }
    }
}

/// A writer that takes a message per call.
pub(super) struct Background;

impl Write for Background {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        LOG.add(message);
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the last words of the program without the log, whose state is unknown. Waits for a reader for at
/// most a second.
pub fn write_last_message(text: String) {
    write_within(io::stderr(), text, FLUSH_LIMIT);
}

/// Writes a line; returns false if that takes too long, and may still go on.
fn write_within(mut out: impl Write + Send + 'static, text: String, limit: Duration) -> bool {
    let (done, written) = mpsc::channel();
    let writer = thread::Builder::new().spawn(move || {
        let _ = out.write_all((text + "\n").as_bytes());
        let _ = done.send(());
    });
    writer.is_ok() && written.recv_timeout(limit).is_ok()
}

/// Writes what another program has written to its standard error.
pub fn pass_on(output: &[u8]) {
    LOG.add(output);
}

/// Waits until all messages are written, but at most a second: nobody may be reading.
pub fn finish() {
    let state = LOG.state();
    if state.has_thread {
        let _ = LOG.changed.wait_timeout_while(state, FLUSH_LIMIT, |state| !state.is_idle());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes on what is written, as far as it is accepted.
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
        // There is no room, and nobody reads.
        out.send(Vec::new()).unwrap();
        assert!(!write_within(Out(out), "two".to_owned(), Duration::from_millis(1)));
        drop(said);
    }
}
