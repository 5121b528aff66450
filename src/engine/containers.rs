//! The engine's calls for containers.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::Engine;
use super::call::Call;
use super::error::Result;
use super::json::null_is_default;
use super::output::Output;
use super::stream::JsonLines;

/// A container that was created.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Created {
    /// Its id.
    pub id: String,
    /// What the engine could not do as it was asked.
    #[serde(default, deserialize_with = "null_is_default")]
    pub warnings: Vec<String>,
}

/// A container as it is now.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// Its id.
    pub id: String,
    /// How it does.
    pub state: State,
    config: Config,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

impl Container {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.config.labels
    }
}

/// How a container does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    pub status: String,
    /// The exit status of the last run.
    #[serde(default)]
    pub exit_code: i64,
    /// Whether the kernel of the host killed it for its use of memory.
    #[serde(default, rename = "OOMKilled")]
    pub oom_killed: bool,
    /// Why it could not be started; empty if it could.
    #[serde(default)]
    pub error: String,
}

/// Something that happened to a container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// It was started.
    Start,
    /// The kernel of the host killed a process in it for its use of memory.
    OutOfMemory,
    /// Someone sent it a signal through the engine.
    Kill {
        /// The signal's number, as far as the engine tells.
        signal: Option<i32>,
    },
    /// It ended.
    Die {
        /// Its exit status.
        exit_code: i64,
    },
    /// It is gone.
    Destroy,
}

/// What happens to a container, as it happens.
pub struct Events {
    lines: JsonLines,
}

impl Events {
    /// What happened next; `None` when the engine stops telling. A call that is dropped before its
    /// end loses nothing.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no event.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Message {
            action: String,
            actor: Actor,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Actor {
            #[serde(default, deserialize_with = "null_is_default")]
            attributes: BTreeMap<String, String>,
        }
        while let Some(Message { action, actor }) = self.lines.next().await? {
            let attribute = |name| actor.attributes.get(name).map(String::as_str);
            let event = match action.as_str() {
                "start" => Event::Start,
                "oom" => Event::OutOfMemory,
                "kill" => {
                    Event::Kill { signal: attribute("signal").and_then(|text| text.parse().ok()) }
                }
                "die" => {
                    let exit_code = attribute("exitCode").and_then(|text| text.parse().ok());
                    Event::Die {
                        exit_code: exit_code.ok_or_else(|| {
                            let stream = self.lines.stream();
                            stream.bad_answer("a container died without an exit status")
                        })?,
                    }
                }
                "destroy" => Event::Destroy,
                _ => continue,
            };
            return Ok(Some(event));
        }
        Ok(None)
    }
}

impl Engine {
    /// Creates a container.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if the engine has no such image,
    /// [`is_conflict`](super::Error::is_conflict) if the name is taken.
    pub async fn create_container(
        &self,
        name: &str,
        platform: Option<&str>,
        spec: &impl Serialize,
    ) -> Result<Created> {
        let call = Call::new("create the container", Method::POST, &["containers", "create"])
            .query("name", name);
        let call = match platform {
            Some(platform) => call.query("platform", platform),
            None => call,
        };
        self.json(call.json(spec)?.patient()).await
    }

    /// Attaches a container to one more network, with these settings of its end there.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is no such network.
    pub async fn connect_network(
        &self,
        network: &str,
        id: &str,
        settings: &impl Serialize,
    ) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Attachment<'a, T> {
            container: &'a str,
            endpoint_config: &'a T,
        }
        let path = ["networks", network, "connect"];
        let body = Attachment { container: id, endpoint_config: settings };
        self.empty(Call::new("attach the container to a network", Method::POST, &path).json(&body)?)
            .await
    }

    /// Starts a container; one that runs is left alone.
    ///
    /// # Errors
    /// When it cannot be started. It then still exists, unless it was to be removed at its end.
    pub async fn start_container(&self, id: &str) -> Result<()> {
        let path = ["containers", id, "start"];
        self.empty(Call::new("start the container", Method::POST, &path).patient()).await
    }

    /// Looks at a container.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn inspect_container(&self, id_or_name: &str) -> Result<Container> {
        let path = ["containers", id_or_name, "json"];
        self.json(Call::new("inspect the container", Method::GET, &path)).await
    }

    /// Removes a container with its anonymous volumes, killing it if `force`d. One that is gone or
    /// going is fine.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn remove_container(&self, id: &str, force: bool) -> Result<()> {
        let call = Call::new("remove the container", Method::DELETE, &["containers", id])
            .query("v", "1")
            .query("force", if force { "1" } else { "0" });
        match self.empty(call).await {
            Err(error) if error.is_not_found() => Ok(()),
            // The other conflict is that it runs.
            Err(super::Error::Status { status, message, .. })
                if status == StatusCode::CONFLICT.as_u16()
                    && message.contains("already in progress") =>
            {
                Ok(())
            }
            result => result,
        }
    }

    /// Listens for what happens to a container, beginning with what already has. It needs the id:
    /// others may have had the name before.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn container_events(&self, id: &str) -> Result<Events> {
        let call = Call::new("listen to the engine's events", Method::GET, &["events"])
            .filters(&[
                ("type", &["container"]),
                ("container", &[id]),
                ("event", &["start", "oom", "kill", "die", "destroy"]),
            ])?
            // The engine answers just before it begins to listen; what it remembers fills the gap.
            .query("since", "1");
        Ok(Events { lines: JsonLines::new(self.stream(call).await?) })
    }

    /// Attaches to what a container writes from now on: before its start, as `docker run` does, to
    /// everything, also if the container is removed at its end.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn attach_output(&self, id: &str) -> Result<Output> {
        // Without an `Upgrade` header the engine sends the output as a body that ends with the
        // connection, which is all that is needed to read.
        let path = ["containers", id, "attach"];
        let call = Call::new("attach to the container's output", Method::POST, &path)
            .query("stream", "1")
            .query("stdout", "1")
            .query("stderr", "1");
        Ok(Output::new(self.stream(call).await?))
    }
}
