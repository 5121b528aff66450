//! Building an image: <https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Image/operation/ImageBuild>

use std::collections::BTreeMap;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::{Error, Result};
use super::limits::shortened;
use super::stream::JsonLines;

/// What the engine says of a build.
#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    stream: String,
    error: Option<String>,
}

impl Engine {
    /// Builds an image of a directory in the format of tar, and hands on what the steps print, in pieces. Only the
    /// deadline limits how long that takes. Dropping it ends the build, of which nothing is left.
    pub async fn build_image(
        &self,
        tag: &str,
        context: Bytes,
        arguments: &BTreeMap<String, String>,
        network: Option<&str>,
        platform: Option<&str>,
        mut on_output: impl FnMut(&str),
    ) -> Result<()> {
        const ACTION: &str = "build the image";
        let arguments = serde_json::to_string(arguments).unwrap_or_default();
        let mut call = Call::new(ACTION, Method::POST, &["build"])
            .query("t", tag)
            .query("buildargs", &arguments)
            // No container of a step stays, whatever becomes of it.
            .query("rm", "1")
            .query("forcerm", "1");
        for (name, value) in [("networkmode", network), ("platform", platform)] {
            if let Some(value) = value {
                call = call.query(name, value);
            }
        }
        let build = async {
            let mut lines = JsonLines::new(self.stream(call.tar(context).patient()).await?);
            while let Some(message) = lines.next::<Message>().await? {
                if let Some(message) = message.error {
                    return Err(Error::Status {
                        action: ACTION,
                        status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
                        message: shortened(message.trim()),
                    });
                }
                on_output(&message.stream);
            }
            Ok(())
        };
        self.limited(ACTION, true, build).await
    }
}
