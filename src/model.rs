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

    /// The default name of its specifications.
    #[must_use]
    pub fn default_kernel_name(self) -> String {
        format!("docker_{}", self.key())
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
