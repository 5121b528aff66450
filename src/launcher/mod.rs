//! What `launch_docker` does, one step a file.
//!
//! [`args`], the environment and the [`spec`] become one typed [`launch`]; `request` is its form
//! for the engine, and [`plan`] that with all the administrator's file says. All of it is pure;
//! [`run`] sends it and stays until the server can take over.

pub mod args;
mod container;
mod context;
mod death;
mod environment;
pub mod launch;
mod overrides;
pub mod plan;
pub(crate) mod pull;
mod request;
pub mod run;
mod service;
pub mod spec;
pub(crate) mod tail;
pub(crate) mod volumes;
