//! What the targets have in common: a command line, and what follows when a file has been read.

pub mod launch;

use std::path::Path;

use jupyter_docker_spec::cli::{self, Command, Install};
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::image::Answer;
use jupyter_docker_spec::kernelspec::launcher::LauncherFile;
use jupyter_docker_spec::kernelspec::render;
use jupyter_docker_spec::kernelspec::store::Content;
use jupyter_docker_spec::paths::Paths;
use jupyter_docker_spec::settings::config::Config;
use jupyter_docker_spec::settings::lookup::Lookup;
use jupyter_docker_spec::settings::{Launcher, Settings};

/// An environment in which only the file counts that is given.
#[must_use]
pub fn env() -> Env {
    Env::new(Path::new("/cwd"), [("HOME", "/home"), ("JUPYTER_NO_CONFIG", "1")])
}

/// `install` without options.
///
/// # Panics
/// Never: it is a command line like any other.
#[must_use]
pub fn install() -> Install {
    match cli::parse(["jupyter-docker-spec", "install"]).map(|cli| cli.command) {
        Ok(Some(Command::Install(install))) => *install,
        _ => panic!("`install` is a command"),
    }
}

/// Goes on to what would be written.
///
/// # Panics
/// When values were accepted that lead out of the kernels directory, or to no `kernel.json`.
pub fn follow(install: &Install, config: &Config, paths: &Paths<'_>) {
    let lookup = Lookup { line: &install.line, config, env: paths.env };
    let Ok(settings) = Settings::resolve(install, &lookup, Answer::default()) else { return };
    let kernels = Path::new("/kernels");
    let destination = kernels.join(settings.kernel_name.as_str());
    assert_eq!(destination.parent(), Some(kernels));
    let launcher = LauncherFile::find(&Launcher::Python, paths).expect("it is in the program");
    let files = render::files(&settings, launcher, &destination).expect("the path is UTF-8");
    let Some(Content::Bytes(text)) = files.last().map(|file| &file.content) else {
        panic!("kernel.json is the last file, and no copy");
    };
    let read: serde_json::Value = serde_json::from_slice(text).expect("kernel.json is JSON");
    assert_eq!(read["display_name"], settings.display_name);
}
