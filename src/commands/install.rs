//! `jupyter-docker-spec install`.

mod next;
mod on_engine;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use tracing::Level;

use super::changes::Contents;
use super::{config, dry_run, planned, secrets};
use crate::cli::Install;
use crate::files;
use crate::kernelspec::launcher::LauncherFile;
use crate::kernelspec::render;
use crate::kernelspec::store::{self, Content, Job, Outcome};
use crate::layout::{self, KERNEL_JSON, OPTIONS};
use crate::log;
use crate::options::{Options, mounts};
use crate::paths::Paths;
use crate::server::System;
use crate::setting::{self, CommandLine};
use crate::settings::config::{Config, OWN, Source};
use crate::settings::lookup::Lookup;
use crate::settings::manifest::Manifest;
use crate::settings::{self, Question, Settings, sample, values, with_engine};
use crate::templates;

/// The name under which the installer speaks: that of the Python tool's class.
pub const APPLICATION: &str = "DockerSpecInstaller";

/// Installs the specification that the command line, the configuration files and the environment ask
/// for.
///
/// # Errors
/// When a setting is not valid, the launcher is missing or the destination cannot be written.
/// Nothing is changed then.
///
/// Returns what is to be printed on standard output: what `--show-config` or `--dry-run` asks for.
pub fn run(args: &Install, paths: &Paths<'_>) -> Result<String> {
    let line = &args.line;
    // What is wrong with a file can be said when the level is known, which may be in another.
    let (config, broken) = match configuration(line, paths) {
        Ok(config) => (config, None),
        Err(error) => (Config::default(), Some(error)),
    };
    let lookup = &Lookup { line, config: &config, env: paths.env };
    let level = lookup.text(&setting::LOG_LEVEL);
    let known = match &level {
        _ if line.has(&setting::DEBUG) => Some(Level::DEBUG),
        Some(given) => level_of(&given.value),
        None => Some(Level::INFO),
    };
    log::init(APPLICATION, known.unwrap_or(Level::INFO), paths.env);
    if let Some(error) = broken {
        return Err(error);
    }
    if let (None, Some(given)) = (known, level) {
        bail!(given.must(&format!("be one of {}", log::LEVELS)));
    }

    for (file, section) in &config.ignored {
        tracing::warn!(
            "Ignoring the section `{section}` in {}, which is another application's",
            file.display()
        );
    }
    if lookup.flag(&setting::SHOW_CONFIG_JSON)? {
        return Ok(config::shown_as_json(lookup));
    }
    if lookup.flag(&setting::SHOW_CONFIG)? {
        return Ok(config::shown(lookup));
    }
    if lookup.flag(&setting::GENERATE_CONFIG)? {
        let path = config::generate(lookup, paths)?;
        tracing::info!("Wrote the default configuration to {}", path.display());
        return Ok(String::new());
    }
    install(args, lookup, paths)
}

/// The level of this name, or of this number as Python writes them.
fn level_of(value: &str) -> Option<Level> {
    let number = values::integer(value).map(|number| number.to_string());
    log::level(number.as_deref().unwrap_or(value))
}

/// Reads the configuration files, unless one is to be written.
fn configuration(line: &CommandLine, paths: &Paths<'_>) -> Result<Config> {
    let nothing = Config::default();
    let lookup = Lookup { line, config: &nothing, env: paths.env };
    if lookup.flag(&setting::GENERATE_CONFIG)? {
        return Ok(nothing);
    }
    let named =
        |known| lookup.text(known).map(|given| given.value).filter(|value| !value.is_empty());
    let source = match (named(&setting::CONFIG_FILE), named(&setting::CONFIG_FILE_NAME)) {
        (Some(file), _) => Source::File(file.into()),
        (None, Some(name)) => Source::Directories(name),
        (None, None) => Source::Directories(OWN.to_owned()),
    };
    Config::load(&source, paths)
}

fn install(args: &Install, lookup: &Lookup<'_>, paths: &Paths<'_>) -> Result<String> {
    let specifications = specifications(args, lookup, paths)?;
    for (index, (settings, job)) in specifications.iter().enumerate() {
        let Job { destination, replace, .. } = job;
        let twice = specifications[..index].iter().any(|(_, o)| o.destination == *destination);
        ensure!(!twice, "two specifications would become `{}`", destination.display());
        store::check(destination, *replace)?;
        planned::of_settings(settings, paths.env)?;
        warn_of_mounts(settings);
    }
    on_engine::check(&specifications)?;
    if args.line.has(&setting::DRY_RUN) {
        for (settings, job) in &specifications {
            warn_of_secrets(settings, &job.destination);
            warn_of_changes(settings, job);
        }
        let described: Result<Vec<String>> = specifications
            .iter()
            .map(|(settings, job)| dry_run::described(settings, job, paths.env))
            .collect();
        return Ok(described?.join("\n"));
    }
    on_engine::build(&specifications, paths.env)?;
    let mut kernels = BTreeSet::new();
    for (settings, job) in &specifications {
        tracing::info!("Installing kernel specification for '{}'", settings.display_name);
        warn_of_secrets(settings, &job.destination);
        warn_of_changes(settings, job);
        if let Some(directory) = job.destination.parent().filter(|path| kernels.insert(*path)) {
            warn_unless_searched(directory, paths);
        }
    }
    let (all, jobs): (Vec<Settings>, Vec<Job>) = specifications.into_iter().unzip();
    for ((settings, job), outcome) in all.iter().zip(&jobs).zip(store::install(&jobs)?) {
        let shown = job.destination.display();
        match outcome {
            Outcome::Created => {}
            Outcome::Replaced => tracing::info!("Removing existing kernelspec in {shown}"),
            Outcome::Unchanged => {
                tracing::info!("Keeping existing kernelspec in {shown}, which is the same");
            }
        }
        tracing::info!("Installed kernelspec {} in {shown}", settings.kernel_name);
    }
    next::say(&all, &jobs, paths);
    Ok(String::new())
}

/// The specification that the command line is about, or those in the file that it names: what was asked for,
/// and what has to be done for it.
fn specifications(
    args: &Install,
    lookup: &Lookup<'_>,
    paths: &Paths<'_>,
) -> Result<Vec<(Settings, Job)>> {
    let lines = match args.line.value(&setting::FILE) {
        None => vec![args.clone()],
        Some(file) => {
            let (name, text, directory) = read_manifest(file, paths)?;
            let manifest = Manifest { name: &name, directory, text: &text, paths };
            manifest.lines(args)?
        }
    };
    let lines = lines.iter().flat_map(|args| sample::lines(args, paths.env));
    lines.map(|args| specification(&args, &Lookup { line: &args.line, ..*lookup }, paths)).collect()
}

fn specification(
    args: &Install,
    lookup: &Lookup<'_>,
    paths: &Paths<'_>,
) -> Result<(Settings, Job)> {
    let args = &*with_engine(args, lookup)?;
    let question = Question::of(args, lookup)?;
    if let Some(Question { wanted, .. }) = &question
        && let Some((location, name)) = settings::known_place(args, lookup, wanted)?
    {
        // Before an image is pulled in vain.
        let destination = location.kernels_directory(paths)?.join(name.as_str());
        store::check(&destination, lookup.flag(&setting::REPLACE)?)?;
    }
    let may_pull = !lookup.line.has(&setting::DRY_RUN);
    let answer = question.map(|question| on_engine::ask(&question, may_pull, paths.env));
    let settings = Settings::resolve(args, lookup, answer.transpose()?.unwrap_or_default())?;
    let kernels = settings.location.kernels_directory(paths)?;
    let destination = kernels.join(settings.kernel_name.as_str());
    let option = match settings.system {
        System::Local => Some(&setting::LOCAL),
        _ => settings.brings_bootstrap.then_some(&setting::BRING_BOOTSTRAP),
    };
    let launcher = match option {
        Some(known) => {
            let option = format!("--{}", known.option);
            LauncherFile::find_with_bootstrap(&settings.launcher, &option, paths)?
        }
        None => LauncherFile::find(&settings.launcher, paths)?,
    };
    let files = render::files(&settings, launcher, &destination)?;
    let job = Job { destination, files, replace: settings.replace, copy_of: None };
    Ok((settings, job))
}

/// The name for messages, the text and the directory of a file of specifications.
fn read_manifest(file: &str, paths: &Paths<'_>) -> Result<(String, String, PathBuf)> {
    if file == "-" {
        let text = files::text(io::stdin().lock(), "standard input");
        let text = text.context("could not read standard input")?;
        return Ok(("standard input".to_owned(), text, paths.env.directory()?.to_path_buf()));
    }
    let path = paths.absolute(Path::new(file));
    let text = files::text(fs_err::File::open(&path)?, &path.display().to_string())?;
    Ok((file.to_owned(), text, path.parent().unwrap_or(&path).to_path_buf()))
}

/// Names the secrets that are about to be written where many can read them.
fn warn_of_secrets(settings: &Settings, destination: &Path) {
    let Some(text) = settings.options.as_deref().filter(|text| *text != templates::options())
    else {
        return;
    };
    if let Ok(options) = Options::parse(OPTIONS, text) {
        for warning in secrets::of_options(&options, &options_of(destination).to_string_lossy()) {
            tracing::warn!("{warning}");
        }
    }
}

/// Names what is mounted from where users may put something else.
fn warn_of_mounts(settings: &Settings) {
    // Most have none, and reading the file once more takes as long as all else that is computed.
    let mounts = |text: &&String| text.contains("\nvolumes = ") || text.contains("\nmount_cwd = ");
    let Some(options) = settings.options.as_ref().filter(mounts) else { return };
    // What is wrong with it has been said.
    for warning in Options::parse(OPTIONS, options).iter().flat_map(mounts::exchangeable) {
        tracing::warn!("{warning}.");
    }
}

/// Names everything in the specification that is about to be replaced that the new one says otherwise.
fn warn_of_changes(settings: &Settings, job: &Job) {
    let Ok(old_json) = files::read(&job.destination.join(KERNEL_JSON)) else { return };
    let old_options = files::read_to_string(&options_of(&job.destination)).ok();
    let new_json = job.files.iter().find_map(|file| match &file.content {
        Content::Bytes(bytes) if file.path == Path::new(KERNEL_JSON) => Some(bytes.as_ref()),
        _ => None,
    });
    let new_json = new_json.unwrap_or_default();
    // Most often nothing changes, and understanding both is a tenth of what an install computes.
    if old_json == new_json && old_options == settings.options {
        return;
    }
    let old = Contents::new(&old_json, old_options.as_deref());
    let changes = old.changes(&Contents::new(new_json, settings.options.as_deref()));
    if !changes.is_empty() {
        let changes = changes.join("; ");
        tracing::warn!(
            "Replacing kernelspec {} changes {changes}. `jupyter-docker-spec set` changes only what is named.",
            settings.kernel_name
        );
    }
}

/// The `launch_docker.toml` of the specification in a directory.
fn options_of(specification: &Path) -> PathBuf {
    specification.join(layout::script(OPTIONS))
}

/// Warns when Jupyter will not look into the directory.
fn warn_unless_searched(kernels: &Path, paths: &Paths<'_>) {
    // First without the environment's, because asking a Python for its prefix takes longer than all
    // the rest.
    if paths.always_searched(kernels) {
        return;
    }
    let searched = paths.kernel_directories();
    if !searched.iter().any(|directory| directory == kernels) {
        let searched: Vec<String> =
            searched.iter().map(|directory| format!("'{}'", directory.display())).collect();
        tracing::warn!(
            "Installing to {}, which is not in [{}]. The kernelspec may not be found.",
            kernels.display(),
            searched.join(", "),
        );
    }
}
