//! The class of a Python kernel.

use anyhow::{Result, ensure};

use super::lookup::Lookup;
use crate::model::Language;
use crate::setting;

/// The kernel class of a Python kernel by default.
pub const DEFAULT_KERNEL_CLASS: &str = "ipykernel.ipkernel.IPythonKernel";

pub(super) fn kernel_class(lookup: &Lookup<'_>, language: Language) -> Result<Option<String>> {
    let given = lookup.text(&setting::KERNEL_CLASS);
    if language != Language::Python {
        if given.is_some_and(|given| given.value != DEFAULT_KERNEL_CLASS) {
            tracing::warn!(
                "--ipykernel-subclass-name will be ignored since --language is not Python."
            );
        }
        return Ok(None);
    }
    let Some(given) = given else { return Ok(Some(DEFAULT_KERNEL_CLASS.to_owned())) };
    let parts: Vec<&str> = given.value.split('.').collect();
    let dotted = parts.len() > 1
        && parts.iter().all(|part| {
            part.chars().all(|c| c.is_alphanumeric() || c == '_')
                && part.chars().next().is_some_and(|c| !c.is_numeric())
        });
    ensure!(dotted, given.must("be the dotted name of a class, such as `package.module.Class`"));
    Ok(Some(given.value))
}
