//! Traits: the names of the Python tool's settings in configuration files
//! (`c.DockerSpecInstaller.image_name = ...`) and on the command line
//! (`--DockerSpecInstaller.image_name=...`).

use std::fmt;

/// A class of the Python tool, the most derived one first: where two sections of a configuration set
/// the same value, the first of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The command itself.
    DockerSpecInstaller,
    /// What all its sisters for other clusters have too.
    BaseSpecApp,
    /// What the provisioners are configured with.
    RemoteProvisionerConfigMixin,
    /// Every command of Jupyter.
    JupyterApp,
    /// Every application of traitlets.
    Application,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::DockerSpecInstaller,
        Self::BaseSpecApp,
        Self::RemoteProvisionerConfigMixin,
        Self::JupyterApp,
        Self::Application,
    ];

    /// Its name in configuration files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockerSpecInstaller => "DockerSpecInstaller",
            Self::BaseSpecApp => "BaseSpecApp",
            Self::RemoteProvisionerConfigMixin => "RemoteProvisionerConfigMixin",
            Self::JupyterApp => "JupyterApp",
            Self::Application => "Application",
        }
    }

    /// The class of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether its section can set what belongs to the other class: it is that one, or derived from it.
    #[must_use]
    pub fn derives_from(self, other: Self) -> bool {
        match self {
            // Derived from nothing that has traits.
            Self::RemoteProvisionerConfigMixin => self == other,
            _ => self <= other,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a configurable value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trait {
    /// The class that has it.
    pub class: Class,
    pub name: &'static str,
}

impl fmt::Display for Trait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.class, self.name)
    }
}
