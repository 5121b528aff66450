//! The bootstrap as a config of the Swarm, which brings it to whatever node runs the kernel. Configs cannot be changed:
//! each content has a name of its own, and is created by the first launch that needs it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::engine::{self, SwarmObject};
use crate::launcher::bring::NAME;
use crate::launcher::context::Context;
use crate::server::System;

/// How its name begins.
const PREFIX: &str = "bootstrap_kernel-";

/// How many bytes of the digest are in its name: configs have names of at most 64 characters.
const DIGEST: usize = 16;

/// The labels by which `prune` finds those that no kernel needs any more.
pub(crate) const BOOTSTRAP_LABELS: [(&str, &str); 2] =
    [("app", System::Local.facts().label), ("component", "bootstrap")];

/// A reference to the config with this bootstrap, which is created if the Swarm does not have it.
pub(super) async fn reference(context: &Context<'_>, bootstrap: &[u8]) -> Result<Json> {
    let name = name(bootstrap);
    let id = id(context, &name, bootstrap).await;
    let id = id.context("could not bring the bootstrap into the Swarm")?;
    // Docker mounts each file at its own path.
    let file = json!({"Name": format!("/{NAME}"), "UID": "0", "GID": "0", "Mode": 0o555});
    Ok(json!({"ConfigID": id, "ConfigName": name, "File": file}))
}

async fn id(context: &Context<'_>, name: &str, bootstrap: &[u8]) -> engine::Result<String> {
    let engine = &context.engine;
    loop {
        if let Some(id) = engine.swarm_object(SwarmObject::Config, name).await? {
            return Ok(id);
        }
        let labels = BTreeMap::from(BOOTSTRAP_LABELS);
        match context.change(engine.create_config(name, &labels, bootstrap)).await {
            // Another launch was faster.
            Err(error) if error.is_conflict() => {}
            created => return created,
        }
    }
}

fn name(bootstrap: &[u8]) -> String {
    let mut name = PREFIX.to_owned();
    for byte in Sha256::digest(bootstrap).iter().take(DIGEST) {
        // Writing to a string does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_has_a_name_that_a_swarm_takes() {
        let (one, other) = (name(b"one"), name(b"other"));
        assert_ne!(one, other);
        assert_eq!(one, name(b"one"));
        assert!(one.len() <= 64 && one.starts_with(PREFIX), "{one}");
    }
}
