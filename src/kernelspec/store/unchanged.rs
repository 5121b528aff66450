//! Whether a specification is there already, exactly as it would be installed.
//!
//! Then nothing is written: whoever installs again with every start of a container, or in a layer of an image
//! over one that has the specification, changes no file and adds none.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use super::directory::Directory;
use super::files::{mode_of, walk};
use super::links::{New, is_installed_file};
use super::{Content, Job, Tree};
use crate::files;

/// Whether the specification is in its place: the same files with the same bytes, no others, and all of
/// it this user's and with the modes that we give. Whatever cannot be looked at is not the same.
pub(super) fn is_installed(job: &Job) -> bool {
    let Ok(root) = Directory::of_specification(&job.destination) else { return false };
    // What takes longest comes last.
    has_data(&root, &job.tree) && has_no_others(&root, &job.tree) && has_programs(&root, &job.tree)
}

fn has_data(root: &Rc<Directory>, tree: &Tree) -> bool {
    // The last of them is kernel.json, which is the first to differ.
    tree.files.iter().rev().all(|file| match &file.content {
        Content::Bytes(bytes) => {
            is_installed_file(&root.at(&file.path), &New::Bytes(bytes), mode_of(file)).is_some()
        }
        Content::Program(_) => true,
        // Copies of other people's files are made again.
        Content::CopyOf(_) | Content::CopyIn(..) | Content::LinkTo(_) => false,
    })
}

fn has_programs(root: &Rc<Directory>, tree: &Tree) -> bool {
    tree.files.iter().all(|file| {
        let Content::Program(source) = &file.content else { return true };
        files::open(source).is_ok_and(|program| {
            let program = New::File(program.file());
            is_installed_file(&root.at(&file.path), &program, mode_of(file)).is_some()
        })
    })
}

fn has_no_others(root: &Rc<Directory>, tree: &Tree) -> bool {
    let (files, directories) = walk(root);
    let wanted: BTreeSet<&Path> = tree.files.iter().flat_map(|file| parents(&file.path)).collect();
    files.len() == tree.files.len()
        && files.iter().all(|path| tree.has(path))
        && directories.len() == wanted.len()
        && root.is_as_made()
        && directories.iter().all(|path| {
            let is_as_made = || root.at(path).enter().is_ok_and(|directory| directory.is_as_made());
            wanted.contains(&**path) && is_as_made()
        })
}

/// The directories in a specification that a path leads through.
fn parents(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty())
}
