//! The findings: lines in groups, for people or as JSON.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

use crate::commands::output::json;
use crate::screen::Screen;
use crate::text::printable;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Level {
    Ok,
    Warning,
    Error,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// ANSI's colours: those of the log.
    const fn colour(self) -> u8 {
        match self {
            Self::Ok => 32,
            Self::Warning => 33,
            Self::Error => 31,
        }
    }
}

#[derive(Debug, Serialize)]
struct Line {
    subject: String,
    level: Level,
    message: String,
}

#[derive(Debug, Default)]
pub(super) struct Report {
    subject: String,
    lines: Vec<Line>,
}

impl Report {
    /// Sets what the next lines are about.
    pub(super) fn about(&mut self, subject: &str) {
        subject.clone_into(&mut self.subject);
    }

    pub(super) fn ok(&mut self, message: impl Into<String>) {
        self.add(Level::Ok, message.into());
    }

    pub(super) fn warning(&mut self, message: impl Into<String>) {
        self.add(Level::Warning, message.into());
    }

    pub(super) fn error(&mut self, message: impl Into<String>) {
        self.add(Level::Error, message.into());
    }

    fn add(&mut self, level: Level, message: String) {
        self.lines.push(Line { subject: self.subject.clone(), level, message });
    }

    fn count(&self, level: Level) -> usize {
        self.lines.iter().filter(|line| line.level == level).count()
    }

    /// Whether nothing is wrong.
    pub(super) fn is_well(&self) -> bool {
        self.count(Level::Error) == 0
    }

    pub(super) fn json(&self) -> Result<String> {
        json(&self.lines)
    }

    pub(super) fn text(&self, screen: Screen) -> String {
        let mut text = String::new();
        let mut subject = "";
        // Writing to a string does not fail.
        for line in &self.lines {
            if line.subject != subject {
                subject = &line.subject;
                let _ = writeln!(text, "{}", printable(subject));
            }
            let level = screen.coloured(&format!("{:<8}", line.level.name()), line.level.colour());
            let message = screen.wrapped(&printable(&line.message), 11);
            let _ = writeln!(text, "  {level} {message}");
        }
        let plural = |count: usize, name: &str| match count {
            1 => format!("1 {name}"),
            _ => format!("{count} {name}s"),
        };
        let (errors, warnings) = (self.count(Level::Error), self.count(Level::Warning));
        let _ = writeln!(text, "{}, {}", plural(errors, "error"), plural(warnings, "warning"));
        text
    }
}
