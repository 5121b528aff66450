//! A kernelspec: its model ([`specification`]) and its files ([`render`]), the launcher in it ([`launcher`],
//! [`carried`], [`known`]), how it is found ([`search`]), installed and removed ([`store`]), and changed
//! ([`edit`], [`convert`]).

pub mod carried;
pub mod convert;
pub mod edit;
mod elf;
mod kernel_json;
pub mod known;
pub mod launcher;
pub mod render;
pub mod search;
pub mod specification;
pub mod store;
