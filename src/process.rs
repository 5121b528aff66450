//! Child processes with a time limit.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often to check whether a child has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How many bytes of output are kept; the rest is read and discarded, so that the child does not block.
const MAX_OUTPUT: u64 = 16 * 1024 * 1024;

/// Runs a command without input and returns its output; `None` if it took too long and was killed, with all
/// processes that it started.
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> io::Result<Option<Output>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A process group can be killed as a whole: the children of a script hold its output open, too.
    let mut child = command.process_group(0).spawn()?;
    let end = Instant::now() + limit;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let (stdout, stderr) = match (stdout, stderr) {
        (Ok(stdout), Ok(stderr)) => (stdout, stderr),
        (Err(error), _) | (_, Err(error)) => {
            kill(&mut child);
            return Err(error);
        }
    };
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > end {
            kill(&mut child);
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    };
    // Another process may still hold it open.
    let rest = |stream: &Receiver<Vec<u8>>| {
        stream.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
    };
    let (Some(stdout), Some(stderr)) = (rest(&stdout), rest(&stderr)) else {
        kill(&mut child);
        return Ok(None);
    };
    Ok(Some(Output { status, stdout, stderr }))
}

/// Reads a stream to its end, in a thread.
fn drain(stream: Option<impl Read + Send + 'static>) -> io::Result<Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        let mut text = Vec::new();
        // After an error, what was read so far counts.
        let _ = stream.map(|mut stream| {
            stream.by_ref().take(MAX_OUTPUT).read_to_end(&mut text)?;
            io::copy(&mut stream, &mut io::sink())
        });
        let _ = sender.send(text);
    };
    // `thread::spawn` panics if the number of processes is limited.
    thread::Builder::new().spawn(read)?;
    Ok(receiver)
}

/// Kills a child, and the processes that it started, unless they left its group.
fn kill(child: &mut Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what a shell prints; `None` if it was killed.
    fn run(script: &str, limit: Duration) -> Option<(String, String)> {
        let output = output_within(Command::new("sh").args(["-c", script]), limit).unwrap()?;
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        Some((stdout, stderr))
    }

    #[test]
    fn what_is_done_in_time_has_its_output() {
        let found = run("echo out; cat; echo err >&2", Duration::from_secs(60)).unwrap();
        assert_eq!(found, ("out\n".to_owned(), "err\n".to_owned()));
        let much = run(
            "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2",
            Duration::from_secs(60),
        );
        assert!(much.is_some_and(|(out, err)| out.len() == 1_000_000 && err.len() == 1_000_000));
    }

    #[test]
    fn what_is_not_done_in_time_is_killed_whoever_waits() {
        for script in ["sleep 600", "sleep 600; true", "echo done; sleep 600 &", "cat /dev/zero"] {
            assert_eq!(run(script, Duration::from_millis(300)), None, "{script}");
        }
    }
}
