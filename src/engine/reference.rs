//! Image references, parsed as Docker does:
//! <https://github.com/distribution/reference/blob/main/reference.go>

use std::fmt;
use std::str::FromStr;

use super::error::Error;

const HUB: &str = "docker.io";

/// A complete image reference: `busybox` is `docker.io/library/busybox:latest`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// The host, with its port if it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Whether the image is on Docker Hub.
    #[must_use]
    pub fn is_on_hub(&self) -> bool {
        self.registry == HUB
    }

    /// The registry and the repository, without tag and digest.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The path of the repository in its registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The engine ignores the tag if there is a digest.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The digest, or else the tag.
    #[must_use]
    pub fn version(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }
}

/// The parts of a reference, or of a pattern, as they are written. The default registry is Docker Hub.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReferenceParts<'a> {
    pub registry: &'a str,
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> ReferenceParts<'a> {
    /// Splits a reference without validating its parts.
    pub(crate) fn of(text: &'a str) -> Self {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => (HUB, name),
        };
        let registry = if registry == "index.docker.io" { HUB } else { registry };
        Self { registry, repository, tag, digest }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::Reference { name: text.to_owned(), reason });
        let ReferenceParts { registry, repository, tag, digest } = ReferenceParts::of(text);
        if repository.is_empty() && registry == HUB {
            return refuse("it is empty");
        }
        if !is_domain(registry) {
            return refuse("its registry is a host, with or without a port");
        }
        if !repository.split('/').all(is_component) {
            return refuse(
                "its path is made of lower-case letters, digits and single separators `.`, `_`, `-`",
            );
        }
        if registry == HUB && repository.len() == 64 && repository.bytes().all(is_hex) {
            return refuse("it is the id of an image, which no registry knows");
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return refuse("its tag is at most 128 letters, digits, `.`, `_` and `-`");
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return refuse("its digest is written `sha256:` and 64 hexadecimal digits");
        }
        let repository = match registry {
            HUB if !repository.contains('/') => format!("library/{repository}"),
            _ => repository.to_owned(),
        };
        let tag = match (tag, digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest: digest.map(str::to_owned),
        })
    }
}

/// Whether what comes before the first slash is a host, and not part of the path.
fn is_host(part: &str) -> bool {
    part.contains(['.', ':'])
        || part == "localhost"
        || part.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether this is a valid registry host: labels of letters, digits and hyphens between dots, or an IPv6
/// address in brackets, and a port.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, "0"),
    };
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        }
        None => host.split('.').all(is_part),
    };
    is_host && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this is a valid path component: letters and digits, separated by one `.`, one or two `_` or any
/// number of `-`.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = text.bytes().next().is_some_and(is_word) && text.bytes().last().is_some_and(is_word);
    ends && text
        .split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
        .all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte))
            && hex.len() >= 32
            && hex.bytes().all(is_hex)
    })
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::Reference;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_name_is_completed_as_docker_does() {
        for (text, registry, name, version) in [
            ("busybox", "docker.io", "docker.io/library/busybox", "latest"),
            ("elyra/kernel-py:0.5.0", "docker.io", "docker.io/elyra/kernel-py", "0.5.0"),
            ("index.docker.io/busybox:1", "docker.io", "docker.io/library/busybox", "1"),
            ("localhost/a", "localhost", "localhost/a", "latest"),
            ("localhost:5000/a:B_1.x", "localhost:5000", "localhost:5000/a", "B_1.x"),
            ("[::1]:5000/a/b__c--d", "[::1]:5000", "[::1]:5000/a/b__c--d", "latest"),
            ("[2001:DB8::1]/a", "[2001:DB8::1]", "[2001:DB8::1]/a", "latest"),
            ("A-1.io:5000/a", "A-1.io:5000", "A-1.io:5000/a", "latest"),
            ("quay.io/x/y/z", "quay.io", "quay.io/x/y/z", "latest"),
            ("Host/a", "Host", "Host/a", "latest"),
            ("team/a", "docker.io", "docker.io/team/a", "latest"),
            ("a:_1-2.3", "docker.io", "docker.io/library/a", "_1-2.3"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.registry(), registry, "{text}");
            assert_eq!(reference.name(), name, "{text}");
            assert_eq!(reference.version(), version, "{text}");
        }
    }

    #[test]
    fn a_digest_counts_more_than_a_tag() {
        let reference: Reference = format!("a:1@{DIGEST}").parse().unwrap();
        assert_eq!(reference.version(), DIGEST);
        assert_eq!(reference.to_string(), format!("docker.io/library/a:1@{DIGEST}"));
        let reference: Reference = format!("a@{DIGEST}").parse().unwrap();
        assert_eq!(reference.to_string(), format!("docker.io/library/a@{DIGEST}"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let id = &DIGEST[7..];
        for text in [
            "", "A", "a:", "a/", "/a", "a//b", "a..b", "-a", "a___b", "a b", "a:-x", "a@x", id,
            DIGEST, "a?.io/b", "-a.io/b", "a..io/b", "a.io:/b", "a.io:x/b", "[]:1/b", "[g]/b",
            ":1/b", "a\n.io/b", "../b", "a:1+2", "a:1 2", "a:1\n", "a:1{2}",
        ] {
            let parsed = text.parse::<Reference>();
            // The algorithm and the digits are a name and a tag to Docker as well.
            assert_eq!(parsed.is_err(), text != DIGEST, "{text}: {parsed:?}");
        }
        for digest in [
            ":0123456789abcdef0123456789abcdef",
            "a b:0123456789abcdef0123456789abcdef",
            "sha256",
            "sha256:0123456789abcdef0123456789abcde",
            "sha256:0123456789abcdef0123456789abcdeF",
            "sha256:0123456789abcdef0123456789abcdeg",
        ] {
            assert!(format!("a@{digest}").parse::<Reference>().is_err(), "{digest}");
        }
        assert!("a@md5+b64:0123456789abcdef0123456789abcdef".parse::<Reference>().is_ok());
        let error = "".parse::<Reference>().unwrap_err().to_string();
        assert!(error.ends_with("it is empty"), "{error}");
    }
}
