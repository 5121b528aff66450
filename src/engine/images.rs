//! The engine's calls for images.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::credentials::RegistryAuth;
use super::error::{Error, Result};
use super::json::{null_is_default, words};
use super::limits::shortened;
use super::reference::Reference;
use super::stream::JsonLines;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Image {
    #[serde(default)]
    pub id: String,
    /// As Go names it.
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default, deserialize_with = "null_is_default")]
    config: ImageConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Platform {
    /// As Go names it; empty if unknown.
    #[serde(default)]
    pub architecture: String,
    /// Empty if unknown.
    #[serde(default)]
    pub os: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfig {
    #[serde(default, deserialize_with = "words")]
    cmd: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    volumes: BTreeMap<String, serde_json::Value>,
    #[serde(default, deserialize_with = "null_is_default")]
    env: Vec<String>,
    #[serde(default)]
    user: String,
}

impl Image {
    #[must_use]
    pub fn into_command(self) -> (Vec<String>, Vec<String>) {
        (self.config.entrypoint, self.config.cmd)
    }

    /// The paths at which each container of the image gets an anonymous volume.
    #[must_use]
    pub fn volumes(&self) -> Vec<String> {
        self.config.volumes.keys().cloned().collect()
    }

    /// The value of a variable that all its containers have.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.config.env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whom its containers run as, by name or number, and with a group if it names one; empty for root.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.config.user
    }

    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform { architecture: self.architecture.clone(), os: self.os.clone() }
    }

    #[must_use]
    pub fn entrypoint(&self) -> &[String] {
        &self.config.entrypoint
    }

    #[must_use]
    pub fn cmd(&self) -> &[String] {
        &self.config.cmd
    }
}

/// The progress of pulling one layer, or a message about the whole image.
#[derive(Debug, Deserialize)]
pub struct Progress {
    /// Empty for the image.
    #[serde(default)]
    pub id: String,
    /// `Downloading`, `Extracting`, `Pull complete` and others.
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
    #[serde(default, rename = "hidecounts")]
    hides_counts: bool,
}

#[derive(Debug, Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

impl Progress {
    /// How many bytes of the layer are done.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.detail.current
    }

    /// How many bytes the layer has.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.detail.total
    }

    /// Whether there is nothing to count of the layer any more.
    #[must_use]
    pub fn hides_counts(&self) -> bool {
        self.detail.hides_counts
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.message.as_str()).or(self.error.as_deref())
    }
}

impl Engine {
    /// Inspects an image.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if the engine does not have it.
    pub async fn inspect_image(&self, image: &str) -> Result<Image> {
        self.json(Call::new("look at the image", Method::GET, &["images", image, "json"])).await
    }

    /// Asks the image's registry whether it has it, and for which platforms.
    pub async fn find_in_registry(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<Vec<Platform>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Distribution {
            #[serde(default, deserialize_with = "null_is_default")]
            platforms: Vec<Platform>,
        }
        let call = Call::new("ask the registry", Method::GET, &["distribution", image, "json"])
            .registry_auth(auth.map(RegistryAuth::header));
        let found: Distribution = self.json(call).await?;
        Ok(found.platforms)
    }

    /// Pulls an image, for the engine's own platform unless another is named, and reports the progress. Only
    /// the deadline limits how long that takes.
    pub async fn pull_image(
        &self,
        image: &Reference,
        platform: Option<&str>,
        auth: Option<&RegistryAuth>,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        const ACTION: &str = "pull the image";
        let mut call = Call::new(ACTION, Method::POST, &["images", "create"])
            .query("fromImage", &image.name())
            // Without a tag, the engine would pull all of them.
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
                        action: lines.stream().action(),
                        status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
                        message: shortened(message),
                    });
                }
                on_progress(&progress);
            }
            Ok(())
        };
        self.limited(ACTION, true, pull).await
    }
}
