//! The constants of a server.

use crate::model::Mode;

/// The prefix of the launcher's options in Enterprise Gateway's spelling: `--RemoteProcessProxy.kernel-id`.
pub const GATEWAY_SPELLING: &str = "RemoteProcessProxy.";

#[derive(Debug)]
pub struct Facts {
    /// Its value for `--gateway`.
    pub name: &'static str,
    /// Its abbreviation, which is the prefix of its variables.
    pub short: &'static str,
    /// The value of the label `app` of its kernels.
    pub label: &'static str,
    /// The variable that names the network of the kernels to the server itself.
    pub network_variable: &'static str,
    /// The variable with which the server tells the launcher whether to start a container or a service.
    pub mode_variable: &'static str,
    /// The variable with which the server itself names an image for specifications without one.
    pub image_variable: &'static str,
    /// The variable that tells the server itself whom to reject, instead of `root`.
    pub unauthorized_users_variable: &'static str,
    /// The variables for how long the server waits for a kernel; the first that is set counts.
    pub timeout_variables: [&'static str; 2],
    /// The tag of the default kernel images.
    pub image_tag: &'static str,
    /// The prefix of the launcher's options in `argv`.
    pub spelling: &'static str,
    /// What starts its kernels: the names of its provisioners, or the suffixes of its process proxies' names,
    /// the longer one first.
    pub starters: [(&'static str, Mode); 2],
    /// The prefix of this project's provisioners or process proxies, which are derived from those and show
    /// users why a launch failed.
    pub reporting: &'static str,
    /// Commands that start a server; the first that exists shows its Python.
    pub commands: &'static [&'static str],
    /// The Python package of the server.
    pub package: &'static str,
    /// The module of the package that starts kernels.
    pub module: &'static str,
    /// The module of the package that listens for kernels.
    pub listening_module: &'static str,
    /// This project's module that shows users why a launch failed.
    pub reporting_module: &'static str,
}

impl Facts {
    #[must_use]
    pub fn starter(&self, mode: Mode) -> &'static str {
        let [(first, of_first), (second, _)] = self.starters;
        if mode == of_first { first } else { second }
    }
}
