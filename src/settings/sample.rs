//! What the documented samples say, as values of `install`.

use super::lookup::Line;
use super::{Launcher, launcher};
use crate::cli::Install;
use crate::env::Env;
use crate::model::Sample;
use crate::options::flags::{self, Flag};
use crate::server::System;
use crate::traits::{self, Trait};

/// What a container is asked to get GPUs by, and a service: the kind is the one that the Docker
/// manual's nodes advertise.
const OF_CONTAINER: (&str, &str) = ("gpus", "all");
const OF_SERVICE: (&str, &str) = ("generic-resource", "NVIDIA-GPU=1");

/// What a sample says itself, where nothing else is said.
fn line_of(sample: Sample, tag: &str) -> Line {
    let mut line = Line::default();
    let values: [(&'static Trait, String); 5] = [
        (&traits::KERNEL_NAME, sample.name().to_owned()),
        (&traits::DISPLAY_NAME, sample.display_name().to_owned()),
        (&traits::LANGUAGE, sample.language().name().to_owned()),
        (&traits::IMAGE_NAME, format!("{}:{tag}", sample.image())),
        (&traits::SWARM, true.to_string()),
    ];
    for (known, value) in values {
        line.push(known, vec![value], format!("`--sample={}`", sample.name()));
    }
    line
}

/// The option for a GPU, unless the command line has one; `None` for a sample that needs none.
fn gpu(sample: Sample, line: &Line, args: &Install, env: &Env) -> Option<flags::Given> {
    if sample != Sample::TensorflowGpu {
        return None;
    }
    let swarm = line.values(&traits::SWARM).last().is_some_and(|swarm| is_true(swarm));
    let (option, value) = if swarm { OF_SERVICE } else { OF_CONTAINER };
    let flag = Flag::named(option)?;
    if args.container.iter().any(|(given, _)| given.key == flag.key) {
        return None;
    }
    if !matches!(launcher(args, env), Ok(Launcher::Native)) {
        tracing::warn!(
            "{} asks for no GPU: its launcher is not the native one, which reads what to ask \
             for from launch_docker.toml",
            sample.name()
        );
        return None;
    }
    Some((flag, vec![value.to_owned()]))
}

fn is_true(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

/// The command line of each sample that one asks for, or the one if it asks for none. As a file of
/// specifications would, a sample counts less than the command line and more than all else.
#[must_use]
pub fn lines(args: &Install, line: &Line, env: &Env) -> Vec<(Install, Line)> {
    let mut samples = if args.samples { Sample::ALL.to_vec() } else { Vec::new() };
    samples.extend(&args.sample);
    let mut seen = Vec::new();
    samples.retain(|sample| {
        let first = !seen.contains(sample);
        seen.push(*sample);
        first
    });
    if samples.is_empty() {
        return vec![(args.clone(), line.clone())];
    }
    let of = |sample: Sample| {
        let mut args = args.clone();
        let system = *args.gateway.get_or_insert(System::EnterpriseGateway);
        let tag = args.image_tag.clone();
        let line = line.or(&line_of(sample, tag.as_deref().unwrap_or(system.facts().image_tag)));
        args.container.extend(gpu(sample, &line, &args, env));
        args.sample = vec![sample];
        args.samples = false;
        (args, line)
    };
    samples.into_iter().map(of).collect()
}
