//! The files that are part of every specification, embedded into the executable.

use include_dir::{Dir, include_dir};

use crate::model::{Language, Mode};

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The Python launcher, for those who want to edit it.
///
/// # Panics
///
/// Not in a release: the file is embedded, as a test checks.
#[must_use]
pub fn python_launcher() -> &'static [u8] {
    TEMPLATES.get_file("launch_docker.py").expect("the template is embedded").contents()
}

/// The file beside the launcher that administrators edit.
#[must_use]
pub const fn options() -> &'static str {
    include_str!("../templates/launch_docker.toml")
}

/// The logos of kernels in languages that have none of their own.
const OTHER: &str = "other";

/// The files that Jupyter's front ends show or load for a kernel of this language, or of another: names and contents.
///
/// # Panics
///
/// Not in a release: the files are embedded, as a test checks.
pub fn resources(
    language: Option<Language>,
    mode: Mode,
) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let logos = match mode {
        Mode::Swarm if language.is_some() => "swarm",
        _ => "docker",
    };
    let of = |path: String| {
        TEMPLATES.get_dir(path).expect("the template is embedded").files().map(|file| {
            let name = file.path().file_name().and_then(|name| name.to_str());
            (name.expect("templates have plain names"), file.contents())
        })
    };
    let language = language.map_or(OTHER, Language::key);
    of(language.to_owned()).chain(of(format!("{language}/{logos}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_has_its_logos() {
        let known = [Language::Python, Language::R, Language::Scala].map(Some);
        for (language, modes) in known
            .map(|known| (known, &[Mode::Docker, Mode::Swarm][..]))
            .into_iter()
            .chain([(None, &[Mode::Docker, Mode::Swarm][..])])
        {
            for mode in modes.iter().copied() {
                let mut names: Vec<_> = resources(language, mode).map(|(name, _)| name).collect();
                names.retain(|name| name.starts_with("logo-"));
                names.sort_unstable();
                assert_eq!(names, ["logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]);
            }
        }
        assert!(resources(Some(Language::R), Mode::Docker).any(|(name, _)| name == "kernel.js"));
        assert!(python_launcher().starts_with(b"#!"));
    }
}
