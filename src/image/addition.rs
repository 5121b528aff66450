//! A kernel for an image that has none: an image on top of it, which the engine builds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, ensure};
use hyper::body::Bytes;

use crate::engine::Reference;
use crate::model::Language;

/// What a build is given: names with values.
pub type BuildArguments = BTreeMap<String, String>;

/// The arguments that each step gets without a word in the Dockerfile, and that are in no layer.
const PREDEFINED: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// How many characters of a digest tell images apart for people.
const SHORT: usize = 12;

/// The longest tag.
const TAG: usize = 128;

/// Adds ipykernel by pip. `python` is the one that the kernel is started by. Where there is no pip, the distribution of
/// its Python has a package. The variable is pip's for a Python of a distribution, which it would leave alone, and
/// means nothing elsewhere.
const PYTHON: &str = r#"RUN python="$(command -v python || command -v python3)" \
    || { echo 'there is no Python on PATH' >&2; exit 1; }; \
    if "$python" -m pip --version || "$python" -m ensurepip; then \
        PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore \
        "$python" -m pip install --no-cache-dir --disable-pip-version-check ipykernel; \
    elif [ "$python" = /usr/bin/python3 ] && command -v apt-get; then \
        apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends python3-ipykernel && rm -rf /var/lib/apt/lists/*; \
    else echo "$python has no pip" >&2; exit 1; fi \
    && "$python" -c 'import ipykernel_launcher'
"#;

/// Adds `IRkernel`: of Debian, if R is, where it needs no compiler; else from CRAN.
const R: &str = r#"RUN R="$(command -v R)" || { echo 'there is no R on PATH' >&2; exit 1; }; \
    if [ "$R" = /usr/bin/R ] && command -v apt-get; then \
        apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends r-cran-irkernel && rm -rf /var/lib/apt/lists/*; \
    else \
        "$R" --slave -e 'if (is.na(getOption("repos")["CRAN"]) || getOption("repos")["CRAN"] == "@CRAN@") \
chooseCRANmirror(ind = 1, local.only = TRUE); install.packages("IRkernel")'; \
    fi && "$R" --slave -e 'library(IRkernel)'
"#;

/// An image to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The image that it is built on.
    pub base: String,
    /// What it is called.
    pub tag: String,
    pub language: Language,
    /// The user of the image, who stays; `None` as long as nobody knows.
    pub user: Option<String>,
    pub arguments: BuildArguments,
    /// The network of the steps.
    pub network: Option<String>,
    pub platform: Option<String>,
    /// The address of the engine that builds it; `None` for that of the environment.
    pub engine: Option<String>,
}

impl Addition {
    /// The name of what is added for a language, if that is known.
    #[must_use]
    pub fn package(language: Language) -> Option<&'static str> {
        match language {
            Language::Python => Some("ipykernel"),
            Language::R => Some("irkernel"),
            Language::Scala => None,
        }
    }

    /// The name of the image with a kernel: that of the image, with its tag longer, so that it stands beside it in lists,
    /// and so that nobody can publish another one under this name but who publishes that image.
    ///
    /// # Errors
    /// When no name can be made of it.
    pub fn tag_for(base: &str, package: &str) -> Result<String> {
        let (name, tag) = match base.parse::<Reference>() {
            Ok(reference) => {
                let digest = reference.digest().map(|digest| -> String {
                    digest.replace(':', "-").chars().take("sha256-".len() + SHORT).collect()
                });
                // Of one tag there can be several images, at different times.
                let tag = match (reference.tag(), digest) {
                    (Some(tag), Some(digest)) => format!("{tag}-{digest}"),
                    (Some(tag), None) => tag.to_owned(),
                    (None, Some(digest)) => digest,
                    (None, None) => "latest".to_owned(),
                };
                (without_version(base).to_owned(), tag)
            }
            // The id of an image, which has no name.
            Err(_) if base.bytes().all(|byte| byte.is_ascii_hexdigit()) && base.len() > SHORT => {
                ("image".to_owned(), base.chars().take(SHORT).collect())
            }
            Err(error) => return Err(error.into()),
        };
        let tag = format!("{name}:{tag}-{package}");
        let length = tag.len() - name.len() - 1;
        ensure!(
            length <= TAG && tag.parse::<Reference>().is_ok(),
            "no name can be made of `{base}` for the image with {package}: `{tag}` is none; give the image a shorter \
             one"
        );
        Ok(tag)
    }

    /// The Dockerfile.
    ///
    /// # Errors
    /// When the image's user is none: it can have any text there.
    pub fn dockerfile(&self) -> Result<String> {
        let user = self.user.as_deref().unwrap_or_default();
        let is_part = |c: char| c.is_alphanumeric() || "._-:@+".contains(c);
        ensure!(user.chars().all(is_part), "the user of the image `{}` is no name", self.base);
        let steps = if self.language == Language::R { R } else { PYTHON };
        let mut text = format!("FROM {}\n", self.base);
        let is_root = self.user.as_ref().is_some_and(String::is_empty);
        if !is_root {
            text.push_str("USER root\n");
        }
        for name in self.arguments.keys().filter(|name| !is_predefined(name)) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "ARG {name}");
        }
        text.push_str(steps);
        if self.user.is_none() {
            text.push_str("# USER is that of the image again.\n");
        } else if !is_root {
            let _ = writeln!(text, "USER {user}");
        }
        Ok(text)
    }

    /// The directory that the engine is sent.
    ///
    /// # Errors
    /// Never, as it is in memory.
    pub fn context(dockerfile: &str) -> Result<Bytes> {
        let mut header = tar::Header::new_ustar();
        header.set_size(dockerfile.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_data(&mut header, "Dockerfile", dockerfile.as_bytes())?;
        Ok(tar.into_inner()?.into())
    }
}

fn is_predefined(name: &str) -> bool {
    PREDEFINED.iter().any(|known| *known == name || known.to_lowercase() == name)
}

/// The name of an image as it is written, without tag and digest.
fn without_version(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_new_image_stands_beside_the_old_one() {
        for (base, tag) in [
            ("my/image:1.0", "my/image:1.0-ipykernel"),
            ("python", "python:latest-ipykernel"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest-ipykernel"),
            ("localhost:5000/a/b:2", "localhost:5000/a/b:2-ipykernel"),
            (&format!("python:3@{DIGEST}"), "python:3-sha256-e3b0c44298fc-ipykernel"),
            (&format!("python@{DIGEST}"), "python:sha256-e3b0c44298fc-ipykernel"),
            (&DIGEST[7..], "image:e3b0c44298fc-ipykernel"),
        ] {
            assert_eq!(Addition::tag_for(base, "ipykernel").unwrap(), tag);
        }
        let long = format!("a:{}", "x".repeat(125));
        let error = Addition::tag_for(&long, "ipykernel").unwrap_err().to_string();
        assert!(error.ends_with("give the image a shorter one"), "{error}");
    }

    #[test]
    fn the_images_user_stays_and_arguments_are_declared() {
        let arguments = ["PIP_INDEX_URL", "HTTP_PROXY", "no_proxy"]
            .map(|name| (name.to_owned(), String::new()));
        let addition = Addition {
            base: "b:1".to_owned(),
            tag: "b:1-ipykernel".to_owned(),
            language: Language::Python,
            user: Some("1000:100".to_owned()),
            arguments: arguments.into(),
            network: None,
            platform: None,
            engine: None,
        };
        let text = addition.dockerfile().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["FROM b:1", "USER root", "ARG PIP_INDEX_URL"]);
        assert!(lines[3].starts_with("RUN ") && text.ends_with("\nUSER 1000:100\n"), "{text}");
        let with = |user: Option<&str>| {
            let user = user.map(str::to_owned);
            Addition { language: Language::R, user, ..addition.clone() }.dockerfile()
        };
        assert!(!with(Some("")).unwrap().contains("USER"));
        assert!(with(None).unwrap().ends_with("# USER is that of the image again.\n"));
        assert!(with(Some("a\nRUN x")).is_err());
    }
}
