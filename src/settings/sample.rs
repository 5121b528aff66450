//! What the documented samples say, as values of `install`.

use super::config::Config;
use super::lookup::Lookup;
use super::{Launcher, launcher};
use crate::cli::Install;
use crate::env::Env;
use crate::model::Sample;
use crate::options::container_options::{self, ContainerOption};
use crate::server::System;
use crate::setting::{self, CommandLine, Setting};

/// What a container is asked to get GPUs by, and a service: the kind is the one that the Docker
/// manual's nodes advertise.
const OF_CONTAINER: (&str, &str) = ("gpus", "all");
const OF_SERVICE: (&str, &str) = ("generic-resource", "NVIDIA-GPU=1");

/// What a sample says where the command line says nothing else.
fn line_of(sample: Sample, given: &CommandLine) -> CommandLine {
    let gateway = given.value(&setting::GATEWAY).and_then(System::named);
    let gateway = gateway.unwrap_or(System::EnterpriseGateway).facts();
    let tag = given.value(&setting::IMAGE_TAG).unwrap_or(gateway.image_tag);
    let mut line = CommandLine::default();
    let values: [(&'static Setting, String); 7] = [
        (&setting::SAMPLE, sample.name().to_owned()),
        (&setting::GATEWAY, gateway.name.to_owned()),
        (&setting::KERNEL_NAME, sample.name().to_owned()),
        (&setting::DISPLAY_NAME, sample.display_name().to_owned()),
        (&setting::LANGUAGE, sample.language().name().to_owned()),
        (&setting::IMAGE_NAME, format!("{}:{tag}", sample.image())),
        (&setting::SWARM, true.to_string()),
    ];
    for (known, value) in values {
        line.push(known, vec![value], format!("`--sample={}`", sample.name()));
    }
    line
}

/// The option for a GPU, unless the command line has one; `None` for a sample that needs none.
fn gpu(sample: Sample, args: &Install, env: &Env) -> Option<container_options::Given> {
    if sample != Sample::TensorflowGpu {
        return None;
    }
    let swarm = args.line.value(&setting::SWARM).is_some_and(is_true);
    let (option, value) = if swarm { OF_SERVICE } else { OF_CONTAINER };
    let flag = ContainerOption::named(option)?;
    if args.container.iter().any(|(given, _)| given.key == flag.key) {
        return None;
    }
    let lookup = Lookup { line: &args.line, config: &Config::default(), env };
    if !matches!(launcher(&lookup), Ok(Launcher::Native)) {
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
pub fn lines(args: &Install, env: &Env) -> Vec<Install> {
    let mut samples: Vec<Sample> = Vec::new();
    let all = Sample::ALL.into_iter().filter(|_| args.line.has(&setting::SAMPLES));
    let named = args.line.get(&setting::SAMPLE).map_or(&[][..], |(names, _)| names);
    for sample in all.chain(named.iter().filter_map(|name| Sample::named(name))) {
        if !samples.contains(&sample) {
            samples.push(sample);
        }
    }
    if samples.is_empty() {
        return vec![args.clone()];
    }
    let of = |sample: Sample| {
        let mut args = args.clone();
        args.line.forget(&setting::SAMPLE);
        args.line = args.line.or(&line_of(sample, &args.line));
        args.container.extend(gpu(sample, &args, env));
        args
    };
    samples.into_iter().map(of).collect()
}
