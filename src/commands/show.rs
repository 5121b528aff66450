//! `jupyter-docker-spec show`.

pub(super) mod shell;
pub(super) mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err as fs;
use serde::Serialize;
use serde_json::Value;

use super::list::Entry;
use super::output::{field, json};
use crate::cli::Show;
use crate::files;
use crate::kernelspec::installed_launcher::{Reader, as_text};
use crate::kernelspec::specification::Specification;
use crate::kernelspec::{search, store};
use crate::layout::{self, OPTIONS};
use crate::options::Options;
use crate::paths::Paths;
use crate::screen::Screen;
use crate::server::System;
use crate::text::printable;

/// What the server does where a specification does not say.
const DEFAULT_UNAUTHORIZED: &str = "root";

/// The provisioner's settings that have a line of their own.
const KNOWN: [&str; 5] =
    ["image_name", "authorized_users", "unauthorized_users", "port_range", "launch_timeout"];

/// A specification in full.
#[derive(Debug, Serialize)]
struct Details {
    #[serde(flatten)]
    entry: Entry,
    authorized_users: Vec<String>,
    unauthorized_users: Vec<String>,
    port_range: Option<String>,
    launch_timeout: Option<Value>,
    kernel_class: Option<String>,
    shows_launch_errors: bool,
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    config: BTreeMap<String, Value>,
    options: BTreeMap<String, Value>,
    shadows: Vec<String>,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    #[serde(serialize_with = "as_text")]
    path: PathBuf,
    bytes: u64,
}

/// Shows the specification that Jupyter takes for a name, or the one in a directory. Returns what is
/// to be printed on standard output.
///
/// # Errors
/// When there is no such specification, it is not for Docker, or cannot be read.
pub fn run(args: &Show, paths: &Paths<'_>) -> Result<String> {
    let directories = paths.kernel_directories();
    let all = search::in_directories(&directories);
    let found = search::find(&args.name, &all, &directories, paths)?;
    let spec = found.read()?.with_context(|| found.not_for_docker())?;
    let entry = Entry::new(&found, Ok(&spec), &mut Reader::default());
    if args.toml {
        return table::text(&found.name, &spec, &entry, paths);
    }
    let mut shown = Details::new(spec, entry);
    let parent = found.directory.parent().unwrap_or(&found.directory);
    if !directories.iter().any(|directory| directory == parent) {
        let problem = format!("Jupyter does not look into `{}` from here", parent.display());
        shown.entry.add_problem(problem);
    }
    let shadowed = all.iter().filter(|other| other.shadowed_by.as_ref() == Some(&found.directory));
    shown.shadows = shadowed.map(|other| other.directory.display().to_string()).collect();
    if args.json { json(&shown) } else { Ok(shown.text(Screen::of_stdout(paths.env))) }
}

impl Details {
    fn new(spec: Specification, entry: Entry) -> Self {
        let by_default = (spec.system != System::Local).then(|| DEFAULT_UNAUTHORIZED.to_owned());
        let unauthorized = Vec::from_iter(by_default);
        let files = store::files(&spec.directory)
            .into_iter()
            .map(|path| {
                let metadata = fs::symlink_metadata(spec.directory.join(&path));
                File { bytes: metadata.map_or(0, |metadata| metadata.len()), path }
            })
            .collect();
        // What is wrong with them is among the entry's problems.
        let options = options(&spec.directory).unwrap_or_default();
        Self {
            entry,
            authorized_users: spec.authorized_users().unwrap_or_default(),
            unauthorized_users: spec.unauthorized_users().unwrap_or(unauthorized),
            port_range: spec.port_range().map(str::to_owned),
            launch_timeout: spec.launch_timeout(),
            kernel_class: spec.kernel_class().map(str::to_owned),
            shows_launch_errors: spec.shows_launch_errors,
            options,
            argv: spec.argv,
            env: spec.env,
            config: spec.config,
            shadows: Vec::new(),
            files,
        }
    }

    fn text(&self, screen: Screen) -> String {
        let mut text = self.entry.text();
        // What follows is the business of servers.
        if self.entry.system() != Some(System::Local) {
            self.add_settings(&mut text);
        }
        let command = screen.wrapped(&printable(&self.argv.join(" ")), 4);
        // Writing to a string does not fail.
        let _ = writeln!(text, "Command:\n  {command}");
        section(&mut text, "Other settings", self.other_settings());
        section(&mut text, "Environment", self.env.iter().map(|(k, v)| format!("{k}={v}")));
        let options = self.options.iter().map(|(key, value)| format!("{key} = {value}"));
        section(&mut text, OPTIONS, options);
        let files = self.files.iter().map(|f| format!("{:>9}  {}", f.bytes, f.path.display()));
        section(&mut text, "Files", files);
        section(&mut text, "Shadows", self.shadows.iter().cloned());
        text
    }

    fn add_settings(&self, text: &mut String) {
        let names = |names: &[String], nobody_named: &str| match names {
            [] => nobody_named.to_owned(),
            [name] if name.is_empty() => "nobody".to_owned(),
            names => names.join(", "),
        };
        let launch_errors =
            if self.shows_launch_errors { "shown to the user" } else { "in the server's log" };
        let timeout = self.launch_timeout.as_ref().map(|seconds| format!("{} s", text_of(seconds)));
        for (name, value) in [
            ("Port range", self.port_range.clone().unwrap_or_else(|| "any".to_owned())),
            ("Launch timeout", timeout.unwrap_or_else(|| "the server's".to_owned())),
            ("Launch errors", launch_errors.to_owned()),
            ("Kernel class", self.kernel_class.clone().unwrap_or_else(|| "-".to_owned())),
            ("Users", names(&self.authorized_users, "everybody")),
            ("Users kept out", names(&self.unauthorized_users, "nobody")),
        ] {
            field(text, name, &value);
        }
    }

    /// What of the provisioner's settings has no line of its own.
    fn other_settings(&self) -> impl Iterator<Item = String> {
        let others = self.config.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        others.map(|(name, value)| format!("{name} = {value}"))
    }
}

/// A text without the quotes of JSON, and any other value as JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What `launch_docker.toml` says; nothing if it is not there.
fn options(directory: &Path) -> Result<BTreeMap<String, Value>> {
    let path = directory.join(layout::script(OPTIONS));
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let options = Options::parse(&path.to_string_lossy(), &files::read_to_string(&path)?)?;
    Ok(options.values().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn section(text: &mut String, name: &str, lines: impl IntoIterator<Item = String>) {
    let lines: Vec<String> = lines.into_iter().collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{name}:");
    for line in lines {
        let _ = writeln!(text, "  {}", printable(&line));
    }
}
