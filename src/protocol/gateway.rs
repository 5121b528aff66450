//! The bootstrap of a kernel that a server has asked for: how a launcher has it started, and what the server says to
//! it.

use serde_json::{Map, Value};

/// The word with which the bootstrap serves a server, not a launcher: `gateway [OPTION...] -- COMMAND...`
pub const GATEWAY: &str = "gateway";

/// The kernel is told everything by messages, so that nothing else listens for the server.
pub const NO_LISTENER: &str = "--no-listener";

/// What stands before the command.
pub const COMMAND: &str = "--";

/// How long what a server says may be, in bytes: it has some twenty.
pub const LONGEST: usize = 4096;

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
