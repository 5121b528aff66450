//! A launch as the body of a request to the engine. Pure; the field names are those of the Docker Engine API
//! (`ContainerCreate` and `ServiceCreate`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::launch::Launch;

/// The body of `POST /containers/create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerRequest<'a> {
    image: &'a str,
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
    env: Vec<String>,
    labels: BTreeMap<&'static str, &'a str>,
    healthcheck: Healthcheck,
    stop_signal: &'static str,
    host_config: HostConfig<'a>,
}

/// The server checks the health of a kernel itself. A health check of the image, which is made for another
/// purpose, would make a Swarm kill kernels.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Healthcheck {
    test: [&'static str; 1],
}

const NO_CHECK: Healthcheck = Healthcheck { test: ["NONE"] };

/// The signal that asks a kernel to end. Images may have others for other purposes, such as SIGINT and
/// SIGWINCH, which do not end kernels.
const STOP: &str = "SIGTERM";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    network_mode: &'a str,
    auto_remove: bool,
    group_add: Vec<String>,
}

/// The body of `POST /services/create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceRequest<'a> {
    name: &'a str,
    labels: BTreeMap<&'static str, &'a str>,
    task_template: TaskTemplate<'a>,
    mode: ServiceMode,
    endpoint_spec: EndpointSpec,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TaskTemplate<'a> {
    container_spec: ContainerSpec<'a>,
    restart_policy: RestartPolicy,
    networks: [NetworkAttachment<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerSpec<'a> {
    image: &'a str,
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<&'a str>,
    env: Vec<String>,
    labels: BTreeMap<&'static str, &'a str>,
    healthcheck: Healthcheck,
    stop_signal: &'static str,
    groups: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    condition: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkAttachment<'a> {
    target: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceMode {
    replicated: Replicated,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Replicated {
    replicas: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EndpointSpec {
    mode: &'static str,
}

impl Launch {
    /// Returns the request for a container with this kernel.
    #[must_use]
    pub fn container(&self) -> ContainerRequest<'_> {
        ContainerRequest {
            image: &self.image,
            hostname: &self.name,
            user: self.user_and_group(),
            working_dir: self.working_directory.as_deref(),
            env: self.variables(),
            labels: self.labels(),
            healthcheck: NO_CHECK,
            stop_signal: STOP,
            host_config: HostConfig {
                network_mode: &self.network,
                auto_remove: self.remove,
                group_add: self.groups(),
            },
        }
    }

    /// Returns the request for a service with this kernel: one replica, on any node. It has no virtual
    /// address, so that its task's address is the kernel's.
    #[must_use]
    pub fn service(&self) -> ServiceRequest<'_> {
        ServiceRequest {
            name: &self.name,
            labels: self.labels(),
            task_template: TaskTemplate {
                container_spec: ContainerSpec {
                    image: &self.image,
                    hostname: &self.name,
                    user: self.user_and_group(),
                    dir: self.working_directory.as_deref(),
                    env: self.variables(),
                    labels: self.labels(),
                    healthcheck: NO_CHECK,
                    stop_signal: STOP,
                    groups: self.groups(),
                },
                restart_policy: RestartPolicy { condition: "none" },
                networks: [NetworkAttachment { target: &self.network }],
            },
            mode: ServiceMode { replicated: Replicated { replicas: 1 } },
            endpoint_spec: EndpointSpec { mode: "dnsrr" },
        }
    }

    /// `UID:GID`. Without a group, the engine would take it from the image's user database, or root's group 0
    /// for a user who is not in there.
    pub(super) fn user_and_group(&self) -> Option<String> {
        let user = self.user?;
        Some(match self.group {
            Some(group) => format!("{user}:{group}"),
            None => user.to_string(),
        })
    }

    fn groups(&self) -> Vec<String> {
        self.supplementary_groups.iter().map(u32::to_string).collect()
    }

    fn variables(&self) -> Vec<String> {
        self.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::model::Mode;
    use crate::server::System;

    fn launch() -> Launch {
        Launch {
            kernel_id: "1234".into(),
            name: "bob-1234".into(),
            caller: System::GatewayProvisioners,
            kernelspec: Some("k".into()),
            mode: Mode::Docker,
            image: "elyra/kernel-py:0.5.0".into(),
            network: "kernels".into(),
            user: Some(1000),
            group: Some(2000),
            supplementary_groups: vec![2000, 100],
            working_directory: Some("/home/bob".into()),
            environment: BTreeMap::from([
                ("A".into(), "1".into()),
                ("B".into(), "x=y \"z\"".into()),
            ]),
            remove: true,
            timeout: Duration::from_secs(30),
        }
    }

    #[test]
    fn a_container_is_asked_for_field_by_field() {
        assert_eq!(
            serde_json::to_value(launch().container()).unwrap(),
            json!({
                "Image": "elyra/kernel-py:0.5.0",
                "Hostname": "bob-1234",
                "User": "1000:2000",
                "WorkingDir": "/home/bob",
                "Env": ["A=1", "B=x=y \"z\""],
                "Labels": {
                    "kernel_id": "1234",
                    "component": "kernel",
                    "app": "gateway-provisioners",
                    "kernelspec": "k",
                },
                "Healthcheck": {"Test": ["NONE"]},
                "StopSignal": "SIGTERM",
                "HostConfig": {
                    "NetworkMode": "kernels",
                    "AutoRemove": true,
                    "GroupAdd": ["2000", "100"],
                },
            })
        );
    }

    #[test]
    fn a_service_is_asked_for_field_by_field() {
        let labels =
            json!({"kernel_id": "1234", "component": "kernel", "app": "enterprise-gateway"});
        let launch = Launch {
            caller: System::EnterpriseGateway,
            kernelspec: None,
            mode: Mode::Swarm,
            ..launch()
        };
        assert_eq!(
            serde_json::to_value(launch.service()).unwrap(),
            json!({
                "Name": "bob-1234",
                "Labels": labels,
                "TaskTemplate": {
                    "ContainerSpec": {
                        "Image": "elyra/kernel-py:0.5.0",
                        "Hostname": "bob-1234",
                        "User": "1000:2000",
                        "Dir": "/home/bob",
                        "Env": ["A=1", "B=x=y \"z\""],
                        "Labels": labels,
                        "Healthcheck": {"Test": ["NONE"]},
                        "StopSignal": "SIGTERM",
                        "Groups": ["2000", "100"],
                    },
                    "RestartPolicy": {"Condition": "none"},
                    "Networks": [{"Target": "kernels"}],
                },
                "Mode": {"Replicated": {"Replicas": 1}},
                "EndpointSpec": {"Mode": "dnsrr"},
            })
        );
    }

    #[test]
    fn what_is_not_given_is_left_to_the_image() {
        let launch = Launch {
            user: None,
            group: None,
            supplementary_groups: vec![100],
            working_directory: None,
            remove: false,
            ..launch()
        };
        let container = serde_json::to_value(launch.container()).unwrap();
        assert!(container.get("User").is_none() && container.get("WorkingDir").is_none());
        assert_eq!(container["HostConfig"]["AutoRemove"], false);
        assert_eq!(container["HostConfig"]["GroupAdd"], json!(["100"]));
        let service = serde_json::to_value(launch.service()).unwrap();
        let spec = &service["TaskTemplate"]["ContainerSpec"];
        assert!(spec.get("User").is_none() && spec.get("Dir").is_none());

        let launch = Launch { user: Some(5), ..launch };
        assert_eq!(serde_json::to_value(launch.container()).unwrap()["User"], "5");
    }
}
