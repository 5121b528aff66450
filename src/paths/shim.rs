//! Finds the Python that a shim runs: pyenv and asdf put a script called `python3` on `PATH`, which takes a
//! hundred times as long to choose a Python as it takes to read its inputs. If their rules cannot be followed
//! with certainty - a hook, a prefix of a version, files of other tools - there is no result, and the shim is
//! run.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::files;

/// What precedes a plugin and a version in asdf's shims.
const ASDF_PLUGIN: &str = "# asdf-plugin: ";

/// The size limit for shims, in bytes.
const LONGEST: u64 = 16 << 10;

/// The program that `shim` runs in this environment; `None` if it is not a shim, or if that is not certain.
pub(super) fn target(shim: &Path, env: &Env) -> Option<PathBuf> {
    let text = script(shim)?;
    // Both use the shell's spelling of the directory.
    let here = env.directory().ok()?;
    if env.path("PWD").is_some_and(|spelt| spelt != here) {
        return None;
    }
    of_pyenv(&text, shim, here, env)
        .or_else(|| of_asdf(&text, shim, here, env))
        .filter(|found| found.is_file())
}

/// The text of a script; `None` for anything else. A Python itself has megabytes, which are not read.
fn script(path: &Path) -> Option<String> {
    let mut text = String::new();
    files::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    let is_whole = u64::try_from(text.len()).is_ok_and(|length| length < LONGEST);
    (is_whole && text.starts_with("#!")).then_some(text)
}

/// <https://github.com/pyenv/pyenv#understanding-python-version-selection>, and `pyenv-version-file`,
/// `pyenv-version-file-read`, `pyenv-version-name` and `pyenv-which` there.
fn of_pyenv(text: &str, shim: &Path, here: &Path, env: &Env) -> Option<PathBuf> {
    let root = text.lines().find_map(|line| line.strip_prefix("export PYENV_ROOT="))?;
    let root = Path::new(root.strip_prefix('"')?.strip_suffix('"')?);
    let runs_pyenv = text.lines().any(|line| line.contains("pyenv\" exec \"$program\""));
    if !runs_pyenv || !root.is_absolute() || has_hooks(root, env) || env.get("PYENV_DIR").is_some()
    {
        return None;
    }
    let version = match env.get("PYENV_VERSION") {
        Some(given) => given.to_owned(),
        None => version_in(&pyenv_file(root, here))?,
    };
    let mut versions = version.split(':').filter(|version| !version.is_empty());
    let version = versions.next().filter(|version| is_plain(version))?;
    if version == "system" {
        return after(&root.join("shims"), shim.file_name()?, env);
    }
    // An incomplete version stands for the latest one with this prefix.
    Some(root.join("versions").join(version).join("bin").join(shim.file_name()?))
}

/// The version file that pyenv reads.
fn pyenv_file(root: &Path, here: &Path) -> PathBuf {
    let local = here.ancestors().map(|directory| directory.join(".python-version"));
    local.into_iter().find(|path| path.is_file()).unwrap_or_else(|| root.join("version"))
}

/// The first words of the lines in a file of versions, joined with `:`; `system` if there is no file.
fn version_in(path: &Path) -> Option<String> {
    let Ok(text) = files::read_to_string(path) else {
        return (!path.exists()).then(|| "system".to_owned());
    };
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    let versions: Vec<&str> = words.filter(|word| !word.starts_with('#')).collect();
    Some(if versions.is_empty() { "system".to_owned() } else { versions.join(":") })
}

/// Whether hooks change what pyenv does.
fn has_hooks(root: &Path, env: &Env) -> bool {
    let is_there = |path: PathBuf| path.join("version-name").exists();
    let plugins = fs_err::read_dir(root.join("plugins")).into_iter().flatten().flatten();
    ["PYENV_HOOK_PATH", "PYENV_DEBUG"].iter().any(|name| env.is_set(name))
        || ["/usr/etc/pyenv.d", "/usr/local/etc/pyenv.d", "/etc/pyenv.d", "/usr/lib/pyenv/hooks"]
            .iter()
            .any(|path| is_there(path.into()))
        || is_there(root.join("pyenv.d"))
        || plugins.into_iter().any(|plugin| is_there(plugin.path().join("etc/pyenv.d")))
}

/// <https://asdf-vm.com/manage/configuration.html>, and `internal/resolve` and `internal/shims` there.
fn of_asdf(text: &str, shim: &Path, here: &Path, env: &Env) -> Option<PathBuf> {
    let mut installed = text.lines().filter_map(|line| line.strip_prefix(ASDF_PLUGIN)).peekable();
    installed.peek()?;
    let installed: Option<Vec<&str>> = installed.map(|line| line.strip_prefix("python ")).collect();
    let data = shim.parent()?.parent()?;
    let plugin = data.join("plugins/python");
    let changed = ["bin/exec-path", "bin/exec-env", "bin/list-bin-paths", "shims"];
    let set = ["ASDF_TOOL_VERSIONS_FILENAME", "ASDF_DEFAULT_TOOL_VERSIONS_FILENAME"];
    let uncertain = env.path("ASDF_DATA_DIR").is_some_and(|given| given != data)
        || set.iter().any(|name| env.is_set(name))
        || changed.iter().any(|path| plugin.join(path).exists())
        || !text.contains("asdf exec")
        || reads_files_of_others(env);
    let versions = match env.get("ASDF_PYTHON_VERSION") {
        _ if uncertain => return None,
        Some(given) => given.to_owned(),
        None => asdf_versions(here, env)?,
    };
    let version = versions.split_whitespace().next().filter(|version| is_plain(version))?;
    let is_known = installed?.iter().any(|known| known.trim() == version);
    is_known.then(|| data.join("installs/python").join(version).join("bin").join("python3"))
}

/// Whether asdf reads the version files of other tools, such as pyenv's.
fn reads_files_of_others(env: &Env) -> bool {
    let path = env.path("ASDF_CONFIG_FILE").or_else(|| Some(env.home()?.join(".asdfrc")));
    path.filter(|path| path.exists()).is_some_and(|path| {
        files::read_to_string(&path).map_or(true, |text| text.contains("legacy_version_file"))
    })
}

/// The versions of Python in the nearest file that has some, or in the user's.
fn asdf_versions(here: &Path, env: &Env) -> Option<String> {
    let home = env.home();
    let directories = here.ancestors().chain(home.as_deref());
    directories.into_iter().find_map(|directory| {
        let text = files::read_to_string(&directory.join(".tool-versions")).ok()?;
        let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let line = lines.find(|line| line.split_whitespace().next() == Some("python"))?;
        Some(line.trim_start().trim_start_matches("python").to_owned())
    })
}

/// Whether this can only be the name of one version.
fn is_plain(version: &str) -> bool {
    !version.starts_with(['.', '-'])
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The program of this name that would run if this directory were not on `PATH`.
fn after(shims: &Path, name: &OsStr, env: &Env) -> Option<PathBuf> {
    let directories = env.get("PATH").unwrap_or_default().split(':').map(Path::new);
    let mut others = directories.filter(|directory| directory.is_absolute() && *directory != shims);
    let found = others.find(|directory| directory.join(name).is_file())?.join(name);
    // Another shim would start the search again.
    (!found.parent().is_some_and(|directory| directory.ends_with("shims"))).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// The bytes that this thread has read from files.
    fn bytes_read() -> u64 {
        let counts = fs_err::read_to_string("/proc/thread-self/io").unwrap();
        let count = counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
        count.parse().unwrap()
    }

    #[test]
    fn a_python_is_not_read_to_its_end() {
        let root = tempfile::tempdir().unwrap();
        let python = root.path().join("python3");
        for begin in ["\u{7f}ELF", "#!/bin/sh\n"] {
            write(&python, &format!("{begin}{}", "x".repeat(1 << 20)));
            let before = bytes_read();
            assert_eq!(script(&python), None);
            let read = bytes_read() - before;
            assert!(read <= LONGEST + 4096, "{read} bytes");
        }
        write(&python, "#!/bin/sh\n");
        assert!(script(&python).is_some());
    }

    #[test]
    fn pyenv_goes_by_the_variable_the_nearest_file_or_the_global_one() {
        let sandbox = tempfile::tempdir().unwrap();
        let root = sandbox.path().canonicalize().unwrap();
        let at = |path: &str| root.join(path);
        let shim = at("pyenv/shims/python3");
        let text = format!(
            "#!/usr/bin/env bash\nset -e\nprogram=\"${{0##*/}}\"\nexport PYENV_ROOT=\"{0}\"\n\
             exec \"{0}/libexec/pyenv\" exec \"$program\" \"$@\"\n",
            at("pyenv").display()
        );
        write(&shim, &text);
        for version in ["3.11.7", "3.12.1", "my-env"] {
            write(&at("pyenv/versions").join(version).join("bin/python3"), "");
        }
        write(&at("usr/bin/python3"), "");
        let path = format!("{}:{}", at("pyenv/shims").display(), at("usr/bin").display());
        let found = |directory: &str, variables: &[(&str, &str)]| {
            let variables = variables.iter().copied().chain([("PATH", &*path)]);
            let found = target(&shim, &Env::new(&at(directory), variables))?;
            Some(found.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
        };
        let of = |version: &str| Some(format!("pyenv/versions/{version}/bin/python3"));
        let system = Some("usr/bin/python3".to_owned());

        assert_eq!(found("a/b", &[]), system, "there is no file");
        write(&at("pyenv/version"), "\n# the team's\n3.11.7\n");
        assert_eq!(found("a/b", &[]), of("3.11.7"));
        write(&at("a/.python-version"), "my-env and more\r\n3.12.1");
        assert_eq!(found("a/b", &[]), of("my-env"));
        assert_eq!(found("other", &[]), of("3.11.7"));
        assert_eq!(found("a/b", &[("PYENV_VERSION", "3.12.1:system")]), of("3.12.1"));
        assert_eq!(found("a/b", &[("PYENV_VERSION", "system")]), system);
        // It uses the shell's path of the directory, which may contain a link.
        assert_eq!(found("a", &[("PWD", at("a").to_str().unwrap())]), of("my-env"));
        for uncertain in ["3.12", "3", "python-3.12.1", "../x", "missing"] {
            assert_eq!(found("a/b", &[("PYENV_VERSION", uncertain)]), None, "{uncertain}");
        }
        for variable in ["PWD", "PYENV_DIR", "PYENV_HOOK_PATH"] {
            assert_eq!(found("a/b", &[(variable, "/elsewhere")]), None, "{variable}");
        }
        write(&at("pyenv/plugins/p/etc/pyenv.d/version-name/x.bash"), "");
        assert_eq!(found("a/b", &[]), None);
        fs_err::remove_dir_all(at("pyenv/plugins")).unwrap();
        write(&shim, "#!/bin/sh\nexec other\n");
        assert_eq!(found("a/b", &[]), None);
    }

    #[test]
    fn asdf_goes_by_the_variable_or_the_nearest_file() {
        let sandbox = tempfile::tempdir().unwrap();
        let root = sandbox.path().canonicalize().unwrap();
        let at = |path: &str| root.join(path);
        let shim = at("asdf/shims/python3");
        let text = |plugins: &str| {
            format!("#!/usr/bin/env bash\n{plugins}exec asdf exec \"python3\" \"$@\"\n")
        };
        let plugins = "# asdf-plugin: python 3.11.2\n# asdf-plugin: python 3.12.1\n";
        write(&shim, &text(plugins));
        for version in ["3.11.2", "3.12.1", "3.13.0"] {
            write(&at("asdf/installs/python").join(version).join("bin/python3"), "");
        }
        let home = at("home");
        let found = |directory: &str, variables: &[(&str, &str)]| {
            let variables = variables.iter().copied().chain([("HOME", home.to_str().unwrap())]);
            let found = target(&shim, &Env::new(&at(directory), variables))?;
            Some(
                found
                    .strip_prefix(at("asdf/installs/python"))
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            )
        };
        let of = |version: &str| Some(format!("{version}/bin/python3"));

        assert_eq!(found("a/b", &[]), None, "there is no file");
        write(&home.join(".tool-versions"), "nodejs 20\npython 3.11.2 system # mine\n");
        assert_eq!(found("a/b", &[]), of("3.11.2"));
        write(&at("a/.tool-versions"), "#python 3.11.2\n  python\t3.12.1\npython 3.11.2");
        write(&at("a/b/.tool-versions"), "pythonic 1");
        assert_eq!(found("a/b", &[]), of("3.12.1"));
        assert_eq!(found("a/b", &[("ASDF_PYTHON_VERSION", "3.11.2 3.12.1")]), of("3.11.2"));
        // Not in the shim, or for asdf to resolve.
        for uncertain in ["3.13.0", "system", "path:/x", "ref:main", "latest", "../x"] {
            assert_eq!(found("a/b", &[("ASDF_PYTHON_VERSION", uncertain)]), None, "{uncertain}");
        }
        for variable in ["ASDF_DATA_DIR", "ASDF_TOOL_VERSIONS_FILENAME"] {
            assert_eq!(found("a/b", &[(variable, "/elsewhere")]), None, "{variable}");
        }
        write(&home.join(".asdfrc"), "legacy_version_file = yes\n");
        assert_eq!(found("a/b", &[]), None);
        fs_err::remove_file(home.join(".asdfrc")).unwrap();
        write(&at("asdf/plugins/python/bin/exec-path"), "");
        assert_eq!(found("a/b", &[]), None);
        fs_err::remove_dir_all(at("asdf/plugins")).unwrap();
        write(&shim, &text(&format!("{plugins}# asdf-plugin: other 1\n")));
        assert_eq!(found("a/b", &[]), None);
    }
}
