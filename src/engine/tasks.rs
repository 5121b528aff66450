//! The engine's calls for the tasks of a Swarm.

use hyper::Method;
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::json::short_text;

/// An attempt of Swarm to run a container of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Task {
    /// The id of its service, which may have been removed.
    pub service: String,
    /// `running`, `shutdown` and others.
    pub desired_state: String,
    /// `pending`, `preparing`, `running`, `failed`, `rejected` and others.
    pub state: String,
    /// Why it failed or is held up; empty otherwise.
    pub err: String,
    /// What Swarm is doing with it.
    pub message: String,
    /// The exit status of its container, once that has ended.
    pub exit_code: Option<i64>,
    /// The node that it is assigned to; empty before.
    pub node_id: String,
    /// The id of its container; empty if it has none.
    pub container: String,
}

impl Task {
    /// The error, or else the message.
    #[must_use]
    pub fn reason(&self) -> &str {
        if self.err.is_empty() { &self.message } else { &self.err }
    }

    /// Whether the state is final.
    #[must_use]
    pub fn is_over(&self) -> bool {
        ["complete", "shutdown", "failed", "rejected", "orphaned", "remove"]
            .contains(&self.state.as_str())
    }

    /// Whether no node is suitable.
    #[must_use]
    pub fn is_unplaceable(&self) -> bool {
        self.state == "pending" && !self.err.is_empty()
    }

    /// Whether the manager has no address for the task: it does so first of all, and says nothing when it cannot.
    #[must_use]
    pub fn lacks_address(&self) -> bool {
        self.state == "new"
    }

    /// Whether Swarm has given the task up, though its node has not reported that it ended: the node is
    /// unreachable, or has just been told to stop the task. The tasks of a service that is removed are to be
    /// removed too.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.desired_state == "shutdown" && !self.is_over()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawTask {
    #[serde(default, rename = "ServiceID", deserialize_with = "short_text")]
    service: String,
    #[serde(default, rename = "NodeID", deserialize_with = "short_text")]
    node_id: String,
    #[serde(default, deserialize_with = "short_text")]
    desired_state: String,
    status: RawStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawStatus {
    #[serde(deserialize_with = "short_text")]
    state: String,
    #[serde(default, deserialize_with = "short_text")]
    message: String,
    #[serde(default, deserialize_with = "short_text")]
    err: String,
    container_status: Option<RawContainer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawContainer {
    #[serde(default)]
    exit_code: i64,
    #[serde(default, rename = "ContainerID", deserialize_with = "short_text")]
    id: String,
}

impl From<RawTask> for Task {
    fn from(raw: RawTask) -> Self {
        let RawStatus { state, message, err, container_status } = raw.status;
        // Before the end, the status is 0.
        let ended = matches!(state.as_str(), "complete" | "failed" | "shutdown");
        let exit_code = container_status.as_ref().filter(|_| ended);
        Self {
            service: raw.service,
            desired_state: raw.desired_state,
            exit_code: exit_code.map(|container| container.exit_code),
            container: container_status.map(|container| container.id).unwrap_or_default(),
            state,
            err,
            message,
            node_id: raw.node_id,
        }
    }
}

impl Engine {
    /// Lists the tasks of a service, including past ones, in no particular order.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is no such service.
    pub async fn service_tasks(&self, id: &str) -> Result<Vec<Task>> {
        self.tasks("service", &[id]).await
    }

    /// Lists the tasks of services with these labels, `NAME=VALUE`; those of removed services until they end.
    /// Fails if the engine is not a manager.
    pub async fn tasks_with(&self, labels: &[&str]) -> Result<Vec<Task>> {
        self.tasks("label", labels).await
    }

    async fn tasks(&self, filter: &'static str, values: &[&str]) -> Result<Vec<Task>> {
        let call = Call::new("list the service's tasks", Method::GET, &["tasks"])
            .filters(&[(filter, values)])?;
        let tasks: Vec<RawTask> = self.list(call).await?;
        Ok(tasks.into_iter().map(Task::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(desired_state: &str, state: &str, err: &str) -> Task {
        Task {
            service: "s".to_owned(),
            desired_state: desired_state.to_owned(),
            state: state.to_owned(),
            err: err.to_owned(),
            message: String::new(),
            exit_code: None,
            node_id: String::new(),
            container: String::new(),
        }
    }

    #[test]
    fn what_swarm_has_given_up_is_told_from_what_is_coming_or_over() {
        // Desired and actual state, as in a Swarm of several nodes, and whether the task is given up.
        for (desired, state, given_up) in [
            ("running", "assigned", false),
            ("running", "running", false),
            ("shutdown", "assigned", true),
            ("shutdown", "running", true),
            ("shutdown", "failed", false),
            ("shutdown", "shutdown", false),
            ("shutdown", "rejected", false),
            ("remove", "running", false),
        ] {
            assert_eq!(task(desired, state, "").is_given_up(), given_up, "{desired} {state}");
        }
    }

    #[test]
    fn a_task_is_over_in_every_state_after_which_nothing_comes() {
        for state in ["complete", "failed", "shutdown", "rejected", "orphaned", "remove"] {
            assert!(task("running", state, "").is_over(), "{state}");
        }
        for state in
            ["new", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running"]
        {
            assert!(!task("running", state, "").is_over(), "{state}");
        }
    }

    #[test]
    fn only_a_new_task_lacks_an_address() {
        assert!(task("running", "new", "").lacks_address());
        assert!(!task("running", "pending", "").lacks_address());
    }

    #[test]
    fn a_task_that_waits_for_its_turn_is_not_unplaceable() {
        assert!(!task("running", "pending", "").is_unplaceable());
        assert!(task("running", "pending", "no suitable node").is_unplaceable());
        assert!(!task("running", "preparing", "no suitable node").is_unplaceable());
    }
}
