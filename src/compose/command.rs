//! The command that starts a server.

use super::Deployment;
use super::servers::Server;
use super::variable::{data, variable};

/// The command, with the settings that the server does not read from variables itself.
pub(super) fn command(deployment: &Deployment) -> impl Iterator<Item = String> {
    let script = [only_allowed(deployment.server), "sh".to_owned()];
    let words = deployment.server.command.iter().map(|(word, name, default)| {
        word.replace('*', &variable(name, deployment.given(name).unwrap_or(default)))
    });
    ["/bin/sh", "-c"].map(str::to_owned).into_iter().chain(script).chain(words)
}

/// Shell code that starts the server with only those kernels that a variable allows. It reads the variable as
/// the start script of Enterprise Gateway's image does: with or without brackets, and `null` means all.
fn only_allowed(server: &Server) -> String {
    let (variable, option) = server.allowed;
    data(&format!(
        "allowed=$(printf %s \"${variable}\" | tr -d '[]'); [ \"$allowed\" != null ] || allowed=; \
         exec \"$@\" \"--KernelSpecManager.{option}=[$allowed]\""
    ))
}
