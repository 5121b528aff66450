//! `gateway_provisioners`, in a Jupyter server or Kernel Gateway.

use super::facts::Facts;
use crate::model::Mode;
use crate::setting::variable;

pub(super) const FACTS: Facts = Facts {
    name: "gateway-provisioners",
    short: "GP",
    label: "gateway-provisioners",
    network_variable: "GP_DOCKER_NETWORK",
    mode_variable: "GP_DOCKER_MODE",
    image_variable: variable::IMAGE_NAME,
    unauthorized_users_variable: variable::UNAUTHORIZED_USERS,
    timeout_variables: [variable::LAUNCH_TIMEOUT, variable::KERNEL_LAUNCH_TIMEOUT],
    image_tag: "0.5.0",
    spelling: "",
    starters: [("docker-swarm-provisioner", Mode::Swarm), ("docker-provisioner", Mode::Docker)],
    reporting: "reporting-",
    commands: &["jupyter-server", "jupyter-lab", "jupyter-kernelgateway", "jupyter"],
    package: "gateway_provisioners",
    module: "gateway_provisioners.docker_swarm",
    listening_module: "gateway_provisioners.response_manager",
    reporting_module: "jupyter_docker_spec.provisioners",
};
