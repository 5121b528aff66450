//! The bootstrap of a kernel that a server has asked for: how a launcher has it started, and what the server says to
//! it.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

/// The word with which the bootstrap serves a server, not a launcher: `gateway [OPTION...] -- COMMAND...`
pub const GATEWAY: &str = "gateway";

/// The kernel is told everything by messages, so that nothing else listens for the server.
pub const NO_LISTENER: &str = "--no-listener";

/// How the word begins that says who may say something to the listener: a [`Sender`], and only those that are named.
pub const SIGNALS_FROM: &str = "--signals-from=";

/// What stands before the command.
pub const COMMAND: &str = "--";

/// How long what a server says may be, in bytes: it has some twenty.
pub const LONGEST: usize = 4096;

/// Whom the listener hears, which listens on addresses of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The host of the server, as the kernel is told it, and the default router of the container, from where a server
    /// on the engine's host comes.
    Server,
    /// All whose addresses begin with this many bits of this one.
    Network(Ipv4Addr, u32),
}

impl Sender {
    /// Understands `server`, an address, or a network such as `172.18.0.0/16`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        if text == "server" {
            return Some(Self::Server);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, bits.parse().ok()?),
            None => (text, Ipv4Addr::BITS),
        };
        let address = address.parse().ok()?;
        (bits <= Ipv4Addr::BITS).then_some(Self::Network(address, bits))
    }

    /// Whether this is one of them, with a server at these addresses.
    #[must_use]
    pub fn is(self, peer: Ipv4Addr, server: &[Ipv4Addr]) -> bool {
        match self {
            Self::Server => server.contains(&peer),
            Self::Network(address, bits) => {
                let rest = Ipv4Addr::BITS - bits;
                let begin = |address: Ipv4Addr| address.to_bits().checked_shr(rest);
                begin(address) == begin(peer)
            }
        }
    }
}

/// What a server wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// This signal, to the kernel; 0 only asks whether it is there.
    pub signal: Option<i32>,
    /// The kernel to end, which its client has told it by then.
    pub shutdown: bool,
}

impl Wish {
    /// Understands what a server has sent, as upstream's listener does; `None` if it is nothing of the kind.
    #[must_use]
    pub fn of(sent: &[u8]) -> Option<Self> {
        let sent: Map<String, Value> = serde_json::from_slice(sent).ok()?;
        let [signum, shutdown] = ["signum", "shutdown"].map(|name| sent.get(name));
        let signal = match signum {
            None | Some(Value::Null) => None,
            Some(Value::String(digits)) => Some(digits.trim().parse().ok()?),
            Some(other) => Some(i32::try_from(other.as_i64()?).ok()?),
        };
        let shutdown = match shutdown {
            Some(Value::Bool(shutdown)) => *shutdown,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            _ => false,
        };
        Some(Self { signal, shutdown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_told_apart_by_their_addresses() {
        let peers = ["10.1.2.3", "10.1.2.4", "10.1.3.3", "11.1.2.3", "255.0.0.0"];
        for (said, expected) in [
            ("server", "10.1.2.4"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("10.1.2.0/24", "10.1.2.3 10.1.2.4"),
            ("10.1.2.9/24", "10.1.2.3 10.1.2.4"),
            ("10.0.0.0/7", "10.1.2.3 10.1.2.4 10.1.3.3 11.1.2.3"),
            ("0.0.0.0/0", "10.1.2.3 10.1.2.4 10.1.3.3 11.1.2.3 255.0.0.0"),
            ("128.0.0.0/1", "255.0.0.0"),
            ("127.0.0.1", ""),
        ] {
            let sender = Sender::of(said).unwrap();
            let server = ["10.1.2.4".parse().unwrap()];
            let heard = peers.into_iter().filter(|peer| sender.is(peer.parse().unwrap(), &server));
            assert_eq!(heard.collect::<Vec<_>>().join(" "), expected, "{said}");
        }
        for wrong in
            ["", "Server", "10.1.2", "10.1.2.3/33", "10.1.2.3/", "10.1.2.3/-1", "::/0", "*"]
        {
            assert_eq!(Sender::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_servers_send_is_understood_and_nothing_else() {
        let wish = |signal, shutdown| Some(Wish { signal, shutdown });
        for (sent, expected) in [
            (r#"{"signum": 2}"#, wish(Some(2), false)),
            (r#"{"signum": 0}"#, wish(Some(0), false)),
            (r#" {"signum":"15"} "#, wish(Some(15), false)),
            (r#"{"shutdown": 1}"#, wish(None, true)),
            (r#"{"shutdown": true, "signum": null}"#, wish(None, true)),
            (r#"{"shutdown": 0}"#, wish(None, false)),
            (r#"{"other": []}"#, wish(None, false)),
            (r#"{"signum": 2.5}"#, None),
            (r#"{"signum": 99999999999}"#, None),
            (r#"{"signum": "two"}"#, None),
            (r#"{"signum": 2"#, None),
            ("[]", None),
            ("2", None),
            ("", None),
            ("GET / HTTP/1.1\r\n\r\n", None),
        ] {
            assert_eq!(Wish::of(sent.as_bytes()), expected, "{sent}");
        }
        assert_eq!(Wish::of(&[0xff; 9]), None);
    }
}
