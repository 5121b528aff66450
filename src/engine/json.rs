//! How the engine's JSON is read.

use serde::{Deserialize, Deserializer};

/// A field for which Go writes `null` where it means nothing, such as an empty list.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
