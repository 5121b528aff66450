//! Messages of both programs for people, in the format of Jupyter's log: `[I 2023-02-15 14:10:16.892
//! DockerSpecInstaller] text`, on standard error.
//!
//! The bracket is coloured on a terminal, unless `NO_COLOR` is set. Text from outside (a container's output,
//! a name) cannot forge a line: control characters are escaped, and further lines of a message are indented.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::env::Env;
use crate::text::is_invisible;

mod background;

use self::background::Background;
pub use self::background::{finish, pass_on, write_last_message};

/// The values that [`level`] accepts.
pub const LEVELS: &str = "0, 10, 20, 30, 40, 50, DEBUG, INFO, WARN, ERROR and CRITICAL";

/// The longest message, in characters.
const MAX_CHARS: usize = 32 * 1024;

/// Returns the level of this name or number, as Python's `logging` has them. Errors are shown at each level,
/// because nobody should have to guess why a command failed.
#[must_use]
pub fn level(name: &str) -> Option<Level> {
    Some(match name {
        "0" => Level::TRACE,
        "10" | "DEBUG" => Level::DEBUG,
        "20" | "INFO" => Level::INFO,
        "30" | "WARN" => Level::WARN,
        "40" | "50" | "ERROR" | "CRITICAL" => Level::ERROR,
        _ => return None,
    })
}

/// Whether standard error is a terminal that can be redrawn.
#[must_use]
pub fn is_on_terminal(env: &Env) -> bool {
    io::stderr().is_terminal() && is_capable(env)
}

/// Whether standard error shows colours.
#[must_use]
pub fn has_colour(env: &Env) -> bool {
    io::stderr().is_terminal() && wants_colour(env)
}

/// Whether the user wants colours on terminals.
#[must_use]
pub fn wants_colour(env: &Env) -> bool {
    is_capable(env) && env.get("NO_COLOR").is_none()
}

fn is_capable(env: &Env) -> bool {
    env.get("TERM") != Some("dumb")
}

/// Sends messages of at least `level` to standard error, in the name of `application`. Only the first call
/// counts.
pub fn init(application: &'static str, level: Level, env: &Env) {
    start(application, level, env, io::stderr);
}

/// Like [`init`], for a program that does not wait for readers of its log; call [`finish`] at its end.
pub fn init_in_background(application: &'static str, level: Level, env: &Env) {
    start(application, level, env, || Background);
}

fn start<W: io::Write + 'static>(
    application: &'static str,
    level: Level,
    env: &Env,
    writer: impl Fn() -> W + Send + Sync + 'static,
) {
    let colour = has_colour(env);
    // An error means that there is a subscriber already.
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        .log_internal_errors(false)
        .event_format(JupyterFormat { application, colour, local: has_time_zone(env) })
        .try_init();
}

struct JupyterFormat {
    application: &'static str,
    colour: bool,
    /// Whether it is safe to ask for the local time.
    local: bool,
}

/// Whether the system may be asked for the local time: it reads the file that `TZ` names, and would wait for
/// the other end of a pipe. `TZ` is then `:/path`, or a path below one of the directories of time zones.
fn has_time_zone(env: &Env) -> bool {
    const DIRECTORIES: [&str; 4] =
        ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/share/zoneinfo", "/etc/zoneinfo"];
    let given = env.path("TZ").unwrap_or_else(|| "/etc/localtime".into());
    let given = Path::new(given.to_str().map_or("", |text| text.trim_start_matches(':')));
    let of_env = env.path("TZDIR");
    let directories = DIRECTORIES.iter().map(PathBuf::from).chain(of_env);
    let mut places = directories.map(|path| path.join(given));
    // Nothing blocks on a file that does not exist.
    places.all(|path| path.metadata().map_or(true, |metadata| metadata.is_file()))
}

impl<S, N> FormatEvent<S, N> for JupyterFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (letter, colour) = match *event.metadata().level() {
            Level::ERROR => ('E', 31),
            Level::WARN => ('W', 33),
            Level::INFO => ('I', 32),
            Level::DEBUG | Level::TRACE => ('D', 34),
        };
        // Without a readable time zone, UTC is better than no time.
        let local = self.local.then(|| OffsetDateTime::now_local().ok()).flatten();
        let now = local.unwrap_or_else(OffsetDateTime::now_utc);
        let stamp = now
            .format(format_description!(
                "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]"
            ))
            .map_err(|_| fmt::Error)?;
        let mut message = Message(String::new());
        event.record(&mut message);

        let bracket = format!("[{letter} {stamp} {}]", self.application);
        if self.colour {
            write!(out, "\x1b[{colour}m{bracket}\x1b[0m ")?;
        } else {
            write!(out, "{bracket} ")?;
        }
        writeln!(out, "{}", harmless(&message.0))
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

/// Escapes control characters, indents lines after the first, and shortens the text: an engine may repeat
/// what it rejects at any length.
fn harmless(text: &str) -> String {
    let text = match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => &format!("{}...", &text[..end]),
        None => text,
    };
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.trim_end().lines().enumerate() {
        if number > 0 {
            out.push('\n');
            out.push_str(if line.is_empty() { "" } else { "    " });
        }
        for character in line.chars() {
            if character != '\t' && is_invisible(character) {
                out.extend(character.escape_default());
            } else {
                out.push(character);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{MAX_CHARS, harmless};

    #[test]
    fn text_from_outside_cannot_forge_a_line_or_colour_the_terminal() {
        assert_eq!(
            harmless("a\n[I 2023-02-15 14:10:16.892 App] b\r\x1b[31mc\n\nd\u{2028}e\u{202e}f\n"),
            "a\n    [I 2023-02-15 14:10:16.892 App] b\\r\\u{1b}[31mc\n\n    d\\u{2028}e\\u{202e}f"
        );
        assert!(harmless(&"é".repeat(1 << 20)).chars().count() == MAX_CHARS + 3);
    }
}
