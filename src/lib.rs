//! The library of `jupyter-docker-spec` and `launch_docker`.
//!
//! The installer goes [`cli`] (words) -> [`settings`] (flags, files, environment, defaults) ->
//! [`kernelspec::render`] (pure) -> [`kernelspec::store`] (one transaction). The launcher goes
//! [`launcher::args`] -> [`launcher::launch`] and `launcher::request` (pure) -> [`engine`] (send)
//! -> [`launcher::run`] (stay, report).

pub mod cli;
pub mod commands;
mod compose;
pub mod engine;
pub mod env;
mod files;
pub mod image;
pub mod kernelspec;
pub mod launcher;
pub mod layout;
pub mod log;
pub mod model;
pub mod options;
pub mod paths;
mod process;
pub mod program;
pub mod protocol;
mod screen;
pub mod server;
pub mod setting;
pub mod settings;
pub mod templates;
mod text;
