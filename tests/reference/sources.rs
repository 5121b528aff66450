//! What stands between quotes in the sources of both programs, tests apart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The text of every source, without comments and tests.
pub(crate) fn code() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs_err::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("tests.rs")
                && !path.parent().is_some_and(|directory| directory.ends_with("tests"))
            {
                let text = fs_err::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap();
                let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                found.push((path, lines.map(|line| line.to_owned() + "\n").collect()));
            }
        }
    }
    assert!(found.len() > 80, "{}", found.len());
    found
}

/// All words in quotes.
pub(crate) fn words() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, text) in code() {
        // Quotes within quotes are rare, and only shift what is looked at until the end of the line.
        for line in text.lines() {
            found.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}
