//! What is said after an install to somebody who sits in front of a terminal.

use std::io::{self, IsTerminal as _};

use crate::commands::check;
use crate::kernelspec::search;
use crate::kernelspec::store::Job;
use crate::paths::Paths;
use crate::settings::Settings;

/// Says what to type next, after what keeps the Jupyter that is here from offering the specifications. Builds of images
/// and scripts have no terminal, and what they write is compared with what the Python tool writes.
pub(super) fn say(settings: &[Settings], jobs: &[Job], paths: &Paths<'_>) {
    if !io::stderr().is_terminal() {
        return;
    }
    let found = search::in_directories(&paths.kernel_directories());
    for Job { destination, .. } in jobs {
        let first = found.iter().find(|found| found.directory == *destination);
        if let Some(first) = first.and_then(|found| found.shadowed_by.as_deref()) {
            tracing::warn!(
                "Jupyter offers the one in {} instead, which it finds first",
                first.display()
            );
        }
    }
    let systems: Vec<_> = settings.iter().map(|settings| settings.system).collect();
    for warning in check::in_the_way(&systems, paths) {
        tracing::warn!("{warning}");
    }
    if let ([settings], [_]) = (settings, jobs) {
        tracing::info!(
            "Next: `jupyter-docker-spec check {} --launch`, or choose '{}' in JupyterLab",
            settings.kernel_name,
            settings.display_name
        );
    } else {
        tracing::info!("Next: `jupyter-docker-spec check`, or choose one of them in JupyterLab");
    }
}
