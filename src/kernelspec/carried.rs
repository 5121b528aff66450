//! The launcher that an installed kernelspec carries: of which kind and version it is, and whether it
//! can be run. It is only read, never run: it may be another user's.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

use fs_err as fs;
use memchr::memmem;
use serde::{Serialize, Serializer};

use super::installed::Installed;
use super::launcher::NATIVE;
use crate::files::{Base, Plain};

/// What stands in our launcher in Python before its version.
const PYTHON_MARK: &str = "# launch_docker.py of jupyter-docker-spec ";

/// What the launchers of the Python tool and of Enterprise Gateway have in common.
const UPSTREAM_MARK: &str = "def launch_docker_kernel(";

/// How much of a program, beside its size, tells whether it is likely to be one seen before.
const HEAD: u64 = 4096;

/// How much of a file is searched: more than any launcher of ours has.
const SEARCHED: u64 = 32 << 20;

/// How much of a program is searched at once. The version stands near its beginning.
const PART: usize = 64 << 10;

/// The longest version that is looked for.
const VERSION_MAX: usize = 64;

/// How long what is looked for is at most: the launcher's name, a blank, and the version.
const MARKED_MAX: usize = NATIVE.len() + 1 + VERSION_MAX;

/// What a launcher is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Our executable.
    Native,
    /// Our launcher in Python.
    Python,
    /// The launcher of `gateway_provisioners` or of Enterprise Gateway, perhaps edited.
    Upstream,
    /// Any other.
    Custom,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Python => "python",
            Self::Upstream => "upstream",
            Self::Custom => "custom",
        }
    }
}

/// Writes a path into JSON, which has no place for what is not UTF-8.
pub(crate) fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// A launcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// What it is.
    pub kind: Kind,
    /// The version, if it tells.
    pub version: Option<String>,
    /// The file.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
}

impl Carried {
    /// Kind and version.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.kind.name()),
            None => self.kind.name().to_owned(),
        }
    }
}

/// A program that was searched.
struct Program {
    size: u64,
    head: Vec<u8>,
    /// Where the version stands in it; `None` if nowhere.
    version: Option<u64>,
}

/// Reads launchers. A program that is in many specifications is searched for its version once.
#[derive(Default)]
pub struct Reader<'a> {
    /// Where most of them lie.
    base: Option<&'a Base>,
    /// Programs, of which there are few different ones.
    known: Vec<Program>,
}

impl<'a> Reader<'a> {
    /// One for launchers that lie below an open directory, if there is one.
    #[must_use]
    pub fn below(base: Option<&'a Base>) -> Self {
        Self { base, known: Vec::new() }
    }

    /// The launcher that `kernel.json` runs, and what is wrong with it. There is none where it is not
    /// known which file it is, or the file cannot be read.
    pub fn read(&mut self, spec: &Installed) -> (Option<Carried>, Vec<String>) {
        let Some((path, by_python)) = spec.launcher() else {
            return (None, vec!["`argv` in kernel.json is empty".to_owned()]);
        };
        let shown = path.display();
        if path.is_relative() {
            let place = match path.components().count() {
                1 => "whichever is on the server's PATH",
                _ => "relative to the directory that the server runs in",
            };
            return (None, vec![format!("`argv` in kernel.json runs `{shown}`, {place}")]);
        }
        let mut problems = Vec::new();
        if !is_below(path, &spec.directory) {
            problems.push(format!("`argv` in kernel.json runs `{shown}`, which is not part of it"));
        }
        let carried = match self.identify(path) {
            Ok((kind, version, mode)) => {
                if !by_python && mode & 0o111 == 0 {
                    problems.push(format!("the launcher `{shown}` is not executable"));
                }
                Some(Carried { kind, version, path: path.to_path_buf() })
            }
            Err(reason) => {
                problems.push(format!("the launcher `{shown}` {reason}"));
                None
            }
        };
        (carried, problems)
    }

    /// Kind, version and mode of the file, or what keeps it from being a launcher.
    fn identify(&mut self, path: &Path) -> Result<(Kind, Option<String>, u32), String> {
        let unreadable = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => "is missing".to_owned(),
            kind => format!("cannot be read: {kind}"),
        };
        let file = Plain::open_from(self.base, path).map_err(|error| match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => "is not a file".to_owned(),
            _ => unreadable(&error),
        })?;
        let (kind, version) = self.read_file(&file).map_err(|error| unreadable(&error))?;
        Ok((kind, version, file.mode))
    }

    fn read_file(&mut self, plain: &Plain) -> io::Result<(Kind, Option<String>)> {
        let Plain { file, size, .. } = plain;
        let size = *size;
        // Two releases may well be of the same size and begin alike, so it is read again there. What
        // has a version there has it in the place of the other's: nothing else of it need be read.
        let alike = self.known.iter().filter(|known| known.size == size);
        for at in alike.filter_map(|known| known.version) {
            let mut part = [0; MARKED_MAX];
            let read = read_into(file, at, &mut part)?;
            if let Some(version) = version_at(&part[..read]) {
                return Ok((Kind::Native, Some(version.to_owned())));
            }
        }
        let head = read_part(file, 0, HEAD.min(size))?;
        if !head.starts_with(b"\x7fELF") {
            return Ok(identify_script(&read_part(file, 0, SEARCHED.min(size))?));
        }
        let known = self.known.iter_mut().find(|known| known.size == size && known.head == head);
        if known.as_ref().is_some_and(|known| known.version.is_none()) {
            return Ok((Kind::Custom, None));
        }
        let found = search(file, SEARCHED.min(size))?;
        let version = found.as_ref().map(|(at, _)| *at);
        match known {
            Some(known) => known.version = version,
            None => self.known.push(Program { size, head, version }),
        }
        Ok(match found {
            Some((_, version)) => (Kind::Native, Some(version)),
            None => (Kind::Custom, None),
        })
    }
}

/// Whether a file is part of a specification, be it under another name of the directory.
fn is_below(path: &Path, directory: &Path) -> bool {
    let plain = !path.components().any(|part| part == Component::ParentDir);
    let real = || fs::canonicalize(path).ok().zip(fs::canonicalize(directory).ok());
    (plain && path.starts_with(directory))
        || real().is_some_and(|(path, directory)| path.starts_with(directory))
}

/// The bytes from that place on, fewer if the file ends before.
fn read_part(file: &fs::File, from: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut part = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    let read = read_into(file, from, &mut part)?;
    part.truncate(read);
    Ok(part)
}

/// Reads the bytes from that place on, and returns how many there are, fewer if the file ends before.
/// One call of the system in most cases, which is what listing many specifications takes its time for.
fn read_into(file: &fs::File, from: u64, part: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < part.len() {
        match file.file().read_at(&mut part[done..], from + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Where the version stands in so much of a program, and the version.
fn search(file: &fs::File, size: u64) -> io::Result<Option<(u64, String)>> {
    let mut part = vec![0; PART];
    let mut from = 0;
    while from < size {
        let read = read_into(file, from, &mut part)?;
        if let Some((at, version)) = find_version(&part[..read]) {
            return Ok(Some((from + at as u64, version)));
        }
        if read < part.len() {
            break;
        }
        // What begins at the end of one part goes on in the next.
        from += (PART - MARKED_MAX) as u64;
    }
    Ok(None)
}

/// The text that the launcher prints for `--version`: where it begins in the program, and the
/// version.
fn find_version(program: &[u8]) -> Option<(usize, String)> {
    memmem::find_iter(program, NATIVE)
        .find_map(|at| Some((at, version_at(&program[at..])?.to_owned())))
}

/// The version in what begins with that text.
fn version_at(text: &[u8]) -> Option<&str> {
    let rest = text.strip_prefix(NATIVE.as_bytes())?.strip_prefix(b" ")?;
    let version = &rest[..rest.iter().take(VERSION_MAX).position(|byte| *byte == b'\n')?];
    let version = std::str::from_utf8(version).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
    let numbered = version.starts_with(|c: char| c.is_ascii_digit());
    (numbered && version.chars().all(plain)).then_some(version)
}

fn identify_script(script: &[u8]) -> (Kind, Option<String>) {
    if let Some(at) = memmem::find(script, PYTHON_MARK.as_bytes()) {
        let rest = &script[at + PYTHON_MARK.len()..];
        let line = String::from_utf8_lossy(&rest[..rest.len().min(VERSION_MAX)]);
        return (Kind::Python, line.split_whitespace().next().map(str::to_owned));
    }
    match memmem::find(script, UPSTREAM_MARK.as_bytes()) {
        Some(_) => (Kind::Upstream, None),
        None => (Kind::Custom, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(version: &str) -> Vec<u8> {
        let mut program = b"\x7fELF".to_vec();
        program.resize(100_000, b'.');
        program.extend(format!("launch_docker [OPTIONS]\nlaunch_docker {version}\n").bytes());
        program
    }

    #[test]
    fn our_launchers_tell_their_version() {
        let (kind, version) = identify_script(crate::templates::python_launcher());
        assert_eq!((kind, version.as_deref()), (Kind::Python, Some(env!("CARGO_PKG_VERSION"))));
        let found = find_version(&program("1.2.3-rc.1")).unwrap();
        assert_eq!(found, (100_024, "1.2.3-rc.1".to_owned()));
        for other in ["x", "1 2", "", &"1".repeat(VERSION_MAX)] {
            assert_eq!(find_version(&program(other)), None, "{other}");
        }
    }

    #[test]
    fn others_are_told_apart() {
        let upstream = b"#!/usr/bin/env python\ndef launch_docker_kernel(\n    kernel_id,\n";
        assert_eq!(identify_script(upstream), (Kind::Upstream, None));
        assert_eq!(identify_script(b"#!/bin/sh\nexec docker run\n"), (Kind::Custom, None));
    }

    #[test]
    fn a_version_is_found_wherever_it_stands() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("launch_docker");
        let marked = b"launch_docker 1.2.3\n";
        let step = PART - MARKED_MAX;
        for at in [0, step - 1, step, PART - 30, PART - 5, PART - 1, PART, 2 * step, 5 * PART] {
            let mut program = vec![b'.'; at];
            program.extend(marked);
            for more in [0, 1, 2 * PART] {
                program.resize(at + marked.len() + more, b'.');
                fs::write(&path, &program).unwrap();
                let file = fs::File::open(&path).unwrap();
                let size = program.len() as u64;
                let expected = Some((at as u64, "1.2.3".to_owned()));
                assert_eq!(search(&file, size).unwrap(), expected, "{at} {more}");
            }
        }
        fs::write(&path, vec![b'.'; 3 * PART]).unwrap();
        let file = fs::File::open(&path).unwrap();
        assert_eq!(search(&file, 3 * PART as u64).unwrap(), None);
    }

    #[test]
    fn programs_that_begin_alike_are_not_taken_for_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let mut reader = Reader::default();
        for version in ["1.2.3", "1.2.3", "1.2.4", "1.2.3", "none."] {
            let path = directory.path().join("launch_docker");
            fs::write(&path, program(version)).unwrap();
            let expected = version.starts_with('1').then(|| version.to_owned());
            let file = Plain::open(&path).unwrap();
            assert_eq!(reader.read_file(&file).unwrap().1, expected);
        }
    }

    #[test]
    fn a_file_is_part_of_a_specification_under_any_name_of_it() {
        let root = tempfile::tempdir().unwrap();
        let spec = root.path().join("spec");
        let link = root.path().join("link");
        fs::create_dir(&spec).unwrap();
        fs::write(spec.join("file"), "").unwrap();
        fs::write(root.path().join("other"), "").unwrap();
        std::os::unix::fs::symlink(&spec, &link).unwrap();
        for (path, expected) in [
            (spec.join("file"), true),
            (link.join("file"), true),
            (spec.join("../spec/file"), true),
            (spec.join("missing"), true),
            (spec.join("../other"), false),
            (spec.join("../missing"), false),
            (root.path().join("other"), false),
        ] {
            assert_eq!(is_below(&path, &spec), expected, "{}", path.display());
        }
    }
}
