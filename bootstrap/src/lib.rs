//! What the bootstrap shares with the launcher. It is no package of its own, because that would have to be
//! published as well.

#[path = "../../src/protocol/mod.rs"]
pub mod protocol;
