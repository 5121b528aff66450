//! Finds the kernelspecs in Jupyter's directories, as `jupyter_client`'s `KernelSpecManager` does.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;

use super::specification::Specification;
use crate::layout::{self, KERNEL_JSON, NATIVE, PYTHON};
use crate::paths::Paths;
use crate::text::did_you_mean;

/// A directory that Jupyter takes for a kernelspec.
#[derive(Clone, Debug)]
pub struct FoundKernelspec {
    /// The name that Jupyter knows it by: the directory's, in small letters.
    pub name: String,
    /// The directory.
    pub directory: PathBuf,
    /// The specification of the same name that Jupyter finds first, if there is one.
    pub shadowed_by: Option<PathBuf>,
}

impl FoundKernelspec {
    /// Reads the specification; `None` if its kernels do not run in Docker. One that cannot be read
    /// is held to be ours if it has one of our launchers.
    ///
    /// # Errors
    /// When `kernel.json` cannot be understood.
    pub fn read(&self) -> Result<Option<Specification>> {
        let read = Specification::read(&self.directory);
        if read.is_err() && !has_launcher(&self.directory) { Ok(None) } else { read }
    }

    /// The message for when that is `None`.
    #[must_use]
    pub fn not_for_docker(&self) -> String {
        format!("`{}` in {} is no Docker kernel specification", self.name, self.directory.display())
    }
}

/// Whether a launcher of ours, or of the Python tool, lies where it does in a specification.
fn has_launcher(directory: &Path) -> bool {
    [NATIVE, PYTHON].iter().any(|name| directory.join(layout::script(name)).exists())
}

/// All kernelspecs in the kernels directories, of any kind, in the order of the directories and by
/// name in each. Directories that are missing or cannot be read hold nothing, as for Jupyter.
#[must_use]
pub fn in_directories(directories: &[PathBuf]) -> Vec<FoundKernelspec> {
    let mut found: Vec<FoundKernelspec> = Vec::new();
    for kernels in directories {
        let entries = fs::read_dir(kernels).into_iter().flatten().flatten();
        let mut here: Vec<FoundKernelspec> = entries
            .filter_map(|entry| {
                let name = entry.file_name().to_str()?.to_lowercase();
                let directory = entry.path();
                let first = found.iter().find(|other| other.name == name);
                let shadowed_by = first.map(|first| first.directory.clone());
                has_specification(&directory).then_some(FoundKernelspec {
                    name,
                    directory,
                    shadowed_by,
                })
            })
            .collect();
        here.sort_by(|a, b| (&a.name, &a.directory).cmp(&(&b.name, &b.directory)));
        found.extend(here);
    }
    found
}

/// Whether a directory is one that Jupyter takes for a specification.
fn has_specification(directory: &Path) -> bool {
    directory.join(KERNEL_JSON).is_file()
}

/// The specification that Jupyter takes for this name.
#[must_use]
pub fn named<'a>(found: &'a [FoundKernelspec], name: &str) -> Option<&'a FoundKernelspec> {
    let first = found.iter().find(|found| found.name == name.to_lowercase())?;
    // Two in one directory may differ in the case of their letters only.
    let exact = found.iter().find(|other| {
        other.directory.parent() == first.directory.parent() && other.directory.ends_with(name)
    });
    exact.or(Some(first))
}

/// The specification of this name, or, where the name is a path, in this directory.
///
/// # Errors
/// When there is none: it names those that there are.
pub fn find(
    name: &str,
    all: &[FoundKernelspec],
    directories: &[PathBuf],
    paths: &Paths<'_>,
) -> Result<FoundKernelspec> {
    if name.contains('/') || [".", ".."].contains(&name) {
        let directory = paths.absolute(Path::new(name));
        return at(all, &directory)
            .with_context(|| format!("there is no kernel.json in `{}`", directory.display()));
    }
    if let Some(found) = named(all, name) {
        return Ok(found.clone());
    }
    let is_docker = |found: &&FoundKernelspec| found.read().map_or(true, |spec| spec.is_some());
    let known: Vec<FoundKernelspec> = all.iter().filter(is_docker).cloned().collect();
    let first = known.iter().filter(|found| found.shadowed_by.is_none());
    let names: Vec<String> = first.map(|found| format!("`{}`", found.name)).collect();
    let listed = match &*names {
        [] => String::new(),
        names => format!("; those for Docker are {}", names.join(", ")),
    };
    bail!(unknown_message(name, &listed, &known, directories))
}

/// The specification in a directory, which may be one where Jupyter does not look; `None` if there is
/// none in it.
fn at(found: &[FoundKernelspec], directory: &Path) -> Option<FoundKernelspec> {
    if let Some(found) = found.iter().find(|found| found.directory == directory) {
        return Some(found.clone());
    }
    let name = directory.file_name()?.to_string_lossy().to_lowercase();
    let found = FoundKernelspec { name, directory: directory.to_path_buf(), shadowed_by: None };
    has_specification(directory).then_some(found)
}

/// The sentence for where there is no specification at all.
#[must_use]
pub fn none_message(directories: &[PathBuf]) -> String {
    format!(
        "there is no Docker kernelspec in {}; make one with `jupyter-docker-spec install`",
        listed(directories)
    )
}

#[must_use]
pub fn listed(directories: &[PathBuf]) -> String {
    let shown: Vec<String> =
        directories.iter().map(|directory| directory.display().to_string()).collect();
    shown.join(", ")
}

/// The sentence for a name that there is no specification of; `others` is what it says of those that
/// there are.
#[must_use]
pub fn unknown_message(
    name: &str,
    others: &str,
    found: &[FoundKernelspec],
    directories: &[PathBuf],
) -> String {
    let hint = did_you_mean(name, found.iter().map(|found| &*found.name));
    format!("there is no kernelspec `{name}` in {}{others}{hint}", listed(directories))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_shadows_the_others() {
        let root = tempfile::tempdir().unwrap();
        let directories = ["a", "missing", "b"].map(|name| root.path().join(name));
        for name in ["a/z", "a/Both", "b/both", "b/c"] {
            fs::create_dir_all(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join(KERNEL_JSON), "{}").unwrap();
        }
        fs::create_dir(root.path().join("b/no-specification")).unwrap();
        let found = in_directories(&directories);
        let names: Vec<&str> = found.iter().map(|found| &*found.name).collect();
        assert_eq!(names, ["both", "z", "both", "c"]);
        assert_eq!(found[2].shadowed_by, Some(root.path().join("a/Both")));
        assert!(found.iter().filter(|found| found.shadowed_by.is_some()).count() == 1);
        assert_eq!(
            at(&found, &root.path().join("b/both")).unwrap().shadowed_by,
            found[2].shadowed_by
        );
        assert!(at(&found, &root.path().join("b/no-specification")).is_none());
        // Neither in Docker, nor with a launcher of ours.
        assert!(found[0].read().unwrap().is_none());
        fs::write(root.path().join("a/z/kernel.json"), "{").unwrap();
        assert!(found[1].read().unwrap().is_none());
        fs::create_dir(root.path().join("a/z/scripts")).unwrap();
        fs::write(root.path().join("a/z/scripts/launch_docker.py"), "").unwrap();
        assert!(found[1].read().is_err());
    }
}
