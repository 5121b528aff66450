//! A kernelspec: what is in it ([`render`]), which launcher it carries ([`launcher`]), how it comes
//! to lie in its place ([`store`]), and how it is found ([`search`]) and read back
//! ([`installed`], [`carried`]), and how it gets our launcher in the place of another ([`convert`],
//! [`known`]), or other values ([`edit`]).

pub mod carried;
pub mod convert;
pub mod edit;
mod elf;
pub mod installed;
pub mod known;
pub mod launcher;
pub mod render;
pub mod search;
pub mod store;
