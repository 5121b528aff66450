//! The volumes that an image declares. Each container gets anonymous ones for them, and servers remove
//! kernels without their volumes. So these get the kernel's labels, by which `prune` finds them. Pure.

use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use super::plan::Plan;
use crate::options::put;

/// Returns those of `volumes` that the request does not mount something else over.
pub(crate) fn unmounted<'a>(volumes: &'a [String], request: &Value) -> Vec<&'a str> {
    let host = &request["HostConfig"];
    let list = |name: &str| host[name].as_array().into_iter().flatten();
    let mounts = list("Mounts").filter_map(|mount| mount["Target"].as_str());
    let binds = list("Binds").filter_map(|bind| bind.as_str()?.split(':').nth(1));
    let tmpfs = host["Tmpfs"].as_object().into_iter().flatten().map(|(path, _)| path.as_str());
    let mut taken: Vec<PathBuf> = mounts.chain(binds).chain(tmpfs).map(normalise).collect();
    let mut left = Vec::new();
    for volume in volumes {
        let path = normalise(volume);
        if !taken.contains(&path) {
            taken.push(path);
            left.push(volume.as_str());
        }
    }
    left
}

/// Adds labelled volumes for those of the image to the request.
pub(super) fn with_labels(plan: &Plan, volumes: &[String]) -> Value {
    let mut request = plan.request.clone();
    // The engine treats other paths as volumes of an image, but not as mounts.
    let is_place = |path: &&str| path.starts_with('/') && normalise(path) != Path::new("/");
    let mounts: Vec<Value> = unmounted(volumes, &request)
        .into_iter()
        .filter(is_place)
        .map(|path| {
            let options = json!({"Labels": plan.launch.labels()});
            json!({"Type": "volume", "Target": path, "VolumeOptions": options})
        })
        .collect();
    if !mounts.is_empty() {
        put(&mut request, "HostConfig.Mounts", mounts.into());
    }
    request
}

/// Normalises a path as the engine does.
fn normalise(path: &str) -> PathBuf {
    let mut normalise = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => {
                normalise.pop();
            }
            component => normalise.push(component),
        }
    }
    normalise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_volumes_that_nothing_takes_the_place_of_are_left() {
        let volumes = ["/a", "/b/", "/c", "/d", "/e", "/e/", "/x/../f//g", "/h"].map(str::to_owned);
        let request = json!({"HostConfig": {
            "Mounts": [{"Target": "/a"}, {"Target": "/f/g/"}],
            "Binds": ["/x:/b:z"],
            "Tmpfs": {"/c/": ""},
        }});
        assert_eq!(unmounted(&volumes, &request), ["/d", "/e", "/h"]);
        assert_eq!(unmounted(&volumes[..1], &json!({})), ["/a"]);
    }
}
