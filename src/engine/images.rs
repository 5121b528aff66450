//! The engine's call for pulling an image.

use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::Engine;
use super::call::{Call, shortened};
use super::credentials::RegistryAuth;
use super::error::{Error, Result};
use super::json::null_is_default;
use super::reference::Reference;
use super::stream::JsonLines;

/// How far a pull has come with one layer, or something about the whole image.
#[derive(Debug, Deserialize)]
pub struct Progress {
    /// The layer; empty for the image.
    #[serde(default)]
    pub id: String,
    /// What is being done: `Downloading`, `Extracting`, `Pull complete` and others.
    #[serde(default)]
    pub status: String,
    #[serde(default, rename = "progressDetail", deserialize_with = "null_is_default")]
    detail: Detail,
    #[serde(rename = "errorDetail")]
    failure: Option<ErrorDetail>,
    error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Detail {
    current: Option<u64>,
    total: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

impl Progress {
    /// The bytes of the layer that are done.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.detail.current
    }

    /// The bytes of the layer.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.detail.total
    }

    /// Why the pull has failed, if it has.
    fn failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.message.as_str()).or(self.error.as_deref())
    }
}

impl Engine {
    /// Pulls an image, for the engine's own platform unless another is named, and tells how far it is.
    /// Only the deadline limits how long that may take.
    ///
    /// # Errors
    /// When the registry or the engine refuses, be it in the middle of the pull.
    pub async fn pull_image(
        &self,
        image: &Reference,
        platform: Option<&str>,
        auth: Option<&RegistryAuth>,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        const DOING: &str = "pull the image";
        let mut call = Call::new(DOING, Method::POST, &["images", "create"])
            .query("fromImage", &image.name())
            // Without a tag, the engine would pull all there are.
            .query("tag", image.version());
        if let Some(platform) = platform {
            call = call.query("platform", platform);
        }
        let call = call.registry_auth(auth.map(RegistryAuth::header)).patient();
        let pull = async {
            let mut lines = JsonLines::new(self.stream(call).await?);
            while let Some(progress) = lines.next::<Progress>().await? {
                if let Some(message) = progress.failure() {
                    return Err(Error::Status {
                        doing: lines.stream().doing(),
                        status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
                        message: shortened(message),
                    });
                }
                on_progress(&progress);
            }
            Ok(())
        };
        self.limited(DOING, true, pull).await
    }
}
