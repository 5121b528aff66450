//! The command that starts a server.

use super::Deployment;
use super::variable::{data, variable};
use crate::server::System;

/// The words of a command. Each has a variable, whose value replaces `*`, and its default.
pub(super) type Words = [(&'static str, &'static str, &'static str)];

const EG: &Words = &[
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
];
const GP: &Words = &[
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
];

/// The command, with the settings that the server does not read from variables itself.
pub(super) fn command(deployment: &Deployment) -> impl Iterator<Item = String> {
    let script = [only_allowed(deployment.system), "sh".to_owned()];
    let words = words(deployment.system).iter().map(|(word, name, default)| {
        word.replace('*', &variable(name, deployment.given(name).unwrap_or(default)))
    });
    ["/bin/sh", "-c"].map(str::to_owned).into_iter().chain(script).chain(words)
}

/// Shell code that starts the server with only those kernels that a variable allows. It reads the variable as
/// the start script of Enterprise Gateway's image does: with or without brackets, and `null` means all.
fn only_allowed(system: System) -> String {
    let (variable, option) = match system {
        System::EnterpriseGateway => ("EG_ALLOWED_KERNELS", "whitelist"),
        System::GatewayProvisioners => ("JUPYTER_ALLOWED_KERNELS", "allowed_kernelspecs"),
    };
    data(&format!(
        "allowed=$(printf %s \"${variable}\" | tr -d '[]'); [ \"$allowed\" != null ] || allowed=; \
         exec \"$@\" \"--KernelSpecManager.{option}=[$allowed]\""
    ))
}

pub(super) const fn words(system: System) -> &'static Words {
    match system {
        System::EnterpriseGateway => EG,
        System::GatewayProvisioners => GP,
    }
}
