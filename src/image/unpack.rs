//! The kernelspecs in a directory that arrives in the format of tar. It may be of any size, and have anything in it: what
//! is no `kernel.json` and no logo is passed over, and nothing is written anywhere.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use tar::{Archive, EntryType};

use super::logo;

/// The largest `kernel.json`, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The most files of a directory, kernelspecs and bytes that are looked at. Some kernels have their programs there.
const MOST_FILES: usize = 100_000;
const MOST: usize = 200;
pub(super) const BYTES: u64 = 2 * 1024 * 1024 * 1024;

const KERNEL_JSON: &str = "kernel.json";

/// What is in the directory of a kernelspec.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// An error says why it cannot be read.
    pub(super) kernel_json: Option<Result<Vec<u8>, &'static str>>,
    pub(super) logos: BTreeMap<&'static str, Result<Vec<u8>, &'static str>>,
    /// Whether it is a link, which leads to a directory perhaps.
    pub(super) is_link: bool,
}

/// Reads the directory of all kernelspecs, or that of one, whose name is then empty.
///
/// # Errors
/// When it is no archive, or has too much in it.
pub(super) fn unpack(archive: impl Read) -> Result<BTreeMap<String, Files>> {
    let mut found: BTreeMap<String, Files> = BTreeMap::new();
    let mut archive = Archive::new(archive);
    // As they are: extensions of the format, which may have any size, are about names that are of no use here.
    for (number, entry) in archive.entries()?.raw(true).enumerate() {
        ensure!(number < MOST_FILES, "it has more than {MOST_FILES} files");
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let path = entry.path_bytes().into_owned();
        let Some((name, file)) = std::str::from_utf8(&path).ok().and_then(split) else { continue };
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let files = match file {
            "" if is_link => {
                add(&mut found, name)?.is_link = true;
                continue;
            }
            KERNEL_JSON => add(&mut found, name)?,
            _ => match logo::NAMES.iter().find(|known| **known == file) {
                Some(known) => {
                    let content = read(&mut entry, kind, logo::LARGEST)?;
                    let content = content.and_then(|content| match logo::fault(&content) {
                        Some(fault) => Err(fault),
                        None => Ok(content),
                    });
                    add(&mut found, name)?.logos.insert(known, content);
                    continue;
                }
                None => continue,
            },
        };
        files.kernel_json = Some(read(&mut entry, kind, LARGEST)?);
    }
    Ok(found)
}

fn add<'a>(found: &'a mut BTreeMap<String, Files>, name: &str) -> Result<&'a mut Files> {
    if !found.contains_key(name) && found.len() == MOST {
        bail!("it has more than {MOST} kernelspecs");
    }
    Ok(found.entry(name.to_owned()).or_default())
}

/// The kernelspec and the file that a path names, below whatever the directory itself is called.
fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
    let (name, file) = match path.split_once('/') {
        Some((name, file)) if !file.contains('/') => (name, file),
        Some(_) => return None,
        None if path == KERNEL_JSON || logo::NAMES.contains(&path) => ("", path),
        None => (path, ""),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // What Jupyter takes for one.
    let valid = name.chars().all(is_name) && ![".", ".."].contains(&name);
    valid.then_some((name, file))
}

/// The content of a file; an error says why it is not taken.
fn read(
    entry: &mut impl Read,
    kind: EntryType,
    largest: u64,
) -> io::Result<Result<Vec<u8>, &'static str>> {
    if !kind.is_file() {
        return Ok(Err("is no plain file"));
    }
    let mut content = Vec::new();
    entry.take(largest + 1).read_to_end(&mut content)?;
    if content.len() as u64 > largest {
        return Ok(Err("is too large"));
    }
    Ok(Ok(content))
}

/// The text of one file that arrives in the format of tar, if it is one.
pub(super) fn file(archive: impl Read, name: &str) -> Option<String> {
    let mut archive = Archive::new(archive);
    let mut entry = archive.entries().ok()?.raw(true).next()?.ok()?;
    let kind = entry.header().entry_type();
    let is_named = entry.path().is_ok_and(|path| path.file_name() == Path::new(name).file_name());
    let content = read(&mut entry, kind, LARGEST).ok()?.ok()?;
    String::from_utf8(content).ok().filter(|_| is_named)
}
