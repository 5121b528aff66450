//! One call of the engine's API: how it is written down, sent within its limits, and answered.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::future::Future;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Engine;
use super::error::{Error, Result};
use super::stream::Stream;
use super::transport::Connection;

/// How much is read of an answer that is no stream. Inspecting an object gives some ten kB.
const ANSWER_SIZE: usize = 2 * 1024 * 1024;
/// How much is shown of the reason for which the engine refused.
const MESSAGE_CHARS: usize = 1000;

/// A request that is not yet bound to a version of the API.
pub(super) struct Call {
    doing: &'static str,
    method: Method,
    path: String,
    body: Bytes,
    registry_auth: Option<HeaderValue>,
    patient: bool,
}

impl Call {
    /// A call of the path made of `parts`, which may hold any characters.
    pub(super) fn new(doing: &'static str, method: Method, parts: &[&str]) -> Self {
        let mut path = String::new();
        for part in parts {
            path.push('/');
            encode(&mut path, part);
        }
        Self { doing, method, path, body: Bytes::new(), registry_auth: None, patient: false }
    }

    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        encode(&mut self.path, name);
        self.path.push('=');
        encode(&mut self.path, value);
        self
    }

    /// Asks only for what has one of these values of each of these names.
    pub(super) fn filters(self, filters: &[(&str, &[&str])]) -> Result<Self> {
        let filters: BTreeMap<_, _> = filters.iter().copied().collect();
        let filters = serde_json::to_string(&filters).map_err(|error| self.unsayable(&error))?;
        Ok(self.query("filters", &filters))
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self> {
        self.body = serde_json::to_vec(body).map_err(|error| self.unsayable(&error))?.into();
        Ok(self)
    }

    fn unsayable(&self, error: &dyn Display) -> Error {
        Error::Config(format!("cannot {}: {error}", self.doing))
    }

    pub(super) fn registry_auth(mut self, value: Option<HeaderValue>) -> Self {
        self.registry_auth = value;
        self
    }

    /// Makes the deadline the only limit, for what may well take its time on a busy engine before a
    /// word is said.
    pub(super) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    fn request(self, host: &str, version: &str) -> Result<Request<Full<Bytes>>> {
        let prefix = if version.is_empty() { String::new() } else { format!("/v{version}") };
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{prefix}{}", self.path))
            .header(HOST, host)
            .header(USER_AGENT, concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(value) = self.registry_auth {
            request = request.header("X-Registry-Auth", value);
        }
        request
            .body(Full::new(self.body))
            .map_err(|error| Error::Config(format!("cannot {}: {error}", self.doing)))
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

/// An answer of which the head is read, and says that the call succeeded.
struct Answer {
    doing: &'static str,
    response: Response<Incoming>,
    connection: Connection,
}

impl Answer {
    /// Reads the rest, so that the connection can be used again.
    async fn read(self, engine: &Engine) -> Result<Bytes> {
        let body = collect(self.response.into_body())
            .await
            .map_err(|failure| failure.of(self.doing, engine))?;
        engine.transport.put_back(self.connection);
        Ok(body)
    }
}

impl Engine {
    /// Sends a call that is answered with JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let doing = call.doing;
        let body = self.bytes(call).await?;
        serde_json::from_slice(&body).map_err(|error| Error::BadAnswer {
            doing,
            endpoint: self.endpoint().to_string(),
            // It quotes what does not fit, at any length.
            reason: shortened(&error.to_string()),
        })
    }

    /// Sends a call whose answer says no more than that it succeeded.
    pub(super) async fn empty(&self, call: Call) -> Result<()> {
        self.bytes(call).await.map(drop)
    }

    /// Sends a call of whose answer a header is all that matters.
    pub(super) async fn header(&self, call: Call, name: &str) -> Result<Option<String>> {
        let doing = call.doing;
        let work = async {
            let answer = self.send(call).await?;
            let value = answer.response.headers().get(name).and_then(|value| value.to_str().ok());
            let value = value.map(str::to_owned);
            answer.read(self).await?;
            Ok(value)
        };
        self.limited(doing, false, work).await
    }

    async fn bytes(&self, call: Call) -> Result<Bytes> {
        let (doing, patient) = (call.doing, call.patient);
        self.limited(doing, patient, async { self.send(call).await?.read(self).await }).await
    }

    /// Sends a call that is answered with a stream.
    pub(super) async fn stream(&self, call: Call) -> Result<Stream> {
        let (doing, patient) = (call.doing, call.patient);
        let answer = self.limited(doing, patient, self.send(call)).await?;
        let Answer { doing, response, connection } = answer;
        Ok(Stream::new(doing, self.endpoint().to_string(), response.into_body(), connection))
    }

    /// Holds the work to the limits. It is not begun after the deadline.
    pub(super) async fn limited<T>(
        &self,
        doing: &'static str,
        patient: bool,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let left = self.deadline.get().saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(Error::TooLate { doing });
        }
        let limit = if patient { left } else { left.min(self.answer_limit) };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(Error::TimedOut { doing, endpoint: self.endpoint().to_string(), limit })
        })
    }

    /// Sends a call and reads the head of its answer.
    async fn send(&self, call: Call) -> Result<Answer> {
        let doing = call.doing;
        let request = call.request(&self.transport.host(), &self.version)?;
        let (response, connection) = self.transport.send(doing, request).await?;
        let status = response.status();
        // A container that runs already is not started again: 304.
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(Answer { doing, response, connection });
        }
        let body = match collect(response.into_body()).await {
            Ok(body) => {
                self.transport.put_back(connection);
                body
            }
            Err(_) => Bytes::new(),
        };
        Err(Error::Status { doing, status: status.as_u16(), message: message(&body, status) })
    }
}

/// Why an answer could not be read to its end.
enum Failure {
    TooLong,
    Broken(hyper::Error),
}

impl Failure {
    fn of(&self, doing: &'static str, engine: &Engine) -> Error {
        match self {
            Self::Broken(error) => engine.transport.lost(doing, error),
            Self::TooLong => Error::BadAnswer {
                doing,
                endpoint: engine.endpoint().to_string(),
                reason: format!("it sends more than {ANSWER_SIZE} bytes"),
            },
        }
    }
}

async fn collect(body: Incoming) -> std::result::Result<Bytes, Failure> {
    match Limited::new(body, ANSWER_SIZE).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            Err(error.downcast().map_or(Failure::TooLong, |error| Failure::Broken(*error)))
        }
    }
}

/// What the engine says in a body that tells why it refused.
fn message(body: &[u8], status: StatusCode) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        message: String,
    }
    let text = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    match text.trim() {
        "" => status.canonical_reason().unwrap_or("it gave no reason").to_owned(),
        text => shortened(text),
    }
}

/// The text, cut where it grows too long for a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use hyper::{Method, StatusCode};

    use super::{Call, MESSAGE_CHARS, message};

    #[test]
    fn names_and_values_cannot_change_the_meaning_of_a_path() {
        let call =
            Call::new("test", Method::GET, &["a", "b/../c?d#e %é"]).query("f", "{\"g\":[1&2]}");
        assert_eq!(call.path, "/a/b%2F..%2Fc%3Fd%23e%20%25%C3%A9?f=%7B%22g%22%3A%5B1%262%5D%7D");
    }

    #[test]
    fn a_refusal_is_told_in_the_engines_words() {
        let told = |body: &str| message(body.as_bytes(), StatusCode::CONFLICT);
        assert_eq!(told("{\"message\":\"name in use\"}\n"), "name in use");
        assert_eq!(told("Client sent an HTTP request\n"), "Client sent an HTTP request");
        assert_eq!(told(""), "Conflict");
        assert_eq!(told(&"é".repeat(5000)).chars().count(), MESSAGE_CHARS + 3);
    }
}
