//! The name of a kernelspec, which is the name of its directory.

use std::fmt;

use anyhow::{Result, bail};

use crate::model::Sample;

/// The longest file name that Linux file systems take, in bytes.
const NAME_MAX: usize = 255;

/// A name that Jupyter accepts and that stays inside the kernels directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelName(String);

impl KernelName {
    /// The name, blanks turned into `_` and letters into small ones, as Jupyter does.
    ///
    /// # Errors
    /// When Jupyter would not accept the result, or it would lead out of the kernels directory.
    pub fn parse(given: &str) -> Result<Self> {
        let name = given.replace(' ', "_").to_lowercase();
        let wrong = if name.is_empty() {
            "is empty"
        } else if name == "." || name == ".." {
            "is a directory reference"
        } else if name.len() > NAME_MAX {
            "is longer than 255 characters"
        } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            "has a character that Jupyter does not allow in a kernel's name"
        } else {
            return Ok(Self(name));
        };
        bail!(
            "Invalid kernel name `{given}`: it {wrong}. \
             Kernel names can only contain ASCII letters and numbers and these separators: \
             - . _ (hyphen, period, and underscore)."
        )
    }

    /// The name that a sample is documented with, capital letters and all. Jupyter writes it small.
    #[must_use]
    pub fn of_sample(sample: Sample) -> Self {
        Self(sample.name().to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_as_jupyter_makes_them() {
        for (given, expected) in
            [("docker_python", "docker_python"), ("My Kernel-1.0", "my_kernel-1.0"), (".x", ".x")]
        {
            assert_eq!(KernelName::parse(given).unwrap().as_str(), expected);
        }
        KernelName::parse(&"x".repeat(NAME_MAX)).unwrap();
    }

    #[test]
    fn no_name_leads_out_of_the_kernels_directory() {
        for given in ["", ".", "..", "../x", "a/b", "/", "a\0b", "naïve", "a\nb", &"x".repeat(256)]
        {
            let error = KernelName::parse(given).unwrap_err().to_string();
            assert!(error.starts_with("Invalid kernel name"), "{given:?}: {error}");
        }
    }
}
