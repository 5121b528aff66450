//! The engine's calls for volumes, which only the installer makes.

use std::collections::BTreeMap;

use hyper::Method;
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::json::{known_labels, null_is_default, short_text};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Volume {
    #[serde(deserialize_with = "short_text")]
    pub name: String,
    /// In the format of RFC 3339.
    #[serde(default, rename = "CreatedAt", deserialize_with = "short_text")]
    pub created: String,
    /// Only those that we use.
    #[serde(default, deserialize_with = "known_labels")]
    pub labels: BTreeMap<String, String>,
}

impl Volume {
    /// Whether the engine chose the name: 64 hexadecimal digits.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        self.name.len() == 64 && self.name.bytes().all(is_digit)
    }
}

impl Engine {
    /// Lists the volumes with these labels that no container uses.
    pub async fn dangling_volumes(&self, labels: &[&str]) -> Result<Vec<Volume>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            #[serde(default, deserialize_with = "null_is_default")]
            volumes: Vec<Volume>,
        }
        let call = Call::new("look for volumes", Method::GET, &["volumes"])
            .filters(&[("dangling", &["true"]), ("label", labels)])?;
        let listed: Listed = self.json(call).await?;
        Ok(listed.volumes)
    }

    pub async fn has_volume(&self, name: &str) -> Result<bool> {
        match self.empty(Call::new("look at the volume", Method::GET, &["volumes", name])).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes an unused volume; succeeds if it has gone.
    ///
    /// # Errors
    /// [`is_conflict`](super::Error::is_conflict) if a container has it.
    pub async fn remove_volume(&self, name: &str) -> Result<()> {
        match self.empty(Call::new("remove the volume", Method::DELETE, &["volumes", name])).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }
}
