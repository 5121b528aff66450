//! Configuration files in Python. Only Python can say what they come to, so one is asked, for all of
//! them at once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::paths::Paths;
use crate::{process, text};

/// How long the files may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What a file says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PythonConfig {
    /// The values of traits, by section.
    pub(super) sections: Map<String, Value>,
    /// What is added to the value that a trait has otherwise, as by `c.Class.trait.update(...)`.
    pub(super) added: Map<String, Value>,
}

/// Prints a list with what each file says, as JSON. What the files themselves print goes to standard
/// error. A value that is none of JSON's is an object, which no trait takes.
const SCRIPT: &str = r"
import json, os, sys
out, sys.stdout = sys.stdout, sys.stderr
try:
    from traitlets.config.loader import LazyConfigValue, PyFileConfigLoader
except ImportError:
    sys.exit(77)

def plain(value):
    if isinstance(value, (set, frozenset, tuple)):
        value = sorted(value, key=str)
    return value

def added(value):
    inserted = [item for _, item in value._inserts]
    return [*value._prepend, *inserted, *value._extend, *(value._update or ())]

files = []
for path in sys.argv[1:]:
    directory, name = os.path.split(path)
    config = PyFileConfigLoader(name, path=directory).load_config()
    said = {'sections': {}, 'added': {}}
    for name, section in config.items():
        if not isinstance(section, dict):
            continue
        said['sections'][name] = {}
        for trait, value in section.items():
            if not isinstance(value, LazyConfigValue):
                said['sections'][name][trait] = plain(value)
            elif added(value):
                said['added'].setdefault(name, {})[trait] = added(value)
    files.append(said)
json.dump(files, out, default=lambda value: {'Python': repr(value)})
";

/// The exit status of the script where Python has no traitlets.
const NO_TRAITLETS: i32 = 77;

/// What to do where no Python can read the files.
const ADVICE: &str = "write it as JSON, which needs no Python: `c.DockerSpecInstaller.image_name = \
                      \"my/image\"` is {\"DockerSpecInstaller\": {\"image_name\": \"my/image\"}} in a \
                      file that ends in .json";

/// What each file says. No Python is needed for those that say nothing, as `--generate-config` writes them.
pub(super) fn read(files: &[&Path], paths: &Paths<'_>) -> Result<Vec<PythonConfig>> {
    let (silent, others): (Vec<&Path>, Vec<&Path>) =
        files.iter().copied().partition(|file| says_nothing(file));
    let mut said = ask(&others, paths)?.into_iter();
    let of = |file| if silent.contains(file) { Some(PythonConfig::default()) } else { said.next() };
    Ok(files.iter().map_while(of).collect())
}

/// Whether there is nothing in a file but comments, and the line that each begins with. What cannot be read is
/// left to Python.
fn says_nothing(file: &Path) -> bool {
    crate::files::read_to_string(file).is_ok_and(|text| {
        let mut codes = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        codes.all(|code| matches!(code, "" | "c = get_config()"))
    })
}

/// What Python says of each file.
fn ask(files: &[&Path], paths: &Paths<'_>) -> Result<Vec<PythonConfig>> {
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    let named = || format!("could not read the configuration file `{}`", first.display());
    let python = find(paths)
        .with_context(|| format!("there is no python3 on PATH; {ADVICE}"))
        .with_context(named)?;
    let mut command = Command::new(&python);
    command.args(["-c", SCRIPT]).args(files);
    let output = process::output_within(paths.env.apply_to(&mut command), LIMIT)
        .with_context(|| format!("could not run `{}`", python.display()))?
        .ok_or_else(|| anyhow!("Python was not done after {} s", text::seconds(LIMIT)))
        .with_context(named)?;
    let status = output.status;
    if status.code() == Some(NO_TRAITLETS) {
        return Err(anyhow!("`{}` has no traitlets; {ADVICE}", python.display()))
            .with_context(named);
    }
    if !status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("Python could not read the configuration files:\n{}", end_of(&errors));
    }
    serde_json::from_slice(&output.stdout)
        .context("Python's answer about the configuration files is not what was asked for")
}

/// The last lines of a traceback: where it happened, and what.
fn end_of(errors: &str) -> String {
    let lines: Vec<&str> = errors.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("\n")
}

/// The Python of the environment that this program belongs to, else the first one on `PATH`.
fn find(paths: &Paths<'_>) -> Option<PathBuf> {
    let on_path = paths.env.get("PATH").unwrap_or_default().split(':').map(Path::new);
    let own = paths.known_environment().map(|prefix| prefix.join("bin"));
    own.into_iter()
        .chain(on_path.map(Path::to_path_buf))
        .map(|directory| directory.join("python3"))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_traceback_the_end_is_shown() {
        assert_eq!(end_of("a\nb\n\nc\n  \nd\ne\n"), "b\nc\nd\ne");
        assert_eq!(end_of("a\n"), "a");
    }
}
