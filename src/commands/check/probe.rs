//! Checks whether an image has the bootstrap and the kernel.

use super::contents::{BASH, Contents};
use super::docker::Docker;
use super::packages::{self, ImageCheck};
use crate::engine;
use crate::kernelspec::specification::Specification;
use crate::launcher::plan::Plan;
use crate::model::Language;
use crate::server::BOOTSTRAP;

impl Docker {
    /// Checks an image. Something in it is run only if there is a plan, and if the bootstrap exists.
    pub(super) async fn contents(
        &self,
        image: &str,
        command: &[String],
        plan: Option<Plan>,
        spec: &Specification,
    ) -> engine::Result<Contents> {
        let language = Language::parse(&spec.language);
        let plan = plan.filter(|_| language.is_some());
        let check = plan.and_then(|plan| ImageCheck::new(image, command, &plan));
        let request = check
            .as_ref()
            .map_or_else(|| ImageCheck::at_paths_only(image), |check| check.request.clone());
        let launchers = match language {
            Some(Language::Python) => "python",
            Some(Language::R) => "R",
            Some(Language::Scala) => "scala",
            None => "",
        };
        let is_partial = check.as_ref().is_some_and(|check| check.is_partial);
        let key = format!("{launchers} {is_partial} {request}");
        if let Some(known) = self.results.borrow().get(&key) {
            return Ok(known.clone());
        }
        let mut contents = Contents { language, is_partial, has_bash: true, ..Contents::default() };
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
        if result.is_ok() && contents.missing.is_empty() {
            let bash = self.engine.has_path(&probe.id, BASH).await;
            contents.has_bash = *bash.as_ref().unwrap_or(&true);
            result = bash.map(drop);
        }
        if check.is_some() && result.is_ok() && contents.missing.is_empty() && contents.has_bash {
            let packages = packages::run(&self.engine, &probe.id).await;
            contents.packages = Some(packages.map_err(|error| format!("{error:#}")));
        }
        self.remove_probe(&probe.id).await?;
        result?;
        self.results.borrow_mut().insert(key, contents.clone());
        Ok(contents)
    }
}
