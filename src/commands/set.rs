//! `jupyter-docker-spec set`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::changes::Contents;
use super::chosen::chosen;
use super::output::escaped;
use super::{dry_run, planned, secrets};
use crate::cli::Set;
use crate::kernelspec::edit as kernel_json;
use crate::kernelspec::inside::is_below;
use crate::kernelspec::installed_launcher::{Kind, Reader};
use crate::kernelspec::search::FoundKernelspec;
use crate::kernelspec::specification::Specification;
use crate::kernelspec::store::{self, Change};
use crate::launcher::plan::Plan;
use crate::layout::{self, KERNEL_JSON, OPTIONS, REPLACING};
use crate::model::Mode;
use crate::options::container_options::{CONTAINER_OPTIONS, Given};
use crate::options::keys::KEYS;
use crate::options::toml_text::{quoted, words};
use crate::options::{Options, edit, mounts};
use crate::paths::Paths;
use crate::server::System;
use crate::setting;
use crate::settings::changed::{self, Changed};
use crate::settings::{CUSTOM_LAUNCHER, PYTHON_LAUNCHER, not_supported, resolved};
use crate::templates;

/// Changes what the command line names in an installed specification, and nothing else.
///
/// # Errors
/// When there is no such specification or it is broken, a value is not valid or has no place in it, or
/// somebody else changes it at the same time. It is as it was then.
///
/// Returns what is to be printed on standard output: what `--dry-run` asks for.
pub fn run(args: &Set, paths: &Paths<'_>) -> Result<String> {
    let (found, _) = chosen(&args.name, &args.place, paths)?;
    let place = found.directory.display();
    let of_others = || found.not_for_docker();
    let texts = Files::read(&found.directory)?;
    let spec = texts.specification(&found.directory)?.with_context(of_others)?;
    let wanted = Edit::new(args, &spec, paths)?;
    let is_native = has_native_launcher(&found, &spec, &wanted)?;
    let new = texts.with(&spec, &wanted, paths)?;
    if new == texts {
        tracing::info!("Nothing changes in kernelspec {} in {place}", found.name);
        return Ok(String::new());
    }
    let spec = new.specification(&found.directory)?.with_context(of_others)?;
    let options = new.options.as_deref().unwrap_or_default();
    let plan = is_native.then(|| planned::of_changed(&spec, options, paths.env)).transpose()?;
    if texts.options != new.options {
        warn(&new, &found.directory);
    }
    let changes = texts.contents().changes(&new.contents()).join("; ");
    if args.dry_run {
        tracing::info!("Would change kernelspec {} in {place}: {changes}", found.name);
        return described(&found.directory, &texts, &new, plan.map(|plan| (spec.mode, plan)));
    }
    store::change(&found.directory, &texts.changes(new))?;
    tracing::info!("Changed kernelspec {} in {place}: {changes}", found.name);
    Ok(String::new())
}

/// What the command line wants to be changed.
struct Edit {
    in_kernel_json: Changed,
    given: Vec<Given>,
    unset: Vec<&'static str>,
    /// Keys of `launch_docker.toml` with values that have no option of Docker's, as TOML.
    values: Vec<(&'static str, String)>,
}

impl Edit {
    fn new(args: &Set, spec: &Specification, paths: &Paths<'_>) -> Result<Self> {
        let language = &spec.language;
        let mut in_kernel_json =
            Changed::new(args, (spec.system, spec.brings_bootstrap), language, paths.env)?;
        for (flag, words) in &args.container {
            let is_empty = !flag.is_switch() && words.iter().any(|word| word.trim().is_empty());
            ensure!(!is_empty, changed::empty(flag.long));
        }
        let mut given = resolved(&args.container, paths.env)?;
        let (mut unset, mut gone) = (Vec::new(), Vec::new());
        for name in &args.unset {
            if in_kernel_json.unset(name)? {
                continue;
            }
            let option = name.trim_start_matches("--");
            let key = KEYS.iter().find(|key| key.name == name).map(|key| key.name);
            let flag = CONTAINER_OPTIONS.iter().find(|flag| flag.long == option);
            let said = given.iter().find(|(other, _)| {
                let is_option = flag.is_some_and(|flag| flag.long == other.long);
                is_option || key == Some(other.key)
            });
            if let Some((flag, _)) = said {
                bail!("`--{}` and `--unset={name}` say something else; use one", flag.long);
            }
            match (key, flag) {
                (Some(key), _) => unset.push(key),
                (None, Some(flag)) if flag.long == "no-healthcheck" => {
                    unset.push("healthcheck.disable");
                }
                (None, Some(flag)) if flag.is_switch() => unset.push(flag.key),
                // An option without a value takes away what it has said.
                (None, Some(flag)) => gone.push((flag, Vec::new())),
                (None, None) => bail!(changed::unknown(name, KEYS.iter().map(|key| key.name))),
            }
        }
        given.extend(gone);
        let mut values = Vec::new();
        if spec.system == System::Local {
            let image = in_kernel_json.image_name.take().map(|image| quoted(&image));
            values.extend(image.map(|image| ("image", image)));
        }
        let command = in_kernel_json.kernel_command.take();
        values.extend(command.map(|command| ("command", words(&command))));
        let wanted = Self { in_kernel_json, given, unset, values };
        ensure!(
            wanted.in_kernel_json != Changed::default() || wanted.option().is_some(),
            "nothing is named that is to be changed; `set --help` has the options"
        );
        if wanted.in_kernel_json.image_name.is_some() {
            ensure!(
                !spec.env.contains_key("KERNEL_IMAGE"),
                "`KERNEL_IMAGE` in the `env` of kernel.json counts more than `--image-name`; change it there"
            );
        }
        Ok(wanted)
    }

    /// The first of what goes into `launch_docker.toml`, as the command line has it.
    fn option(&self) -> Option<String> {
        let given = self.given.first().map(|(flag, _)| format!("--{}", flag.long));
        let unset = || self.unset.first().map(|key| format!("--unset={key}"));
        let of_key =
            |key| if key == "image" { &setting::IMAGE_NAME } else { &setting::KERNEL_COMMAND };
        let value = || self.values.first().map(|(key, _)| format!("--{}", of_key(*key).option));
        given.or_else(unset).or_else(value)
    }
}

/// Whether the launcher is ours, which reads the `launch_docker.toml` beside it. Refuses what one does not read, or
/// is not known to.
fn has_native_launcher(
    found: &FoundKernelspec,
    spec: &Specification,
    wanted: &Edit,
) -> Result<bool> {
    let place = found.directory.display();
    let (launcher, problems) = Reader::default().read(spec);
    if !problems.is_empty() {
        let broken = format!("`{}` in {place} is broken: {}", found.name, problems.join("; "));
        // It may be made for another place, where its launcher lies.
        let is_elsewhere = wanted.option().is_none() && !found.directory.join(REPLACING).exists();
        ensure!(is_elsewhere, "kernelspec {broken}; mend that first");
        tracing::warn!("Kernelspec {broken}");
    }
    let Some(launcher) = launcher else { return Ok(false) };
    let shown = launcher.path.display();
    let is_own = is_below(&launcher.path, &found.directory)
        && launcher.path.parent().is_some_and(|parent| parent.ends_with("scripts"));
    let Some(option) = wanted.option() else {
        return Ok(launcher.kind == Kind::Native && is_own);
    };
    if launcher.kind == Kind::Native {
        ensure!(
            is_own,
            "`{option}` goes into {OPTIONS} beside the launcher, and `{shown}` is not in {place}; edit `{}`",
            launcher.path.with_file_name(OPTIONS).display()
        );
        return Ok(true);
    }
    let in_it = format!("say the same in `{shown}`");
    let (what, advice) = if launcher.kind == Kind::Custom {
        (CUSTOM_LAUNCHER, in_it)
    } else {
        let convert = "give it the native one with `jupyter-docker-spec convert`";
        (PYTHON_LAUNCHER, format!("{convert}, or {in_it}"))
    };
    bail!("{}: {advice}", not_supported(&option, what))
}

/// The files that are changed.
#[derive(Clone, PartialEq, Eq)]
struct Files {
    kernel_json: String,
    /// `None` if it is not there.
    options: Option<String>,
}

impl Files {
    fn read(directory: &Path) -> Result<Self> {
        let kernel_json = store::read(directory, Path::new(KERNEL_JSON))?;
        let kernel_json = kernel_json
            .with_context(|| format!("there is no kernel.json in `{}`", directory.display()))?;
        let options = store::read(directory, &options_path())?;
        if let Some(text) = &options {
            Options::parse(&directory.join(options_path()).to_string_lossy(), text)?;
        }
        Ok(Self { kernel_json, options })
    }

    /// What both say; `None` if it is none of ours.
    fn specification(&self, directory: &Path) -> Result<Option<Specification>> {
        let mut spec = Specification::parse(directory, self.kernel_json.as_bytes())?;
        if let Some(spec) = &mut spec {
            spec.add_options(self.options.as_deref().unwrap_or_default());
        }
        Ok(spec)
    }

    /// The same texts with what is wanted.
    fn with(&self, spec: &Specification, wanted: &Edit, paths: &Paths<'_>) -> Result<Self> {
        let kernel_json = kernel_json::changed(&self.kernel_json, spec, &wanted.in_kernel_json)
            .with_context(|| {
                format!("could not change the kernel.json in `{}`", spec.directory.display())
            })?;
        let options = if wanted.option().is_none() {
            self.options.clone()
        } else {
            let old = self.options.as_deref().unwrap_or_else(|| templates::options());
            let new = edit::changed(old, &wanted.given, &wanted.unset, paths.env)?;
            let new = edit::replaced(&new, &wanted.values)?;
            if self.options.is_none() && new == old { None } else { Some(new) }
        };
        Ok(Self { kernel_json, options })
    }

    /// What has to be done to have the new texts in the place of these.
    fn changes(&self, new: Self) -> Vec<Change> {
        let (old_json, new_json) = (Some(self.kernel_json.clone()), Some(new.kernel_json));
        // It is last in every change of a specification.
        vec![
            Change { path: options_path(), old: self.options.clone(), new: new.options },
            Change { path: KERNEL_JSON.into(), old: old_json, new: new_json },
        ]
    }

    fn contents(&self) -> Contents {
        Contents::new(self.kernel_json.as_bytes(), self.options.as_deref())
    }
}

fn options_path() -> PathBuf {
    layout::script(OPTIONS)
}

/// Warns of secrets that are written where many can read them, and of mounts from where users may put
/// something else, as `install` does.
fn warn(new: &Files, directory: &Path) {
    let options = Options::parse(OPTIONS, new.options.as_deref().unwrap_or_default());
    // What is wrong with it has been said.
    let Ok(options) = options else { return };
    let path = directory.join(options_path());
    let secrets = secrets::of_options(&options, &path.to_string_lossy());
    // A file that is there keeps its mode.
    for warning in secrets.iter().filter(|_| !path.exists() || secrets::is_open(&path)) {
        tracing::warn!("{warning}");
    }
    for warning in mounts::exchangeable(&options) {
        tracing::warn!("{warning}.");
    }
}

/// What `--dry-run` prints: the files that would be written, `kernel.json` if it is one of them, and the request
/// of a launch.
fn described(
    directory: &Path,
    old: &Files,
    new: &Files,
    plan: Option<(Mode, Plan)>,
) -> Result<String> {
    let mut text = String::new();
    // Writing to a string does not fail.
    for Change { path, .. } in old.changes(new.clone()).iter().filter(|change| change.is_one()) {
        let _ = writeln!(text, "{}", directory.join(path).display());
    }
    if new.kernel_json != old.kernel_json {
        let _ = write!(text, "\n{KERNEL_JSON}:\n{}", new.kernel_json);
    }
    if let Some((mode, plan)) = plan {
        text.push_str(&dry_run::request(mode, &plan)?);
    }
    Ok(escaped(&text))
}
