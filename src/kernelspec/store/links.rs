//! A program that this transaction has put into another specification gets another name instead of being
//! written again: nothing else in a specification is as large, or takes as long to write, and nobody edits
//! it. Whatever is in the way, the file is written.

use std::io;
use std::path::{Path, PathBuf};

use super::directory::{Identity, Location};

/// The programs that lie in a staging directory already.
#[derive(Default)]
pub(super) struct Programs(Vec<Program>);

struct Program {
    /// The file that it is a copy of.
    source: PathBuf,
    place: Location,
    identity: Identity,
}

impl Programs {
    /// Gives the program `source` another name at `place`, if it lies in the staging directory.
    pub(super) fn link(&self, source: &Path, place: &Location) -> io::Result<bool> {
        match self.0.iter().find(|program| program.source == source) {
            Some(program) => link(&program.place, program.identity, place),
            None => Ok(false),
        }
    }

    /// Notes that the program `source` lies at this place, for those that follow.
    pub(super) fn add(&mut self, source: &Path, place: &Location, identity: Identity) {
        self.0.retain(|program| program.source != source);
        self.0.push(Program { source: source.to_path_buf(), place: place.clone(), identity });
    }
}

/// Gives a file another name. Whoever may write to its directory may have put another file there: that is
/// let go again.
fn link(from: &Location, identity: Identity, to: &Location) -> io::Result<bool> {
    // A file system without links, another file system, as many as there can be: here all of them say so.
    if from.link_to(to).is_err() {
        return Ok(false);
    }
    if to.identity() == Ok(identity) {
        return Ok(true);
    }
    to.remove_file()?;
    Ok(false)
}
