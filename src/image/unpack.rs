//! The kernelspecs in a directory that arrives in the format of tar. It may be of any size, and have anything in it: what
//! is no `kernel.json` and no logo is passed over, and nothing is written anywhere.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Result, ensure};
use tar::{Archive, EntryType};

use super::logo;

/// The largest `kernel.json`, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The most files and bytes of a directory that are looked at. Some kernels have their programs there.
const MOST_FILES: usize = 100_000;
pub(super) const BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// How much may be kept of all directories of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) kernelspecs: usize,
    pub(super) bytes: usize,
}

impl Room {
    pub(super) const ALL: Self = Self { kernelspecs: 200, bytes: 64 * 1024 * 1024 };

    /// What is left beside these.
    pub(super) fn beside<'a>(self, all: impl Iterator<Item = &'a Files>) -> Self {
        all.fold(self, |Self { kernelspecs, bytes }, files| Self {
            kernelspecs: kernelspecs.saturating_sub(1),
            bytes: bytes.saturating_sub(files.size()),
        })
    }
}

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

impl Files {
    fn size(&self) -> usize {
        let all = self.kernel_json.iter().chain(self.logos.values());
        all.flatten().map(Vec::len).sum()
    }
}

/// Reads the directory of all kernelspecs, or that of one, whose name is then empty.
///
/// # Errors
/// When it is no archive, or has too much in it.
pub(super) fn unpack(archive: impl Read, room: Room) -> Result<BTreeMap<String, Files>> {
    let mut found: BTreeMap<String, Files> = BTreeMap::new();
    let mut bytes = 0;
    let mut archive = Archive::new(archive);
    // As they are: extensions of the format, which may have any size, are about names that are of no use here.
    for (number, entry) in archive.entries()?.raw(true).enumerate() {
        ensure!(number < MOST_FILES, "it has more than {MOST_FILES} files");
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let path = entry.path_bytes().into_owned();
        let Some((name, file)) = std::str::from_utf8(&path).ok().and_then(split) else { continue };
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let logo = logo::NAMES.into_iter().find(|known| *known == file);
        let largest = match file {
            "" if is_link => 0,
            KERNEL_JSON => LARGEST,
            _ if logo.is_some() => logo::LARGEST,
            _ => continue,
        };
        let content = read(&mut entry, kind, largest)?;
        bytes += content.as_ref().map_or(0, Vec::len);
        ensure!(
            bytes <= room.bytes,
            "the kernelspecs of the image have more than {} MB",
            Room::ALL.bytes >> 20
        );
        ensure!(
            found.contains_key(name) || found.len() < room.kernelspecs,
            "the image has more than {} kernelspecs",
            Room::ALL.kernelspecs
        );
        let files = found.entry(name.to_owned()).or_default();
        match logo {
            Some(logo) => {
                let content = content.and_then(|content| match logo::fault(&content) {
                    Some(fault) => Err(fault),
                    None => Ok(content),
                });
                drop(files.logos.insert(logo, content));
            }
            None if file == KERNEL_JSON => files.kernel_json = Some(content),
            None => files.is_link = true,
        }
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    #[test]
    fn what_is_kept_is_limited() {
        let logo = b"\x89PNG\r\n\x1a\nand more";
        let files: [(&str, &[u8]); 4] = [
            ("a/kernel.json", b"{}"),
            ("a/logo-64x64.png", logo),
            ("b/kernel.json", b"{ }"),
            ("b/else", b"whatever"),
        ];
        let archive = archive(&files);
        let room = |kernelspecs, bytes| Room { kernelspecs, bytes };
        let found = unpack(&*archive, room(2, 21)).unwrap();
        assert_eq!(room(5, 30).beside(found.values()), room(3, 9));
        assert_eq!(room(1, 20).beside(found.values()), room(0, 0));
        for (room, reason) in [
            (room(1, 21), "the image has more than 200 kernelspecs"),
            (room(2, 20), "the kernelspecs of the image have more than 64 MB"),
            (room(0, 0), "the kernelspecs of the image have more than 64 MB"),
        ] {
            assert_eq!(unpack(&*archive, room).unwrap_err().to_string(), reason);
        }
    }
}
