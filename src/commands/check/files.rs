//! Looks at a specification on the disk.

use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::ensure;
use fs_err as fs;

use super::report::Report;
use crate::commands::planned;
use crate::env::Env;
use crate::files;
use crate::kernelspec::carried::{Kind, Reader};
use crate::kernelspec::installed::Installed;
use crate::kernelspec::search::Found;
use crate::kernelspec::store;
use crate::launcher::spec::OPTIONS;
use crate::options::Options;
use crate::templates;

/// The bits of a mode by which everybody may read, and go through a directory.
const READ: u32 = 0o004;
const PASS: u32 = 0o001;

/// The numbers of ELF headers (`e_machine`) for the architectures that Rust and Docker run on.
const MACHINES: [(u16, &str); 7] = [
    (3, "x86"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
];

/// Whether it is whole, and can be read and run by the account that serves it.
pub(super) fn check(
    found: &Found,
    spec: &Installed,
    reader: &mut Reader<'_>,
    env: &Env,
    report: &mut Report,
) {
    if let Some(first) = &found.shadowed_by {
        report.warning(format!(
            "Jupyter does not take this one, but {}; remove one of the two",
            first.display()
        ));
    }
    let (launcher, problems) = reader.read(spec);
    for problem in &problems {
        report.error(format!("{problem}; make it again with `install --replace`"));
    }
    if let Some(launcher) = &launcher {
        let version = launcher.version.as_deref().unwrap_or_default();
        let name = launcher.kind.name();
        match foreign_machine(&launcher.path) {
            Some(machine) => report.error(format!(
                "the launcher is for {machine}, and this machine is {}; install it from the \
                 program for this machine",
                std::env::consts::ARCH
            )),
            None if problems.is_empty() => {
                report.ok(format!("the launcher is {name} {version}").trim_end());
            }
            None => {}
        }
        if launcher.kind == Kind::Upstream {
            report.warning(
                "the launcher is that of the Python tool, which gives the kernel the server's \
                 whole environment and says little when a launch fails; replace it with \
                 `jupyter-docker-spec convert`",
            );
        }
    }
    if !store::files(&spec.directory).iter().any(|path| path.starts_with("logo-64x64.png")) {
        report.warning("there is no logo-64x64.png: the kernel is shown without a picture");
    }
    let kernel_json = &spec.kernel_json;
    for (name, value) in
        [("display_name", &kernel_json.display_name), ("language", &kernel_json.language)]
    {
        if value.is_empty() {
            report.error(format!("kernel.json has no `{name}`; make it again"));
        }
    }
    let python = launcher.is_some_and(|launcher| launcher.kind == Kind::Python);
    options(spec, python, env, report);
    readable(spec, report);
    users(spec, env, report);
}

/// Whether `launch_docker.toml` is right, and the launcher can obey it.
fn options(spec: &Installed, python: bool, env: &Env, report: &mut Report) {
    let path = spec.directory.join("scripts").join(OPTIONS);
    let text = match files::read_to_string(&path) {
        Ok(text) => text,
        // Whether it may be read is told below.
        Err(error)
            if [ErrorKind::NotFound, ErrorKind::PermissionDenied].contains(&error.kind()) =>
        {
            return;
        }
        Err(error) => return report.error(error.to_string()),
    };
    let right = Options::parse(&path.to_string_lossy(), &text).and_then(|options| {
        let unknown =
            options.values().find(|(key, _)| python && !templates::python_knows(key, spec.mode));
        ensure!(
            unknown.is_none(),
            "{}: `{}` is not supported by the launcher in Python; edit that one, or install the \
             specification with the native launcher",
            path.display(),
            unknown.unwrap_or_default().0
        );
        planned::of_installed(spec, options, env)
    });
    match right {
        Ok(_) => report.ok(format!("{OPTIONS} is right")),
        Err(error) => report.error(format!("{error:#}")),
    }
}

/// The architecture that a program is for, if this machine is of another.
fn foreign_machine(path: &Path) -> Option<String> {
    let mut header = [0; 20];
    files::open(path).ok()?.read_exact(&mut header).ok()?;
    let machine = header.starts_with(b"\x7fELF").then(|| header.get(18..20)).flatten()?;
    let number = u16::from_ne_bytes([machine[0], machine[1]]);
    let known = MACHINES.iter().find(|(known, _)| *known == number);
    let name = known.map_or_else(|| format!("machine {number}"), |(_, name)| (*name).to_owned());
    (name != std::env::consts::ARCH).then_some(name)
}

/// Whether others than the owner can read it.
fn readable(spec: &Installed, report: &mut Report) {
    let mut paths: Vec<_> =
        spec.directory.ancestors().map(|path| (path.to_path_buf(), PASS)).collect();
    for file in store::files(&spec.directory) {
        paths.push((spec.directory.join(file), READ));
    }
    for (path, bit) in paths {
        let Ok(metadata) = fs::metadata(&path) else {
            report.error(format!("{} cannot be read by this account", path.display()));
            return;
        };
        if metadata.permissions().mode() & bit == 0 {
            let owner = metadata.uid();
            let message = format!(
                "only user {owner} can read it, because of {}; another account's server needs \
                 `chmod o+{}` there",
                path.display(),
                if bit == PASS { "x" } else { "r" }
            );
            // A home directory is closed to others as a rule.
            if owner == 0 {
                report.warning(message);
            } else {
                report.ok(message);
            }
            return;
        }
    }
    report.ok("it is whole, and every account can read it");
}

/// Whether anybody may start it.
fn users(spec: &Installed, env: &Env, report: &mut Report) {
    let allowed = spec.names("authorized_users").unwrap_or_default();
    let refused = spec.names("unauthorized_users").unwrap_or_else(|| vec!["root".to_owned()]);
    for user in allowed.iter().filter(|user| refused.contains(user)) {
        report.warning(format!("`{user}` is both an authorized and an unauthorized user: refused"));
    }
    for (what, variable, default) in [("UID", "KERNEL_UID", "1000"), ("GID", "KERNEL_GID", "100")] {
        let of_spec = spec.kernel_json.env.get(variable).map(String::as_str);
        let id = of_spec.or_else(|| env.get(variable)).unwrap_or(default);
        let list = format!("{}_PROHIBITED_{what}S", spec.system.short());
        let prohibited = env.get(&list).unwrap_or("0");
        if prohibited.split(',').any(|one| one.trim() == id) {
            report.error(format!("{variable} of {id} is prohibited by {list} of `{prohibited}`"));
            return;
        }
    }
}
