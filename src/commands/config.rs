//! What `install` does with its configuration besides installing: `--show-config`,
//! `--show-config-json`, `--generate-config` and `--help-all`.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::paths::Paths;
use crate::setting::{self, Class, Kind, Setting};
use crate::settings::config;
use crate::settings::lookup::Lookup;

/// The values that are set, each with the place that it is from, for people.
#[must_use]
pub fn shown(lookup: &Lookup<'_>) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for file in &lookup.config.files {
        let _ = writeln!(text, "Loaded {}", file.display());
    }
    for (known, value, origin) in set(lookup) {
        let _ = writeln!(text, "{known} = {value}  ({origin})");
    }
    if text.is_empty() {
        text.push_str("Nothing is set: every value is the default\n");
    }
    text
}

/// The same for programs.
#[must_use]
pub fn shown_as_json(lookup: &Lookup<'_>) -> String {
    let values: Map<String, Value> = set(lookup)
        .map(|(known, value, origin)| {
            (known.to_string(), json!({ "value": value, "origin": origin }))
        })
        .collect();
    let files: Vec<_> = lookup.config.files.iter().map(|file| file.display().to_string()).collect();
    format!("{:#}\n", json!({ "files": files, "values": values }))
}

fn set<'a>(
    lookup: &'a Lookup<'_>,
) -> impl Iterator<Item = (&'static Setting, Value, String)> + use<'a> {
    // What was asked for here is no configuration.
    let asked = [&setting::SHOW_CONFIG, &setting::SHOW_CONFIG_JSON];
    setting::configurable().filter(move |(known, _)| !asked.contains(known)).filter_map(
        |(known, _)| {
            let (value, origin) = lookup.any(known)?;
            Some((known, value, origin))
        },
    )
}

/// Writes a configuration file with all defaults, and returns its path: in Python with each default
/// in a comment, or in JSON, which has no comments, if the file that `--config` names ends so.
///
/// # Errors
/// When the file is there and may not be replaced, or cannot be written.
pub fn generate(lookup: &Lookup<'_>, paths: &Paths<'_>) -> Result<PathBuf> {
    let given = lookup.text(&setting::CONFIG_FILE).filter(|given| !given.value.is_empty());
    let path = match given {
        Some(given) => paths.expand(Path::new(&given.value)),
        None => paths
            .user_config()
            .context("there is no home directory; set HOME or JUPYTER_CONFIG_DIR")?
            .join(format!("{}.py", config::OWN)),
    };
    let text = match path.extension().and_then(|ending| ending.to_str()) {
        Some("py") => defaults_in_python(),
        Some("json") => defaults_in_json(),
        _ => bail!("`{}` must end in .py or .json", path.display()),
    };
    if path.exists() && !lookup.flag(&setting::ANSWER_YES)? && !may_replace(&path)? {
        bail!("`{}` is left as it is", path.display());
    }
    let directory = path.parent().context("a configuration file lies in a directory")?;
    fs_err::create_dir_all(directory)?;
    // Never half of it: whoever reads it meanwhile gets the old one or the new one.
    let mut file = tempfile::Builder::new()
        .prefix(".config-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

fn may_replace(path: &Path) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("`{}` exists; replace it with --answer-yes", path.display());
    }
    let mut terminal = io::stderr();
    write!(terminal, "Overwrite {} with default config? [y/N]: ", path.display())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn defaults_in_python() -> String {
    let mut text =
        "# Configuration file for jupyter-docker-spec.\n\nc = get_config()  # noqa\n".to_owned();
    for class in Class::ALL {
        let rule = "#".to_owned() + &"-".repeat(78);
        let _ = write!(text, "\n{rule}\n# {class}\n{rule}\n");
        for (known, name) in setting::of_class(class) {
            let default = match known.default {
                "null" => "None",
                "false" => "False",
                other => other,
            };
            let _ = writeln!(text, "\n## {}\n# c.{name} = {default}", known.help);
        }
    }
    text
}

fn defaults_in_json() -> String {
    let mut sections = Map::from_iter([("version".to_owned(), 1.into())]);
    for class in Class::ALL {
        let default = |known: &Setting| serde_json::from_str(known.default).unwrap_or(Value::Null);
        let values: Map<String, Value> = setting::of_class(class)
            .map(|(known, name)| (name.name.to_owned(), default(known)))
            .collect();
        sections.insert(class.name().to_owned(), values.into());
    }
    format!("{:#}\n", Value::from(sections))
}

/// What `--help-all` says besides the help: every class and trait.
#[must_use]
pub fn help_of_classes() -> String {
    let mut text = "\nClasses of configuration files, and of --Class.trait=VALUE:\n".to_owned();
    for class in Class::ALL {
        let _ = writeln!(text, "\n{class}:");
        for (known, name) in setting::of_class(class) {
            let _ = writeln!(text, "  --{name}=<{}>\n      {}", kind(known.kind), known.help);
            let option = match known.option {
                "" => String::new(),
                option => format!(" [option: --{option}]"),
            };
            let variables = match known.variables {
                [] => String::new(),
                names => format!(" [env: {}]", names.join(", else ")),
            };
            let _ = writeln!(text, "      [default: {}]{option}{variables}", known.default);
        }
    }
    text
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "true|false",
        Kind::Text | Kind::TextOrNothing | Kind::Path => "TEXT",
        Kind::Number => "NUMBER",
        Kind::Names => "NAME",
        Kind::Level => "LEVEL",
        Kind::Choice(_) | Kind::ChoiceOrPath(_) | Kind::PythonOnly => "",
    }
}
