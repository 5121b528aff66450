//! Child processes that may take only so long.

use std::io::{self, Read as _};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether a child has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Runs a command without input and returns what it printed; `None` if it was not done in time, and
/// was killed.
///
/// # Errors
/// When it cannot be run.
pub fn output_within(command: &mut Command, limit: Duration) -> io::Result<Option<Output>> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let drain = |stream: Option<Box<dyn io::Read + Send>>| {
        let read = move || {
            let mut text = Vec::new();
            // What could be read is what there is.
            let _ = stream.map(|mut stream| stream.read_to_end(&mut text));
            text
        };
        // Where there is a limit on processes, `thread::spawn` panics.
        thread::Builder::new().spawn(read)
    };
    let stdout = drain(child.stdout.take().map(|stream| Box::new(stream) as _));
    let stderr = drain(child.stderr.take().map(|stream| Box::new(stream) as _));
    let (stdout, stderr) = match (stdout, stderr) {
        (Ok(stdout), Ok(stderr)) => (stdout, stderr),
        (Err(error), _) | (_, Err(error)) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    };
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        thread::sleep(LOOK);
    };
    let [stdout, stderr] = [stdout, stderr].map(|drain| drain.join().unwrap_or_default());
    Ok(Some(Output { status, stdout, stderr }))
}
