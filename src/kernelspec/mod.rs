//! A kernelspec: what is in it ([`render`]), which launcher it carries ([`launcher`]), how it comes
//! to lie in its place ([`store`]), and how it is found ([`search`]) and read back
//! ([`installed`], [`carried`]).

pub mod carried;
pub mod installed;
pub mod launcher;
pub mod render;
pub mod search;
pub mod store;
