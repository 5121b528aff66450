//! Checks what the kernels of a specification need from the engine: a Swarm, networks and an image.

use serde_json::Value;

use super::docker::{ANSWER, Docker};
use super::files::Requirements;
use super::report::Report;
use super::requested;
use super::users::User;
use super::volumes;
use crate::engine::{self, Image, Platform, Reference};
use crate::env::Env;
use crate::kernelspec::specification::Specification;
use crate::launcher::plan::Plan;
use crate::model::Mode;
use crate::server::{BOOTSTRAP, System};

impl Docker {
    /// Checks everything that the kernels of a specification need from the engine. `word` names the
    /// specification for our commands. Returns the image if it can run on the kernels' network.
    pub(super) async fn check<'a>(
        &self,
        word: &str,
        spec: &'a Specification,
        required: &Requirements,
        env: &'a Env,
        report: &mut Report,
    ) -> Option<&'a str> {
        // A kernel that no server looks for needs no network.
        let attachable = spec.system == System::Local || {
            self.swarm(spec, report);
            self.network(spec, env, report).await
        };
        self.further_networks(&required.networks, spec.mode, report).await;
        let user = User::of_server(spec, env).map_or_else(String::new, |user| user.name);
        // Errors of the specification are reported elsewhere.
        let plan = requested::kernel(spec, env, &user).ok();
        for lacking in plan.iter().flat_map(|plan| plan.lacking(&self.engine)) {
            report.error(lacking);
        }
        if let Some(plan) = plan.as_ref().filter(|_| self.info.remaps_users()) {
            remapped(word, plan, report);
        }
        for limits in plan.iter().filter_map(|plan| plan.unheld_limits(&self.engine, &self.info)) {
            report.warning(limits);
        }
        match spec.image_on_server(env) {
            Ok(image) => {
                let fit = self.image(image, (word, spec), plan, required, env, report).await;
                (attachable && fit).then_some(image)
            }
            Err(reason) => {
                report.warning(reason);
                None
            }
        }
    }

    fn swarm(&self, spec: &Specification, report: &mut Report) {
        let swarm = &self.info.swarm;
        if spec.mode == Mode::Docker {
            return;
        }
        if swarm.control_available {
            report.ok("the engine is a manager of a Swarm");
        } else if swarm.local_node_state == "active" {
            report.error(
                "the engine is a worker of a Swarm; set DOCKER_HOST to a manager, or promote it \
                 with `docker node promote NAME`",
            );
        } else {
            report.error(
                "the engine is in no Swarm; make one with `docker swarm init`, or install the \
                 specification without --swarm",
            );
        }
    }

    /// Whether the engine has the image, and the image has what starts the kernel.
    async fn image(
        &self,
        name: &str,
        (word, spec): (&str, &Specification),
        plan: Option<Plan>,
        required: &Requirements,
        env: &Env,
        report: &mut Report,
    ) -> bool {
        let image = match self.engine.inspect_image(name).await {
            Ok(image) => image,
            Err(error) if error.is_not_found() => {
                self.registry(name, word, spec, env, report).await;
                return false;
            }
            Err(error) => {
                report.error(error.to_string());
                return false;
            }
        };
        let own = self.info.docker_architecture();
        let has_own = runs_on(&image.platform(), own);
        if has_own {
            report.ok(format!("the engine has the image `{name}`"));
        } else {
            report.error(format!(
                "the image `{name}` is for {}, and the engine's host is linux/{own}; pull it with \
                 `docker pull --platform linux/{own} {name}`, or choose another image",
                shown(&image.platform())
            ));
        }
        // A Swarm removes the volumes with its tasks, and a launcher that is the kernel removes its own.
        let leaves_volumes = spec.mode == Mode::Docker && spec.system != System::Local;
        if let Some(plan) = plan.as_ref().filter(|_| leaves_volumes)
            && let Some(warning) =
                volumes::warning(name, &image.volumes(), plan, required.by_native)
        {
            report.warning(warning);
        }
        self.host(name, plan.as_ref(), required, report).await;
        if spec.system == System::Local {
            return has_own;
        }
        if spec.brings_bootstrap {
            report.ok("what starts the kernel is brought along; `check --launch` looks whether the image has the kernel");
            // Whether the server is reached from there is looked at with what images with a bootstrap have.
            return false;
        }
        let command = command(&image, plan.as_ref());
        let is_bootstrap = command.iter().any(|word| word.contains(BOOTSTRAP));
        let contents = match self.contents(name, &command, plan.filter(|_| has_own), spec).await {
            Ok(contents) => contents,
            Err(error) => {
                report.warning(format!("could not look into the image: {error}"));
                return false;
            }
        };
        if !contents.missing.is_empty() {
            report.error(format!(
                "the image `{name}` has no {}; make it with `jupyter image-bootstrap install \
                 --languages {}`, choose an image for this language, or bring \
                 the bootstrap along with `install --bring-bootstrap`",
                contents.missing.join(" and no "),
                spec.language.to_lowercase()
            ));
        }
        if !is_bootstrap {
            let runs = match command.join(" ") {
                empty if empty.is_empty() => "has no command".to_owned(),
                command => format!("runs `{command}`"),
            };
            report.error(format!(
                "the image `{name}` does not run {BOOTSTRAP} when it is started, it {runs}; give it the \
                 line CMD [\"/usr/local/bin/{BOOTSTRAP}\"], or bring one along with `install --bring-bootstrap`"
            ));
        } else if contents.missing.is_empty() && contents.can_start() {
            report.ok("the image has what starts the kernel");
        }
        contents.report_packages(name, report);
        has_own && is_bootstrap && contents.missing.is_empty() && contents.has_bash
    }

    /// Checks whether the registry has an image that the engine does not have.
    async fn registry(
        &self,
        name: &str,
        word: &str,
        spec: &Specification,
        env: &Env,
        report: &mut Report,
    ) {
        let when = match spec.mode {
            _ if spec.system == System::Local => "is pulled at the first launch",
            Mode::Docker => "is pulled at the first launch, which may outlast the launch timeout",
            Mode::Swarm => "is pulled by each node at its first launch",
        };
        let reference: Reference = match name.parse() {
            Ok(reference) => reference,
            Err(error) => {
                report.error(format!("`{name}` is not the name of an image: {error}"));
                return;
            }
        };
        let auth = engine::credentials(&reference, env, ANSWER).await.ok().flatten();
        match self.engine.find_in_registry(name, auth.as_ref()).await {
            Ok(platforms) => {
                let own = self.info.docker_architecture();
                if !platforms.is_empty() && !platforms.iter().any(|one| runs_on(one, own)) {
                    let platforms: Vec<String> = platforms.iter().map(shown).collect();
                    return report.error(format!(
                        "the image `{name}` is in its registry for {}, and not for linux/{own}, which the \
                         engine's host is; choose another image, or build it for that",
                        platforms.join(", ")
                    ));
                }
                report.warning(format!(
                    "the engine does not have the image `{name}`: it {when}; pull it with \
                     `jupyter-docker-spec pull {word}`"
                ));
            }
            Err(error) if self.engine.is_podman() && error.is_not_found() => {
                report.warning(format!(
                    "the engine does not have the image `{name}`, and Podman does not ask the registry before it pulls \
                     it: it {when}; pull it with `jupyter-docker-spec pull {word}`"
                ));
            }
            Err(error) => report.error(format!(
                "the engine does not have the image `{name}`, and the registry does not say that it \
                 has it; build or pull it, or correct its name: {error}"
            )),
        }
    }
}

/// Warns where a kernel that is to run as the caller would not, because the engine maps users.
fn remapped(word: &str, plan: &Plan, report: &mut Report) {
    let is_in_namespace_of_host = plan.request["HostConfig"]["UsernsMode"] == "host";
    if plan.launch.caller == System::Local && !is_in_namespace_of_host {
        report.warning(format!(
            "the engine maps the users of containers to others (userns-remap): a kernel can write to the notebook's \
             directory only where everybody can, and its files belong to nobody here; have it run as you with \
             `jupyter-docker-spec set {word} --userns=host`"
        ));
    }
}

/// The command of the kernel's container, as the engine combines it.
fn command(image: &Image, plan: Option<&Plan>) -> Vec<String> {
    let none = Value::Null;
    let (entrypoint, cmd) = plan.map_or((&none, &none), |plan| match plan.launch.mode {
        Mode::Docker => (&plan.request["Entrypoint"], &plan.request["Cmd"]),
        Mode::Swarm => {
            let container = &plan.request["TaskTemplate"]["ContainerSpec"];
            (&container["Command"], &container["Args"])
        }
    });
    let words = |given: &Value| -> Option<Vec<String>> {
        Some(given.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    match (words(entrypoint), words(cmd)) {
        // The image's own command is meant for its own entrypoint.
        (Some(entrypoint), cmd) => [entrypoint, cmd.unwrap_or_default()].concat(),
        (None, Some(cmd)) => [image.entrypoint().to_vec(), cmd].concat(),
        (None, None) => [image.entrypoint(), image.cmd()].concat(),
    }
}

/// Whether an image for this platform runs on a Linux host of this architecture, as far as known.
fn runs_on(platform: &Platform, architecture: &str) -> bool {
    (platform.os.is_empty() || platform.os == "linux")
        && (platform.architecture.is_empty() || platform.architecture == architecture)
}

fn shown(Platform { os, architecture }: &Platform) -> String {
    format!("{}/{architecture}", if os.is_empty() { "linux" } else { os })
}
