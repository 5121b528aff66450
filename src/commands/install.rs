//! `jupyter-docker-spec install`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::cli::Install;
use crate::kernelspec::launcher::LauncherFile;
use crate::kernelspec::render;
use crate::kernelspec::store::{self, Outcome};
use crate::paths::Paths;
use crate::settings::{Location, Settings};

/// Installs the specification that the command line and the environment ask for.
///
/// # Errors
/// When a setting is not valid, the launcher is missing or the destination cannot be written.
/// Nothing is changed then.
pub fn run(args: &Install, paths: &Paths<'_>) -> Result<()> {
    let settings = Settings::resolve(args, paths.env)?;
    let kernels = kernels_directory(&settings.location, paths)?;
    let destination = kernels.join(settings.kernel_name.as_str());
    let launcher = LauncherFile::find(&settings.launcher, paths)?;
    let tree = render::tree(&settings, launcher, &destination)?;

    store::check(&destination, settings.replace)?;
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
    Ok(())
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
    let mut searched = paths.kernel_directories();
    if searched.iter().any(|directory| directory == kernels) {
        return;
    }
    // Last, because asking a Python for its prefix takes longer than all the rest.
    if let Some(prefix) = paths.environment_prefix() {
        searched.push(paths.kernels_below(&prefix));
    }
    if searched.last().is_none_or(|directory| directory != kernels) {
        let searched: Vec<String> =
            searched.iter().map(|directory| format!("'{}'", directory.display())).collect();
        tracing::warn!(
            "Installing to {}, which is not in [{}]. The kernelspec may not be found.",
            kernels.display(),
            searched.join(", "),
        );
    }
}
