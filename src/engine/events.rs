//! The engine's call for the events of a container.

use hyper::Method;
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::json::null_is_default;
use super::stream::JsonLines;

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    Start,
    /// The host's Linux kernel killed a process in it for lack of memory.
    OutOfMemory,
    /// Someone sent it a signal through the engine.
    Kill {
        /// The signal's number, if the engine tells it.
        signal: Option<i32>,
    },
    Die {
        exit_code: i64,
    },
    Destroy,
}

/// The events of a container, as they happen.
pub struct Events {
    lines: JsonLines,
}

impl Events {
    /// Returns the next event; `None` at the end of the stream. This method is cancel safe.
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
            attributes: Attributes,
        }
        // There are other attributes, such as all labels of the container.
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Attributes {
            signal: Option<String>,
            exit_code: Option<String>,
        }
        while let Some(Message { action, actor }) = self.lines.next().await? {
            let Attributes { signal, exit_code } = actor.attributes;
            let event = match action.as_str() {
                "start" => Event::Start,
                "oom" => Event::OutOfMemory,
                "kill" => Event::Kill { signal: signal.and_then(|text| text.parse().ok()) },
                "die" => {
                    let exit_code = exit_code.and_then(|text| text.parse().ok());
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
    /// Listens for the events of a container, beginning with the past ones. It takes an id because others may
    /// have had the name before.
    pub async fn container_events(&self, id: &str) -> Result<Events> {
        let call = Call::new("listen to the engine's events", Method::GET, &["events"])
            .filters(&[
                ("type", &["container"]),
                ("container", &[id]),
                ("event", &["start", "oom", "kill", "die", "destroy"]),
            ])?
            // The engine answers shortly before it starts to listen; its history fills the gap.
            .query("since", "1");
        Ok(Events { lines: JsonLines::new(self.stream(call).await?) })
    }
}
