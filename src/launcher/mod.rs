//! `launch_docker`, one step per file.
//!
//! [`args`], the environment and the [`spec`] become one typed [`launch`]; `request` is its form for the engine,
//! and [`plan`] is that with everything that the administrator's file adds. All of this is pure; [`run`] sends
//! it, and stays until the server takes over.

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
