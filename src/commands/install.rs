//! `jupyter-docker-spec install`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use tracing::Level;

use super::{config, dry_run};
use crate::cli::Install;
use crate::kernelspec::launcher::LauncherFile;
use crate::kernelspec::render;
use crate::kernelspec::store::{self, Outcome};
use crate::log;
use crate::paths::Paths;
use crate::settings::config::{Config, OWN, Source};
use crate::settings::lookup::{Line, Lookup};
use crate::settings::traits;
use crate::settings::{Location, Settings};

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
    let settings = Settings::resolve(args, lookup)?;
    let kernels = kernels_directory(&settings.location, paths)?;
    let destination = kernels.join(settings.kernel_name.as_str());
    let launcher = LauncherFile::find(&settings.launcher, paths)?;
    let tree = render::tree(&settings, launcher, &destination)?;

    store::check(&destination, settings.replace)?;
    if args.dry_run {
        return dry_run::described(&settings, &destination, &tree, paths.env);
    }
    tracing::info!("Installing kernel specification for '{}'", settings.display_name);
    warn_unless_searched(&kernels, paths);
    let outcome = store::install(&destination, &tree, settings.replace).with_context(|| {
        format!("could not install kernel specification `{}`", settings.kernel_name)
    })?;
    let shown = destination.display();
    if outcome == Outcome::Replaced {
        tracing::info!("Removing existing kernelspec in {shown}");
    }
    tracing::info!("Installed kernelspec {} in {shown}", settings.kernel_name);
    Ok(String::new())
}

/// The directory that the specification's own directory lies in.
fn kernels_directory(location: &Location, paths: &Paths<'_>) -> Result<PathBuf> {
    Ok(match location {
        Location::Prefix(prefix) => paths.kernels_below(prefix),
        Location::SysPrefix => {
            let prefix = paths.environment_prefix().context(
                "--sys-prefix needs a Python environment, and there is none: this program is not \
                 in one, VIRTUAL_ENV and CONDA_PREFIX are not set, and there is no python3 on \
                 PATH; use --prefix PREFIX instead",
            )?;
            paths.kernels_below(&prefix)
        }
        Location::User => paths
            .user_data()
            .context("--user needs a home directory; set HOME or JUPYTER_DATA_DIR")?
            .join("kernels"),
        Location::System => paths
            .system_data()
            .into_iter()
            .next()
            .context("there is no system-wide directory")?
            .join("kernels"),
    })
}

/// Warns when Jupyter will not look into the directory.
fn warn_unless_searched(kernels: &std::path::Path, paths: &Paths<'_>) {
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
