//! The subcommands of `jupyter-docker-spec`, one a file.

pub mod check;
pub mod config;
pub mod convert;
mod dry_run;
pub mod generate;
pub mod install;
pub mod list;
mod planned;
pub mod remove;
pub mod show;
