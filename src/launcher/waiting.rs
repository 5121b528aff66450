//! Containers in which kernels wait, as everybody knows them who looks at an engine: by their label and their names.

use crate::engine::Engine;

/// The label of containers that wait for a launch, or have waited: a digest of what they were made from.
pub const WARM: &str = "warm";

/// The id of kernels that wait.
pub(super) const WAITING: &str = "waiting";

/// What the name of a container has instead once it is taken.
const CLAIMED: &str = "claimed";

/// Whether a container with the label has the name of one that waits: a user, if there is one, `waiting`, and a word.
#[must_use]
pub fn is_waiting(name: &str) -> bool {
    let stem = name.trim_start_matches('/').rsplit_once('-').map(|(stem, _)| stem);
    stem.is_some_and(|stem| stem.rsplit('-').next() == Some(WAITING))
}

/// Takes a container that waits, be it to use it or to remove it; returns the name that it has then. Of all who try,
/// one succeeds, for as long as it keeps that name.
pub async fn take(engine: &Engine, name: &str) -> Option<String> {
    let claimed = claimed(name)?;
    // By its name, not by its id: one that was taken before has that name no more.
    engine.rename_container(name, &claimed).await.ok().map(|()| claimed)
}

/// The name of one that waited, from when it is taken until it has that of its kernel.
pub(super) fn claimed(name: &str) -> Option<String> {
    let (stem, word) = name.trim_start_matches('/').rsplit_once('-')?;
    Some(format!("{}{CLAIMED}-{word}", stem.strip_suffix(WAITING)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_waits_is_known_by_its_name_until_it_is_taken() {
        for (name, taken) in [
            ("ann-waiting-1a2b3c4d", Some("ann-claimed-1a2b3c4d")),
            // Without a user, or one of this name.
            ("waiting-1a2b3c4d", Some("claimed-1a2b3c4d")),
            ("waiting-waiting-1a2b3c4d2", Some("waiting-claimed-1a2b3c4d2")),
            ("waiting-claimed-1a2b3c4d", None),
            ("ann-6f5c4c1e-0ff5-4b9c-9d0e-0d8f3e5a6b7c-1a2b3c4d", None),
            ("waiting", None),
        ] {
            assert_eq!(is_waiting(name), taken.is_some(), "{name}");
            assert_eq!(claimed(name).as_deref(), taken, "{name}");
        }
    }
}
