//! The reference in docs, which is made from the code: commands and options, keys, variables, classes and
//! traits, exit statuses and files.
//!
//! `JDS_UPDATE=1 cargo test --test reference` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod commands;
mod files;
mod keys;
mod messages;
mod sources;
mod variables;

use std::path::Path;

use jupyter_docker_spec::env::Env;

/// Looks whether a page is what the code makes of it.
fn assert_current(name: &str, text: &str) {
    let file = format!("docs/reference/{name}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
    if Env::of_process().is_set("JDS_UPDATE") {
        fs_err::write(&path, text).unwrap();
    }
    let kept = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{file} is not current: JDS_UPDATE=1 cargo test --test reference");
}

/// A table with the columns that have something in them.
fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let shown: Vec<usize> =
        (0..N).filter(|&column| rows.iter().any(|row| !row[column].is_empty())).collect();
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(shown.iter().map(|&column| head[column]).collect());
    text += &line(shown.iter().map(|_| "---").collect());
    for row in rows {
        text += &line(shown.iter().map(|&column| row[column].as_str()).collect());
    }
    text
}

/// A word as code in a table, or nothing.
fn code(word: &str) -> String {
    if word.is_empty() { String::new() } else { format!("`{}`", word.replace('|', "\\|")) }
}
