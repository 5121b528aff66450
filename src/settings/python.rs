//! Configuration files in Python. Only Python can say what they come to, so one is asked, for all of
//! them at once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Map, Value};

use crate::paths::Paths;
use crate::{process, text};

/// How long the files may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Prints a list with the sections of each file, as JSON. What the files themselves print goes to
/// standard error.
const SCRIPT: &str = r"
import json, os, sys
out, sys.stdout = sys.stdout, sys.stderr
try:
    from traitlets.config.loader import LazyConfigValue, PyFileConfigLoader
except ImportError:
    sys.exit(77)

def plain(value):
    if isinstance(value, LazyConfigValue):
        value = value.get_value(set())
    if isinstance(value, (set, frozenset, tuple)):
        value = sorted(value, key=str)
    return value

files = []
for path in sys.argv[1:]:
    directory, name = os.path.split(path)
    config = PyFileConfigLoader(name, path=directory).load_config()
    sections = {name: section for name, section in config.items() if isinstance(section, dict)}
    files.append({
        name: {trait: plain(value) for trait, value in section.items()}
        for name, section in sections.items()
    })
json.dump(files, out, default=repr)
";

/// The exit status of the script where Python has no traitlets.
const NO_TRAITLETS: i32 = 77;

/// What to do where no Python can read the files.
const ADVICE: &str = "write it as JSON, which needs no Python: `c.DockerSpecInstaller.image_name = \
                      \"my/image\"` is {\"DockerSpecInstaller\": {\"image_name\": \"my/image\"}} in a \
                      file that ends in .json";

/// The sections of each file.
pub(super) fn read(files: &[&Path], paths: &Paths<'_>) -> Result<Vec<Map<String, Value>>> {
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    let named = || format!("could not read the configuration file `{}`", first.display());
    let python = find(paths)
        .with_context(|| format!("there is no python3 on PATH; {ADVICE}"))
        .with_context(named)?;
    let mut command = Command::new(&python);
    command.args(["-c", SCRIPT]).args(files);
    command.env_clear().envs(paths.env.iter()).current_dir(paths.env.directory());
    let output = process::output_within(&mut command, LIMIT)
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
