//! The images to pull, and the specifications that want them.

use std::io;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::engine::Image;
use crate::env::Env;
use crate::files;
use crate::kernelspec::installed::Installed;
use crate::kernelspec::search::{self, Found};
use crate::launcher::plan::{PullPolicy, platform_name};
use crate::layout::{self, OPTIONS};
use crate::model::Mode;
use crate::options::Options;
use crate::options::fill::Filler;
use crate::options::node::{Node, Wrong};
use crate::paths::Paths;

#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    /// An error says why the image is not known.
    pub(super) wish: Result<Wish, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub(super) image: String,
    /// `None` for the engine's own.
    pub(super) platform: Option<String>,
    pub(super) when: When,
    /// Whether the nodes of a Swarm need it.
    pub(super) of_swarm: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Now,
    /// Only if the engine does not have it.
    Missing,
    Never,
}

/// An image to pull.
#[derive(Debug, PartialEq)]
pub(super) struct Job {
    pub(super) wish: Wish,
    /// The specifications that want it, by index.
    pub(super) of: Vec<usize>,
}

/// The named specifications, or all that Jupyter finds.
pub(super) fn all(names: &[String], paths: &Paths<'_>) -> Result<Vec<Wanted>> {
    let directories = paths.kernel_directories();
    let found = search::in_directories(&directories);
    let mut chosen: Vec<Found> = Vec::new();
    for name in names {
        let next = search::find(name, &found, &directories, paths)?;
        if chosen.iter().all(|other| other.directory != next.directory) {
            chosen.push(next);
        }
    }
    if names.is_empty() {
        chosen = found.into_iter().filter(|found| found.shadowed_by.is_none()).collect();
    }
    let mut wanted = Vec::new();
    for found in chosen {
        let wish = match found.read() {
            Ok(Some(spec)) => wish(&spec, paths.env),
            Ok(None) if names.is_empty() => continue,
            Ok(None) => bail!(
                "`{}` in {} is no Docker kernel specification",
                found.name,
                found.directory.display()
            ),
            Err(error) => Err(error),
        };
        let wish = wish.map_err(|error| format!("{error:#}"));
        wanted.push(Wanted { name: found.name, directory: found.directory, wish });
    }
    ensure!(!wanted.is_empty(), search::none(&directories));
    Ok(wanted)
}

/// What the specification wants, read as the launcher reads it.
fn wish(spec: &Installed, env: &Env) -> Result<Wish> {
    let image = spec.image_on_server(env).map_err(|variable| {
        anyhow::anyhow!("no image is named; the server has to, with {variable}")
    })?;
    let path = spec.directory.join(layout::script(OPTIONS));
    let options = match files::read_to_string(&path) {
        Ok(text) => Options::parse(&path.to_string_lossy(), &text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Options::default(),
        Err(error) => return Err(error).context("could not look for a platform"),
    };
    let language = spec.kernel_json.language.to_lowercase();
    // The variables of notebooks' users influence neither the platform nor the pull.
    let filler =
        Filler { username: "", kernel_id: "", language: &language, cwd: None, env, sample: false };
    let platform = value(&options, "platform", &filler, platform_name)?;
    let when = match value(&options, "pull_policy", &filler, PullPolicy::read)? {
        None | Some(PullPolicy::Always) => When::Now,
        Some(PullPolicy::Missing) => When::Missing,
        Some(PullPolicy::Never) => When::Never,
    };
    Ok(Wish { image: image.to_owned(), platform, when, of_swarm: spec.mode == Mode::Swarm })
}

/// Reads a key of the file, if it is there.
fn value<T>(
    options: &Options,
    key: &str,
    filler: &Filler<'_>,
    read: impl Fn(&Node, &Filler<'_>) -> Result<T, Wrong>,
) -> Result<Option<T>> {
    let Some(node) = options.get(key) else { return Ok(None) };
    read(node, filler).map(Some).map_err(|wrong| options.error(&wrong.of(key)))
}

impl Wish {
    /// Whether an image on the engine is for the platform.
    pub(super) fn is_for(&self, image: &Image) -> bool {
        let architecture = self.platform.as_deref().and_then(|name| name.split('/').nth(1));
        architecture.is_none_or(|wanted| wanted == image.architecture)
    }
}

/// The images to pull, each once.
pub(super) fn jobs(wanted: &[Wanted]) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for (number, wanted) in wanted.iter().enumerate() {
        let Ok(wish) = &wanted.wish else { continue };
        if wish.when == When::Never {
            continue;
        }
        let same =
            |job: &&mut Job| (&job.wish.image, &job.wish.platform) == (&wish.image, &wish.platform);
        if let Some(job) = jobs.iter_mut().find(same) {
            job.of.push(number);
            if wish.when == When::Now {
                job.wish.when = When::Now;
            }
        } else {
            jobs.push(Job { wish: wish.clone(), of: vec![number] });
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_asked_for_once_and_by_whoever_wants_it_most() {
        let wanted = |name: &str, image: &str, platform: Option<&str>, when| Wanted {
            name: name.to_owned(),
            directory: PathBuf::new(),
            wish: Ok(Wish {
                image: image.to_owned(),
                platform: platform.map(str::to_owned),
                when,
                of_swarm: false,
            }),
        };
        let broken =
            Wanted { name: "b".to_owned(), directory: PathBuf::new(), wish: Err(String::new()) };
        let jobs = jobs(&[
            wanted("a", "x", None, When::Missing),
            broken,
            wanted("c", "x", Some("linux/arm64"), When::Now),
            wanted("d", "x", None, When::Now),
            wanted("e", "x", None, When::Never),
            wanted("f", "y", None, When::Never),
        ]);
        let of: Vec<(&[usize], When)> = jobs.iter().map(|job| (&*job.of, job.wish.when)).collect();
        assert_eq!(of, [(&[0, 3][..], When::Now), (&[2], When::Now)]);
    }
}
