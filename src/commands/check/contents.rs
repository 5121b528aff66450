//! What an image has of the bootstrap and of the kernel.

use super::packages::{self, Missing};
use super::report::Report;
use crate::model::Language;
use crate::server::BOOTSTRAP;

/// The shell that runs the bootstrap and the script that checks an image.
pub(super) const BASH: &str = "/bin/bash";

/// What was found in an image.
#[derive(Clone, Default)]
pub(super) struct Contents {
    pub(super) language: Option<Language>,
    /// The paths at which the bootstrap is missing.
    pub(super) missing: Vec<String>,
    /// What else is missing that the kernel needs; `None` if that was not checked; an error says why the
    /// check failed.
    pub(super) packages: Option<Result<Vec<Missing>, String>>,
    /// Whether the kernel gets mounts that may add to the image.
    pub(super) is_partial: bool,
    /// Whether it has the shell that runs the bootstrap.
    pub(super) has_bash: bool,
}

impl Contents {
    /// Whether the bootstrap can run, as far as known.
    pub(super) fn can_start(&self) -> bool {
        let is_right = |packages: &Vec<Missing>| !packages.iter().any(Missing::is_bootstrap);
        self.has_bash
            && self.packages.as_ref().is_none_or(|packages| packages.as_ref().is_ok_and(is_right))
    }

    /// Reports what is missing of the kernel.
    pub(super) fn report_packages(&self, image: &str, report: &mut Report) {
        if !self.has_bash {
            report.error(format!(
                "the image `{image}` has no {BASH}, which runs {BOOTSTRAP}; install it"
            ));
        }
        let (Some(packages), Some(language)) = (&self.packages, self.language) else { return };
        let kernel = packages::kernel(language);
        let missing = match packages {
            Ok(missing) => missing,
            Err(error) => {
                return report.warning(format!(
                    "could not look for {kernel} in the image `{image}`: {error}"
                ));
            }
        };
        if missing.iter().all(Missing::is_bootstrap) {
            report.ok(format!("the image has {kernel}"));
        }
        for part in missing {
            let message = format!("the image `{image}` has {}", part.description());
            if self.is_partial {
                report.warning(format!("{message}, unless one of the kernel's volumes has it"));
            } else {
                report.error(message);
            }
        }
    }
}
