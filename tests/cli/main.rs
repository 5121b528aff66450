//! The two programs as those who run them meet them: exit status, output, and what is on the disk
//! afterwards.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod check;
mod compose;
mod configuration;
mod convert;
mod destination;
mod engine;
mod evil_engine;
mod gateway;
mod generated;
mod help;
mod hostile;
mod injection;
mod kernels;
mod launch;
mod launcher;
mod links;
mod list;
mod manifest;
mod messages;
mod one_file;
mod placement;
mod promises;
mod pull;
mod remove;
mod sample;
mod sandbox;
mod show;
mod specification;
mod transaction;
