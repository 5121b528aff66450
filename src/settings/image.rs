//! Names of images.

use anyhow::{Context as _, Result, bail};

use crate::engine::{Error, Reference};
use crate::setting::Given;

/// Looks whether the value can be the name of an image, or the id of one that an engine has.
///
/// Capitals are warned of only: the documentation of the Python tool has them, so that Dockerfiles may.
pub(super) fn check_image(given: &Given) -> Result<()> {
    const ID: usize = 64;
    let name = given.value.as_str();
    let is_id = name.len() == ID && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match name.parse::<Reference>() {
        Ok(_) => Ok(()),
        Err(_) if is_id => Ok(()),
        Err(_) if name.to_lowercase().parse::<Reference>().is_ok() => {
            tracing::warn!("{given} has capitals, with which no engine takes the name of an image");
            Ok(())
        }
        Err(Error::Reference { reason, .. }) => {
            bail!("{}: {reason}", given.must("be the name of an image"))
        }
        Err(error) => Err(error).context(given.must("be the name of an image")),
    }
}
