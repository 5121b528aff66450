//! The subcommands of `jupyter-docker-spec`, one per file.

mod ask;
mod changes;
pub mod check;
mod chosen;
pub mod compose;
pub mod config;
pub mod convert;
mod dry_run;
pub mod generate;
pub mod install;
mod kernels;
pub mod list;
mod output;
mod planned;
pub mod prune;
pub mod ps;
pub mod pull;
pub mod remove;
pub mod rename;
mod secrets;
pub mod set;
pub mod show;
mod waiting;
