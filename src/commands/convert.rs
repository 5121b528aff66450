//! `jupyter-docker-spec convert`.

mod foreign;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cli::Convert;
use crate::commands::planned;
use crate::env::Env;
use crate::files;
use crate::kernelspec::installed_launcher::{Kind, Reader};
use crate::kernelspec::launcher::LauncherFile;
use crate::kernelspec::search::{self, FoundKernelspec};
use crate::kernelspec::specification::Specification;
use crate::kernelspec::store::{self, Job};
use crate::kernelspec::{convert, known_launchers};
use crate::launcher::args::Request;
use crate::layout::{self, OPTIONS, PYTHON};
use crate::model::Language;
use crate::options::{BRING_BOOTSTRAP, Options, edit, toml_text};
use crate::paths::Paths;
use crate::server::System;
use crate::setting;
use crate::settings::{Launcher, known_command};
use crate::templates;
use crate::text::printable;

/// The suffix of an edited launcher that ours replaces.
const KEPT: &str = ".replaced";

/// Replaces the Python launchers of the named specifications by the native one, and changes nothing else: of
/// all of them, or of none.
///
/// # Errors
/// If one that is named cannot be converted, all specifications are unchanged.
///
/// Returns what is to be printed: what would be done by `--dry-run`.
pub fn run(args: &Convert, paths: &Paths<'_>) -> Result<String> {
    let directories = paths.kernel_directories();
    let all = search::in_directories(&directories);
    let (plans, others) =
        if args.all { of_all(&all, args, paths) } else { named(args, &all, &directories, paths)? };
    let edited: Vec<&Plan> = plans.iter().filter(|plan| plan.known.is_none()).collect();
    if !args.force && !edited.is_empty() {
        let names: Vec<String> = edited.iter().map(|p| format!("`{}`", p.found.name)).collect();
        bail!("nothing was converted: {}", of_edited(&names.join(", ")));
    }
    for Plan { found, spec, .. } in &plans {
        let missing = spec.missing_placeholders();
        if !missing.is_empty() {
            tracing::warn!(
                "`argv` in the kernel.json of `{}` does not give the launcher `{}`, without which the \
                 server never hears from the kernel, and `convert` does not change that: the server \
                 was older; `jupyter-docker-spec show {0} --toml | jupyter-docker-spec install --file -` makes it again",
                found.name,
                missing.join("`, `")
            );
        }
    }
    let jobs: Result<Vec<Job>> = plans.iter().map(|plan| plan.job(paths)).collect();
    let mut jobs = jobs?;
    let had = if args.dry_run { "has" } else { "had" };
    let of_launcher = |Plan { found, known, .. }: &Plan| {
        let what = known.map_or_else(
            || "an edited launcher, or another one".to_owned(),
            |name| format!("the launcher of {name}"),
        );
        format!("{} in {}, which {had} {what}", found.name, found.directory.display())
    };
    let mut done: Vec<String> = plans.iter().map(of_launcher).collect();
    for (FoundKernelspec { name, directory, .. }, tool, job) in others {
        done.push(format!("{name} in {}, which {tool} has made", directory.display()));
        jobs.push(job);
    }
    if args.dry_run {
        let lines: Vec<String> =
            done.iter().map(|one| format!("would convert {}", printable(one))).collect();
        return Ok(if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" });
    }
    store::install(&jobs)?;
    for one in done {
        tracing::info!("Converted kernelspec {one}");
    }
    Ok(String::new())
}

/// Those whose launcher is replaced, and those of other tools, with the tool and with what takes their place.
type Plans = (Vec<Plan>, Vec<(FoundKernelspec, &'static str, Job)>);

/// Those that are named, each once.
fn named(
    args: &Convert,
    all: &[FoundKernelspec],
    directories: &[PathBuf],
    paths: &Paths<'_>,
) -> Result<Plans> {
    let (mut plans, mut others): Plans = Default::default();
    for name in &args.names {
        let found = search::find(name, all, directories, paths)?;
        let is_same = |other: &FoundKernelspec| other.directory == found.directory;
        if plans.iter().any(|plan| is_same(&plan.found))
            || others.iter().any(|(one, ..)| is_same(one))
        {
            continue;
        }
        match foreign::job(&found, paths)? {
            Some((tool, job)) => others.push((found, tool, job)),
            None => plans.extend(Plan::new(found, args.bring_bootstrap, paths)?),
        }
    }
    Ok((plans, others))
}

/// All of servers that Jupyter finds. Nobody has named them, so what keeps one from being converted is no reason to
/// leave the others.
fn of_all(all: &[FoundKernelspec], args: &Convert, paths: &Paths<'_>) -> Plans {
    let (mut plans, mut others): Plans = Default::default();
    for found in all.iter().filter(|found| found.shadowed_by.is_none()) {
        match foreign::job(found, paths) {
            Ok(None) => {}
            Ok(Some((tool, job))) => {
                others.push((found.clone(), tool, job));
                continue;
            }
            Err(error) => {
                tracing::warn!("Leaving kernelspec {}: {error:#}", found.name);
                continue;
            }
        }
        let is_concerned = match found.read() {
            Ok(spec) => spec.is_some_and(|spec| spec.system != System::Local),
            Err(_) => true,
        };
        if !is_concerned {
            continue;
        }
        match Plan::new(found.clone(), args.bring_bootstrap, paths) {
            Ok(Some(plan)) if plan.known.is_none() && !args.force => {
                tracing::warn!("Leaving kernelspec {}: {}", found.name, of_edited("it"));
            }
            Ok(plan) => plans.extend(plan),
            Err(error) => tracing::warn!("Leaving kernelspec {}: {error:#}", found.name),
        }
    }
    if plans.is_empty() && others.is_empty() {
        tracing::info!("There is nothing to convert");
    }
    (plans, others)
}

/// Why an edited launcher is not converted, and what to do.
fn of_edited(whose: &str) -> String {
    format!(
        "the launcher of {whose} has been edited, or is none that came with gateway_provisioners, Enterprise \
         Gateway or jupyter-docker-spec, and the native one does not do what somebody has written into it; say \
         the same in {OPTIONS}, for which `install --help` has the options, and convert with --force, which keeps \
         the old launcher as `scripts/{PYTHON}{KEPT}`"
    )
}

/// A specification to convert.
struct Plan {
    found: FoundKernelspec,
    spec: Specification,
    /// The tool whose launcher it has; `None` if that is not known.
    known: Option<&'static str>,
    /// The path of its launcher in the specification; `None` if it is elsewhere or missing.
    launcher: Option<PathBuf>,
    /// The words of `argv` that run the launcher.
    words: Vec<String>,
    /// What `launch_docker.toml` is to say, if that is something else than it says.
    options: Option<String>,
}

impl Plan {
    /// Reads a specification; `None` if there is nothing to do.
    fn new(
        found: FoundKernelspec,
        brings_bootstrap: bool,
        paths: &Paths<'_>,
    ) -> Result<Option<Self>> {
        let shown = found.directory.display();
        let spec = found.read()?.with_context(|| found.not_for_docker())?;
        ensure!(
            spec.system != System::Local,
            "`{}` in {shown} is a specification of `install --local`, whose launcher is the native one always: \
             `convert` is for those of servers; `jupyter-docker-spec show {0} --toml | jupyter-docker-spec install \
             --file -` puts this version's launcher there",
            found.name
        );
        store::check(&found.directory, true)?;
        let (launcher, _) = Reader::default().read(&spec);
        let is_native = launcher.is_some_and(|launcher| launcher.kind == Kind::Native);
        let options =
            brings_bootstrap.then(|| bringing(&found, &spec, paths.env)).transpose()?.flatten();
        if is_native && options.is_none() {
            tracing::info!("Kernelspec {} in {shown} has the native launcher already", found.name);
            return Ok(None);
        }
        let (path, by_python) = spec.launcher().with_context(|| {
            format!("`argv` in the kernel.json of `{}` in {shown} is empty", found.name)
        })?;
        let words = spec.argv[if by_python { 2 } else { 1 }..].to_vec();
        let understood = Request::parse(words.iter().map(Into::into));
        ensure!(
            matches!(understood, Ok(Request::Launch(_))),
            "`argv` in the kernel.json of `{}` in {shown} has words that the native launcher does \
             not know{}",
            found.name,
            understood.err().map(|error| format!(": {error}")).unwrap_or_default()
        );
        let launcher = inside(&spec, path);
        let path = launcher.as_ref().map_or(path.to_path_buf(), |own| found.directory.join(own));
        let known = match (by_python, is_native) {
            (true, _) => known_as(&path)?,
            (false, true) => Some("jupyter-docker-spec"),
            (false, false) => None,
        };
        Ok(Some(Self { found, spec, known, launcher, words, options }))
    }

    fn job(&self, paths: &Paths<'_>) -> Result<Job> {
        let kept = layout::script(format!("{PYTHON}{KEPT}"));
        let kept = Some(kept).filter(|_| self.known.is_none());
        let launcher = if self.options.is_some() || self.spec.brings_bootstrap {
            let option = format!("--{}", setting::BRING_BOOTSTRAP.option);
            LauncherFile::find_with_bootstrap(&Launcher::Native, &option, paths)?
        } else {
            LauncherFile::find(&Launcher::Native, paths)?
        };
        let old = (self.launcher.as_deref(), kept.as_deref());
        let files = convert::files(&self.spec, old, launcher, &self.words, self.options.clone())?;
        let destination = self.found.directory.clone();
        Ok(Job { copy_of: Some(destination.clone()), destination, files, replace: true })
    }
}

/// The `launch_docker.toml` of a specification whose kernels are started by our bootstrap; `None` if it says so already.
fn bringing(found: &FoundKernelspec, spec: &Specification, env: &Env) -> Result<Option<String>> {
    let text = store::read(&found.directory, &layout::script(OPTIONS))?;
    let text = text.unwrap_or_else(|| templates::options().to_owned());
    let options = Options::parse(OPTIONS, &text)?;
    if options.is_on(BRING_BOOTSTRAP) {
        return Ok(None);
    }
    let command = Language::parse(&spec.language).and_then(known_command).with_context(|| {
        format!(
            "`{}` in {} is for {}, of which `--bring-bootstrap` does not know how the kernel is started: \
             install it anew with `install --bring-bootstrap --kernel-command`, or leave it with the bootstrap of its image",
            found.name,
            found.directory.display(),
            spec.language
        )
    })?;
    // A command that is there starts another bootstrap.
    let values = [(BRING_BOOTSTRAP, "true".to_owned()), ("command", toml_text::words(&command))];
    let text = edit::replaced(&text, &values)?;
    planned::of_changed(spec, &text, env)
        .with_context(|| format!("`{}` cannot be converted", found.name))?;
    Ok(Some(text))
}

/// The tool whose unedited Python launcher this is.
fn known_as(path: &Path) -> Result<Option<&'static str>> {
    let text = files::read(path).context("could not read the launcher")?;
    Ok(known_launchers::name(&String::from_utf8_lossy(&text)))
}

/// The path of the launcher in the specification. A specification made for another place names the launcher
/// as if it were there.
fn inside(spec: &Specification, path: &Path) -> Option<PathBuf> {
    if let Ok(inside) = path.strip_prefix(&spec.directory) {
        return spec.directory.join(inside).exists().then(|| inside.to_path_buf());
    }
    let usual = layout::script(path.file_name()?);
    (!path.exists() && spec.directory.join(&usual).exists()).then_some(usual)
}
