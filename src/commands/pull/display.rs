//! The progress of pulls: a bar each on a terminal, or else a line now and then.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
};
use tokio::time::{Instant, sleep};

use crate::engine::{Progress, PullProgress};
use crate::env::Env;
use crate::launcher::pull::INTERVAL;
use crate::log;
use crate::text;

/// How often bars are redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// The time over which speed is averaged.
const AVERAGE_SPAN: Duration = Duration::from_secs(4);

/// The narrowest terminal with bars.
const MIN_WIDTH_FOR_BARS: usize = 72;

/// The widest name, and the least width of a bar with the text after it.
const MAX_NAME_WIDTH: usize = 40;
const MIN_REST_WIDTH: usize = 58;

/// Shows the progress of all pulls.
pub(super) struct Display {
    form: Form,
    rows: RefCell<BTreeMap<usize, Row>>,
}

enum Form {
    Nothing,
    Lines,
    Bars { all: MultiProgress, colour: bool, _terminal: Option<Terminal> },
}

/// A terminal without echo. What is typed, even `^C`, would be on a line of its own, so that a bar above it
/// would remain.
struct Terminal {
    before: Termios,
}

impl Terminal {
    fn new() -> Option<Self> {
        let before = tcgetattr(io::stderr()).ok().filter(|_| is_in_foreground())?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stderr(), OptionalActions::Now, &modes).ok()?;
        Some(Self { before })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if is_in_foreground() {
            // A failure leaves nothing better to do: shells reset the terminal themselves.
            let _ = tcsetattr(io::stderr(), OptionalActions::Now, &self.before);
        }
    }
}

/// Whether we are in the foreground: in the background, changing the terminal would stop us.
fn is_in_foreground() -> bool {
    tcgetpgrp(io::stderr()).is_ok_and(|group| group == getpgrp())
}

/// An image that is being pulled.
struct Row {
    image: String,
    progress: PullProgress,
    bar: Option<ProgressBar>,
    speed: Speed,
    /// The last line that was logged about it.
    logged: String,
}

impl Display {
    pub(super) fn new(env: &Env, quiet: bool) -> Self {
        let form = if quiet {
            Form::Nothing
        } else if log::is_on_terminal(env) {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(20));
            Form::Bars { all, colour: log::has_colour(env), _terminal: Terminal::new() }
        } else {
            Form::Lines
        };
        Self { form, rows: RefCell::default() }
    }

    /// Shows a new pull. Returns its number.
    pub(super) fn begin(&self, image: &str) -> usize {
        let bar = match &self.form {
            Form::Nothing => None,
            Form::Lines => {
                tracing::info!("Pulling the image {image}");
                None
            }
            Form::Bars { all, .. } => Some(all.add(ProgressBar::new(1000))),
        };
        let row = Row {
            image: image.to_owned(),
            progress: PullProgress::default(),
            bar,
            speed: Speed::default(),
            logged: String::new(),
        };
        let mut rows = self.rows.borrow_mut();
        let number = rows.keys().next_back().map_or(0, |last| last + 1);
        rows.insert(number, row);
        number
    }

    /// Updates the progress of a pull.
    pub(super) fn update(&self, number: usize, progress: &Progress) {
        if let Some(row) = self.rows.borrow_mut().get_mut(&number) {
            row.progress.update(progress);
        }
    }

    /// Removes a pull from the display. Returns how many bytes were downloaded, if that is known.
    pub(super) fn end(&self, number: usize) -> Option<u64> {
        let row = self.rows.borrow_mut().remove(&number)?;
        if let (Form::Bars { all, .. }, Some(bar)) = (&self.form, &row.bar) {
            bar.finish_and_clear();
            all.remove(bar);
        }
        row.progress.downloaded()
    }

    /// Writes something above the bars that remains.
    pub(super) fn say(&self, write: impl FnOnce()) {
        match &self.form {
            Form::Bars { all, .. } => all.suspend(write),
            Form::Nothing | Form::Lines => write(),
        }
    }

    /// Removes everything that should not remain.
    pub(super) fn close(&self) {
        let numbers: Vec<usize> = self.rows.borrow().keys().copied().collect();
        for number in numbers {
            self.end(number);
        }
    }

    /// Keeps updating the display.
    pub(super) async fn keep_current(&self) -> Infallible {
        loop {
            sleep(if matches!(self.form, Form::Bars { .. }) { REDRAW } else { INTERVAL }).await;
            match &self.form {
                Form::Nothing => {}
                Form::Lines => self.rows.borrow_mut().values_mut().for_each(Row::log),
                Form::Bars { colour, .. } => self.draw(*colour),
            }
        }
    }

    fn draw(&self, colour: bool) {
        let width = match tcgetwinsize(io::stderr()) {
            Ok(size) if size.ws_col > 0 => size.ws_col.into(),
            _ => 80,
        };
        let mut rows = self.rows.borrow_mut();
        let names = rows.values().map(|row| row.image.len()).max().unwrap_or_default();
        for row in rows.values_mut() {
            row.draw(width, names, colour);
        }
    }
}

impl Row {
    /// Logs the progress if it has changed.
    fn log(&mut self) {
        let line = format!("{}, {}", self.progress.summary(), self.progress.phase());
        if line != self.logged {
            tracing::info!("Pulling the image {}: {line}", self.image);
            self.logged = line;
        }
    }

    fn draw(&mut self, width: usize, names: usize, colour: bool) {
        let Some(bar) = &self.bar else { return };
        let speed = self.speed.after(self.progress.fetched(), Instant::now());
        bar.set_position(self.progress.thousandths());
        let template = if width < MIN_WIDTH_FOR_BARS {
            bar.set_message(narrow(&self.image, &self.progress, width));
            "{msg}"
        } else {
            let room = names.min(MAX_NAME_WIDTH).min(width - MIN_REST_WIDTH);
            bar.set_prefix(format!("{:room$}", shortened(&self.image, room)));
            bar.set_message(amounts(&self.progress, speed));
            if colour {
                "{prefix} [{wide_bar:.green}] {msg}"
            } else {
                "{prefix} [{wide_bar}] {msg}"
            }
        };
        // The templates are valid.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.tick();
    }
}

/// The text after a bar, always of the same width.
fn amounts(progress: &PullProgress, speed: u64) -> String {
    let more = if progress.has_unknown_sizes() { "+" } else { "" };
    let (fetched, size) = (text::megabytes(progress.fetched()), text::megabytes(progress.size()));
    let amount = match progress.size() {
        0 => String::new(),
        _ => format!("{fetched}/{size}{more} MB"),
    };
    let phase = progress.phase();
    let speed = match phase {
        "downloading" => text::megabytes(speed) + " MB/s",
        _ => String::new(),
    };
    format!("{amount:>17} {speed:>10} {phase:<11}")
}

/// A line without a bar, for narrow terminals.
fn narrow(image: &str, progress: &PullProgress, width: usize) -> String {
    let head = format!("{:>3} % {:<11} ", progress.thousandths() / 10, progress.phase());
    // Terminals may wrap after the last column.
    let width = width.saturating_sub(1);
    let room = width.saturating_sub(head.len());
    let mut line = head + &shortened(image, room);
    line.truncate(width);
    line
}

/// Shortens an ASCII name at its start, because its end tells more.
fn shortened(name: &str, room: usize) -> String {
    const LEFT_OUT: &str = "...";
    if name.len() <= room {
        return name.to_owned();
    }
    let kept = room.saturating_sub(LEFT_OUT.len());
    format!("{LEFT_OUT}{}", name.get(name.len() - kept..).unwrap_or_default())
}

/// Measures bytes per second.
#[derive(Debug, Default)]
struct Speed {
    seen: VecDeque<(Instant, u64)>,
}

impl Speed {
    /// The average speed of the last seconds; `bytes` is the total until now.
    fn after(&mut self, bytes: u64, now: Instant) -> u64 {
        if bytes == 0 {
            self.seen.clear();
        }
        self.seen.push_back((now, bytes));
        while self.seen.len() > 2 && now - self.seen[0].0 > AVERAGE_SPAN {
            self.seen.pop_front();
        }
        let (since, first) = self.seen[0];
        let milliseconds = (now - since).as_millis().max(1);
        let come = u128::from(bytes.saturating_sub(first));
        u64::try_from(come * 1000 / milliseconds).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(lines: &[&str]) -> PullProgress {
        let mut progress = PullProgress::default();
        for line in lines {
            progress.update(&serde_json::from_str(line).unwrap());
        }
        progress
    }

    const HALF: &str = r#"{"status": "Downloading", "id": "a", "progressDetail": {"current": 1500000, "total": 3000000}}"#;
    const WAITS: &str = r#"{"status": "Pulling fs layer", "id": "b"}"#;

    #[test]
    fn amounts_are_always_as_wide() {
        let pulling = amounts(&progress(&[HALF, WAITS]), 12_300_000);
        assert_eq!(pulling, "        1.5/3+ MB  12.3 MB/s downloading");
        let waiting = amounts(&PullProgress::default(), 5);
        assert_eq!(waiting, "                             waiting    ");
        assert_eq!(waiting.len(), pulling.len());
        assert!(pulling.len() + "[=====>   ]  ".len() < MIN_REST_WIDTH);
    }

    #[test]
    fn a_line_fits_where_there_is_no_room() {
        let progress = progress(&[HALF]);
        let line = |width| narrow("registry.example/team/kernel-py:1.0", &progress, width);
        assert_eq!(line(71), " 25 % downloading registry.example/team/kernel-py:1.0");
        assert_eq!(line(40), " 25 % downloading ...team/kernel-py:1.0");
        assert_eq!(line(10), " 25 % dow");
        assert_eq!(line(0), "");
    }

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let begin = Instant::now();
        let mut speed = Speed::default();
        assert_eq!(speed.after(0, begin - Duration::from_secs(2)), 0);
        assert_eq!(speed.after(0, begin - Duration::from_secs(1)), 0);
        assert_eq!(speed.after(1000, begin), 1000);
        assert_eq!(speed.after(7000, begin + Duration::from_secs(2)), 2333);
        for second in 3..20 {
            speed.after(7000, begin + Duration::from_secs(second));
        }
        assert_eq!(speed.after(7000, begin + Duration::from_secs(20)), 0);
    }
}
