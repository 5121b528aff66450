//! What is to be known of each server.

use crate::model::Mode;

/// How an option of the launcher may be spelt by Enterprise Gateway: `--RemoteProcessProxy.kernel-id`.
pub const GATEWAY_SPELLING: &str = "RemoteProcessProxy.";

#[derive(Debug)]
pub struct Facts {
    /// What `--gateway` calls it.
    pub name: &'static str,
    /// Its usual abbreviation, with which its variables begin.
    pub short: &'static str,
    /// The value of the label `app` that its kernels have.
    pub label: &'static str,
    /// The variable that tells the server itself which network its kernels are on.
    pub network_variable: &'static str,
    /// The variable by which the server tells the launcher what to make.
    pub mode_variable: &'static str,
    /// The variable by which the server itself names an image for specifications that name none.
    pub image_variable: &'static str,
    /// The variable that tells the server itself whom to keep out, in the place of `root`.
    pub unauthorized_users_variable: &'static str,
    /// The variables that say how long the server waits for a kernel, the first that is set counts.
    pub timeout_variables: [&'static str; 2],
    /// The release whose kernel images are the default.
    pub image_tag: &'static str,
    /// What stands before the names of the launcher's options in `argv`.
    pub spelling: &'static str,
    /// What starts its kernels: the names of its provisioners, or what the names of its process proxies end
    /// with, the longer one first.
    pub starters: [(&'static str, Mode); 2],
    /// What stands before the names of this project's, which are derived from those and show users why a
    /// launch failed.
    pub reporting: &'static str,
    /// The commands that start a server, the first that is there tells its Python.
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
