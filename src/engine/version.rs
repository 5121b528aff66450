//! Which version of the API to speak:
//! <https://docs.docker.com/reference/api/engine/#api-version-matrix>

use super::call::shortened;
use super::error::{Error, Result};

/// What we use is all in Docker 19.03, the oldest that Docker's own client talks to.
const OLDEST: Version = Version(1, 40);
/// The newest we know; newer engines speak it too.
const NEWEST: Version = Version(1, 47);

#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Version(u16, u16);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().trim_start_matches('v').split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// The newest version that both sides know, or the `pinned` one.
///
/// # Errors
/// When there is none, or when `pinned` is no version or one that we do not speak.
pub(super) fn negotiate(theirs: &str, pinned: Option<&str>) -> Result<String> {
    let Version(oldest_major, oldest_minor) = OLDEST;
    let spoken = match pinned {
        Some(pinned) => Version::parse(pinned).filter(|version| *version >= OLDEST).ok_or_else(|| {
            Error::Version(format!(
                "DOCKER_API_VERSION is `{pinned}`: set it to {oldest_major}.{oldest_minor} or newer, \
                 or unset it"
            ))
        })?,
        None => match Version::parse(theirs) {
            Some(theirs) if theirs < OLDEST => {
                let Version(major, minor) = theirs;
                return Err(Error::Version(format!(
                    "the Docker Engine speaks version {major}.{minor} of the API, which is too old: \
                     at least {oldest_major}.{oldest_minor} is needed, that of Docker 19.03"
                )));
            }
            Some(theirs) if theirs < NEWEST => theirs,
            Some(_) => NEWEST,
            None => {
                return Err(Error::Version(format!(
                    "the Docker Engine calls its version of the API `{}`, which is none",
                    shortened(theirs)
                )));
            }
        },
    };
    Ok(format!("{}.{}", spoken.0, spoken.1))
}

#[cfg(test)]
mod tests {
    use super::negotiate;

    #[test]
    fn the_newest_version_that_both_know_is_spoken() {
        for (theirs, pinned, spoken) in [
            ("1.40", None, "1.40"),
            ("1.41", None, "1.41"),
            ("1.47", None, "1.47"),
            ("1.55", None, "1.47"),
            ("2.0", None, "1.47"),
            ("1.55", Some("1.44"), "1.44"),
            ("1.55", Some("v1.52"), "1.52"),
        ] {
            assert_eq!(negotiate(theirs, pinned).unwrap(), spoken, "{theirs} {pinned:?}");
        }
    }

    #[test]
    fn versions_that_cannot_be_spoken_are_refused() {
        for (theirs, pinned, part) in [
            ("1.39", None, "speaks version 1.39 of the API, which is too old"),
            ("new", None, "`new`, which is none"),
            ("1.47", Some("1.24"), "DOCKER_API_VERSION is `1.24`"),
            ("1.47", Some("latest"), "DOCKER_API_VERSION is `latest`"),
        ] {
            let text = negotiate(theirs, pinned).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
