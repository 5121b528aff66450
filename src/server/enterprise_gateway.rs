//! Jupyter Enterprise Gateway.

use super::facts::{Facts, GATEWAY_SPELLING};
use crate::env::Env;
use crate::model::Mode;
use crate::setting::variable;

pub(super) const FACTS: Facts = Facts {
    name: "enterprise-gateway",
    short: "EG",
    label: "enterprise-gateway",
    network_variable: "EG_DOCKER_NETWORK",
    mode_variable: "EG_DOCKER_MODE",
    image_variable: "EG_KERNEL_IMAGE",
    unauthorized_users_variable: "EG_UNAUTHORIZED_USERS",
    timeout_variables: [variable::KERNEL_LAUNCH_TIMEOUT, "EG_KERNEL_LAUNCH_TIMEOUT"],
    image_tag: "3.3.0",
    spelling: GATEWAY_SPELLING,
    starters: [("DockerSwarmProcessProxy", Mode::Swarm), ("DockerProcessProxy", Mode::Docker)],
    reporting: "Reporting",
    commands: &["jupyter-enterprisegateway"],
    package: "jupyter_enterprise_gateway",
    module: "enterprise_gateway.services.processproxies.docker_swarm",
    listening_module: "enterprise_gateway.services.processproxies.processproxy",
    reporting_module: "jupyter_docker_spec.process_proxies",
};

/// The variables that the gateway hands on to launchers, besides those of clients.
pub fn inherited_variables(env: &Env) -> impl Iterator<Item = &str> {
    let names = env.get("EG_INHERITED_ENVS").or_else(|| env.get("EG_ENV_PROCESS_WHITELIST"));
    names.unwrap_or_default().split(',')
}
