//! Which users a server starts kernels for, and with which user and group ids.

use super::System;
use crate::env::Env;

/// The users who may start kernels, or all if that is empty, and those who may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserLists {
    pub authorized: Vec<String>,
    /// Who may not, even if authorized.
    pub unauthorized: Vec<String>,
}

impl UserLists {
    /// The lists of a server with this environment, for a specification with these lists.
    #[must_use]
    pub fn of_server(
        env: &Env,
        system: System,
        authorized: Option<Vec<String>>,
        unauthorized: Option<Vec<String>>,
    ) -> Self {
        let of_env = |list: &str, default: &str| {
            let name = format!("{}_{list}_USERS", system.facts().short);
            let names =
                if env.is_set(&name) { env.get(&name).unwrap_or_default() } else { default };
            names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let refused_here = of_env("UNAUTHORIZED", "root");
        let unauthorized = match (system, unauthorized) {
            (System::GatewayProvisioners, Some(refused)) => refused,
            // The gateway also rejects the users in its own list.
            (_, refused) => refused.into_iter().flatten().chain(refused_here).collect(),
        };
        let authorized = authorized.filter(|names| !names.is_empty());
        Self { authorized: authorized.unwrap_or_else(|| of_env("AUTHORIZED", "")), unauthorized }
    }
}

/// Whether a server's list of prohibited user or group ids contains this one. `gateway_provisioners` compares
/// text, Enterprise Gateway compares numbers.
#[must_use]
pub fn is_prohibited(system: System, prohibited: &str, id: &str) -> bool {
    prohibited.split(',').any(|one| match system {
        System::GatewayProvisioners | System::Local => one == id,
        System::EnterpriseGateway => one.trim().parse::<u32>().ok() == id.parse().ok(),
    })
}
