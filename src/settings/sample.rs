//! The sample specifications of Enterprise Gateway's documentation, as values of `install`.

use clap::ValueEnum;

use super::lookup::Line;
use super::traits::{self, Trait};
use super::{Language, Launcher, System, launcher};
use crate::cli::Install;
use crate::env::Env;
use crate::options::flags::{self, Flag};

/// What a container is asked to get GPUs by, and a service: the kind is the one that the Docker
/// manual's nodes advertise.
const OF_CONTAINER: (&str, &str) = ("gpus", "all");
const OF_SERVICE: (&str, &str) = ("generic-resource", "NVIDIA-GPU=1");

/// A sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sample {
    #[value(name = "R_docker")]
    R,
    #[value(name = "python_docker")]
    Python,
    #[value(name = "python_tf_docker")]
    Tensorflow,
    #[value(name = "python_tf_gpu_docker")]
    TensorflowGpu,
    #[value(name = "scala_docker")]
    Scala,
}

impl Sample {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::R, Self::Python, Self::Tensorflow, Self::TensorflowGpu, Self::Scala];

    /// The name of its directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::R => "R_docker",
            Self::Python => "python_docker",
            Self::Tensorflow => "python_tf_docker",
            Self::TensorflowGpu => "python_tf_gpu_docker",
            Self::Scala => "scala_docker",
        }
    }

    const fn display_name(self) -> &'static str {
        match self {
            Self::R => "R on Docker",
            Self::Python => "Python on Docker",
            Self::Tensorflow => "Python on Docker with Tensorflow",
            Self::TensorflowGpu => "Python on Docker with Tensorflow with GPUs",
            Self::Scala => "Scala on Docker",
        }
    }

    /// The language of its kernel.
    #[must_use]
    pub const fn language(self) -> Language {
        match self {
            Self::R => Language::R,
            Self::Python | Self::Tensorflow | Self::TensorflowGpu => Language::Python,
            Self::Scala => Language::Scala,
        }
    }

    /// Its image, without a tag.
    const fn image(self) -> &'static str {
        match self {
            Self::Tensorflow => "elyra/kernel-tf-py",
            Self::TensorflowGpu => "elyra/kernel-tf-gpu-py",
            other => other.language().default_image(),
        }
    }

    /// What it says itself, where nothing else is said.
    fn line(self, tag: &str) -> Line {
        let mut line = Line::default();
        let values: [(&'static Trait, String); 5] = [
            (&traits::KERNEL_NAME, self.name().to_owned()),
            (&traits::DISPLAY_NAME, self.display_name().to_owned()),
            (&traits::LANGUAGE, self.language().name().to_owned()),
            (&traits::IMAGE_NAME, format!("{}:{tag}", self.image())),
            (&traits::SWARM, true.to_string()),
        ];
        for (known, value) in values {
            line.push(known, vec![value], format!("`--sample={}`", self.name()));
        }
        line
    }

    /// The option for a GPU, unless the command line has one; `None` for a sample that needs none.
    fn gpu(self, line: &Line, args: &Install, env: &Env) -> Option<flags::Given> {
        if self != Self::TensorflowGpu {
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
                self.name()
            );
            return None;
        }
        Some((flag, vec![value.to_owned()]))
    }
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
        let line = line.or(&sample.line(tag.as_deref().unwrap_or(system.image_tag())));
        args.container.extend(sample.gpu(&line, &args, env));
        args.sample = vec![sample];
        args.samples = false;
        (args, line)
    };
    samples.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_takes_the_names() {
        for sample in Sample::ALL {
            assert_eq!(Sample::from_str(sample.name(), true), Ok(sample));
        }
    }
}
