//! Launchers in Python that are known, and what somebody has changed in one.
//!
//! Of those that are not ours there are digests of their lines, which tell whether and where a file
//! differs from them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use similar::{Algorithm, DiffOp, capture_diff_slices, get_diff_ratio};

use crate::templates;

static DIGESTS: &str = include_str!("known_launchers.txt");

/// How much of a launcher has to be that of a known one, for the rest to be called changes.
const ALIKE: f32 = 0.6;

/// What a launcher is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The launcher of this tool.
    Known(String),
    /// That of this tool, with changes.
    Changed(String, Vec<Change>),
    /// None that is known.
    Other,
}

/// What is different in one place of a launcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The line of the file, counted from 1, at which it begins.
    pub line: usize,
    /// The lines that somebody has written.
    pub added: Vec<String>,
    /// How many lines of the original are not there.
    pub lost: usize,
}

/// Compares a launcher with those that are known. What is no code - comments on lines of their own,
/// empty lines - does not count.
#[must_use]
pub fn origin(text: &str) -> Origin {
    let lines = code(text);
    let digests: Vec<u64> = lines.iter().map(|(_, line)| digest(line)).collect();
    let launcher = String::from_utf8_lossy(templates::python_launcher());
    let ours = [&*launcher, templates::python_options()].map(|ours| {
        let digests = code(ours).iter().map(|(_, line)| digest(line)).collect();
        ("jupyter-docker-spec", digests)
    });
    let compared = known().chain(ours).map(|(name, known)| {
        let operations = capture_diff_slices(Algorithm::Myers, &known, &digests);
        let alike = get_diff_ratio(&operations, known.len(), digests.len());
        (name, operations, alike)
    });
    let Some((name, operations, _)) = compared
        .filter(|(.., alike)| *alike >= ALIKE)
        .reduce(|best, other| if other.2 > best.2 { other } else { best })
    else {
        return Origin::Other;
    };
    let changes: Vec<Change> = operations.iter().filter_map(|one| change(one, &lines)).collect();
    if changes.is_empty() {
        Origin::Known(name.to_owned())
    } else {
        Origin::Changed(name.to_owned(), changes)
    }
}

/// The changes for people to read, a line for each line.
#[must_use]
pub fn shown(changes: &[Change]) -> String {
    let mut text = String::new();
    for Change { line, added, lost } in changes {
        // Writing to a string does not fail.
        let _ = writeln!(text, "line {line}:");
        for line in added {
            let _ = writeln!(text, "+ {line}");
        }
        match lost {
            0 => {}
            1 => text.push_str("- a line of the original\n"),
            _ => {
                let _ = writeln!(text, "- {lost} lines of the original");
            }
        }
    }
    text
}

fn change(operation: &DiffOp, lines: &[(usize, &str)]) -> Option<Change> {
    let (_, old, new) = operation.as_tag_tuple();
    if matches!(operation, DiffOp::Equal { .. }) {
        return None;
    }
    let after_last = || lines.last().map_or(1, |(number, _)| number + 1);
    let line = lines.get(new.start).map_or_else(after_last, |(number, _)| *number);
    let added = lines[new].iter().map(|(_, line)| (*line).to_owned()).collect();
    Some(Change { line, added, lost: old.len() })
}

/// The lines that do something, with their numbers.
fn code(text: &str) -> Vec<(usize, &str)> {
    let lines = text.split('\n').map(str::trim_end).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.trim_start().starts_with('#'))
        .map(|(number, line)| (number + 1, line))
        .collect()
}

fn digest(line: &str) -> u64 {
    let bytes = Sha256::digest(line);
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The launchers of other tools: name and digests.
fn known() -> impl Iterator<Item = (&'static str, Vec<u64>)> {
    let mut lines = DIGESTS.lines().filter(|line| !line.starts_with('#')).peekable();
    std::iter::from_fn(move || {
        let name = lines.next()?;
        let mut digests = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
            digests.extend(u64::from_str_radix(line.trim(), 16));
        }
        Some((name, digests))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> String {
        String::from_utf8(templates::python_launcher().to_vec()).unwrap()
    }

    #[test]
    fn all_digests_are_read() {
        let known: Vec<_> = known().collect();
        assert_eq!(known.len(), 10);
        let lines = DIGESTS.lines().count();
        let read: usize = known.iter().map(|(_, digests)| digests.len() + 1).sum();
        assert_eq!(read + 1, lines);
        assert_eq!(digest("import os"), 0xde2a_bade_832c_8e35);
    }

    #[test]
    fn what_does_nothing_is_no_change() {
        let text = ours().replace('\n', " \r\n\r\n    # a comment\r\n");
        assert_eq!(origin(&text), Origin::Known("jupyter-docker-spec".to_owned()));
    }

    #[test]
    fn changes_are_told_with_their_lines() {
        let ours = ours();
        let number = 1 + ours.lines().position(|line| line.starts_with("LEFTOVER")).unwrap();
        let text = ours
            .replace("import argparse\n", "")
            .replace("LEFTOVER_SECONDS = 5", "LEFTOVER_SECONDS = 7")
            + "print(1)\nprint(2)\n";
        let Origin::Changed(name, changes) = origin(&text) else { panic!() };
        assert_eq!(name, "jupyter-docker-spec");
        let [first, second, third] = &*changes else { panic!("{changes:?}") };
        assert_eq!((first.lost, first.added.len()), (1, 0));
        assert_eq!((second.line, second.lost), (number - 1, 1));
        assert!(second.added[0].starts_with("LEFTOVER_SECONDS = 7"));
        assert_eq!(third.added, ["print(1)", "print(2)"]);
        let shown = shown(&changes);
        assert!(shown.contains("- a line of the original\n"), "{shown}");
        assert!(shown.ends_with("+ print(1)\n+ print(2)\n"), "{shown}");
    }

    #[test]
    fn what_is_not_alike_is_another() {
        assert_eq!(origin("#!/bin/sh\ndocker run x\n"), Origin::Other);
        assert_eq!(origin(""), Origin::Other);
    }
}
