//! What a launcher on the host and the bootstrap in the container say to each other.
//!
//! Both ends share one stream of bytes, the standard input and output of the container. Each begins with the
//! [`GREETING`]. Everything after it is multiplexed by yamux ([`mux`]), whose streams the launcher opens: one
//! for [`message`]s, and one for each connection of a Jupyter client to the kernel. The first byte of a stream
//! is its [`Purpose`].
//!
//! Kernels of servers are another matter: the launcher does not stay with them. See [`gateway`].

pub mod gateway;
pub mod message;
pub mod mux;
pub mod relay;
pub mod signals;
#[cfg(test)]
mod tests;

/// The first bytes of each direction. The number is that of the protocol, and grows with any change after
/// which old and new programs do not understand each other.
pub const GREETING: &[u8; 28] = b"jupyter-docker-spec stream 1";

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Messages of both sides, one as JSON per line.
    Control,
    /// A connection to one of the kernel's [`CHANNELS`], by its index.
    Channel(u8),
}

/// The kernel's channels, as connection files name their ports:
/// <https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>
pub const CHANNELS: [&str; 5] =
    ["shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"];

const CONTROL: u8 = u8::MAX;

impl Purpose {
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Control => CONTROL,
            Self::Channel(index) => index,
        }
    }

    /// Returns `None` for a byte that a later version may know.
    #[must_use]
    pub fn of(byte: u8) -> Option<Self> {
        match byte {
            CONTROL => Some(Self::Control),
            index if usize::from(index) < CHANNELS.len() => Some(Self::Channel(index)),
            _ => None,
        }
    }
}
