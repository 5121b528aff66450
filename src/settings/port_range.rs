//! The range of ports that a kernel may take its own from.

use std::fmt;

use anyhow::{Context as _, Result, ensure};

use super::values;

/// The fewest ports that `gateway_provisioners` accepts in a range.
const SMALLEST: u16 = 1000;

/// The first port that is not reserved for the system.
const FIRST: u16 = 1024;

/// A range that the server will accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    low: u16,
    high: u16,
}

impl PortRange {
    /// The range written as `low..high`; `None` for `0..0`, which is no range at all. One of the
    /// same two ports (`4000..4000`) means no enforcement, and is kept as it is.
    ///
    /// # Errors
    /// When it is not such a range, or is one that `gateway_provisioners` refuses at every launch.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let (low, high) = text.split_once("..").with_context(Self::usage)?;
        let port = |text| values::integer(text).and_then(|port| u16::try_from(port).ok());
        let low = port(low).with_context(Self::usage)?;
        let high = port(high).with_context(Self::usage)?;
        let size = high.checked_sub(low).context("the first port is greater than the second")?;
        if size == 0 {
            return Ok((low != 0).then_some(Self { low, high }));
        }
        ensure!(
            low >= FIRST,
            "ports below {FIRST} are reserved: choose a range within {FIRST}..{}",
            u16::MAX
        );
        ensure!(
            size >= SMALLEST,
            "the range has {size} ports, and the server accepts {SMALLEST} or more"
        );
        Ok(Some(Self { low, high }))
    }

    fn usage() -> String {
        format!("a port range is two ports up to {} such as `40000..42000`", u16::MAX)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::PortRange;

    #[test]
    fn ranges_that_the_server_accepts_are_accepted() {
        for (text, expected) in [
            ("0..0", None),
            ("4000..4000", Some("4000..4000")),
            ("1024..2024", Some("1024..2024")),
            ("40000..65535", Some("40000..65535")),
            (" 2_000 .. +4000 ", Some("2000..4000")),
        ] {
            let range = PortRange::parse(text).unwrap();
            assert_eq!(range.map(|r| r.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn ranges_that_the_server_refuses_are_refused() {
        for text in [
            "",
            "1",
            "a..b",
            "1..2..3",
            "1023..4000",
            "4000..4999",
            "5000..4000",
            "1..70000",
            "-1..5",
        ] {
            assert!(PortRange::parse(text).is_err(), "{text}");
        }
    }
}
