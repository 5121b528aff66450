//! The engine's call for what happens to a container.

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
    /// The kernel of the host killed a process in it for its use of memory.
    OutOfMemory,
    /// Someone sent it a signal through the engine.
    Kill {
        /// The signal's number, as far as the engine tells.
        signal: Option<i32>,
    },
    Die {
        exit_code: i64,
    },
    Destroy,
}

/// What happens to a container, as it happens.
pub struct Events {
    lines: JsonLines,
}

impl Events {
    /// What happened next; `None` when the engine stops telling. A call that is dropped before its
    /// end loses nothing.
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
        // Besides, there are all labels of the container.
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
    /// Listens for what happens to a container, beginning with what already has. It needs the id:
    /// others may have had the name before.
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
}
