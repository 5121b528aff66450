//! What every test starts from: a directory of its own, and the two programs in an environment in
//! which nothing is set but what the test sets.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread;

use fs_err as fs;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const INSTALLER: &str = env!("CARGO_BIN_EXE_jupyter-docker-spec");
pub(crate) const LAUNCHER: &str = env!("CARGO_BIN_EXE_launch_docker");

/// Where `--prefix` puts specifications, relative to the prefix.
pub(crate) const KERNELS: &str = "share/jupyter/kernels";

/// How the name of a directory begins in which a specification is made ready.
pub(crate) const STAGING: &str = ".jupyter-docker-spec-";

/// A directory of a test's own, gone after it. What the programs should not leave behind must not be
/// there at its end.
pub(crate) struct Sandbox {
    root: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("cli-").tempdir().unwrap();
        // Some tests act as another user.
        set_mode(root.path(), 0o755);
        let sandbox = Self { root };
        for directory in ["home", "tmp", "stub"] {
            fs::create_dir(sandbox.path(directory)).unwrap();
        }
        sandbox.executable("stub/launch_docker", "#!/bin/sh\n");
        sandbox
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(relative)
    }

    /// Makes a file, with the directories that it needs.
    pub(crate) fn file(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Makes a file that can be run.
    pub(crate) fn executable(&self, relative: impl AsRef<Path>, content: &str) -> PathBuf {
        let text = self.file("text", content);
        let path = self.program(&text, relative);
        set_mode(&path, 0o755);
        fs::remove_file(text).unwrap();
        path
    }

    /// Copies a program. Another process does it: what this one has open to write cannot be run
    /// ("text file busy"), and in the children of other threads it stays open for a while.
    pub(crate) fn program(&self, from: impl AsRef<Path>, relative: impl AsRef<Path>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(Command::new("cp").arg(from.as_ref()).arg(&path).status().unwrap().success());
        path
    }

    /// A program with nothing in its environment but a home and a directory for temporary files.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .current_dir(self.root.path())
            .stdin(Stdio::null());
        command
    }

    /// `jupyter-docker-spec install`, with a launcher that takes less time to copy than ours in a
    /// debug build, and for the rest is like it.
    pub(crate) fn installer(&self) -> Command {
        let mut command = self.command(INSTALLER);
        command.arg("install").env("JUPYTER_DOCKER_SPEC_LAUNCHER", self.path("stub/launch_docker"));
        command
    }

    /// Runs `jupyter-docker-spec install`.
    pub(crate) fn install(&self, words: &[&str]) -> Outcome {
        self.run(self.installer().args(words))
    }

    /// The same for a prefix in this directory, which has to succeed. Returns the specification.
    pub(crate) fn installed(&self, words: &[&str]) -> PathBuf {
        let prefix = format!("--prefix={}", self.path("prefix").display());
        let outcome = self.run(self.installer().arg(prefix).args(words));
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let (_, place) = outcome.stderr.rsplit_once(" in [ROOT]/").unwrap();
        self.path(place.trim_end())
    }

    pub(crate) fn run(&self, command: &mut Command) -> Outcome {
        self.outcome(&command.output().unwrap())
    }

    pub(crate) fn outcome(&self, output: &Output) -> Outcome {
        Outcome {
            status: output.status,
            stdout: self.filtered(&output.stdout),
            stderr: self.filtered(&output.stderr),
        }
    }

    /// The text without what differs from run to run.
    fn filtered(&self, bytes: &[u8]) -> String {
        let text = std::str::from_utf8(bytes).unwrap();
        let directory = Path::new(INSTALLER).parent().unwrap();
        let text = text
            .replace(self.root.path().to_str().unwrap(), "[ROOT]")
            .replace(directory.to_str().unwrap(), "[BIN]");
        let lines = text.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n");
        without_times(&without_staging(&lines))
    }

    /// The `kernel.json` of a specification.
    pub(crate) fn kernel_json(specification: &Path) -> Value {
        serde_json::from_slice(&fs::read(specification.join("kernel.json")).unwrap()).unwrap()
    }

    /// The text of a file of ours, without what differs from run to run.
    pub(crate) fn text(&self, path: &Path) -> String {
        self.filtered(&fs::read(path).unwrap())
    }

    /// What is below a directory, with modes: one path a line.
    pub(crate) fn tree(&self, relative: impl AsRef<Path>) -> String {
        let entries = contents(&self.path(relative));
        let lines = entries.iter().map(|(path, entry)| format!("{entry:?} {}\n", path.display()));
        lines.collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert_eq!(self.tree("tmp"), "", "something is left in TMPDIR");
        let left = contents(self.root.path()).into_keys().find(|path| is_staging(path));
        assert_eq!(left, None, "something is left beside the destination");
    }
}

pub(crate) fn is_staging(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STAGING))
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A program to be run as somebody who may do nothing, which also works where the test itself is run
/// by such a user.
pub(crate) fn as_user(id: u32, command: &Command) -> Command {
    let mut wrapped = if rustix::process::geteuid().is_root() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args([&format!("--reuid={id}"), &format!("--regid={id}"), "--clear-groups"]);
        setpriv
    } else {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", &format!("--map-user={id}"), &format!("--map-group={id}")]);
        unshare
    };
    wrapped.arg("--").arg(command.get_program()).args(command.get_args());
    within(&mut wrapped, command);
    wrapped
}

/// Tries all cases at the same time: in each, a program waits for most of it.
pub(crate) fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            let test = &test;
            scope.spawn(move || test(case));
        }
    });
}

/// The program run by a shell, as `"$@"` of the script.
pub(crate) fn in_shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
    within(&mut shell, command);
    shell
}

/// Gives a command the surroundings of another.
fn within(command: &mut Command, other: &Command) {
    command.env_clear().stdin(Stdio::null());
    command.envs(other.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = other.get_current_dir() {
        command.current_dir(directory);
    }
}

/// Something in a directory. Two are equal if they do not differ in a byte or in their modes.
#[derive(Eq, PartialEq)]
pub(crate) enum Entry {
    Directory(u32),
    File(u32, Vec<u8>),
    Link(PathBuf),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(mode) => write!(f, "d{mode:04o}"),
            Self::File(mode, _) => write!(f, "-{mode:04o}"),
            Self::Link(target) => write!(f, "l -> {}", target.display()),
        }
    }
}

/// Everything below a directory that is not gone before it is looked at, by relative path.
pub(crate) fn contents(directory: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        for entry in fs::read_dir(directory.join(&relative)).into_iter().flatten().flatten() {
            let path = relative.join(entry.file_name());
            let Ok(metadata) = entry.metadata() else { continue };
            let mode = metadata.permissions().mode() & 0o7777;
            let seen = if metadata.is_dir() {
                open.push(path.clone());
                Ok(Entry::Directory(mode))
            } else if metadata.is_symlink() {
                fs::read_link(entry.path()).map(Entry::Link)
            } else if metadata.is_file() {
                fs::read(entry.path()).map(|content| Entry::File(mode, content))
            } else {
                Ok(Entry::File(mode, Vec::new()))
            };
            if let Ok(seen) = seen {
                found.insert(path, seen);
            }
        }
    }
    found
}

/// What has become of a program. As text: all that can be told.
pub(crate) struct Outcome {
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The message of the one error that is the last thing said, in one paragraph.
    pub(crate) fn error(&self) -> &str {
        assert_eq!(self.code(), Some(1), "{self}");
        assert_eq!(self.stderr.matches("[E [TIME] ").count(), 1, "{self}");
        let (_, message) = self.stderr.rsplit_once("[E [TIME] ").unwrap();
        assert!(!message.contains("\n    \n"), "more than a paragraph: {self}");
        message.split_once("] ").unwrap().1.trim_end()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "----- {name} -----\n{text}")?;
            }
        }
        Ok(())
    }
}

/// The text with every name of a staging directory made the same.
fn without_staging(text: &str) -> String {
    const RANDOM: usize = 6;
    let mut parts = text.split(STAGING);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + "[STAGING]" + part.get(RANDOM..).unwrap_or_default())
}

/// The text with every time of a log line replaced.
fn without_times(text: &str) -> String {
    const FORM: &str = "0000-00-00 00:00:00.000";
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let mut out = String::new();
    let mut rest = 0;
    // Digits are replaced by digits, so that both have their characters at the same places.
    for (at, _) in form.match_indices(FORM) {
        out.push_str(&text[rest..at]);
        out.push_str("[TIME]");
        rest = at + FORM.len();
    }
    out + &text[rest..]
}
