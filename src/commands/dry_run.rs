//! `install --dry-run`: what would be written, and what the launcher would request from the engine.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::output::escaped;
use super::planned;
use crate::env::Env;
use crate::kernelspec::store::{Content, Job};
use crate::launcher::plan::Plan;
use crate::layout::KERNEL_JSON;
use crate::model::Mode;
use crate::server::System;
use crate::settings::{Launcher, Settings};

/// The files with their modes, `kernel.json`, and the request of a launch.
pub(super) fn described(settings: &Settings, job: &Job, env: &Env) -> Result<String> {
    let Job { destination, files, .. } = job;
    let mut text = String::new();
    // Writing to a string does not fail.
    if let Some(addition) = &settings.addition {
        let _ = writeln!(text, "Dockerfile of {}:\n{}", addition.tag, addition.dockerfile()?);
    }
    for file in files {
        let mode = if file.executable { "0755" } else { "0644" };
        let origin = match &file.content {
            Content::CopyOf(path) | Content::Program(path) => {
                format!(" (a copy of {})", path.display())
            }
            _ => String::new(),
        };
        let path = destination.join(&file.path);
        let _ = writeln!(text, "{mode} {}{origin}", path.display());
    }
    for file in files.iter().filter(|file| file.path == Path::new(KERNEL_JSON)) {
        if let Content::Bytes(bytes) = &file.content {
            let _ = write!(text, "\n{KERNEL_JSON}:\n{}", String::from_utf8_lossy(bytes));
        }
    }
    // The documented launcher contains its request, and is meant to be edited.
    if settings.launcher != Launcher::Python {
        text.push_str(&request(settings.mode, &planned::of_settings(settings, env)?)?);
    }
    // Names may be those of an image.
    Ok(escaped(&text))
}

/// What a launch requests from the engine.
pub(super) fn request(mode: Mode, plan: &Plan) -> Result<String> {
    let what = match mode {
        Mode::Docker => "containers",
        Mode::Swarm => "services",
    };
    let request = serde_json::to_string_pretty(&plan.request)?;
    let whose = match plan.launch.caller {
        System::Local => "",
        _ => " of the user `bob`",
    };
    Ok(format!("\nPOST /{what}/create for a kernel{whose}:\n{request}\n"))
}
