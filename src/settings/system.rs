//! The Jupyter system that a specification is for.

use clap::ValueEnum;
use serde::Serialize;

/// The Jupyter system that starts the kernels of a specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// `gateway_provisioners`, in a Jupyter server or Kernel Gateway.
    GatewayProvisioners,
    /// Jupyter Enterprise Gateway.
    EnterpriseGateway,
}

impl System {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::GatewayProvisioners, Self::EnterpriseGateway];

    /// What `--gateway` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GatewayProvisioners => "gateway-provisioners",
            Self::EnterpriseGateway => "enterprise-gateway",
        }
    }

    /// Its usual abbreviation.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::GatewayProvisioners => "GP",
            Self::EnterpriseGateway => "EG",
        }
    }

    /// The value of the label `app` that its kernels have.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::GatewayProvisioners => "gateway-provisioners",
            Self::EnterpriseGateway => "enterprise-gateway",
        }
    }

    /// The variable that tells the server itself which network its kernels are on.
    #[must_use]
    pub const fn network_variable(self) -> &'static str {
        match self {
            Self::GatewayProvisioners => "GP_DOCKER_NETWORK",
            Self::EnterpriseGateway => "EG_DOCKER_NETWORK",
        }
    }

    /// The variable by which the server tells the launcher what to make.
    #[must_use]
    pub const fn mode_variable(self) -> &'static str {
        match self {
            Self::GatewayProvisioners => "GP_DOCKER_MODE",
            Self::EnterpriseGateway => "EG_DOCKER_MODE",
        }
    }

    /// The release whose kernel images are the default.
    #[must_use]
    pub const fn image_tag(self) -> &'static str {
        match self {
            Self::GatewayProvisioners => "0.5.0",
            Self::EnterpriseGateway => "3.3.0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_takes_the_names() {
        for system in System::ALL {
            assert_eq!(System::from_str(system.name(), false), Ok(system));
        }
    }
}
