//! Finds the prefix of a Python by its path, and only if that does not suffice by running it, which takes
//! longer than everything else that this program does.

use std::borrow::Cow;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::shim;
use crate::env::Env;
use crate::{process, text};

/// The file that marks a virtual environment of Python.
pub(super) const VENV_CONFIGURATION: &str = "pyvenv.cfg";

/// How long a Python may take to print its prefix.
const LIMIT: Duration = Duration::from_secs(10);

/// The `sys.prefix` of this Python; `None` if it does not run.
pub(super) fn prefix(python: &Path, env: &Env) -> Option<PathBuf> {
    let python = &*shim::target(python, env).map_or(Cow::Borrowed(python), Cow::Owned);
    of_environment(python).or_else(|| of_library(python)).or_else(|| asked(python, env))
}

/// Whether the directory is the root of a virtual or conda environment.
pub(super) fn is_python_environment(prefix: &Path) -> bool {
    prefix.join(VENV_CONFIGURATION).is_file() || prefix.join("conda-meta").is_dir()
}

/// The virtual or conda environment whose Python this is: the directory above its own, whatever the file
/// links to.
fn of_environment(python: &Path) -> Option<PathBuf> {
    let directory = python.parent()?;
    // Python prefers the file in the program's own directory, which is hardly ever there.
    let plain = !directory.join(VENV_CONFIGURATION).exists();
    let prefix = directory.parent().filter(|prefix| plain && is_python_environment(prefix))?;
    Some(prefix.to_path_buf())
}

/// The directory with the Python's library, found as Python does: by `os.py`, from the file to which all
/// links lead. Only a file named after its version is taken; any other may be a script that runs another
/// Python. If directories are links, Pythons differ in which they follow.
fn of_library(python: &Path) -> Option<PathBuf> {
    let file = fs_err::canonicalize(python).ok()?;
    let given = python.parent()?;
    if fs_err::canonicalize(given).ok()? != given {
        return None;
    }
    let name = file.file_name()?.to_str()?;
    let version = name.strip_prefix("python")?;
    let plain = version.split_once('.').is_some_and(|(major, minor)| {
        [major, minor]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    });
    let directory = file.parent()?;
    let prefix = directory.parent()?;
    let library = prefix.join("lib").join(name).join("os.py");
    let known = plain
        && directory.ends_with("bin")
        && !is_script(&file)
        && !directory.join(VENV_CONFIGURATION).exists()
        && library.is_file();
    known.then(|| prefix.to_path_buf())
}

/// Whether it is a script, or cannot be read.
fn is_script(file: &Path) -> bool {
    let mut begin = [0; 2];
    let read = fs_err::File::open(file).and_then(|mut file| file.read_exact(&mut begin));
    read.is_err() || &begin == b"#!"
}

/// The prefix that the Python prints; `None` if it takes too long.
fn asked(python: &Path, env: &Env) -> Option<PathBuf> {
    let mut command = Command::new(python);
    command.args(["-I", "-c", "import sys; print(sys.prefix)"]);
    command.env_clear().envs(env.iter());
    if let Ok(directory) = env.directory() {
        command.current_dir(directory);
    }
    let Some(output) = process::output_within(&mut command, LIMIT).ok()? else {
        tracing::warn!(
            "{} did not say within {} s which directory its packages are in, so Jupyter's directories there \
             are left out; see why it hangs, or name the environment with VIRTUAL_ENV",
            python.display(),
            text::seconds(LIMIT)
        );
        return None;
    };
    let prefix = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(PathBuf::from(prefix.trim_end_matches('\n'))).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// An executable that prints another prefix than the one it is in.
    const TELLS: &str = "#!/bin/sh\necho /told\n";

    fn write(path: &Path, text: &str) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
        fs_err::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[test]
    fn it_is_asked_only_where_its_place_does_not_tell() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let env = Env::new(Path::new("/"), [("PATH", "/usr/bin:/bin")]);
        let found = |python: &Path| {
            let prefix = prefix(python, &env).unwrap();
            prefix.strip_prefix(&root).unwrap_or(&prefix).to_str().unwrap().to_owned()
        };

        let own = root.join("own/bin/python3.11");
        write(&own, "\x7fELF");
        write(&root.join("own/lib/python3.11/os.py"), "");
        assert_eq!(found(&own), "own");
        let link = root.join("links/python3");
        fs_err::create_dir(root.join("links")).unwrap();
        symlink(&own, &link).unwrap();
        assert_eq!(found(&link), "own", "through a link");
        symlink(root.join("links"), root.join("elsewhere")).unwrap();
        assert_eq!(
            prefix(&root.join("elsewhere/python3"), &env),
            None,
            "through a linked directory"
        );

        let venv = root.join("venv/bin/python3");
        write(&root.join("venv/pyvenv.cfg"), "");
        fs_err::create_dir(root.join("venv/bin")).unwrap();
        symlink(&own, &venv).unwrap();
        assert_eq!(found(&venv), "venv", "though it is a link");

        let wrapper = root.join("wrapper/bin/python3.11");
        write(&wrapper, TELLS);
        write(&root.join("wrapper/lib/python3.11/os.py"), "");
        assert_eq!(found(&wrapper), "/told", "a script");
        let shim = root.join("shims/python3");
        write(&shim, TELLS);
        assert_eq!(found(&shim), "/told", "without its version");
        fs_err::remove_file(root.join("own/lib/python3.11/os.py")).unwrap();
        assert_eq!(prefix(&own, &env), None, "without its library, and it does not run");
    }
}
