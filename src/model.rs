//! The words that every part of both programs shares: the language of a kernel, what it runs as, and the
//! documented samples.

mod sample;

use serde::Serialize;

pub use self::sample::Sample;

/// The language of a kernel, with all that depends on it.
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
    /// The language of this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Python, Self::R, Self::Scala]
            .into_iter()
            .find(|l| l.key().eq_ignore_ascii_case(name))
    }

    /// What `kernel.json` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::R => "R",
            Self::Scala => "scala",
        }
    }

    /// The lower-case name, as in file and kernel names.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::R => "r",
            Self::Scala => "scala",
        }
    }

    /// The name of its specifications by default.
    #[must_use]
    pub fn default_kernel_name(self) -> String {
        format!("docker_{}", self.key())
    }

    /// What people see by default.
    #[must_use]
    pub const fn default_display_name(self) -> &'static str {
        match self {
            Self::Python => "Docker Python",
            Self::R => "Docker R",
            Self::Scala => "Docker Scala",
        }
    }

    /// The image of its kernels by default, without a tag.
    #[must_use]
    pub const fn default_image(self) -> &'static str {
        match self {
            Self::Python => "elyra/kernel-py",
            Self::R => "elyra/kernel-r",
            Self::Scala => "elyra/kernel-scala",
        }
    }
}

/// What the kernel's container is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One Docker Engine: a container.
    Docker,
    /// A Docker Swarm: a service.
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
