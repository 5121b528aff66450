//! One call of the engine's API.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, UPGRADE, USER_AGENT};
use hyper::{Method, Request};
use serde::Serialize;

use super::endpoint::Endpoint;
use super::error::{Error, Result};

/// A request that is not yet bound to a version of the API.
pub(super) struct Call {
    pub(super) action: &'static str,
    method: Method,
    path: String,
    body: Bytes,
    content_type: &'static str,
    registry_auth: Option<HeaderValue>,
    upgrades: bool,
    pub(super) patient: bool,
}

impl Call {
    /// Percent-encodes `parts`, so they may hold any characters.
    pub(super) fn new(action: &'static str, method: Method, parts: &[&str]) -> Self {
        let mut path = String::new();
        for part in parts {
            path.push('/');
            encode(&mut path, part);
        }
        Self {
            action,
            method,
            path,
            body: Bytes::new(),
            content_type: "application/json",
            registry_auth: None,
            upgrades: false,
            patient: false,
        }
    }

    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        encode(&mut self.path, name);
        self.path.push('=');
        encode(&mut self.path, value);
        self
    }

    /// Asks only for objects that match all of these filters; one of a filter's values is enough.
    pub(super) fn filters(self, filters: &[(&str, &[&str])]) -> Result<Self> {
        let filters: BTreeMap<_, _> = filters.iter().copied().collect();
        let filters =
            serde_json::to_string(&filters).map_err(|error| self.encoding_error(&error))?;
        Ok(self.query("filters", &filters))
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self> {
        self.body = serde_json::to_vec(body).map_err(|error| self.encoding_error(&error))?.into();
        Ok(self)
    }

    /// Sends a file in the format of tar.
    pub(super) fn tar(mut self, file: Bytes) -> Self {
        self.body = file;
        self.content_type = "application/x-tar";
        self
    }

    /// Asks for the connection itself, in both directions.
    pub(super) fn upgrade(mut self) -> Self {
        self.upgrades = true;
        self
    }

    fn encoding_error(&self, error: &dyn Display) -> Error {
        Error::Config(format!("cannot {}: {error}", self.action))
    }

    pub(super) fn registry_auth(mut self, value: Option<HeaderValue>) -> Self {
        self.registry_auth = value;
        self
    }

    /// Exempts the call from the answer limit, for what may take long on a busy engine. The deadline holds.
    pub(super) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    pub(super) fn request(
        self,
        endpoint: &Endpoint,
        version: &str,
    ) -> Result<Request<Full<Bytes>>> {
        let mut prefix = endpoint.base().to_owned();
        if !version.is_empty() {
            prefix = format!("{prefix}/v{version}");
        }
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{prefix}{}", self.path))
            .header(HOST, endpoint.host())
            .header(USER_AGENT, concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, self.content_type);
        }
        if self.upgrades {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        if let Some(value) = self.registry_auth {
            request = request.header("X-Registry-Auth", value);
        }
        request
            .body(Full::new(self.body))
            .map_err(|error| Error::Config(format!("cannot {}: {error}", self.action)))
    }
}

/// Percent-encodes everything but what RFC 3986 calls unreserved.
fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into());
            }
            // Writing to a string does not fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::Call;

    #[test]
    fn names_and_values_cannot_change_the_meaning_of_a_path() {
        let call =
            Call::new("test", Method::GET, &["a", "b/../c?d#e %é"]).query("f", "{\"g\":[1&2]}");
        assert_eq!(call.path, "/a/b%2F..%2Fc%3Fd%23e%20%25%C3%A9?f=%7B%22g%22%3A%5B1%262%5D%7D");
    }
}
