//! `jupyter-docker-spec rename`.

use anyhow::{Context as _, Result, ensure};

use super::chosen::chosen;
use crate::cli::Rename;
use crate::kernelspec::convert;
use crate::kernelspec::store::{self, Job};
use crate::layout::REPLACING;
use crate::paths::Paths;
use crate::settings::KernelName;

/// Gives a specification another name, and `argv` in it the launcher in its new place. With the name that it has,
/// it only does the latter.
///
/// # Errors
/// When there is no such specification, or there is one of the new name. Both are then as they were before.
pub fn run(args: &Rename, paths: &Paths<'_>) -> Result<()> {
    let (found, _) = chosen(&args.name, &args.place, paths)?;
    let place = found.directory.display();
    ensure!(
        !found.directory.join(REPLACING).exists(),
        "the files in {place} are being replaced; if they still are when nothing does so any more, install it \
         again with --replace"
    );
    let name = KernelName::parse(&args.new_name)?;
    let new = found.directory.with_file_name(name.as_str());
    let is_moved = new != found.directory;
    ensure!(
        !is_moved || new.symlink_metadata().is_err(),
        "there is a kernelspec `{name}` already, in {}; choose another name, or remove that one first",
        new.display()
    );
    store::undisturbed(&found.directory, || {
        // Somebody may have changed it meanwhile.
        let spec = found.read()?.with_context(|| found.not_for_docker())?;
        let files = convert::moved(&spec, &new)?;
        let copy_of = Some(found.directory.clone());
        store::install(&[Job { destination: new.clone(), files, replace: !is_moved, copy_of }])?;
        if is_moved {
            store::remove(std::slice::from_ref(&found.directory)).with_context(|| {
                format!("kernelspec {name} is in {} now, and also where it was", new.display())
            })?;
        }
        Ok(())
    })?;
    tracing::info!("Renamed kernelspec {} in {place} to {name}", found.name);
    Ok(())
}
