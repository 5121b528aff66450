//! The launcher that an installed kernelspec carries: of which kind and version it is, and whether it
//! can be run. It is only read, never run: it may be another user's.

use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use memchr::memmem;
use serde::{Serialize, Serializer};

use super::inside::is_below;
use super::specification::Specification;
use super::{bootstrap, elf};
use crate::files::{self, Identity, PlainFile};
use crate::layout::{NATIVE, REPLACING};
use crate::server::System;

/// What stands in our launcher in Python before its version.
const PYTHON_MARK: &str = "# launch_docker.py of jupyter-docker-spec ";

/// How the problem is told that a launcher may be run by nobody.
pub(crate) const NOT_EXECUTABLE: &str = "is not executable";

/// What the launchers of the Python tool and of Enterprise Gateway have in common.
const UPSTREAM_MARK: &str = "def launch_docker_kernel(";

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
pub struct InstalledLauncher {
    /// What it is.
    pub kind: Kind,
    /// The version, if it tells.
    pub version: Option<String>,
    /// The file.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
}

impl InstalledLauncher {
    /// Kind and version.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.kind.name()),
            None => self.kind.name().to_owned(),
        }
    }
}

/// What a launcher's file tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identified {
    kind: Kind,
    version: Option<String>,
    /// Why it is not whole.
    fault: Option<String>,
}

/// Why a launcher is not whole, as far as that can be told.
pub(super) fn fault(plain: &PlainFile) -> io::Result<Option<String>> {
    let mut begin = [0; elf::MAGIC.len()];
    let read = read_into(&plain.file, 0, &mut begin)?;
    Ok(match &begin[..read] {
        [] => Some("it is empty".to_owned()),
        elf::MAGIC => elf::fault(plain.file.file(), plain.size)?,
        _ => None,
    })
}

/// Whether a launcher can be read, and is whole as far as that can be told.
#[must_use]
pub fn is_complete(path: &Path) -> bool {
    PlainFile::open(path).and_then(|plain| fault(&plain)).is_ok_and(|fault| fault.is_none())
}

/// Whether it is our executable, of whatever version.
pub(super) fn is_native(plain: &PlainFile) -> io::Result<bool> {
    Ok(kind_and_version(plain, &mut 0)?.0 == Kind::Native)
}

/// Reads launchers. One that many specifications share is read once.
#[derive(Default)]
pub struct Reader {
    known: Vec<(Identity, Identified)>,
    /// Where the last program had its version. Most of the others are the same and have it there, so that they
    /// need not be searched, which takes longer than everything else that `list` does.
    place: u64,
}

impl Reader {
    /// The launcher that `kernel.json` runs, and what is wrong with it. There is none where it is not
    /// known which file it is, or the file cannot be read.
    pub fn read(&mut self, spec: &Specification) -> (Option<InstalledLauncher>, Vec<String>) {
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
        if spec.directory.join(REPLACING).exists() {
            problems.push(
                "its files are being replaced; if they still are when nothing does so any more, install it \
                 again with --replace"
                    .to_owned(),
            );
        }
        let launcher = match self.identify(path) {
            Ok((Identified { kind, version, fault }, mode)) => {
                if !by_python && mode & 0o111 == 0 {
                    problems.push(format!("the launcher `{shown}` {NOT_EXECUTABLE}"));
                }
                problems.extend(fault.map(|fault| {
                    format!("the launcher `{shown}` is not whole: {fault}; install it again with --replace")
                }));
                if spec.system == System::Local || spec.brings_bootstrap {
                    problems.extend(bootstrap::problems(path));
                }
                Some(InstalledLauncher { kind, version, path: path.to_path_buf() })
            }
            Err(reason) => {
                // Several specifications may share a launcher, but most often one was copied from
                // the place for which it was made.
                if !is_below(path, &spec.directory) {
                    problems.push(format!(
                        "`argv` in kernel.json runs `{shown}`, which is not part of it"
                    ));
                }
                problems.push(format!("the launcher `{shown}` {reason}"));
                None
            }
        };
        (launcher, problems)
    }

    /// What the file tells, and its mode; or what keeps it from being a launcher.
    fn identify(&mut self, path: &Path) -> Result<(Identified, u32), String> {
        let unreadable = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => "is missing".to_owned(),
            kind => format!("cannot be read: {kind}"),
        };
        let known = |identity| self.known.iter().find(|(known, _)| *known == identity);
        // Most share one, and who could read that can read this: it is the same file.
        if let Some((identity, mode)) = files::identity(path)
            && let Some((_, known)) = known(identity)
        {
            return Ok((known.clone(), mode));
        }
        let file = PlainFile::open(path).map_err(|error| match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => "is not a file".to_owned(),
            _ => unreadable(&error),
        })?;
        let (kind, version) =
            kind_and_version(&file, &mut self.place).map_err(|error| unreadable(&error))?;
        let fault = fault(&file).map_err(|error| unreadable(&error))?;
        let identified = Identified { kind, version, fault };
        self.known.push((file.identity, identified.clone()));
        Ok((identified, file.mode))
    }
}

fn kind_and_version(plain: &PlainFile, place: &mut u64) -> io::Result<(Kind, Option<String>)> {
    let size = plain.size.min(SEARCHED);
    let mut begin = [0; elf::MAGIC.len()];
    let read = read_into(&plain.file, 0, &mut begin)?;
    if begin[..read] != *elf::MAGIC {
        let mut script = Vec::new();
        (&plain.file).take(size).read_to_end(&mut script)?;
        return Ok(identify_script(&script));
    }
    let version = search(&plain.file, size, place)?;
    Ok((if version.is_some() { Kind::Native } else { Kind::Custom }, version))
}

/// Reads the bytes from that place on, and returns how many there are, fewer if the file ends before.
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

/// The version that stands in so much of a program: at this place, or else at the first where there is one,
/// which is noted.
fn search(file: &fs::File, size: u64, place: &mut u64) -> io::Result<Option<String>> {
    let mut marked = [0; MARKED_MAX];
    let read = read_into(file, *place, &mut marked)?;
    if let Some(version) = version_at(&marked[..read]) {
        return Ok(Some(version.to_owned()));
    }
    let mut part = vec![0; PART];
    let mut from = 0;
    while from < size {
        let read = read_into(file, from, &mut part)?;
        if let Some((at, version)) = find_version(&part[..read]) {
            *place = from + at as u64;
            return Ok(Some(version.to_owned()));
        }
        if read < part.len() {
            break;
        }
        // What begins at the end of one part goes on in the next.
        from += (PART - MARKED_MAX) as u64;
    }
    Ok(None)
}

/// The version in the text that the launcher prints for `--version`, and where that begins.
fn find_version(program: &[u8]) -> Option<(usize, &str)> {
    memmem::find_iter(program, NATIVE).find_map(|at| Some((at, version_at(&program[at..])?)))
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
        let version =
            |version: &str| find_version(&program(version)).map(|(_, version)| version.to_owned());
        assert_eq!(version("1.2.3-rc.1").as_deref(), Some("1.2.3-rc.1"));
        for other in ["x", "1 2", "", &"1".repeat(VERSION_MAX)] {
            assert_eq!(version(other), None, "{other}");
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
        // That of the program before, which has it elsewhere.
        let mut place = 0;
        for at in [0, step - 1, step, PART - 30, PART - 5, PART - 1, PART, 2 * step, 5 * PART] {
            let mut program = vec![b'.'; at];
            program.extend(marked);
            for more in [0, 1, 2 * PART] {
                program.resize(at + marked.len() + more, b'.');
                fs::write(&path, &program).unwrap();
                let file = fs::File::open(&path).unwrap();
                let size = program.len() as u64;
                let found = search(&file, size, &mut place).unwrap();
                assert_eq!(found.as_deref(), Some("1.2.3"), "{at} {more}");
                assert_eq!(place, at as u64);
            }
        }
        fs::write(&path, vec![b'.'; 3 * PART]).unwrap();
        let file = fs::File::open(&path).unwrap();
        assert_eq!(search(&file, 3 * PART as u64, &mut place).unwrap(), None);
    }

    #[test]
    fn a_file_of_many_names_is_read_once_and_no_other_is_taken_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut reader = Reader::default();
        let mut version =
            |name: &str| reader.identify(&directory.path().join(name)).unwrap().0.version;
        for (name, version) in [("a", "1.2.3"), ("b", "1.2.4"), ("c", "none.")] {
            fs::write(directory.path().join(name), program(version)).unwrap();
        }
        fs::hard_link(directory.path().join("b"), directory.path().join("same")).unwrap();
        assert_eq!(version("a").as_deref(), Some("1.2.3"));
        assert_eq!(version("b").as_deref(), Some("1.2.4"));
        assert_eq!(version("same").as_deref(), Some("1.2.4"));
        assert_eq!(version("c"), None);
        assert_eq!(version("a").as_deref(), Some("1.2.3"));
        assert_eq!(reader.known.len(), 3);
        // The same name, and the same file, with something else in it.
        for (text, size) in [("#!/bin/sh\n", 1), (PYTHON_MARK, 1), ("#!/bin/sh\n", 2)] {
            fs::write(directory.path().join("b"), text.repeat(size)).unwrap();
            let found = reader.identify(&directory.path().join("same")).unwrap().0;
            assert_eq!(found.kind == Kind::Python, text == PYTHON_MARK, "{text}");
        }
    }
}
