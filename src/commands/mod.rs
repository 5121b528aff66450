//! The subcommands of `jupyter-docker-spec`, one a file.

pub mod check;
pub mod config;
mod dry_run;
pub mod generate;
pub mod install;
pub mod list;
pub mod remove;
mod sample;
pub mod show;
