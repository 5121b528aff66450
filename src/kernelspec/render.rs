//! From settings to the files of a specification. It reads and writes nothing.

use std::path::Path;

use anyhow::Result;

use super::launcher::LauncherFile;
use super::specification::Specification;
use super::store::File;
use crate::layout::{self, KERNEL_JSON, OPTIONS};
use crate::settings::Settings;
use crate::templates;

/// All files of a specification for `destination`; `kernel.json` is the last one.
pub fn files(settings: &Settings, launcher: LauncherFile, destination: &Path) -> Result<Vec<File>> {
    let command = launcher.command(destination)?;
    let spec = Specification::new(settings, destination, command);
    let of_image = settings.of_image.iter().flat_map(|found| &found.logos);
    let mut files: Vec<File> =
        of_image.map(|(name, content)| File::data(*name, content.clone())).collect();
    let has_logos = !files.is_empty();
    // Those of two drawings would not go together.
    let ours = templates::resources(settings.language.known(), settings.mode)
        .filter(|(name, _)| !(has_logos && name.starts_with("logo-")));
    files.extend(ours.map(|(name, content)| File::data(name, content)));
    files.push(launcher.file);
    files.extend(launcher.bootstraps);
    if let Some(options) = &settings.options {
        files.push(File::data(layout::script(OPTIONS), options.clone().into_bytes()));
    }
    files.push(File::data(KERNEL_JSON, spec.into_text()?.into_bytes()));
    Ok(files)
}
