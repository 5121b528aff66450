//! A kernelspec: its model ([`specification`]) and its files ([`render`]), the launcher in it ([`launcher`],
//! [`installed_launcher`], [`known_launchers`], `bootstrap`), what belongs to it ([`inside`]), how it is found
//! ([`search`]), installed and removed ([`store`]), and changed ([`edit`], [`convert`]).

mod bootstrap;
pub mod convert;
pub mod edit;
mod elf;
pub mod inside;
pub mod installed_launcher;
mod kernel_json;
pub mod known_launchers;
pub mod launcher;
pub mod render;
pub mod search;
mod sibling;
pub mod specification;
pub mod store;
