//! The subcommands of `jupyter-docker-spec`, one a file.

pub mod install;
