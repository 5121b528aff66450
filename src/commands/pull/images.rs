//! The images to pull, and the specifications that want them.

use std::io;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::engine::Image;
use crate::env::Env;
use crate::files;
use crate::kernelspec::search::{self, FoundKernelspec};
use crate::kernelspec::specification::Specification;
use crate::launcher::plan::{PullPolicy, platform_name};
use crate::layout::{self, OPTIONS};
use crate::model::Mode;
use crate::options::Options;
use crate::options::interpolation::Interpolation;
use crate::options::node::{Node, PositionError};
use crate::paths::Paths;

#[derive(Debug)]
pub(super) struct Kernelspec {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    /// An error says why the image is not known.
    pub(super) target: Result<Target, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) image: String,
    /// The address of the engine; `None` for that of the environment.
    pub(super) engine: Option<String>,
    /// `None` for the engine's own.
    pub(super) platform: Option<String>,
    pub(super) policy: PullPolicy,
    /// Whether the nodes of a Swarm need it.
    pub(super) of_swarm: bool,
}

/// An image to pull.
#[derive(Debug, PartialEq)]
pub(super) struct Job {
    pub(super) target: Target,
    /// The specifications that want it, by index.
    pub(super) specifications: Vec<usize>,
}

/// The named specifications, or all that Jupyter finds.
pub(super) fn specifications(names: &[String], paths: &Paths<'_>) -> Result<Vec<Kernelspec>> {
    let directories = paths.kernel_directories();
    let found = search::in_directories(&directories);
    let mut chosen: Vec<FoundKernelspec> = Vec::new();
    for name in names {
        let next = search::find(name, &found, &directories, paths)?;
        if chosen.iter().all(|other| other.directory != next.directory) {
            chosen.push(next);
        }
    }
    if names.is_empty() {
        chosen = found.into_iter().filter(|found| found.shadowed_by.is_none()).collect();
    }
    let mut specifications = Vec::new();
    for found in chosen {
        let target = match found.read().transpose() {
            Some(spec) => spec.and_then(|spec| target(&spec, paths.env)),
            None if names.is_empty() => continue,
            None => bail!(found.not_for_docker()),
        };
        let target = target.map_err(|error| format!("{error:#}"));
        specifications.push(Kernelspec { name: found.name, directory: found.directory, target });
    }
    ensure!(!specifications.is_empty(), search::none_message(&directories));
    Ok(specifications)
}

/// What the specification wants, read as the launcher reads it.
fn target(spec: &Specification, env: &Env) -> Result<Target> {
    let image = spec.image_on_server(env).map_err(anyhow::Error::msg)?;
    let path = spec.directory.join(layout::script(OPTIONS));
    let options = match files::read_to_string(&path) {
        Ok(text) => Options::parse(&path.to_string_lossy(), &text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Options::default(),
        Err(error) => return Err(error).context("could not look for a platform"),
    };
    let language = spec.language.to_lowercase();
    // The variables of notebooks' users influence neither the platform nor the pull.
    let interpolation = Interpolation {
        username: "",
        kernel_id: "",
        language: &language,
        cwd: None,
        env,
        check_only: false,
        has_connection_file: false,
    };
    let platform = value(&options, "platform", &interpolation, platform_name)?;
    let policy = value(&options, "pull_policy", &interpolation, PullPolicy::read)?;
    let policy = policy.unwrap_or(PullPolicy::Always);
    Ok(Target {
        image: image.to_owned(),
        engine: spec.engine.clone(),
        platform,
        policy,
        of_swarm: spec.mode == Mode::Swarm,
    })
}

/// Reads a key of the file, if it is there.
fn value<T>(
    options: &Options,
    key: &str,
    interpolation: &Interpolation<'_>,
    read: impl Fn(&Node, &Interpolation<'_>) -> Result<T, PositionError>,
) -> Result<Option<T>> {
    let Some(node) = options.get(key) else { return Ok(None) };
    read(node, interpolation).map(Some).map_err(|wrong| options.error(&wrong.of(key)))
}

impl Target {
    /// Whether an image on the engine is for the platform.
    pub(super) fn is_for(&self, image: &Image) -> bool {
        let architecture = self.platform.as_deref().and_then(|name| name.split('/').nth(1));
        architecture.is_none_or(|own| own == image.architecture)
    }
}

/// The images to pull, each once.
pub(super) fn jobs(specifications: &[Kernelspec]) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for (number, specification) in specifications.iter().enumerate() {
        let Ok(target) = &specification.target else { continue };
        if target.policy == PullPolicy::Never {
            continue;
        }
        let same = |job: &&mut Job| {
            let Target { image, engine, platform, .. } = &job.target;
            (image, engine, platform) == (&target.image, &target.engine, &target.platform)
        };
        if let Some(job) = jobs.iter_mut().find(same) {
            job.specifications.push(number);
            if target.policy == PullPolicy::Always {
                job.target.policy = PullPolicy::Always;
            }
        } else {
            jobs.push(Job { target: target.clone(), specifications: vec![number] });
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_asked_for_once_and_by_whoever_wants_it_most() {
        let specification = |name: &str, image: &str, platform: Option<&str>, policy| Kernelspec {
            name: name.to_owned(),
            directory: PathBuf::new(),
            target: Ok(Target {
                image: image.to_owned(),
                engine: None,
                platform: platform.map(str::to_owned),
                policy,
                of_swarm: false,
            }),
        };
        let broken = Kernelspec {
            name: "b".to_owned(),
            directory: PathBuf::new(),
            target: Err(String::new()),
        };
        let jobs = jobs(&[
            specification("a", "x", None, PullPolicy::Missing),
            broken,
            specification("c", "x", Some("linux/arm64"), PullPolicy::Always),
            specification("d", "x", None, PullPolicy::Always),
            specification("e", "x", None, PullPolicy::Never),
            specification("f", "y", None, PullPolicy::Never),
        ]);
        let jobs: Vec<(&[usize], PullPolicy)> =
            jobs.iter().map(|job| (&*job.specifications, job.target.policy)).collect();
        assert_eq!(jobs, [(&[0, 3][..], PullPolicy::Always), (&[2], PullPolicy::Always)]);
    }
}
