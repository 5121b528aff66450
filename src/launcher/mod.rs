//! What `launch_docker` does, one step a file.
//!
//! [`args`], the environment and the [`spec`] become one typed [`launch`], pure; [`request`] is its
//! form for the engine, pure as well; [`run`] sends it and stays until the server can take over.

pub mod args;
mod container;
pub mod environment;
pub mod launch;
mod pull;
pub mod request;
pub mod run;
mod service;
pub mod spec;
mod tail;
