//! The keys of `launch_docker.toml`.

use std::fmt::Write as _;

use jupyter_docker_spec::model::Mode;
use jupyter_docker_spec::options::container_options::CONTAINER_OPTIONS;
use jupyter_docker_spec::options::keys::{KEYS, Key, UNSUPPORTED};
use jupyter_docker_spec::templates;

use crate::{assert_current, code, table};

#[test]
fn keys_are_current() {
    let rows: Vec<_> = KEYS.iter().map(row).collect();
    let mut text = format!(
        "# launch_docker.toml\n\n`scripts/launch_docker.toml` lies beside the launcher of each kernelspec and is read \
         at each launch. Its keys are those of a service in the [Compose \
         specification](https://docs.docker.com/reference/compose-file/services/); [its \
         schema](../launch_docker.schema.json) is for editors. An option of `install` writes its key into the file. \
         A key without a meaning in a mode is an error there. What is wrong in the file is an error with line and \
         column, at the install, in `check` and at the launch. Only the native launcher reads the \
         file: one in Python says the same in itself. Every user of the Jupyter server can read \
         it.\n\n{}",
        table(["key", "option of `install`", "container", "service"], &rows)
    );
    text += "\n## The file as `install` writes it\n\nEvery key with an example, commented out, and what can be filled \
             in:\n\n```toml\n";
    text += templates::options();
    text += "```\n\n## What a kernel cannot have\n\nOf the Compose specification's keys for a service:\n\n";
    for (name, advice) in UNSUPPORTED {
        let advice = if advice.is_empty() { String::new() } else { format!(": {advice}") };
        let _ = writeln!(text, "- `{name}`{advice}");
    }
    assert_current("keys.md", &text);
}

fn row(key: &Key) -> [String; 4] {
    let options: Vec<_> = CONTAINER_OPTIONS
        .iter()
        .filter(|flag| flag.key == key.name)
        .map(|flag| code(&format!("--{}", flag.long)))
        .collect();
    let meaning = |mode| match key.target(mode) {
        "" => "—".to_owned(),
        "*" => "the launcher itself".to_owned(),
        fields => fields.split(' ').map(code).collect::<Vec<_>>().join(", "),
    };
    [code(key.name), options.join(", "), meaning(Mode::Docker), meaning(Mode::Swarm)]
}
