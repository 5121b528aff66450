//! The subcommands of `jupyter-docker-spec`, one a file.

pub mod config;
mod dry_run;
pub mod generate;
pub mod install;
