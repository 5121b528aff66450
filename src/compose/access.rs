//! Who can reach a server, and the token that keeps others out: starting kernels through the engine's socket
//! gives much power over its host.

use super::Deployment;

impl Deployment {
    /// Says who can reach the server and what they need for that, and whether that is a reason to warn.
    pub(crate) fn access(&self) -> (String, bool) {
        let variable = self.server.token_variable;
        if self.token().is_some() {
            let text = format!(
                "Clients have to name a token: that in {variable}, or the one in this file, which is to \
                 be kept secret."
            );
            return (text, false);
        }
        if self.wants_token {
            let text = format!("Clients have to name the token that {variable} must have.");
            return (text, false);
        }
        if self.server.makes_token {
            let shown = if self.swarm { "`docker service logs`" } else { "`docker compose logs`" };
            let text = format!(
                "Clients have to name a token: that in {variable}, or one that the server makes when it \
                 starts, and {shown} shows."
            );
            return (text, false);
        }
        let who = match self.address {
            Some(address) if address.is_loopback() => "Every account of this host",
            _ => "Whoever reaches the port",
        };
        let text = format!(
            "{who} can start kernels, and needs no token for it unless {variable} has one; \
             `--auth-token` has the file want one."
        );
        (text, true)
    }

    /// The token in the file.
    pub(crate) fn token(&self) -> Option<&str> {
        self.given(self.server.token_variable).filter(|token| !token.is_empty())
    }
}
