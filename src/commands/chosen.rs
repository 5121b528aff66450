//! The one specification that a command changes.

use anyhow::{Context as _, Result, bail};
use fs_err as fs;

use crate::cli::Place;
use crate::kernelspec::search::{self, FoundKernelspec};
use crate::kernelspec::specification::Specification;
use crate::paths::Paths;
use crate::settings::Location;

/// The specification of this name in the given place, or the one that Jupyter finds, or that in this directory.
///
/// # Errors
/// When there is none, it is not for Docker, or it is a link: only what that leads to can be changed.
pub(super) fn chosen(
    name: &str,
    place: &Place,
    paths: &Paths<'_>,
) -> Result<(FoundKernelspec, Specification)> {
    let directories = match Location::named(place)? {
        Some(_) if name.contains('/') => {
            bail!("`{name}` says where it lies already; leave out the other option")
        }
        Some(location) => vec![location.kernels_directory(paths)?],
        None => paths.kernel_directories(),
    };
    let all = search::in_directories(&directories);
    let found = search::find(name, &all, &directories, paths)?;
    let spec = found.read()?.with_context(|| found.not_for_docker())?;
    if found.directory.is_symlink() {
        let target = fs::canonicalize(&found.directory)?;
        bail!(
            "`{}` is a symbolic link; name what it leads to, `{}`",
            found.directory.display(),
            target.display()
        );
    }
    Ok((found, spec))
}
