//! The sample specifications of Enterprise Gateway's documentation.

use super::Language;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    R,
    Python,
    Tensorflow,
    TensorflowGpu,
    Scala,
}

impl Sample {
    pub const ALL: [Self; 5] =
        [Self::R, Self::Python, Self::Tensorflow, Self::TensorflowGpu, Self::Scala];

    /// The sample of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sample| sample.name().eq_ignore_ascii_case(name))
    }

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

    #[must_use]
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::R => "R on Docker",
            Self::Python => "Python on Docker",
            Self::Tensorflow => "Python on Docker with Tensorflow",
            Self::TensorflowGpu => "Python on Docker with Tensorflow with GPUs",
            Self::Scala => "Scala on Docker",
        }
    }

    #[must_use]
    pub const fn language(self) -> Language {
        match self {
            Self::R => Language::R,
            Self::Python | Self::Tensorflow | Self::TensorflowGpu => Language::Python,
            Self::Scala => Language::Scala,
        }
    }

    /// Without a tag.
    #[must_use]
    pub const fn image(self) -> &'static str {
        match self {
            Self::Tensorflow => "elyra/kernel-tf-py",
            Self::TensorflowGpu => "elyra/kernel-tf-gpu-py",
            other => other.language().default_image(),
        }
    }
}
