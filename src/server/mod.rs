//! What a Jupyter server expects of a specification and of a launch: its variables, the stanza of
//! `kernel.json`, the spelling of `argv`, its label, and the rules for its network, its launch timeout and
//! its lists of users. Every other module asks here.
//!
//! Each server has a file with its own data; the rules that follow from them are beside those.

mod enterprise_gateway;
mod facts;
mod gateway_provisioners;
mod launch_timeout;
mod local;
mod network;
mod users;

use clap::ValueEnum;
use serde::Serialize;

pub use self::enterprise_gateway::inherited_variables;
pub use self::facts::{Facts, GATEWAY_SPELLING};
pub use self::launch_timeout::{DEFAULT_LAUNCH_TIMEOUT, LONGEST_LAUNCH_TIMEOUT, launch_timeout};
pub use self::local::CONNECTION_FILE;
pub use self::network::{
    PODMANS_NETWORK, Unreachable, network_of_launcher, network_of_server, unreachable,
};
pub use self::users::{UserLists, is_prohibited};

/// The variable that tells a kernel the address of its server.
pub const RESPONSE_ADDRESS: &str = "RESPONSE_ADDRESS";

/// The program that starts the kernel in the servers' images.
pub const BOOTSTRAP: &str = "bootstrap-kernel.sh";

/// The variables that tell a launcher whether to start a container or a service; the first that is set
/// counts.
pub const MODE_VARIABLES: [&str; 3] = ["DOCKER_MODE", "GP_DOCKER_MODE", "EG_DOCKER_MODE"];

/// The variables that name the kernel's network to a launcher; the first that is set counts.
pub const NETWORK_VARIABLES: [&str; 3] =
    ["DOCKER_NETWORK", "GP_DOCKER_NETWORK", "EG_DOCKER_NETWORK"];

/// The variables that say whether a container is removed when it ends; the first that is set counts.
pub const REMOVE_VARIABLES: [&str; 3] =
    ["REMOVE_CONTAINER", "GP_REMOVE_CONTAINER", "EG_REMOVE_CONTAINER"];

/// The Jupyter system that starts the kernels of a specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// `gateway_provisioners`, in a Jupyter server or Kernel Gateway.
    GatewayProvisioners,
    /// Jupyter Enterprise Gateway.
    EnterpriseGateway,
    /// Any Jupyter application, without a provisioner: to it, the launcher is the kernel.
    #[value(skip)]
    Local,
}

impl System {
    /// Those that `--gateway` names; the first is the default.
    pub const GATEWAYS: [Self; 2] = [Self::GatewayProvisioners, Self::EnterpriseGateway];

    pub const ALL: [Self; 3] = [Self::GatewayProvisioners, Self::EnterpriseGateway, Self::Local];

    /// Returns the system with this name, as `--gateway` takes it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::GATEWAYS.into_iter().find(|system| system.facts().name.eq_ignore_ascii_case(name))
    }

    #[must_use]
    pub const fn facts(self) -> &'static Facts {
        match self {
            Self::GatewayProvisioners => &gateway_provisioners::FACTS,
            Self::EnterpriseGateway => &enterprise_gateway::FACTS,
            Self::Local => &local::FACTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_takes_the_names() {
        for system in System::GATEWAYS {
            assert_eq!(System::from_str(system.facts().name, false), Ok(system));
        }
    }
}
