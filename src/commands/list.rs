//! `jupyter-docker-spec list`.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use anyhow::{Error, Result};
use serde::{Serialize, Serializer};

use super::output::{dash, field, json};
use super::planned;
use crate::cli::List;
use crate::env::Env;
use crate::files;
use crate::kernelspec::inside::{advice_for_copy, is_valid_name};
use crate::kernelspec::installed_launcher::{InstalledLauncher, Kind, Reader, as_text};
use crate::kernelspec::search::{self, FoundKernelspec};
use crate::kernelspec::specification::Specification;
use crate::layout::{self, OPTIONS};
use crate::model::Mode;
use crate::options::Options;
use crate::paths::Paths;
use crate::screen::Screen;
use crate::server::System;
use crate::templates;
use crate::text::printable;

/// A row of the list. What cannot be read is `None`.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    name: String,
    display_name: Option<String>,
    language: Option<String>,
    image: Option<String>,
    mode: Option<Mode>,
    provisioner: Option<System>,
    launcher: Option<InstalledLauncher>,
    #[serde(serialize_with = "as_text")]
    path: PathBuf,
    #[serde(serialize_with = "as_text_or_null")]
    shadowed_by: Option<PathBuf>,
    problems: Vec<String>,
    /// What to do where the launcher is that of another specification.
    #[serde(skip)]
    advice: Option<String>,
}

#[expect(clippy::ref_option, reason = "this is how serde hands it over")]
fn as_text_or_null<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(to)
}

impl Entry {
    pub(super) fn new(
        found: &FoundKernelspec,
        read: Result<&Specification, &Error>,
        reader: &mut Reader,
    ) -> Self {
        let (launcher, mut problems) = match read {
            Ok(spec) => reader.read(spec),
            Err(error) => (None, vec![format!("{error:#}")]),
        };
        let spec = read.ok();
        // No other launcher reads it.
        if launcher.as_ref().is_none_or(|launcher| launcher.kind == Kind::Native) {
            problems.extend(spec.and_then(options_problem));
        }
        if !is_valid_name(&found.name) {
            problems.push("Jupyter does not allow this name".to_owned());
        }
        let advice = launcher
            .as_ref()
            .filter(|launcher| launcher.kind == Kind::Native)
            .and_then(|launcher| advice_for_copy(&found.directory, &launcher.path));
        Self {
            name: found.name.clone(),
            display_name: spec.map(|spec| spec.display_name.clone()),
            language: spec.map(|spec| spec.language.clone()),
            image: spec.and_then(Specification::image).map(str::to_owned),
            mode: spec.map(|spec| spec.mode),
            provisioner: spec.map(|spec| spec.system),
            launcher,
            path: found.directory.clone(),
            shadowed_by: found.shadowed_by.clone(),
            problems,
            advice,
        }
    }

    pub(super) fn launcher(&self) -> Option<&InstalledLauncher> {
        self.launcher.as_ref()
    }

    pub(super) fn system(&self) -> Option<System> {
        self.provisioner
    }

    /// The entry as text, one line per property.
    pub(super) fn text(&self) -> String {
        const NAMES: [&str; 8] =
            ["Name", "Display name", "Language", "Image", "Mode", "System", "Launcher", "Path"];
        let mut text = String::new();
        for (name, value) in NAMES.into_iter().zip(self.columns()) {
            field(&mut text, name, &value);
        }
        if let Some(first) = &self.shadowed_by {
            field(&mut text, "Shadowed by", &first.to_string_lossy());
        }
        for problem in &self.problems {
            field(&mut text, "Broken", problem);
        }
        text
    }

    /// Adds an error of the specification.
    pub(super) fn add_problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn columns(&self) -> [String; 8] {
        let launcher = self.launcher.as_ref().map(InstalledLauncher::shown);
        let columns = [
            &self.name,
            dash(self.display_name.as_deref()),
            dash(self.language.as_deref()),
            dash(self.image.as_deref()),
            dash(self.mode.map(Mode::name)),
            dash(self.provisioner.map(|system| system.facts().short)),
            dash(launcher.as_deref()),
            &*self.path.to_string_lossy(),
        ];
        columns.map(printable)
    }
}

/// The error in the `launch_docker.toml` of a specification, if there is one.
fn options_problem(spec: &Specification) -> Option<String> {
    let path = spec.directory.join(layout::script(OPTIONS));
    // It names the image there.
    let is_local = spec.system == System::Local;
    // The file is usually unedited.
    if !is_local && spec.options_file.as_deref() == Some(templates::options().as_bytes()) {
        return None;
    }
    let text = match spec.options_file.clone().map_or_else(|| files::read(&path), Ok) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs_err::symlink_metadata(&path).is_ok() {
                return Some(format!("`{}` is a link that leads nowhere", path.display()));
            }
            if !is_local {
                return None;
            }
            Vec::new()
        }
        Err(error) => return Some(error.to_string()),
    };
    let shown = path.display();
    let Ok(text) = String::from_utf8(text) else {
        return Some(format!("`{shown}` is not UTF-8"));
    };
    let read = Options::parse(&path.to_string_lossy(), &text);
    let env = Env::new(&spec.directory, [] as [(&str, &str); 0]);
    let planned = read.and_then(|options| planned::of_installed(spec, options, &env));
    planned.err().map(|error| format!("{error:#}"))
}

const HEADINGS: [&str; 8] =
    ["NAME", "DISPLAY NAME", "LANGUAGE", "IMAGE", "MODE", "SYSTEM", "LAUNCHER", "PATH"];

/// Lists the Docker kernelspecs that Jupyter would find, in its search order. Returns the text for standard
/// output.
pub fn run(args: &List, paths: &Paths<'_>) -> Result<String> {
    let directories = paths.kernel_directories();
    let mut reader = Reader::default();
    let read = |found: &FoundKernelspec| {
        Some(Entry::new(found, found.read().transpose()?.as_ref(), &mut reader))
    };
    let found = search::in_directories(&directories);
    let entries: Vec<_> = found.iter().filter_map(read).collect();
    if args.json {
        return json(&entries);
    }
    if entries.is_empty() {
        tracing::info!("There is no Docker kernelspec in {}", search::listed(&directories));
        return Ok(String::new());
    }
    Ok(table(&entries, Screen::of_stdout(paths.env)))
}

fn table(entries: &[Entry], screen: Screen) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(entries.iter().map(Entry::columns));
    let mut lines = screen.aligned(&rows).into_iter();
    let mut text = String::new();
    text.extend(lines.next().map(|line| line + "\n"));
    for (entry, line) in entries.iter().zip(lines) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line}");
        if let Some(first) = &entry.shadowed_by {
            let first = format!("shadowed: Jupyter takes {}", printable(&first.to_string_lossy()));
            let _ = writeln!(text, "  {}", screen.wrapped(&first, 4));
        }
        if let (Some(advice), Some(launcher)) = (&entry.advice, &entry.launcher) {
            let path = printable(&launcher.path.to_string_lossy());
            let note =
                format!("copied: it runs {path}, and {OPTIONS} beside that counts; {advice}");
            let _ = writeln!(text, "  {}", screen.wrapped(&note, 4));
        }
        for problem in &entry.problems {
            let problem = format!("broken: {}", printable(problem));
            let _ = writeln!(text, "  {}", screen.wrapped(&problem, 4));
        }
    }
    text
}
