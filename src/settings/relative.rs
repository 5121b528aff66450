//! Relative paths of this machine in the values of options that `docker` has too. They start where the
//! option is given: in the current directory, or in that of a file of specifications.

use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use crate::env::Env;
use crate::options::container_options::{ContainerOption, Given};

/// What is said of the container, with files of variables by their full paths.
///
/// # Errors
/// When there is no current directory.
pub fn container(given: &[Given], env: &Env) -> Result<Vec<Given>> {
    let of_flag = |(flag, words): &Given| {
        if flag.long != "env-file" {
            return Ok((*flag, words.clone()));
        }
        let directory = env.directory()?;
        Ok((*flag, words.iter().map(|word| resolved(flag, word, directory)).collect()))
    };
    given.iter().map(of_flag).collect()
}

/// The value of an option with its path made absolute.
pub(super) fn resolved(flag: &ContainerOption, word: &str, directory: &Path) -> String {
    match flag.long {
        // A name that is filled in at a launch is that of a place on its own.
        "env-file" if !word.starts_with(['/', '$', '{']) && !word.is_empty() => {
            joined(directory, word)
        }
        "volume" => {
            let (source, rest) = word.split_once(':').unwrap_or((word, ""));
            if is_relative(source) && !rest.is_empty() {
                format!("{}:{rest}", joined(directory, source))
            } else {
                word.to_owned()
            }
        }
        "mount" => {
            let parts = word.split(',').map(|part| match part.split_once('=') {
                Some((name @ ("source" | "src"), source)) if is_relative(source) => {
                    format!("{name}={}", joined(directory, source))
                }
                _ => part.to_owned(),
            });
            parts.collect::<Vec<_>>().join(",")
        }
        _ => word.to_owned(),
    }
}

/// Whether `docker` takes it for a path and not for the name of a volume.
fn is_relative(source: &str) -> bool {
    [".", ".."].contains(&source) || source.starts_with("./") || source.starts_with("../")
}

/// The path below the directory, as text of `launch_docker.toml`, where `$` begins a variable.
fn joined(directory: &Path, path: &str) -> String {
    let directory = directory.to_string_lossy().replace('$', "$$");
    let mut whole = PathBuf::new();
    for component in Path::new(&directory).join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_where_they_are_given() {
        for (option, word, expected) in [
            ("env-file", "vars.env", "/d/$$x/vars.env"),
            ("env-file", "../vars.env", "/d/vars.env"),
            ("env-file", "./a/{username}.env", "/d/$$x/a/{username}.env"),
            ("env-file", "/a/b", "/a/b"),
            ("env-file", "${HOME}/a", "${HOME}/a"),
            ("env-file", "{cwd}/.env", "{cwd}/.env"),
            ("env-file", ".env", "/d/$$x/.env"),
            ("volume", "./a:/b:ro", "/d/$$x/a:/b:ro"),
            ("volume", "..:/b", "/d:/b"),
            ("volume", "a:/b", "a:/b"),
            ("volume", ".a:/b", ".a:/b"),
            ("volume", "/a:/b", "/a:/b"),
            ("volume", "./b", "./b"),
            ("mount", "type=bind,src=./a,dst=/b", "type=bind,src=/d/$$x/a,dst=/b"),
            ("mount", "type=volume,source=a,target=./b", "type=volume,source=a,target=./b"),
            ("workdir", "./a", "./a"),
        ] {
            let flag = ContainerOption::named(option).unwrap();
            assert_eq!(resolved(flag, word, Path::new("/d/$x")), expected, "{option} {word}");
        }
    }
}
