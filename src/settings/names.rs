//! The names of the specification and of what people see.

use anyhow::{Result, ensure};

use super::kernel_name::KernelName;
use super::lookup::Lookup;
use crate::image::Kernelspec;
use crate::model::{Language, LanguageName, Sample};
use crate::setting::{self, Given};

/// # Errors
/// When the latter is blank.
pub(super) fn names(
    lookup: &Lookup<'_>,
    language: &LanguageName,
    of_image: Option<&Kernelspec>,
) -> Result<(String, String)> {
    // The Python tool cannot tell its default from the same value given, and neither do we:
    // `--language=R --kernel-name=docker_python` has always meant `docker_r`.
    let name_or = |known, of_python: &str, default: String| {
        let given = lookup.text(known).map(|given| given.value);
        given.filter(|name| name != of_python).unwrap_or(default)
    };
    let python = LanguageName::Known(Language::Python);
    // Several of one image may have one language.
    let default = match of_image {
        Some(found) => format!("docker_{}", found.name),
        None => language.default_kernel_name(),
    };
    let kernel_name = name_or(&setting::KERNEL_NAME, &python.default_kernel_name(), default);
    let default = match of_image {
        Some(found) => found.display_name.clone(),
        None => language.default_display_name(),
    };
    let display_name = name_or(&setting::DISPLAY_NAME, &python.default_display_name(), default);
    if let Some(given) = lookup.text(&setting::DISPLAY_NAME) {
        check_display_name(&Given { value: display_name.clone(), ..given })?;
    }
    Ok((kernel_name, display_name))
}

/// The name of the directory: that of a sample may have capitals.
///
/// # Errors
/// When it is none.
pub(super) fn kernel_name(
    name: &str,
    sample: Option<Sample>,
    language: &LanguageName,
    lookup: &Lookup<'_>,
) -> Result<KernelName> {
    if let Some(sample) = sample.filter(|sample| sample.name() == name) {
        return Ok(KernelName::of_sample(sample));
    }
    match KernelName::parse(name) {
        Err(error) if !lookup.line.has(&setting::KERNEL_NAME) && language.known().is_none() => {
            let name = language.name();
            Err(error.context(format!(
                "no name can be made of the language `{name}`; give one with `--kernel-name`"
            )))
        }
        parsed => parsed,
    }
}

pub(super) fn check_display_name(given: &Given) -> Result<()> {
    ensure!(!given.value.trim().is_empty(), given.must("not be blank"));
    Ok(())
}
