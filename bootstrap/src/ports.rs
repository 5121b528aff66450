//! Ports that are free.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;

use crate::random;

/// Binds different ports, of the range if there is one. While the listeners are there, nobody else gets them.
///
/// # Errors
/// When there are too few.
pub(crate) fn bind<const N: usize>(
    address: Ipv4Addr,
    range: Option<&RangeInclusive<u16>>,
) -> io::Result<[TcpListener; N]> {
    let mut listeners = Vec::with_capacity(N);
    for _ in 0..N {
        listeners.push(match range {
            None => TcpListener::bind((address, 0))?,
            Some(range) => bind_in(address, range)?,
        });
    }
    // There are as many.
    listeners.try_into().map_err(|_| io::ErrorKind::AddrInUse.into())
}

/// The numbers of the ports that are bound.
pub(crate) fn of<const N: usize>(bound: &[TcpListener; N]) -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(bound) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// Kernels that share a network begin at different places of the range.
fn bind_in(address: Ipv4Addr, range: &RangeInclusive<u16>) -> io::Result<TcpListener> {
    let begin = usize::from(u16::from_ne_bytes(random::bytes()?)) % range.len().max(1);
    let ports = range.clone().skip(begin).chain(range.clone().take(begin));
    let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
    for port in ports {
        match TcpListener::bind((address, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Reads `LOW..HIGH`; `None` is any port, for which there are several spellings.
///
/// # Errors
/// When it is none of them.
pub(crate) fn range(text: &str) -> Result<Option<RangeInclusive<u16>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let both = text.split_once("..").and_then(|(low, high)| {
        Some((low.trim().parse::<u16>().ok()?, high.trim().parse::<u16>().ok()?))
    });
    match both {
        Some((low, high)) if low == high => Ok(None),
        Some((low, high)) if low < high => Ok(Some(low..=high)),
        _ => Err(format!("`PORT_RANGE` of `{text}` must be of the form LOW..HIGH")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_spellings_of_servers() {
        for (text, expected) in [
            ("", Ok(None)),
            ("0..0", Ok(None)),
            ("4000..4000", Ok(None)),
            ("40000..42000", Ok(Some(40000..=42000))),
        ] {
            assert_eq!(range(text), expected, "{text}");
        }
        for text in ["1", "2..1", "a..b", "1..65536", "-1..5", "1..2..3"] {
            assert!(range(text).unwrap_err().contains(text), "{text}");
        }
    }

    #[test]
    fn all_ports_of_a_range_are_found_and_no_others() {
        // One that is free has others beside it.
        let first = bind::<1>(Ipv4Addr::LOCALHOST, None).unwrap();
        let [taken] = of(&first).unwrap();
        let low = taken.min(u16::MAX - 50);
        let range = low..=low + 50;
        let found: [TcpListener; 20] = bind(Ipv4Addr::LOCALHOST, Some(&range)).unwrap();
        let mut ports = of(&found).unwrap();
        ports.sort_unstable();
        assert!(ports.iter().all(|port| range.contains(port)), "{ports:?}");
        assert!(ports.windows(2).all(|pair| pair[0] < pair[1]), "{ports:?}");
        bind::<1>(Ipv4Addr::LOCALHOST, Some(&(taken..=taken))).unwrap_err();
    }
}
