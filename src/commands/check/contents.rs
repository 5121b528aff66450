//! Looks into an image for what starts the kernel, and for the kernel.

use std::time::Duration;

use tokio::time::sleep;

use super::docker::{BOOTSTRAP, Docker};
use super::parts::{self, Look, Missing};
use super::report::Report;
use crate::commands::planned;
use crate::engine;
use crate::env::Env;
use crate::kernelspec::installed::Installed;
use crate::settings::Language;

/// What was found in an image.
#[derive(Clone, Default)]
pub(super) struct Contents {
    language: Option<Language>,
    /// The paths of the bootstrap that are not there.
    pub(super) missing: Vec<String>,
    /// What else the kernel needs and is not there; `None` if it was not looked for, or why that failed.
    parts: Option<Result<Vec<Missing>, String>>,
    /// Whether the kernel gets directories that may have more than the image.
    is_partial: bool,
}

impl Contents {
    /// Says what was found of the kernel.
    pub(super) fn tell_parts(&self, image: &str, report: &mut Report) {
        let (Some(parts), Some(language)) = (&self.parts, self.language) else { return };
        let kernel = parts::kernel(language);
        let missing = match parts {
            Ok(missing) => missing,
            Err(error) => {
                return report.warning(format!(
                    "could not look for {kernel} in the image `{image}`: {error}"
                ));
            }
        };
        if missing.is_empty() {
            report.ok(format!("the image has {kernel}"));
        }
        for part in missing {
            let message = format!("the image `{image}` has {}", part.told());
            if self.is_partial {
                report.warning(format!("{message}, unless one of the kernel's volumes has it"));
            } else {
                report.error(message);
            }
        }
    }
}

impl Docker {
    /// Looks into an image. Something of it is run only if it can be, and if the bootstrap is there.
    pub(super) async fn contents(
        &self,
        image: &str,
        command: &[String],
        can_run: bool,
        spec: &Installed,
        env: &Env,
    ) -> engine::Result<Contents> {
        let language = Language::parse(&spec.kernel_json.language);
        // What is wrong with the specification is told elsewhere.
        let plan = planned::of_kernel(spec, env).ok().filter(|_| can_run && language.is_some());
        let look = plan.and_then(|plan| Look::new(image, command, &plan));
        let request =
            look.as_ref().map_or_else(|| Look::at_paths_only(image), |look| look.request.clone());
        let launchers = match language {
            Some(Language::Python) => "python",
            Some(Language::R) => "R",
            Some(Language::Scala) => "scala",
            None => "",
        };
        let is_partial = look.as_ref().is_some_and(|look| look.is_partial);
        let key = format!("{launchers} {is_partial} {request}");
        if let Some(known) = self.looks.borrow().get(&key) {
            return Ok(known.clone());
        }
        let mut contents = Contents { language, is_partial, ..Contents::default() };
        let probe = self.engine.create_probe(&request).await?;
        let mut result = Ok(());
        for path in [
            format!("/usr/local/bin/{BOOTSTRAP}"),
            format!("/usr/local/bin/kernel-launchers/{launchers}"),
        ] {
            match self.engine.has_path(&probe.id, &path).await {
                Ok(true) => {}
                Ok(false) => contents.missing.push(path),
                Err(error) => result = Err(error),
            }
        }
        if look.is_some() && result.is_ok() && contents.missing.is_empty() {
            let parts = parts::look(&self.engine, &probe.id).await;
            contents.parts = Some(parts.map_err(|error| format!("{error:#}")));
        }
        self.remove_probe(&probe.id).await?;
        result?;
        self.looks.borrow_mut().insert(key, contents.clone());
        Ok(contents)
    }

    /// Removes a container, and waits until it has gone: one that has ended removes itself.
    pub(super) async fn remove_probe(&self, id: &str) -> engine::Result<()> {
        loop {
            self.engine.remove_container(id, true).await?;
            match self.engine.inspect_container(id).await {
                Ok(_) => sleep(Duration::from_millis(20)).await,
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
