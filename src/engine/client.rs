//! Sends calls to the engine within their time limits, and reads the answers.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::upgrade::Upgraded;
use hyper::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::call::Call;
use super::endpoint::Endpoint;
use super::error::{Error, Result};
use super::items::{Item, Items};
use super::limits::{ANSWER_SIZE, MAX_ITEMS, OBJECT_SIZE, shortened};
use super::stream::Stream;
use super::transport::{Connection, Transport};
use super::version;
use crate::env::Env;

/// A Docker Engine that has answered.
///
/// Each call must be answered within the answer limit, except the patient ones, and none outlasts the
/// deadline; after it, nothing is sent. Dropping a call breaks it off, though the engine may still carry it
/// out. A stream is opened within these limits; reading it may take as long as the reader wants.
pub struct Engine {
    transport: Transport,
    version: String,
    is_podman: bool,
    answer_limit: Duration,
    deadline: Cell<Instant>,
}

impl Engine {
    /// Connects to the engine, and speaks the newest API version that it knows. No server reads
    /// `DOCKER_API_VERSION`.
    pub async fn connect(
        endpoint: Endpoint,
        env: &Env,
        answer_limit: Duration,
        deadline: Instant,
    ) -> Result<Self> {
        // Any call may need a connection of its own.
        let answer_limit = answer_limit + endpoint.connect_timeout();
        let transport = Transport::new(endpoint, env)?;
        let deadline = Cell::new(deadline);
        let mut engine =
            Self { transport, version: String::new(), is_podman: false, answer_limit, deadline };
        let (theirs, podmans) = engine.ping().await?;
        engine.version = version::spoken(&theirs)?;
        engine.is_podman = podmans.is_some();
        Ok(engine)
    }

    /// Connects to the engine that `launch_docker.toml` names by its address, or else to that of the environment.
    pub async fn of(
        address: Option<&str>,
        env: &Env,
        answer_limit: Duration,
        deadline: Instant,
    ) -> Result<Self> {
        let endpoint = match address {
            Some(address) => Endpoint::of_options(address, env)?,
            None => Endpoint::from_env(env)?,
        };
        Self::connect(endpoint, env, answer_limit, deadline).await
    }

    /// Connects to the engine that the environment names, or else to the local one.
    pub async fn from_env(env: &Env, answer_limit: Duration, deadline: Instant) -> Result<Self> {
        Self::of(None, env, answer_limit, deadline).await
    }

    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.transport.endpoint()
    }

    /// The version of the API in use, such as `1.47`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.version
    }

    /// Whether the engine has what this version of the API has.
    #[must_use]
    pub fn speaks(&self, version: (u16, u16)) -> bool {
        version::parse(&self.version).is_some_and(|own| own >= version)
    }

    /// Whether it is Podman, which speaks the API of Docker with an accent.
    #[must_use]
    pub fn is_podman(&self) -> bool {
        self.is_podman
    }

    /// Whether the engine's files are most likely those of this process. In a container that can only be so if
    /// the engine runs in the same one: then its process has a number here.
    pub async fn is_beside_us(&self, in_container: bool) -> bool {
        let Endpoint::Unix(path) = self.endpoint() else { return false };
        if !in_container {
            return true;
        }
        let peer = UnixStream::connect(path).await.and_then(|stream| stream.peer_cred());
        peer.is_ok_and(|peer| peer.pid().is_some_and(|pid| pid > 0))
    }

    /// Sets another deadline, for instance to clean up after the first has passed.
    pub fn set_deadline(&self, deadline: Instant) {
        self.deadline.set(deadline);
    }

    /// Checks that the engine still accepts connections: one that is shutting down keeps answering on those
    /// that it has.
    pub async fn reconnect(&self) -> Result<()> {
        self.transport.close_idle();
        self.ping().await.map(drop)
    }

    /// Returns the newest API version that the engine speaks, and that of Podman's own API if it has that too.
    async fn ping(&self) -> Result<(String, Option<String>)> {
        const ACTION: &str = "find the Docker Engine's version";
        const NAMES: [&str; 2] = ["Api-Version", "Libpod-Api-Version"];
        let ping = |method| self.headers(Call::new(ACTION, method, &["_ping"]), NAMES);
        let [version, podmans] = match ping(Method::HEAD).await {
            // A proxy may let only GET through, and an answer to HEAD has no body with a reason.
            Err(Error::Status { .. }) => ping(Method::GET).await?,
            versions => versions?,
        };
        let version = version.ok_or_else(|| {
            self.bad_answer(ACTION, "it does not name its version of the API".to_owned())
        })?;
        Ok((version, podmans))
    }

    /// Sends a call and parses its answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let action = call.action;
        let body = self.bytes(call, OBJECT_SIZE).await?;
        self.parse(action, &body)
    }

    /// Sends a call that is answered with a list, and parses each item as it arrives. Items that are too
    /// large, or too many, are left out.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: Call) -> Result<Vec<T>> {
        let (action, patient) = (call.action, call.patient);
        let work = async {
            let Answer { response, connection, .. } = self.send(call).await?;
            let mut body = response.into_body();
            let mut items = Items::default();
            let mut found = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| self.transport.lost(action, &error))?;
                let Ok(mut data) = frame.into_data() else { continue };
                let next = |items: &mut Items, data: &mut Bytes| {
                    items.next(data).map_err(|reason| self.bad_answer(action, reason.to_owned()))
                };
                while let Some(item) = next(&mut items, &mut data)? {
                    match item {
                        _ if found.len() == MAX_ITEMS => {
                            tracing::warn!("Only the first {MAX_ITEMS} are taken: {action}");
                            return Ok(found);
                        }
                        Item::Whole(item) => found.push(self.parse(action, &item)?),
                        Item::TooLarge => tracing::warn!(
                            "One that has more than {OBJECT_SIZE} bytes is left out: {action}"
                        ),
                    }
                }
            }
            if !items.is_done() {
                return Err(self.bad_answer(action, "it sends no list".to_owned()));
            }
            self.transport.put_back(connection);
            Ok(found)
        };
        self.limited(action, patient, work).await
    }

    fn parse<T: DeserializeOwned>(&self, action: &'static str, json: &[u8]) -> Result<T> {
        // The error quotes what does not fit, at any length.
        serde_json::from_slice(json)
            .map_err(|error| self.bad_answer(action, shortened(&error.to_string())))
    }

    pub(super) fn bad_answer(&self, action: &'static str, reason: String) -> Error {
        Error::BadAnswer { action, endpoint: self.endpoint().to_string(), reason }
    }

    /// Sends a call and ignores the body of its answer.
    pub(super) async fn empty(&self, call: Call) -> Result<()> {
        self.bytes(call, ANSWER_SIZE).await.map(drop)
    }

    /// Sends a call and returns these headers of its answer.
    pub(super) async fn headers<const N: usize>(
        &self,
        call: Call,
        names: [&str; N],
    ) -> Result<[Option<String>; N]> {
        let action = call.action;
        let work = async {
            let answer = self.send(call).await?;
            let headers = answer.response.headers();
            let values = names.map(|name| Some(headers.get(name)?.to_str().ok()?.to_owned()));
            answer.read(self, ANSWER_SIZE).await?;
            Ok(values)
        };
        self.limited(action, false, work).await
    }

    async fn bytes(&self, call: Call, limit: usize) -> Result<Bytes> {
        let (action, patient) = (call.action, call.patient);
        self.limited(action, patient, async { self.send(call).await?.read(self, limit).await })
            .await
    }

    /// Sends a call and returns its answer as a stream.
    pub(super) async fn stream(&self, call: Call) -> Result<Stream> {
        let (action, patient) = (call.action, call.patient);
        let answer = self.limited(action, patient, self.send(call)).await?;
        let Answer { action, response, connection } = answer;
        Ok(Stream::new(action, self.endpoint().to_string(), response.into_body(), connection))
    }

    /// Sends a call and returns the connection, for both directions.
    pub(super) async fn upgraded(&self, call: Call) -> Result<Upgraded> {
        let (action, patient) = (call.action, call.patient);
        let work = async {
            let Answer { response, .. } = self.send(call.upgrade()).await?;
            let upgraded = hyper::upgrade::on(response).await;
            upgraded.map_err(|error| self.transport.lost(action, &error))
        };
        self.limited(action, patient, work).await
    }

    /// Runs `work` within the limits; after the deadline, not at all.
    pub(super) async fn limited<T>(
        &self,
        action: &'static str,
        patient: bool,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let left = self.deadline.get().saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(Error::DeadlinePassed { action });
        }
        let limit = if patient { left } else { left.min(self.answer_limit) };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(Error::TimedOut { action, endpoint: self.endpoint().to_string(), limit })
        })
    }

    /// Sends a call and reads the head of its answer.
    async fn send(&self, call: Call) -> Result<Answer> {
        let action = call.action;
        let request = call.request(self.endpoint(), &self.version)?;
        let (response, connection) = self.transport.send(action, request).await?;
        let status = response.status();
        // Starting a running container gives status 304, and attaching to one 101.
        let also = [StatusCode::NOT_MODIFIED, StatusCode::SWITCHING_PROTOCOLS];
        if status.is_success() || also.contains(&status) {
            return Ok(Answer { action, response, connection });
        }
        let body = match collect(response.into_body(), ANSWER_SIZE).await {
            Ok(body) => {
                self.transport.put_back(connection);
                body
            }
            Err(_) => Bytes::new(),
        };
        Err(Error::Status { action, status: status.as_u16(), message: message(&body, status) })
    }
}

/// The head of an answer to a call that succeeded.
struct Answer {
    action: &'static str,
    response: Response<Incoming>,
    connection: Connection,
}

impl Answer {
    /// Reads the body, up to `limit` bytes, so that the connection can be reused.
    async fn read(self, engine: &Engine, limit: usize) -> Result<Bytes> {
        let body = collect(self.response.into_body(), limit)
            .await
            .map_err(|failure| failure.of(self.action, engine))?;
        engine.transport.put_back(self.connection);
        Ok(body)
    }
}

/// Why an answer could not be read to its end.
enum Failure {
    TooLong(usize),
    Broken(hyper::Error),
}

impl Failure {
    fn of(&self, action: &'static str, engine: &Engine) -> Error {
        match self {
            Self::Broken(error) => engine.transport.lost(action, error),
            Self::TooLong(limit) => {
                engine.bad_answer(action, format!("it sends more than {limit} bytes"))
            }
        }
    }
}

async fn collect(body: Incoming, limit: usize) -> std::result::Result<Bytes, Failure> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            Err(error.downcast().map_or(Failure::TooLong(limit), |error| Failure::Broken(*error)))
        }
    }
}

/// The engine's reason for refusing, from the body of its answer.
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

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::message;
    use crate::engine::limits::MESSAGE_CHARS;

    #[test]
    fn a_refusal_is_told_in_the_engines_words() {
        let told = |body: &str| message(body.as_bytes(), StatusCode::CONFLICT);
        assert_eq!(told("{\"message\":\"name in use\"}\n"), "name in use");
        assert_eq!(told("Client sent an HTTP request\n"), "Client sent an HTTP request");
        assert_eq!(told(""), "Conflict");
        assert_eq!(told(&"é".repeat(5000)).chars().count(), MESSAGE_CHARS + 3);
    }
}
