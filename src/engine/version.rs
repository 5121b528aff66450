//! Chooses the API version: the newest of the engine, like docker-py, so that a kernel is started with the
//! version with which the server then looks for it. An engine may have dropped any older one.
//! <https://docs.docker.com/reference/api/engine/#api-version-matrix>

use super::error::{Error, Result};
use super::limits::shortened;

/// The API of Docker 19.03, the oldest that Docker's own client supports, has all that we use.
const OLDEST: (u16, u16) = (1, 40);

/// The version to speak with an engine whose newest is `theirs`.
pub(super) fn spoken(theirs: &str) -> Result<String> {
    let Some((major, minor)) = parse(theirs) else {
        return Err(Error::Version(format!(
            "the Docker Engine reports the API version `{}`, which is not valid",
            shortened(theirs)
        )));
    };
    if (major, minor) < OLDEST {
        let (oldest_major, oldest_minor) = OLDEST;
        return Err(Error::Version(format!(
            "the Docker Engine speaks version {major}.{minor} of the API, which is too old: at least \
             {oldest_major}.{oldest_minor} is needed, that of Docker 19.03"
        )));
    }
    Ok(format!("{major}.{minor}"))
}

/// A version as two numbers, which compare as versions do.
pub(super) fn parse(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn the_engines_own_version_is_spoken() {
        for version in ["1.40", "1.41", "1.44", "1.47", "1.55", "2.0"] {
            assert_eq!(spoken(version).unwrap(), version);
        }
    }

    #[test]
    fn versions_that_cannot_be_spoken_are_refused() {
        for (theirs, part) in [
            ("1.39", "speaks version 1.39 of the API, which is too old"),
            ("new", "`new`, which is not valid"),
            ("1.x/../../y", "which is not valid"),
        ] {
            let text = spoken(theirs).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
