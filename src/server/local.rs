//! Any Jupyter application that starts kernels by itself: JupyterLab, VS Code, nbclient. To it, the launcher is
//! the kernel. It is configured by no variables, and knows nothing of Docker.

use super::facts::Facts;
use crate::model::Mode;

/// The option of the launcher in `argv`, and what Jupyter replaces by the path of the connection file:
/// <https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>
pub const CONNECTION_FILE: [&str; 2] = ["--connection-file", "{connection_file}"];

pub(super) const FACTS: Facts = Facts {
    name: "local",
    short: "local",
    label: "jupyter-docker-spec",
    network_variable: "",
    mode_variable: "",
    image_variable: "",
    unauthorized_users_variable: "",
    timeout_variables: ["", ""],
    image_tag: "",
    spelling: "",
    starters: [("local-provisioner", Mode::Docker), ("local-provisioner", Mode::Docker)],
    reporting: "reporting-",
    commands: &["jupyter-lab", "jupyter-server", "jupyter"],
    package: "jupyter_client",
    module: "jupyter_client.provisioning",
    listening_module: "",
    reporting_module: "jupyter_docker_spec.local",
};
