//! What differs between the servers in a Compose file: data.

use crate::server::System;

/// The words of a command. Each has a variable, whose value replaces `*`, and its default.
type Words = [(&'static str, &'static str, &'static str)];

/// A variable in the environment of a server that has a default.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// What the value begins with, whatever the variable says.
    pub(super) prefix: &'static str,
    pub(super) default: &'static str,
    pub(super) comment: &'static str,
}

const fn variable(name: &'static str, default: &'static str) -> Variable {
    Variable { name, prefix: "", default, comment: "" }
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) system: System,
    /// Its name among the services, and that of the stack.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Its image, without a tag; `None` if there is none for everybody.
    pub(super) image: Option<&'static str>,
    /// The network of its kernels.
    pub(super) network: &'static str,
    /// How the names of those variables begin that all servers have.
    pub(super) prefix: &'static str,
    /// The variable with the token that keeps others out: starting kernels through the engine's socket gives
    /// much power over its host.
    pub(super) token_variable: &'static str,
    pub(super) port_variable: &'static str,
    /// The variable that has kernels start in the notebook's directory.
    pub(super) mirror_variable: &'static str,
    /// The variable that names the kernels that are allowed, and what of `KernelSpecManager` takes them.
    pub(super) allowed: (&'static str, &'static str),
    /// Whether it makes a token if it gets none.
    pub(super) makes_token: bool,
    /// Whether it has a launch timeout and lists of users of its own, for all kernels.
    pub(super) has_limits: bool,
    pub(super) command: &'static Words,
    /// Its variables besides the one that names the network.
    pub(super) environment: &'static [Variable],
    /// Those that have no default.
    pub(super) optional: &'static [&'static str],
}

static ENTERPRISE_GATEWAY: Server = Server {
    system: System::EnterpriseGateway,
    name: "enterprise-gateway",
    title: "Enterprise Gateway",
    image: Some("elyra/enterprise-gateway"),
    network: "enterprise-gateway",
    prefix: "EG",
    token_variable: "EG_AUTH_TOKEN",
    port_variable: "KG_PORT",
    mirror_variable: "EG_MIRROR_WORKING_DIRS",
    allowed: ("EG_ALLOWED_KERNELS", "whitelist"),
    makes_token: false,
    has_limits: true,
    command: &[
        ("jupyter", "", ""),
        ("enterprisegateway", "", ""),
        ("--ip=0.0.0.0", "", ""),
        ("--port=8888", "", ""),
        ("--EnterpriseGatewayApp.port_retries=0", "", ""),
        ("--log-level=*", "EG_LOG_LEVEL", "INFO"),
        ("--RemoteMappingKernelManager.cull_idle_timeout=*", "EG_CULL_IDLE_TIMEOUT", "3600"),
        ("--RemoteMappingKernelManager.cull_interval=*", "EG_CULL_INTERVAL", "60"),
        ("--RemoteMappingKernelManager.cull_connected=*", "EG_CULL_CONNECTED", "False"),
        ("--RemoteMappingKernelManager.kernel_info_timeout=*", "EG_KERNEL_INFO_TIMEOUT", "60"),
        ("--KernelSpecManager.ensure_native_kernel=False", "", ""),
    ],
    environment: &[
        Variable {
            name: "EG_INHERITED_ENVS",
            prefix: "DOCKER_HOST,DOCKER_CONFIG,EG_KERNEL_LAUNCH_TIMEOUT,EG_REMOVE_CONTAINER,",
            default: "TZ",
            comment: "What the gateway hands on to the launcher and to kernels.",
        },
        variable("EG_KERNEL_LAUNCH_TIMEOUT", "60"),
        variable("EG_LIST_KERNELS", "True"),
        variable("EG_MIRROR_WORKING_DIRS", "False"),
        variable("EG_RESPONSE_PORT", "8877"),
    ],
    optional: &[
        "EG_ALLOWED_KERNELS",
        "EG_AUTH_TOKEN",
        "EG_AUTHORIZED_USERS",
        "EG_CLIENT_ENVS",
        "EG_DEFAULT_KERNEL_NAME",
        "EG_KERNEL_EXECUTOR_IMAGE",
        "EG_KERNEL_IMAGE",
        "EG_MAX_KERNELS",
        "EG_MAX_KERNELS_PER_USER",
        "EG_PORT_RANGE",
        "EG_REMOVE_CONTAINER",
        "EG_UNAUTHORIZED_USERS",
        "TZ",
    ],
};

static GATEWAY_PROVISIONERS: Server = Server {
    system: System::GatewayProvisioners,
    name: "jupyter",
    title: "A Jupyter server with gateway_provisioners",
    image: None,
    network: "jupyter-kernels",
    prefix: "JUPYTER",
    token_variable: "JUPYTER_TOKEN",
    port_variable: "JUPYTER_PORT",
    mirror_variable: "GP_MIRROR_WORKING_DIRS",
    allowed: ("JUPYTER_ALLOWED_KERNELS", "allowed_kernelspecs"),
    makes_token: true,
    has_limits: false,
    command: &[
        ("jupyter", "", ""),
        ("*", "JUPYTER_APP", "lab"),
        ("--no-browser", "", ""),
        ("--ip=0.0.0.0", "", ""),
        ("--port=8888", "", ""),
        ("--ServerApp.port_retries=0", "", ""),
        ("--ServerApp.terminals_enabled=*", "JUPYTER_TERMINALS", "False"),
        ("--log-level=*", "JUPYTER_LOG_LEVEL", "INFO"),
        ("--MappingKernelManager.cull_idle_timeout=*", "JUPYTER_CULL_IDLE_TIMEOUT", "0"),
        ("--MappingKernelManager.cull_interval=*", "JUPYTER_CULL_INTERVAL", "300"),
        ("--MappingKernelManager.cull_connected=*", "JUPYTER_CULL_CONNECTED", "False"),
        ("--MappingKernelManager.kernel_info_timeout=*", "JUPYTER_KERNEL_INFO_TIMEOUT", "60"),
        ("--KernelSpecManager.ensure_native_kernel=*", "JUPYTER_NATIVE_KERNEL", "False"),
    ],
    environment: &[
        variable("GP_MIRROR_WORKING_DIRS", "False"),
        variable("GP_RESPONSE_PORT", "8877"),
    ],
    optional: &[
        "GP_REMOVE_CONTAINER",
        "JUPYTER_ALLOWED_KERNELS",
        "JUPYTER_TOKEN",
        "KERNEL_GID",
        "KERNEL_UID",
        "KERNEL_USERNAME",
        "TZ",
    ],
};

/// The server that `--gateway` names.
pub(super) const fn of(gateway: Option<System>) -> &'static Server {
    match gateway {
        Some(System::GatewayProvisioners) => &GATEWAY_PROVISIONERS,
        _ => &ENTERPRISE_GATEWAY,
    }
}
