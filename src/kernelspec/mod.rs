//! A kernelspec: what is in it ([`render`]), which launcher it carries ([`launcher`]) and how it
//! comes to lie in its place ([`store`]).

pub mod launcher;
pub mod render;
pub mod store;
