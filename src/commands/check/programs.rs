//! Finds out which `jupyter-docker-spec` runs, also as `jupyter docker-spec`: `gateway_provisioners` has a
//! Python command of that name, and pip lets two packages write and remove the same file.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::report::Report;
use crate::commands::show::shell::quoted;
use crate::files;
use crate::paths::Paths;

const PROGRAM: &str = "jupyter-docker-spec";

/// This program under a name that no other package has; the wheel installs it.
const SECOND_NAME: &str = "jupyter-docker-spec-native";

pub(super) const RIVAL: &str = "gateway_provisioners";

/// Checks whether it is this program that runs.
pub(super) fn check(paths: &Paths<'_>, report: &mut Report) {
    let Some(own) = paths.executable else { return };
    let first = paths.on_path(PROGRAM).next();
    match &first {
        Some(first) if is_python(first) => report.warning(format!(
            "`{PROGRAM}` on PATH is the Python tool at {}; put {} before it, or over it: {}",
            first.display(),
            own.display(),
            put(own, first)
        )),
        Some(first) if !is_same(first, own) => report.warning(format!(
            "`{PROGRAM}` on PATH is another one, {}; this is {}",
            first.display(),
            own.display()
        )),
        Some(first) => report.ok(format!("`{PROGRAM}` is {}", first.display())),
        None => missing(own, paths, report),
    }
    // `jupyter` searches its own directory before `PATH`.
    let Some(jupyter) = paths.on_path("jupyter").next() else { return };
    let beside = jupyter.with_file_name(PROGRAM);
    if is_python(&beside) {
        report.warning(python_tool(own, &beside));
    } else if first.is_some()
        && is_same(&beside, own)
        && let Some(rival) = rival_in(&beside)
    {
        report.ok(format!(
            "`jupyter docker-spec` is this program; {rival}, which is there too, has a command of \
             that name: pip replaces this one when it installs or upgrades {RIVAL}, and removes it \
             when it uninstalls it; run `{}` afterwards",
            again(&beside)
        ));
    }
}

/// That `jupyter docker-spec` is the Python tool, if it is, and how to put this program there.
pub(super) fn in_front(paths: &Paths<'_>) -> Option<String> {
    let own = paths.executable?;
    let beside = paths.on_path("jupyter").next()?.with_file_name(PROGRAM);
    is_python(&beside).then(|| python_tool(own, &beside))
}

fn python_tool(own: &Path, beside: &Path) -> String {
    format!(
        "`jupyter docker-spec` is the Python tool at {}, because `jupyter` looks beside itself \
         first, and {RIVAL} puts it there whenever it is installed or upgraded; put this \
         program there: {}",
        beside.display(),
        put(own, beside)
    )
}

/// No such command is on `PATH`.
fn missing(own: &Path, paths: &Paths<'_>, report: &mut Report) {
    let beside = own.with_file_name(PROGRAM);
    let is_second = own.file_name().is_some_and(|name| name == SECOND_NAME);
    if is_second && !beside.exists() {
        report.warning(format!(
            "{} is gone, so `jupyter docker-spec` does not find it: uninstalling {RIVAL}, which has \
             a command of that name, takes it away; put it back: {}",
            beside.display(),
            put(own, &beside)
        ));
        return;
    }
    let place = paths.on_path("jupyter").next().map(|jupyter| jupyter.with_file_name(PROGRAM));
    let mended = place.map(|place| format!("; put it there: {}", put(own, &place)));
    report.warning(format!(
        "{} is not on PATH, so `jupyter docker-spec` does not find it{}",
        own.display(),
        mended.unwrap_or_default()
    ));
}

/// The command that makes this program run from `place`. It makes a link, because the launcher is looked for
/// beside the link's target.
fn put(own: &Path, place: &Path) -> String {
    format!("`{}`", link(own, place))
}

fn link(own: &Path, place: &Path) -> String {
    let word = |path: &Path| quoted(&path.to_string_lossy());
    format!("ln -sf {} {}", word(own), word(place))
}

/// The command that installs the rival beside a script, and then makes this program run there all the same:
/// pip puts the Python tool there, and may overwrite this program.
pub(super) fn despite_rival(install: &str, script: &Path, paths: &Paths<'_>) -> String {
    let Some(own) = paths.executable else { return install.to_owned() };
    let place = script.with_file_name(PROGRAM);
    let real = |path: &Path| fs::canonicalize(path).ok();
    if own != place && real(own) != real(&place) {
        return format!("{install} && {}", link(own, &place));
    }
    let kept = place.with_file_name(SECOND_NAME);
    let put = link(&kept, &place);
    if fs::symlink_metadata(&kept).is_ok_and(|kept| kept.is_file()) {
        return format!("{install} && {put}");
    }
    let copy = |path: &Path| quoted(&path.to_string_lossy());
    format!("cp --remove-destination {} {} && {install} && {put}", copy(&place), copy(&kept))
}

/// The command that checks again, under the name that remains if there is one.
fn again(program: &Path) -> &'static str {
    if program.with_file_name(SECOND_NAME).is_file() {
        "jupyter docker-spec-native check"
    } else {
        "jupyter docker-spec check"
    }
}

/// The package with the Python command and its version, if pip has installed it into the environment of a
/// program.
fn rival_in(program: &Path) -> Option<String> {
    let prefix = program.parent()?.parent()?;
    let names = |directory: PathBuf| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned()))
    };
    names(prefix.join("lib"))
        .filter(|(_, name)| name.starts_with("python"))
        .flat_map(|(library, _)| names(library.join("site-packages")))
        .find_map(|(_, name)| {
            let version =
                name.strip_prefix(RIVAL)?.strip_prefix('-')?.strip_suffix(".dist-info")?;
            Some(format!("{RIVAL} {version}"))
        })
}

/// Whether a file is the Python tool of the same name.
fn is_python(path: &Path) -> bool {
    files::read(path).is_ok_and(|text| {
        text.starts_with(b"#!") && memchr::memmem::find(&text, RIVAL.as_bytes()).is_some()
    })
}

/// Whether two paths lead to the same program, even in two files.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path| fs::canonicalize(path).ok();
    let size = |path| fs::metadata(path).ok().map(|metadata| metadata.len());
    let (Some(one), Some(other)) = (real(one), real(other)) else { return false };
    one == other
        || (size(&one) == size(&other)
            && matches!((files::read(&one), files::read(&other)), (Ok(one), Ok(other)) if one == other))
}
