//! The vocabulary of both programs: the language of a kernel, what it runs as, and the documented samples.

mod sample;

use serde::Serialize;

pub use self::sample::Sample;

/// The language of a kernel, and everything that depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python, by `ipykernel`.
    Python,
    /// R, by `IRkernel`.
    R,
    /// Scala, by Apache Toree.
    Scala,
}

impl Language {
    /// The language of this name, in upper or lower case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Python, Self::R, Self::Scala]
            .into_iter()
            .find(|l| l.key().eq_ignore_ascii_case(name))
    }

    /// The name in `kernel.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::R => "R",
            Self::Scala => "scala",
        }
    }

    /// The lower-case name for files and kernels.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::R => "r",
            Self::Scala => "scala",
        }
    }

    /// The default display name.
    #[must_use]
    pub const fn default_display_name(self) -> &'static str {
        match self {
            Self::Python => "Docker Python",
            Self::R => "Docker R",
            Self::Scala => "Docker Scala",
        }
    }

    /// The default image of its kernels, without a tag.
    #[must_use]
    pub const fn default_image(self) -> &'static str {
        match self {
            Self::Python => "elyra/kernel-py",
            Self::R => "elyra/kernel-r",
            Self::Scala => "elyra/kernel-scala",
        }
    }
}

/// The language of a kernel by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanguageName {
    Known(Language),
    /// Any other, which only kernels of `--local` can have.
    Other(String),
}

impl LanguageName {
    /// The language of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = Language::parse(name).map(Self::Known);
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    #[must_use]
    pub fn known(&self) -> Option<Language> {
        match self {
            Self::Known(language) => Some(*language),
            Self::Other(_) => None,
        }
    }

    /// The name in `kernel.json`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Known(language) => language.name(),
            Self::Other(name) => name,
        }
    }

    /// The lower-case name.
    #[must_use]
    pub fn key(&self) -> String {
        self.name().to_lowercase()
    }

    /// The default name of its specifications, which may be none that Jupyter takes.
    #[must_use]
    pub fn default_kernel_name(&self) -> String {
        format!("docker_{}", self.key())
    }

    /// The default display name.
    #[must_use]
    pub fn default_display_name(&self) -> String {
        match self {
            Self::Known(language) => language.default_display_name().to_owned(),
            Self::Other(name) => format!("Docker {name}"),
        }
    }
}

/// What a kernel runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A container of one Docker Engine.
    Docker,
    /// A service of a Docker Swarm.
    Swarm,
}

impl Mode {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Swarm => "swarm",
        }
    }
}
