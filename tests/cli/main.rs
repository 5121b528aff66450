//! The two programs as those who run them meet them: exit status, output, and what is on the disk
//! afterwards.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod changes;
mod check;
mod check_engine;
mod commands;
mod compose;
mod configuration;
mod convert;
mod destination;
mod ending;
mod engine;
mod env_file;
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
mod meanwhile;
mod messages;
mod mounts;
mod one_file;
mod placement;
mod promises;
mod pull;
mod remove;
mod sample;
mod sandbox;
mod set;
mod set_files;
mod show;
mod specification;
mod surroundings;
mod taken;
mod transaction;
mod unread;
mod watched;
mod watched_swarm;
