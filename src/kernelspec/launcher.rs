//! The launcher that a kernelspec carries, and where it comes from.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::store::{Content, File};
use super::{bootstrap, installed_launcher, sibling};
use crate::files::{self, PlainFile};
use crate::layout::{self, NATIVE, PYTHON};
use crate::paths::Paths;
use crate::setting::variable;
use crate::settings::Launcher;
use crate::templates;

/// A launcher ready to be put into a specification.
#[derive(Clone, Debug)]
pub struct LauncherFile {
    pub file: File,
    /// The program that runs it; `None` if it runs by itself.
    pub interpreter: Option<&'static str>,
    /// What it brings into containers.
    pub bootstraps: Vec<File>,
}

impl LauncherFile {
    /// Finds the launcher that was asked for.
    ///
    /// # Errors
    /// When there is no such file, or it is not one that can be run: it says where it looked.
    pub fn find(launcher: &Launcher, paths: &Paths<'_>) -> Result<Self> {
        match launcher {
            Launcher::Native => {
                let other = format!("--launcher PATH or {}", variable::LAUNCHER);
                Self::native(beside_this(paths, &other)?)
            }
            Launcher::Python => {
                let content = Content::Bytes(templates::python_launcher().into());
                Ok(Self::new(PYTHON.as_ref(), content, true))
            }
            Launcher::File(path) => Self::of_user(&paths.expand(path)),
        }
    }

    /// Finds the native launcher, of which only a variable names another file, and the bootstrap for a specification
    /// with this option.
    ///
    /// # Errors
    /// When one of both is missing or is not what it should be: it says where it looked.
    pub fn find_with_bootstrap(
        launcher: &Launcher,
        option: &str,
        paths: &Paths<'_>,
    ) -> Result<Self> {
        let launcher = match launcher {
            Launcher::File(path) => Self::native(paths.expand(path)).with_context(|| {
                format!("`{}` names another launcher; unset it", variable::LAUNCHER)
            })?,
            // Of the one in Python, only the variable can speak: it is for specifications that can have it.
            _ => Self::native(beside_this(paths, variable::LAUNCHER)?)?,
        };
        Ok(Self { bootstraps: bootstrap::find(option, paths)?, ..launcher })
    }

    /// The start of `argv` for a specification in this directory.
    pub fn command(&self, directory: &Path) -> Result<Vec<String>> {
        let path = directory.join(&self.file.path).into_os_string().into_string().ok();
        let path = path.with_context(|| {
            format!("`{}` is not UTF-8 and cannot be named in kernel.json", directory.display())
        })?;
        Ok(self.interpreter.map(str::to_owned).into_iter().chain([path]).collect())
    }

    fn new(name: &OsStr, content: Content, by_python: bool) -> Self {
        let file = File { path: layout::script(name), content, executable: true };
        Self { file, interpreter: by_python.then_some("python"), bootstraps: Vec::new() }
    }

    fn native(path: PathBuf) -> Result<Self> {
        let is_ours = installed_launcher::is_native(&executable(&path)?)?;
        ensure!(
            is_ours,
            "`{}` is not the launcher that belongs to this program; install both executables again",
            path.display()
        );
        Ok(Self::new(NATIVE.as_ref(), Content::Program(path), false))
    }

    fn of_user(path: &Path) -> Result<Self> {
        let python = path.extension().is_some_and(|extension| extension == "py");
        if python {
            files::open(path).context("could not read the launcher")?;
        } else {
            executable(path)?;
        }
        let name = path.file_name().context("the launcher has no file name")?;
        Ok(Self::new(name, Content::CopyOf(path.to_path_buf()), python))
    }
}

/// The native launcher beside this program's executable. `other` says how another one is named.
fn beside_this(paths: &Paths<'_>, other: &str) -> Result<PathBuf> {
    let executable = paths.executable.with_context(|| {
        format!(
            "the system does not say where this program's file is; name the launcher with {other}"
        )
    })?;
    sibling::find(executable, NATIVE)?.with_context(|| {
        format!(
            "could not find the launcher `{NATIVE}`, which belongs beside this program: there is no `{}`; install \
             both executables, or name one with {other}",
            executable.with_file_name(NATIVE).display(),
        )
    })
}

fn executable(path: &Path) -> Result<PlainFile> {
    let file = PlainFile::open(path).context("could not read the launcher")?;
    let shown = path.display();
    ensure!(
        file.mode & 0o111 != 0,
        "the launcher `{shown}` is not executable; make it so with `chmod +x {shown}`"
    );
    if let Some(fault) = installed_launcher::fault(&file)? {
        bail!("the launcher `{shown}` is not whole: {fault}; copy or download it again");
    }
    Ok(file)
}
