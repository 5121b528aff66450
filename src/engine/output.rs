//! The output of a container without a terminal, which the engine sends in frames, for both channels:
//! <https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container/operation/ContainerAttach>

use hyper::body::Bytes;

use super::error::Result;
use super::stream::Stream;

/// How many bytes are kept of an output that is read to its end.
const TAIL_SIZE: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Channel {
    Stdout,
    /// Standard error, and the engine's own messages about the output.
    Stderr,
}

/// The output of a container, as it is written.
pub struct Output {
    stream: Stream,
    frames: Frames,
    chunk: Bytes,
}

impl Output {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, frames: Frames::default(), chunk: Bytes::new() }
    }

    /// Returns the next piece of output, of any length; `None` when the container has ended. This method is
    /// cancel safe.
    pub async fn next(&mut self) -> Result<Option<(Channel, Bytes)>> {
        loop {
            match self.frames.next(&mut self.chunk) {
                Ok(Some(piece)) => return Ok(Some(piece)),
                Ok(None) => match self.stream.chunk().await? {
                    Some(chunk) => self.chunk = chunk,
                    None => return Ok(None),
                },
                Err(reason) => return Err(self.stream.bad_answer(reason)),
            }
        }
    }

    /// Reads to the end, and returns the last part, of both channels.
    pub(super) async fn tail(mut self) -> Result<String> {
        let mut tail = Vec::new();
        while let Some((_, piece)) = self.next().await? {
            tail.extend_from_slice(&piece);
            let excess = tail.len().saturating_sub(TAIL_SIZE);
            tail.drain(..excess);
        }
        Ok(String::from_utf8_lossy(&tail).into_owned())
    }
}

/// Splits a stream of any chunks into frames: a byte for the channel, three zeros, the length in four bytes,
/// and as many bytes of output.
#[derive(Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    rest: Option<(Channel, usize)>,
}

impl Frames {
    /// Takes the next piece of output from the front of `input`; returns `None` when `input` is used up.
    pub(super) fn next(
        &mut self,
        input: &mut Bytes,
    ) -> std::result::Result<Option<(Channel, Bytes)>, String> {
        loop {
            if let Some((channel, length)) = self.rest {
                if length == 0 {
                    self.rest = None;
                    continue;
                }
                if input.is_empty() {
                    return Ok(None);
                }
                let piece = input.split_to(length.min(input.len()));
                self.rest = Some((channel, length - piece.len()));
                return Ok(Some((channel, piece)));
            }
            let missing = 8 - self.header.len();
            self.header.extend_from_slice(&input.split_to(missing.min(input.len())));
            let &[channel, 0, 0, 0, a, b, c, d] = self.header.as_slice() else {
                if self.header.len() < 8 {
                    return Ok(None);
                }
                return Err("its output is not in frames".to_owned());
            };
            let channel = match channel {
                0 | 1 => Channel::Stdout,
                2 | 3 => Channel::Stderr,
                other => return Err(format!("its output has a channel {other}")),
            };
            self.header.clear();
            self.rest = Some((channel, u32::from_be_bytes([a, b, c, d]) as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;

    use super::{Channel, Frames};

    fn all(bytes: &[u8], cut: usize) -> Result<Vec<(Channel, String)>, String> {
        let mut frames = Frames::default();
        let mut written: Vec<(Channel, String)> = Vec::new();
        for part in bytes.chunks(cut) {
            let mut part = Bytes::copy_from_slice(part);
            while let Some((channel, piece)) = frames.next(&mut part)? {
                let text = std::str::from_utf8(&piece).unwrap();
                match written.last_mut() {
                    Some((last, whole)) if *last == channel => whole.push_str(text),
                    _ => written.push((channel, text.to_owned())),
                }
            }
            assert!(part.is_empty());
        }
        Ok(written)
    }

    #[test]
    fn frames_are_put_together_however_they_are_cut_up() {
        let bytes = b"\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x03two\x01\0\0\0\0\0\0\x02\n!";
        for cut in 1..=bytes.len() {
            assert_eq!(
                all(bytes, cut).unwrap(),
                [
                    (Channel::Stdout, "one".to_owned()),
                    (Channel::Stderr, "two".to_owned()),
                    (Channel::Stdout, "\n!".to_owned())
                ],
                "{cut}"
            );
        }
    }

    #[test]
    fn what_is_not_in_frames_is_refused() {
        assert!(all(b"Hello, this is a terminal", 7).is_err());
        assert!(all(b"\x09\0\0\0\0\0\0\x01x", 9).is_err());
        assert!(all(b"\x01\0\0", 3).unwrap().is_empty());
    }
}
