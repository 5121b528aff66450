//! Where the notebook's directory is for the engine.
//!
//! A launcher may run in a container itself, with the engine's socket mounted. Its paths are not those of the
//! engine's host, where the same path may be somebody else's directory. So the launcher looks for its own
//! container, and follows the mounts of that.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use crate::engine::{Engine, Mount};

/// How the id of a container is written.
const ID_LENGTH: usize = 64;

/// The files that are only there in a container.
const MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Returns the mounts that give a container this directory at `target`: more than one if there are others below
/// it. `None` if the engine cannot have it.
pub(super) async fn mounts(
    engine: &Engine,
    directory: &Path,
    target: &str,
    read_only: bool,
) -> Result<Option<Vec<Value>>> {
    let own = |source: &Path| json!({"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only});
    let mountinfo = fs_err::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let in_container = MARKS.iter().any(|mark| Path::new(mark).exists());
    let mut found = None;
    for id in ids(&mountinfo) {
        match engine.mounts_of(&id).await {
            Ok(mounts) => found = Some(mounts),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match found {
        Some(mounts) => translated(&mounts, directory, target, read_only),
        None if engine.is_beside_us(in_container).await => Some(vec![own(directory)]),
        None => None,
    })
}

/// The ids of containers in the table of this process's mounts, where engines put files of the container.
fn ids(mountinfo: &str) -> Vec<String> {
    let is_id = |word: &&str| {
        word.len() == ID_LENGTH && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    // Only those files are mounted there from a directory that is named after the container.
    let files = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
    let lines = mountinfo.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        files.contains(&place).then_some(root)
    });
    let mut ids: Vec<String> =
        lines.flat_map(|root| root.split('/').filter(is_id)).map(str::to_owned).collect();
    ids.dedup();
    ids
}

/// The directory, and what is mounted below it, by the mounts of the container that this process is in.
fn translated(
    mounts: &[Mount],
    directory: &Path,
    target: &str,
    read_only: bool,
) -> Option<Vec<Value>> {
    let place = |mount: &Mount| PathBuf::from(&mount.destination);
    let around = mounts.iter().filter(|mount| directory.starts_with(place(mount)));
    let innermost = around.max_by_key(|mount| place(mount).components().count())?;
    let mut all = vec![(innermost, directory.strip_prefix(place(innermost)).ok()?, Path::new(""))];
    let mut below: Vec<&Mount> = mounts
        .iter()
        .filter(|mount| place(mount) != directory && place(mount).starts_with(directory))
        .collect();
    below.sort_by_key(|mount| place(mount));
    for mount in below {
        let rest = Path::new(&mount.destination).strip_prefix(directory).ok()?;
        all.push((mount, Path::new(""), rest));
    }
    // What is only in memory is nowhere on the host.
    let sourced = all.into_iter().enumerate().filter(|(_, (mount, ..))| !mount.source.is_empty());
    let sourced: Vec<_> = sourced.collect();
    if sourced.first().is_none_or(|(index, _)| *index > 0) {
        return None;
    }
    let shown = |path: PathBuf| match path.to_string_lossy().trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    };
    let mount = |(_, (mount, inside, below)): (usize, (&Mount, &Path, &Path))| {
        json!({
            "Type": "bind",
            "Source": shown(Path::new(&mount.source).join(inside)),
            "Target": shown(Path::new(target).join(below)),
            "ReadOnly": read_only || !mount.writable,
        })
    };
    Some(sourced.into_iter().map(mount).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(source: &str, destination: &str, writable: bool) -> Mount {
        Mount { source: source.into(), destination: destination.into(), writable }
    }

    #[test]
    fn a_container_is_known_by_the_files_that_an_engine_mounts_into_it() {
        let id = "0123456789abcdef".repeat(4);
        let other = "f".repeat(64);
        let text = format!(
            "1 2 0:1 / / rw - overlay overlay rw,lowerdir=/l/{other}\n\
             3 1 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/a rw\n\
             4 1 8:1 /var/lib/docker/containers/{id}/hosts /etc/hosts rw - ext4 /dev/a rw\n\
             5 1 8:1 /srv/{other} /work rw - ext4 /dev/a rw\n"
        );
        assert_eq!(ids(&text), [id]);
        assert!(ids("1 2 0:1 / / rw - ext4 /dev/a rw").is_empty());
    }

    #[test]
    fn the_innermost_mount_counts_and_those_below_come_along() {
        let mounts = [
            mount("/srv/all", "/work", true),
            mount("/srv/bob", "/work/bob", true),
            mount("/srv/data", "/work/bob/nb/data", false),
            mount("", "/work/bob/nb/memory", true),
            mount("/srv/other", "/workother", true),
        ];
        let bind = |source: &str, target: &str, read_only: bool| json!({"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only});
        let found = |directory: &str, target: &str, read_only: bool| {
            translated(&mounts, Path::new(directory), target, read_only)
        };
        assert_eq!(
            found("/work/bob/nb", "/work/bob/nb", false).unwrap(),
            [
                bind("/srv/bob/nb", "/work/bob/nb", false),
                bind("/srv/data", "/work/bob/nb/data", true),
            ]
        );
        assert_eq!(found("/work/x", "/here", true).unwrap(), [bind("/srv/all/x", "/here", true)]);
        assert_eq!(found("/workother", "/w", false).unwrap(), [bind("/srv/other", "/w", false)]);
        // In no mount, or in one that is only in memory.
        assert_eq!(found("/home/bob", "/w", false), None);
        assert_eq!(found("/work/bob/nb/memory/x", "/w", false), None);
    }
}
