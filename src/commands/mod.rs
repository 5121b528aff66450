//! The subcommands of `jupyter-docker-spec`, one a file.

pub mod config;
pub mod install;
