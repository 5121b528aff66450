//! An answer that arrives bit by bit.

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use serde::de::DeserializeOwned;

use super::error::{Error, Result};
use super::limits::shortened;
use super::transport::{self, Connection};

/// The largest JSON value of a stream, in bytes. An event contains all labels of its object.
const LINE_SIZE: usize = 8 * 1024 * 1024;

/// The body of an answer, read as it arrives. Dropping it closes the connection.
pub(super) struct Stream {
    action: &'static str,
    endpoint: String,
    body: Incoming,
    /// Keeps the connection open.
    _connection: Connection,
}

impl Stream {
    pub(super) fn new(
        action: &'static str,
        endpoint: String,
        body: Incoming,
        connection: Connection,
    ) -> Self {
        Self { action, endpoint, body, _connection: connection }
    }

    /// Returns the next bytes; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            let frame =
                frame.map_err(|error| transport::lost(self.action, &self.endpoint, &error))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// What is being done, for error messages.
    pub(super) fn action(&self) -> &'static str {
        self.action
    }

    pub(super) fn bad_answer(&self, reason: impl Into<String>) -> Error {
        Error::BadAnswer {
            action: self.action,
            endpoint: self.endpoint.clone(),
            reason: reason.into(),
        }
    }
}

/// A stream of JSON values, one per line.
pub(super) struct JsonLines {
    stream: Stream,
    read: Vec<u8>,
    /// How many bytes of that are known to contain no end of a line.
    looked_at: usize,
}

impl JsonLines {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, read: Vec::new(), looked_at: 0 }
    }

    /// Returns the next value; `None` at the end. This method is cancel safe.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        loop {
            let end = memchr::memchr(b'\n', &self.read[self.looked_at..]);
            let looked_at = std::mem::replace(&mut self.looked_at, self.read.len());
            if let Some(end) = end {
                self.looked_at = 0;
                let line: Vec<u8> = self.read.drain(..=looked_at + end).collect();
                if !line.trim_ascii().is_empty() {
                    return self.parse(&line).map(Some);
                }
            } else if self.read.len() > LINE_SIZE {
                return Err(self.stream.bad_answer("it sends a line without end"));
            } else if let Some(chunk) = self.stream.chunk().await? {
                self.read.extend_from_slice(&chunk);
            } else {
                let line = std::mem::take(&mut self.read);
                self.looked_at = 0;
                return if line.trim_ascii().is_empty() {
                    Ok(None)
                } else {
                    self.parse(&line).map(Some)
                };
            }
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    fn parse<T: DeserializeOwned>(&self, line: &[u8]) -> Result<T> {
        serde_json::from_slice(line)
            .map_err(|error| self.stream.bad_answer(shortened(&error.to_string())))
    }
}
