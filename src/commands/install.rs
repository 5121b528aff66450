//! `jupyter-docker-spec install`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value as Json;
use tracing::Level;

use super::{config, dry_run, planned};
use crate::cli::Install;
use crate::files;
use crate::kernelspec::launcher::LauncherFile;
use crate::kernelspec::render;
use crate::kernelspec::store::{self, Job, Outcome};
use crate::launcher::spec::OPTIONS;
use crate::log;
use crate::options::Options;
use crate::paths::Paths;
use crate::settings::Settings;
use crate::settings::config::{Config, OWN, Source};
use crate::settings::lookup::{Line, Lookup};
use crate::settings::manifest::Manifest;
use crate::settings::sample;
use crate::settings::traits;

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
pub fn run(args: &Install, line: &Line, paths: &Paths<'_>) -> Result<String> {
    // What is wrong with a file can be said when the level is known, which may be in another.
    let (config, broken) = match configuration(line, paths) {
        Ok(config) => (config, None),
        Err(error) => (Config::default(), Some(error)),
    };
    let lookup = &Lookup { line, config: &config, env: paths.env };
    let level = lookup.text(&traits::LOG_LEVEL);
    let known = match &level {
        _ if args.debug => Some(Level::DEBUG),
        Some(given) => log::level(&given.value),
        None => Some(Level::INFO),
    };
    log::init(APPLICATION, known.unwrap_or(Level::INFO), paths.env);
    if let Some(error) = broken {
        return Err(error);
    }
    if let (None, Some(given)) = (known, level) {
        bail!(given.must(&format!("be one of {}", log::LEVELS)));
    }

    if lookup.flag(&traits::SHOW_CONFIG_JSON)? {
        return Ok(config::shown_as_json(lookup));
    }
    if lookup.flag(&traits::SHOW_CONFIG)? {
        return Ok(config::shown(lookup));
    }
    if lookup.flag(&traits::GENERATE_CONFIG)? {
        let path = config::generate(lookup, paths)?;
        tracing::info!("Wrote the default configuration to {}", path.display());
        return Ok(String::new());
    }
    install(args, lookup, paths)
}

/// Reads the configuration files, unless one is to be written.
fn configuration(line: &Line, paths: &Paths<'_>) -> Result<Config> {
    let nothing = Config::default();
    let lookup = Lookup { line, config: &nothing, env: paths.env };
    if lookup.flag(&traits::GENERATE_CONFIG)? {
        return Ok(nothing);
    }
    let named =
        |known| lookup.text(known).map(|given| given.value).filter(|value| !value.is_empty());
    let source = match (named(&traits::CONFIG_FILE), named(&traits::CONFIG_FILE_NAME)) {
        (Some(file), _) => Source::File(file.into()),
        (None, Some(name)) => Source::Directories(name),
        (None, None) => Source::Directories(OWN.to_owned()),
    };
    Config::load(&source, paths)
}

fn install(args: &Install, lookup: &Lookup<'_>, paths: &Paths<'_>) -> Result<String> {
    let specifications = specifications(args, lookup, paths)?;
    for (index, specification) in specifications.iter().enumerate() {
        let Job { destination, replace, .. } = &specification.job;
        let twice =
            specifications[..index].iter().any(|other| other.job.destination == *destination);
        ensure!(!twice, "two specifications would become `{}`", destination.display());
        store::check(destination, *replace)?;
        planned::of_settings(&specification.settings, paths.env)?;
    }
    if args.dry_run {
        let described: Result<Vec<String>> = specifications
            .iter()
            .map(|Specification { settings, job }| dry_run::described(settings, job, paths.env))
            .collect();
        return Ok(described?.join("\n"));
    }
    let mut kernels = BTreeSet::new();
    for Specification { settings, job } in &specifications {
        tracing::info!("Installing kernel specification for '{}'", settings.display_name);
        warn_of_dropped_options(settings, &job.destination);
        if let Some(directory) = job.destination.parent().filter(|path| kernels.insert(*path)) {
            warn_unless_searched(directory, paths);
        }
    }
    let (all, jobs): (Vec<Settings>, Vec<Job>) = specifications
        .into_iter()
        .map(|specification| (specification.settings, specification.job))
        .unzip();
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
    Ok(String::new())
}

/// What was asked for, and what has to be done for it.
struct Specification {
    settings: Settings,
    job: Job,
}

/// The specification that the command line is about, or those in the file that it names.
fn specifications(
    args: &Install,
    lookup: &Lookup<'_>,
    paths: &Paths<'_>,
) -> Result<Vec<Specification>> {
    let Some(file) = &args.file else {
        return specifications_of(&sample::lines(args, lookup.line, paths.env), lookup, paths);
    };
    let (name, text, directory) = read_manifest(file, paths)?;
    let manifest = Manifest { name: &name, directory, text: &text, paths };
    specifications_of(&manifest.lines(args, lookup.line)?, lookup, paths)
}

/// The specification of each of these command lines.
fn specifications_of(
    lines: &[(Install, Line)],
    lookup: &Lookup<'_>,
    paths: &Paths<'_>,
) -> Result<Vec<Specification>> {
    lines
        .iter()
        .map(|(args, line)| specification(args, &Lookup { line, ..*lookup }, paths))
        .collect()
}

fn specification(args: &Install, lookup: &Lookup<'_>, paths: &Paths<'_>) -> Result<Specification> {
    let settings = Settings::resolve(args, lookup)?;
    let kernels = settings.location.kernels_directory(paths)?;
    let destination = kernels.join(settings.kernel_name.as_str());
    let launcher = LauncherFile::find(&settings.launcher, paths)?;
    let tree = render::tree(&settings, launcher, &destination)?;
    let job = Job { destination, tree, replace: settings.replace };
    Ok(Specification { settings, job })
}

/// The name for messages, the text and the directory of a file of specifications.
fn read_manifest(file: &str, paths: &Paths<'_>) -> Result<(String, String, PathBuf)> {
    if file == "-" {
        let text = files::text(io::stdin().lock(), "standard input");
        let text = text.context("could not read standard input")?;
        return Ok(("standard input".to_owned(), text, paths.env.directory().to_path_buf()));
    }
    let path = paths.absolute(Path::new(file));
    let text = files::text(fs_err::File::open(&path)?, &path.display().to_string())?;
    Ok((file.to_owned(), text, path.parent().unwrap_or(&path).to_path_buf()))
}

/// Names what somebody has written into the `launch_docker.toml` that is about to go, and the new one
/// does not say.
fn warn_of_dropped_options(settings: &Settings, destination: &Path) {
    let path = destination.join("scripts").join(OPTIONS);
    let Ok(old) = files::read_to_string(&path) else { return };
    // Most often nothing changes, and understanding both is a tenth of what an install computes.
    if settings.options.as_ref() == Some(&old) {
        return;
    }
    let shown = path.display();
    let Ok(old) = Options::parse(OPTIONS, &old) else {
        tracing::warn!("{shown}, which cannot be understood, will be replaced.");
        return;
    };
    let new = Options::parse(OPTIONS, settings.options.as_deref().unwrap_or_default());
    let new: Vec<(&str, Json)> =
        new.as_ref().map(|options| options.values().collect()).unwrap_or_default();
    let dropped = old.values().filter(|value| !new.contains(value));
    let dropped: Vec<String> = dropped.map(|(name, value)| format!("{name} = {value}")).collect();
    if !dropped.is_empty() {
        tracing::warn!("{shown} will be replaced, and with it: {}", dropped.join("; "));
    }
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
