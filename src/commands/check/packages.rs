//! Checks what an image needs besides the bootstrap: the kernel, and what its launcher runs or loads.
//!
//! Only a Python or an R knows where it finds its packages, so it is asked, in a container of the image
//! without network and privileges: `packages.sh` reports what is missing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::engine::{Channel, Engine};
use crate::launcher::plan::Plan;
use crate::launcher::tail;
use crate::model::{Language, Mode};
use crate::server::BOOTSTRAP;

const SCRIPT: &str = include_str!("packages.sh");

/// The variable with the script, if a shell runs the bootstrap.
const VARIABLE: &str = "JUPYTER_DOCKER_SPEC_LOOK";

/// The variable with the path of the bootstrap, if that is run.
const FILE: &str = "JUPYTER_DOCKER_SPEC_FILE";

/// The prefix of the script's lines.
const MARK: &str = "jupyter-docker-spec: ";

/// The last line of the script.
const END: &str = "that is all";

/// The labels of the containers.
pub(super) fn labels() -> Value {
    json!({"app": "jupyter-docker-spec", "component": "check"})
}

/// The time limit; the script ends itself after 30 s.
const LIMIT: Duration = Duration::from_secs(90);

/// The longest output, in bytes.
pub(super) const OUTPUT: usize = 256 * 1024;

/// The usual name for the kernel of a language.
pub(super) const fn kernel(language: Language) -> &'static str {
    match language {
        Language::Python => "ipykernel",
        Language::R => "IRkernel",
        Language::Scala => "Toree and Spark",
    }
}

/// Something that an image lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    kind: String,
    name: String,
}

impl Missing {
    /// Whether it is the bootstrap, which exists but does not run.
    pub(super) fn is_bootstrap(&self) -> bool {
        ["right", "ends", "line", "interpreter"].contains(&&*self.kind)
    }

    /// Describes it, and how to add it to the image.
    pub(super) fn description(&self) -> String {
        let name = &self.name;
        match (self.kind.as_str(), name.rsplit('/').next().unwrap_or_default()) {
            ("right", _) => {
                format!("a `{name}` that the kernel's user may not run; `chmod 0755 {name}` there")
            }
            ("ends", _) => format!(
                "a `{name}` with line ends of Windows, which Linux does not run; `sed -i 's/\\r$//' {name}` \
                 there"
            ),
            ("line", _) => format!("a `{name}` without #!/bin/bash in its first line; write that there"),
            ("interpreter", _) => format!(
                "a {BOOTSTRAP} whose first line has no interpreter that is there, `{name}`; let it be \
                 #!/bin/bash"
            ),
            ("program", "java") => format!("no Java as `{name}`; install version 17, 11 or 8 of it"),
            ("program", "Rscript") => "no R as `Rscript`; install r-base-core, or R itself".to_owned(),
            ("program", _) => format!(
                "no Python as `{name}`; install it, and let the image's PATH lead to it by this name"
            ),
            ("module", "imp") => "no Python module `imp`, which the launcher of R kernels needs and \
                                  Python has no more since 3.12; `pip install zombie-imp` brings it back"
                .to_owned(),
            ("module", _) => {
                let package = if name == "Cryptodome" { "pycryptodomex" } else { name };
                format!("no Python module `{name}`; `pip install {package}` there")
            }
            ("package", _) => format!(
                "no R package `{name}` that works; install it with `install.packages(\"{name}\")` in R, \
                 or `apt-get install r-cran-{}`",
                name.to_lowercase()
            ),
            ("variable", _) => format!(
                "no variable `{name}`; name the directory of Spark with a line ENV {name}=..., and \
                 install it first if need be, as with `pip install pyspark==3.5.5`"
            ),
            (_, "spark-submit") => {
                format!("no `{name}`, where SPARK_HOME points; let it point to a Spark")
            }
            (_, file) if file.starts_with("toree-assembly") => format!(
                "no Toree as `{name}`; `pip install apache_toree==0.5.0` before `jupyter \
                 image-bootstrap install --languages scala` puts it there"
            ),
            _ => format!(
                "no `{name}`; `jupyter image-bootstrap install --languages scala` puts it there"
            ),
        }
    }
}

/// Parses the script's output; `None` if it is incomplete.
fn missing(output: &str) -> Option<Vec<Missing>> {
    let lines: Vec<&str> =
        output.lines().filter_map(|line| line.strip_prefix(MARK)).map(str::trim).collect();
    let found = lines.iter().filter_map(|line| {
        let (kind, name) = line.strip_prefix("no ")?.split_once(' ')?;
        Some(Missing { kind: kind.to_owned(), name: name.trim().to_owned() })
    });
    lines.contains(&END).then(|| found.collect())
}

/// The image's command with the script instead of the bootstrap: what comes before the bootstrap may set up
/// the kernel.
fn instead(command: &[String]) -> Option<Vec<String>> {
    let at = command.iter().position(|word| word.contains(BOOTSTRAP))?;
    let before = &command[..at];
    let is_of_shell =
        before.last().is_some_and(|word| word.starts_with('-') && word.ends_with('c'));
    let mut words = before.to_vec();
    if is_of_shell {
        let script = format!("/bin/bash -c \"${VARIABLE}\"");
        let replaced = command[at].split_inclusive([' ', ';', '&']).map(|part| {
            let end = part.trim_end_matches([' ', ';', '&']).len();
            if part.contains(BOOTSTRAP) { script.clone() + &part[end..] } else { part.to_owned() }
        });
        words.push(replaced.collect());
    } else {
        words.extend(["/bin/bash", "-c", SCRIPT].map(str::to_owned));
    }
    Some(words)
}

/// The bootstrap, as the command names it; empty if another program is to read it.
fn file(command: &[String]) -> Option<&str> {
    let at = command.iter().position(|word| word.contains(BOOTSTRAP))?;
    let is_run = at == 0 || !command[at - 1].ends_with("sh");
    let named = command[at].split([' ', ';', '&']).find(|word| word.contains(BOOTSTRAP))?;
    Some(if is_run { named } else { "" })
}

/// A container that checks an image. It gets those settings of a kernel's container that may matter, and no
/// access to anything else.
pub(super) struct ImageCheck {
    /// The body of the request for the container.
    pub(super) request: Value,
    /// Whether the kernel gets mounts, with unknown contents, that the container does not.
    pub(super) is_partial: bool,
}

impl ImageCheck {
    /// The check for the kernel of this plan; `None` if the image does not run the bootstrap.
    pub(super) fn new(image: &str, command: &[String], plan: &Plan) -> Option<Self> {
        let request = &plan.request;
        let (container, groups, host) = match plan.launch.mode {
            Mode::Docker => (request, "GroupAdd", &request["HostConfig"]),
            Mode::Swarm => {
                let container = &request["TaskTemplate"]["ContainerSpec"];
                (container, "Groups", container)
            }
        };
        let mut variables = container["Env"].as_array().cloned().unwrap_or_default();
        variables.push(format!("{FILE}={}", file(command)?).into());
        variables.push(format!("{VARIABLE}={SCRIPT}").into());
        let request = json!({
            "Image": image,
            "Entrypoint": [],
            "Cmd": instead(command)?,
            "Env": variables,
            "User": container["User"],
            "Labels": labels(),
            "HostConfig": {
                "AutoRemove": true,
                "CapDrop": ["ALL"],
                "GroupAdd": host[groups],
                "LogConfig": {"Type": "none"},
                "NetworkMode": "none",
                "SecurityOpt": ["no-new-privileges"],
            },
        });
        let is_partial = ["Binds", "Mounts", "VolumesFrom"]
            .iter()
            .any(|field| host[field].as_array().is_some_and(|mounts| !mounts.is_empty()));
        Some(Self { request, is_partial })
    }

    /// A container that does nothing.
    pub(super) fn at_paths_only(image: &str) -> Value {
        json!({"Image": image, "Cmd": ["/bin/true"], "Labels": labels()})
    }
}

/// Runs the container of a check to its end, and returns what is missing.
pub(super) async fn run(engine: &Engine, id: &str) -> Result<Vec<Missing>> {
    let work = async {
        let mut output = engine.attach_output(id).await?;
        engine.start_container(id).await?;
        let (mut found, mut all) = (Vec::new(), Vec::new());
        while let Some((channel, piece)) = output.next().await? {
            all.extend_from_slice(&piece);
            if channel == Channel::Stdout {
                found.extend_from_slice(&piece);
            }
            ensure!(all.len() < OUTPUT, "it says too much");
        }
        let text = String::from_utf8_lossy(&found);
        let all = String::from_utf8_lossy(&all);
        missing(&text).with_context(|| format!("it did not finish; {}", tail::sentence(&all)))
    };
    timeout(LIMIT, work)
        .await
        .with_context(|| format!("it did not finish within {} s", LIMIT.as_secs()))?
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::commands::check::requested;
    use crate::env::Env;
    use crate::kernelspec::specification::Specification;
    use crate::layout::KERNEL_JSON;

    #[test]
    fn what_is_missing_is_read_wherever_it_stands() {
        let output = "Loading\r\n\njupyter-docker-spec: no module ipykernel\nno module x\n\
                      jupyter-docker-spec: no file /a b/c\njupyter-docker-spec: that is all\n";
        let found = missing(output).unwrap();
        let description: Vec<_> =
            found.iter().map(|one| (one.kind.as_str(), one.name.as_str())).collect();
        assert_eq!(description, [("module", "ipykernel"), ("file", "/a b/c")]);
        assert_eq!(missing("jupyter-docker-spec: that is all").unwrap(), []);
        assert_eq!(missing("jupyter-docker-spec: no module ipykernel\n"), None);
        assert_eq!(missing(""), None);
    }

    #[test]
    fn each_thing_is_told_with_what_to_do() {
        for (kind, name, what, remedy) in [
            ("right", "/b", "a `/b` that the kernel's user may not run", "`chmod 0755 /b`"),
            ("ends", "/b", "a `/b` with line ends of Windows", "`sed -i 's/\\r$//' /b`"),
            ("line", "/b", "a `/b` without", "#!/bin/bash"),
            ("interpreter", "/bin/none", "a bootstrap-kernel.sh whose first line", "#!/bin/bash"),
            ("program", "python", "no Python as `python`", "PATH"),
            ("program", "Rscript", "no R as `Rscript`", "r-base-core"),
            ("program", "/opt/jdk/bin/java", "no Java as `/opt/jdk/bin/java`", "version 17"),
            ("module", "ipykernel", "no Python module `ipykernel`", "pip install ipykernel"),
            ("module", "Cryptodome", "no Python module", "pip install pycryptodomex"),
            ("module", "imp", "no Python module `imp`", "pip install zombie-imp"),
            ("package", "IRkernel", "no R package `IRkernel`", "install r-cran-irkernel"),
            ("variable", "SPARK_HOME", "no variable `SPARK_HOME`", "ENV SPARK_HOME="),
            (
                "file",
                "/opt/spark/bin/spark-submit",
                "no `/opt/spark/bin/spark-submit`",
                "SPARK_HOME",
            ),
            ("file", "/l/lib/toree-assembly-*.jar", "no Toree", "pip install apache_toree==0.5.0"),
            (
                "file",
                "/l/lib/toree-launcher-*.jar",
                "no `/l/lib/toree-launcher-*.jar`",
                "bootstrap",
            ),
        ] {
            let description =
                Missing { kind: kind.to_owned(), name: name.to_owned() }.description();
            assert!(description.starts_with(what) && description.contains(remedy), "{description}");
        }
    }

    fn words(command: &[&str]) -> Option<Vec<String>> {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        instead(&command)
    }

    #[test]
    fn the_script_takes_the_place_of_the_bootstrap() {
        let path = "/usr/local/bin/bootstrap-kernel.sh";
        assert_eq!(words(&[path]).unwrap(), ["/bin/bash", "-c", SCRIPT]);
        assert_eq!(
            words(&["tini", "-g", "--", path, "more"]).unwrap(),
            ["tini", "-g", "--", "/bin/bash", "-c", SCRIPT]
        );
        let shell = r#"/bin/bash -c "$JUPYTER_DOCKER_SPEC_LOOK""#;
        assert_eq!(
            words(&["start.sh", "/bin/sh", "-c", path]).unwrap(),
            ["start.sh", "/bin/sh", "-c", shell]
        );
        assert_eq!(
            words(&["/bin/bash", "-lc", &format!("cd /x; exec {path} && y")]).unwrap(),
            ["/bin/bash", "-lc", &format!("cd /x; exec {shell} && y")]
        );
        assert_eq!(words(&["sleep", "60"]), None);
    }

    fn check_with(options: &str, provisioner: &str) -> ImageCheck {
        let directory = tempfile::tempdir().unwrap();
        let text = json!({
            "language": "R",
            "env": {"R_LIBS": "/srv/R"},
            "metadata": {"kernel_provisioner": {"provisioner_name": provisioner}},
        });
        fs_err::write(directory.path().join(KERNEL_JSON), text.to_string()).unwrap();
        fs_err::create_dir(directory.path().join("scripts")).unwrap();
        fs_err::write(directory.path().join("scripts/launch_docker.toml"), options).unwrap();
        let spec = Specification::read(directory.path()).unwrap().unwrap();
        let env = Env::new(Path::new("/"), [("TOKEN", "x"), ("KERNEL_UID", "1001")]);
        let plan = requested::kernel(&spec, &env, "bob").unwrap();
        ImageCheck::new("i", &[BOOTSTRAP.to_owned()], &plan).unwrap()
    }

    #[test]
    fn a_look_is_made_as_the_kernel_is_but_with_less() {
        let options = "environment = { SPARK_HOME = '/s' }\n";
        for provisioner in ["docker-provisioner", "docker-swarm-provisioner"] {
            let ImageCheck { request, is_partial } = check_with(options, provisioner);
            let variables = request["Env"].as_array().unwrap();
            for variable in ["KERNEL_LANGUAGE=r", "SPARK_HOME=/s", "R_LIBS=/srv/R"] {
                assert!(variables.contains(&variable.into()), "{variable}: {request}");
            }
            assert!(!request.to_string().contains("TOKEN"));
            assert_eq!(request["User"], "1001:100");
            assert_eq!(request["HostConfig"]["GroupAdd"], json!(["100"]));
            assert_eq!(request["HostConfig"]["NetworkMode"], "none");
            assert!(!is_partial);
        }
        let volumes = "volumes = ['/srv/R:/usr/lib/R:ro']\n";
        assert!(check_with(volumes, "docker-provisioner").is_partial);
        assert!(check_with(volumes, "docker-swarm-provisioner").is_partial);
    }
}
