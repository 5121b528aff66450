//! `jupyter-docker-spec compose`.

use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use fs_err as fs;

use crate::cli::Compose;
use crate::compose::{self, Deployment};
use crate::files;
use crate::paths::Paths;

/// Makes a Compose file. Returns it, or nothing if it has been written to a file.
pub fn run(args: &Compose, paths: &Paths<'_>) -> Result<String> {
    let socket = args.socket.as_deref().unwrap_or(compose::SOCKET);
    let group = fs::metadata(socket.strip_prefix("unix://").unwrap_or(socket)).ok();
    let group = group.map(|socket| socket.gid());
    let deployment = Deployment::resolve(args, paths, group)?;
    let text = compose::render(&deployment);
    let Some(path) = &args.output else {
        tell_access(&deployment);
        return Ok(text);
    };
    // What a link points to is replaced, not the link.
    let path = paths.absolute(path);
    refuse_link_of_others(&path)?;
    let path = fs::canonicalize(&path).unwrap_or(path);
    if write(&path, &text, args.replace)? {
        tracing::info!("Wrote {}", path.display());
    } else {
        tracing::info!("{} is up to date", path.display());
    }
    tell_access(&deployment);
    Ok(String::new())
}

/// Refuses a link by which somebody else, in a directory such as `/tmp`, decides which file is replaced.
fn refuse_link_of_others(path: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let is_ours = [0, rustix::process::geteuid().as_raw()].contains(&found.uid());
    ensure!(
        is_ours || !found.is_symlink(),
        "{} is a symbolic link of somebody else's; name the file that it leads to",
        path.display()
    );
    Ok(())
}

/// Says who will reach the server.
fn tell_access(deployment: &Deployment) {
    match deployment.access() {
        (text, true) => tracing::warn!("{text}"),
        (text, false) => tracing::info!("{text}"),
    }
}

/// Writes the file as one step; false if it is there already.
fn write(path: &Path, text: &str, replace: bool) -> Result<bool> {
    let mode = match files::read(path) {
        Ok(present) if present == text.as_bytes() => return Ok(false),
        Ok(_) if !replace => {
            bail!(
                "{} is there with other content; replace it with --replace, or write another file",
                path.display()
            )
        }
        Ok(_) => Some(fs::metadata(path)?.permissions().mode()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let directory = path.parent().context("that is no name of a file")?;
    let failed = || format!("could not write {}", path.display());
    let permissions = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .prefix(".jupyter-docker-spec-")
        .permissions(permissions)
        .tempfile_in(directory)
        .with_context(failed)?;
    file.write_all(text.as_bytes()).with_context(failed)?;
    if let Some(mode) = mode {
        fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode))?;
    }
    // Another process may have put one there since.
    let placed = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    placed.map_err(|error| error.error).with_context(failed)?;
    Ok(true)
}
