//! The engine's calls for containers.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::attachment::Attachment;
use super::call::Call;
use super::client::Engine;
use super::error::{Error, Result};
use super::json::{SERVICE, first_texts, known_labels, known_variables, short_text};
use super::output::Output;
use super::stream::JsonLines;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Created {
    pub id: String,
    #[serde(default, deserialize_with = "first_texts")]
    pub warnings: Vec<String>,
}

/// A container, as inspecting it shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    #[serde(deserialize_with = "short_text")]
    pub id: String,
    /// With a leading slash.
    #[serde(default, deserialize_with = "short_text")]
    pub name: String,
    /// In the format of RFC 3339.
    #[serde(default, deserialize_with = "short_text")]
    pub created: String,
    pub state: State,
    pub config: ContainerConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// As it was named at creation.
    #[serde(default, deserialize_with = "short_text")]
    pub image: String,
    /// Only those that we use.
    #[serde(default, deserialize_with = "known_labels")]
    pub labels: BTreeMap<String, String>,
    /// Only variables that describe a kernel, as `NAME=VALUE`.
    #[serde(default, deserialize_with = "known_variables")]
    pub env: Vec<String>,
}

impl ContainerConfig {
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`; of Podman also `stopped`, before
    /// `exited`.
    #[serde(deserialize_with = "short_text")]
    pub status: String,
    /// Whether the host's Linux kernel killed it for lack of memory.
    #[serde(default, rename = "OOMKilled")]
    pub oom_killed: bool,
}

impl State {
    /// Whether it has ended for good.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        is_end(&self.status)
    }
}

fn is_end(state: &str) -> bool {
    ["exited", "dead", "removing", "stopped"].contains(&state)
}

/// A container in a list. Listing does not wait for a container that is being started; inspecting does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedContainer {
    #[serde(deserialize_with = "short_text")]
    pub id: String,
    #[serde(default, deserialize_with = "known_labels")]
    labels: BTreeMap<String, String>,
    /// With leading slashes. Links of other containers give it further ones.
    #[serde(default)]
    names: Vec<String>,
    /// As in [`State`].
    #[serde(default, deserialize_with = "short_text")]
    state: String,
}

impl ListedContainer {
    /// Its own name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.names.iter().find_map(|name| name.strip_prefix('/').filter(|name| !name.contains('/')))
    }

    /// Whether it has ended for good.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        is_end(&self.state)
    }

    /// One of the labels that are read.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// Whether it belongs to a task of a service.
    #[must_use]
    pub fn is_of_service(&self) -> bool {
        self.labels.contains_key(SERVICE)
    }
}

/// The end of a container, which may not have come yet.
pub struct NextExit(JsonLines);

/// How a container ended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ended {
    pub status_code: i64,
    /// Why the engine cannot tell.
    #[serde(default)]
    pub error: Option<serde_json::Value>,
}

impl NextExit {
    /// Waits for the end; `None` if the engine goes away before. This method is cancel safe.
    pub async fn ended(&mut self) -> Result<Option<Ended>> {
        self.0.next().await
    }
}

/// Something mounted into a container.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mount {
    /// The path on the engine's host; empty for one in memory.
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub destination: String,
    #[serde(default, rename = "RW")]
    pub writable: bool,
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

    /// Starts a container; one that is running is left alone.
    ///
    /// # Errors
    /// The container then still exists, unless it is removed when it ends.
    pub async fn start_container(&self, id: &str) -> Result<()> {
        let path = ["containers", id, "start"];
        self.empty(Call::new("start the container", Method::POST, &path).patient()).await
    }

    /// Inspects a container.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn inspect_container(&self, id_or_name: &str) -> Result<Container> {
        let path = ["containers", id_or_name, "json"];
        self.json(Call::new("inspect the container", Method::GET, &path)).await
    }

    /// Returns what is mounted into a container.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn mounts_of(&self, id: &str) -> Result<Vec<Mount>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Mounted {
            #[serde(default)]
            mounts: Vec<Mount>,
        }
        let path = ["containers", id, "json"];
        let call = Call::new("look at this process's container", Method::GET, &path);
        self.json(call).await.map(|found: Mounted| found.mounts)
    }

    /// Removes a container and its anonymous volumes, killing it if `force` is set. Succeeds if it has gone
    /// or is being removed.
    pub async fn remove_container(&self, id: &str, force: bool) -> Result<()> {
        if force && self.is_podman() {
            // It would ask the container to stop, and wait. If it does not run, that is as well.
            let path = ["containers", id, "kill"];
            let _ = self.empty(Call::new("kill the container", Method::POST, &path)).await;
        }
        let call = Call::new("remove the container", Method::DELETE, &["containers", id])
            .query("v", "1")
            .query("force", if force { "1" } else { "0" });
        match self.empty(call).await {
            Err(error) if error.is_not_found() => Ok(()),
            // The other conflict is a running container.
            Err(Error::Status { status, message, .. })
                if status == StatusCode::CONFLICT.as_u16()
                    && message.contains("already in progress") =>
            {
                Ok(())
            }
            result => result,
        }
    }

    /// Attaches to the output of a container from now on. If that is before its start, as with `docker run`,
    /// nothing is missed, even if the container is removed when it ends.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn attach_output(&self, id: &str) -> Result<Output> {
        // Without an `Upgrade` header, the engine sends the output as a body that ends with the connection,
        // which suffices for reading.
        let path = ["containers", id, "attach"];
        let call = Call::new("attach to the container's output", Method::POST, &path)
            .query("stream", "1")
            .query("stdout", "1")
            .query("stderr", "1");
        Ok(Output::new(self.stream(call).await?))
    }

    /// Attaches to the standard streams of a container that is not started yet. `on_stderr` gets what it writes to
    /// standard error.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn attach<F: FnMut(&[u8])>(&self, id: &str, on_stderr: F) -> Result<Attachment<F>> {
        let path = ["containers", id, "attach"];
        let mut call = Call::new("attach to the container", Method::POST, &path);
        for name in ["stream", "stdin", "stdout", "stderr"] {
            call = call.query(name, "1");
        }
        // Podman would look for the usual ones, although there is no terminal.
        call = call.query("detachKeys", "");
        Ok(Attachment::new(self.upgraded(call).await?, on_stderr))
    }

    /// Waits for the next end of a container, from now on, even if it is then removed.
    pub async fn next_exit(&self, id: &str) -> Result<NextExit> {
        let path = ["containers", id, "wait"];
        let call = Call::new("wait for the container", Method::POST, &path)
            .query("condition", "next-exit");
        Ok(NextExit(JsonLines::new(self.stream(call).await?)))
    }

    /// Unpacks a file in the format of tar in a directory of a container.
    pub async fn put_archive(&self, id: &str, directory: &str, tar: Bytes) -> Result<()> {
        let path = ["containers", id, "archive"];
        let call = Call::new("copy a file into the container", Method::PUT, &path);
        self.empty(call.query("path", directory).tar(tar).patient()).await
    }

    /// Creates a container without a name, to look into an image.
    pub async fn create_probe(&self, spec: &impl Serialize) -> Result<Created> {
        let call = Call::new("look into the image", Method::POST, &["containers", "create"]);
        self.json(call.json(spec)?.patient()).await
    }

    /// Whether a container has something at this path.
    pub async fn has_path(&self, id: &str, path: &str) -> Result<bool> {
        let parts = ["containers", id, "archive"];
        let call = Call::new("look into the image", Method::HEAD, &parts).query("path", path);
        match self.headers(call, ["X-Docker-Container-Path-Stat"]).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lists the containers with this label that run.
    pub async fn running_with(&self, label: &str) -> Result<Vec<ListedContainer>> {
        let call = Call::new("look for containers that wait", Method::GET, &["containers", "json"])
            .filters(&[("label", &[label]), ("status", &["running"])])?;
        self.list(call).await
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// Also if it has the name already.
    pub async fn rename_container(&self, id: &str, name: &str) -> Result<()> {
        let path = ["containers", id, "rename"];
        let call = Call::new("rename the container", Method::POST, &path);
        self.empty(call.query("name", name)).await
    }

    /// Lists all containers with these labels, including those that are not running.
    pub async fn containers_with(&self, labels: &[&str]) -> Result<Vec<ListedContainer>> {
        let call = Call::new("look for containers", Method::GET, &["containers", "json"])
            .query("all", "1")
            .filters(&[("label", labels)])?;
        self.list(call).await
    }
}
