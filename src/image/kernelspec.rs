//! A kernelspec of an image, as its `kernel.json` has it:
//! <https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs>

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::expansion::{Fault, expanded};
use super::places;
use crate::engine::Image;
use crate::server::CONNECTION_FILE;

/// What `jupyter_client` takes for the Python that it runs in itself.
const PYTHON: &str = "python";

/// The most bytes of `argv` and of `env` together, with all filled in, and the most variables.
const LARGEST: usize = 1024 * 1024;
const MOST_VARIABLES: usize = 200;

const TOO_LARGE: &str =
    "is too large with all filled in: there may be 1 MiB of both `argv` and `env`";

/// How many characters of a name are shown in a list.
const SHOWN: usize = 100;

/// A kernelspec that an image has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kernelspec {
    pub name: String,
    /// Its directory in the image.
    pub directory: String,
    /// What starts the kernel, with all filled in but the connection file.
    pub argv: Vec<String>,
    pub display_name: String,
    pub language: String,
    /// `signal` or `message`.
    pub interrupt_mode: String,
    /// The variables that the kernel gets besides those of the image.
    pub env: BTreeMap<String, String>,
    /// What front ends and servers are to know of the kernel, without what starts it there.
    pub metadata: Map<String, Value>,
    pub protocol_version: String,
    /// Pictures by their file names.
    pub logos: Vec<(&'static str, Vec<u8>)>,
    /// Those that are not taken, with the reason.
    pub other_logos: Vec<(&'static str, &'static str)>,
    /// What else of it is left out, in sentences.
    pub left_out: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KernelJson {
    argv: Vec<String>,
    display_name: String,
    language: String,
    interrupt_mode: Option<String>,
    env: BTreeMap<String, String>,
    metadata: Map<String, Value>,
    kernel_protocol_version: String,
}

impl Kernelspec {
    /// Reads the `kernel.json` of this name in a directory of kernelspecs.
    ///
    /// # Errors
    /// When it is none, or has what cannot be had for a kernel in a container.
    pub(super) fn parse(name: &str, kernels: &str, text: &[u8], image: &Image) -> Result<Self> {
        let KernelJson {
            argv,
            display_name,
            language,
            interrupt_mode,
            env,
            mut metadata,
            kernel_protocol_version: protocol_version,
        } = parsed(text)?;
        let directory = format!("{kernels}/{name}");
        let mut left = LARGEST;
        let argv = argv.iter().map(|word| filled(word, &directory, kernels, &mut left));
        let argv = argv.collect::<Result<Vec<_>>>()?;
        let [_, file] = CONNECTION_FILE;
        ensure!(
            argv.iter().any(|word| word.contains(file)),
            "its `argv` has no `{file}`, where a kernel takes the file with its ports and key: it is started in \
             another way; say how with `--kernel-command`"
        );
        let interrupt_mode = interrupt_mode.unwrap_or_else(|| "signal".to_owned());
        ensure!(
            ["signal", "message"].contains(&&*interrupt_mode),
            "its `interrupt_mode` of `{interrupt_mode}` is neither `signal` nor `message`"
        );
        ensure!(env.len() <= MOST_VARIABLES, "its `env` has more than {MOST_VARIABLES} variables");
        let (mut variables, mut left_out) = (BTreeMap::new(), Vec::new());
        for (name, value) in env {
            ensure!(
                !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'),
                "its `env` has the variable `{name}`, which none can be called"
            );
            match expanded(&value, left, |name| image.variable(name)) {
                Ok(value) => {
                    left -= value.len();
                    variables.insert(name, value);
                }
                Err(Fault::TooLarge) => bail!("its `env` {TOO_LARGE}"),
                Err(Fault::Missing(missing)) => left_out.push(format!(
                    "the variable {name} of `{value}`: the image has no variable {missing}; say it with `--env`"
                )),
            }
        }
        // What starts a kernel there is not there here.
        for name in ["kernel_provisioner", "process_proxy"] {
            metadata.remove(name);
        }
        Ok(Self {
            name: name.to_owned(),
            directory,
            argv,
            display_name: if display_name.trim().is_empty() {
                name.to_owned()
            } else {
                display_name
            },
            language,
            interrupt_mode,
            env: variables,
            metadata,
            protocol_version,
            logos: Vec::new(),
            other_logos: Vec::new(),
            left_out,
        })
    }
}

/// The Python that a Jupyter beside the kernelspec with this `kernel.json` would run, if it is that: `jupyter_client`
/// takes such a word for its own Python.
pub(super) fn own_python(kernels: &str, text: &[u8]) -> Option<String> {
    let argv = parsed(text).ok()?.argv;
    let first = argv.first()?;
    let version = first.strip_prefix(PYTHON)?;
    let is_version = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    let prefix = places::prefix(kernels).filter(|_| is_version)?;
    Some(format!("{prefix}/bin/{first}"))
}

/// How people know the kernelspec with this `kernel.json`.
pub(super) fn display_name(text: &[u8]) -> Option<String> {
    let name = parsed(text).ok()?.display_name;
    (!name.trim().is_empty()).then(|| name.chars().take(SHOWN).collect())
}

fn parsed(text: &[u8]) -> Result<KernelJson> {
    serde_json::from_slice(text).context("its kernel.json cannot be understood")
}

/// A word of `argv` as `jupyter_client` fills it in, of which so many bytes may be left.
fn filled(word: &str, directory: &str, kernels: &str, left: &mut usize) -> Result<String> {
    let replaced = |word: &str, name: &str, value: &str, most: usize| {
        let length = word.len() + word.matches(name).count() * value.len();
        ensure!(length <= most, "its `argv` {TOO_LARGE}");
        Ok(word.replace(name, value))
    };
    let mut word = replaced(word, "{resource_dir}", directory, *left)?;
    if word.contains("{prefix}") {
        let prefix = places::prefix(kernels).context(
            "its `argv` has `{prefix}`, which is that of no Python here; say the command with `--kernel-command`",
        )?;
        word = replaced(&word, "{prefix}", prefix, *left)?;
    }
    *left = left.saturating_sub(word.len());
    ensure!(!word.contains('\0'), "its `argv` has a NUL in it");
    Ok(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(env: &[&str]) -> Image {
        serde_json::from_value(json!({"Config": {"Env": env}})).unwrap()
    }

    fn read(directory: &str, kernel_json: &Value) -> Result<Kernelspec> {
        Kernelspec::parse("k", directory, kernel_json.to_string().as_bytes(), &image(&["A=/a"]))
    }

    const CONDA: &str = "/opt/conda/share/jupyter/kernels";

    #[test]
    fn all_that_a_kernel_needs_is_taken() {
        let julia = json!({
            "argv": ["/opt/julia/bin/julia", "-i", "-e", "import IJulia; IJulia.run_kernel()", "{connection_file}"],
            "display_name": "Julia 1.10",
            "language": "julia",
            "interrupt_mode": "message",
            "env": {"LOAD_PATH": "$A:${A}/x", "LOST": "${HOME}/x"},
            "metadata": {"debugger": true, "kernel_provisioner": {"provisioner_name": "x"}},
            "kernel_protocol_version": "5.5",
            "more": 1
        });
        let found = read(CONDA, &julia).unwrap();
        assert_eq!(found.argv.last().unwrap(), "{connection_file}");
        assert_eq!((&*found.language, &*found.display_name), ("julia", "Julia 1.10"));
        assert_eq!(found.interrupt_mode, "message");
        let [left_out] = &*found.left_out else { panic!("{:?}", found.left_out) };
        assert!(
            left_out
                .starts_with("the variable LOST of `${HOME}/x`: the image has no variable HOME")
        );
        assert_eq!(found.env, [("LOAD_PATH".to_owned(), "/a:/a/x".to_owned())].into());
        assert_eq!(Value::from(found.metadata), json!({"debugger": true}));
        assert_eq!(found.protocol_version, "5.5");
        assert_eq!(found.directory, format!("{CONDA}/k"));
    }

    #[test]
    fn placeholders_are_filled_in_as_jupyter_does() {
        for (directory, first, expected, own) in [
            (CONDA, "python", "python", Some("/opt/conda/bin/python")),
            (CONDA, "python3.12", "python3.12", Some("/opt/conda/bin/python3.12")),
            (CONDA, "pythonw", "pythonw", None),
            (CONDA, "/usr/bin/python", "/usr/bin/python", None),
            ("/root/.local/share/jupyter/kernels", "python3", "python3", None),
            (CONDA, "{resource_dir}/run", "/opt/conda/share/jupyter/kernels/k/run", None),
            (CONDA, "{prefix}/bin/x", "/opt/conda/bin/x", None),
        ] {
            let kernel_json = json!({"argv": [first, "{connection_file}"]});
            assert_eq!(read(directory, &kernel_json).unwrap().argv[0], expected);
            let python = own_python(directory, kernel_json.to_string().as_bytes());
            assert_eq!(python.as_deref(), own, "{first}");
        }
    }

    #[test]
    fn what_would_become_too_large_is_refused() {
        let image = image(&[&format!("A={}", "x".repeat(16 * 1024))]);
        let place = "/long".repeat(100);
        let kernels = format!("{place}{}", &CONDA["/opt/conda".len()..]);
        let file = "{connection_file}";
        let many = |number: usize| -> BTreeMap<String, &str> {
            (0..number).map(|number| (format!("V{number}"), "$NONE")).collect()
        };
        for (kernel_json, reason) in [
            (json!({"argv": [file], "env": {"B": "$A".repeat(60)}}), None),
            (
                json!({"argv": [file], "env": {"B": "$A".repeat(250_000)}}),
                Some("its `env` is too large"),
            ),
            (
                json!({"argv": [file], "env": {"B": "$A".repeat(40), "C": "$A".repeat(40)}}),
                Some("its `env` is too large"),
            ),
            (
                json!({"argv": ["{resource_dir}".repeat(70_000), file]}),
                Some("its `argv` is too large"),
            ),
            (json!({"argv": ["{prefix}".repeat(70_000), file]}), Some("its `argv` is too large")),
            (
                json!({"argv": vec!["{prefix} {connection_file}"; 3000]}),
                Some("its `argv` is too large"),
            ),
            (
                json!({"argv": ["{prefix}".repeat(2000), file], "env": {"B": "$A".repeat(10)}}),
                Some("its `env` is too large"),
            ),
            (json!({"argv": [file], "env": many(MOST_VARIABLES)}), None),
            (
                json!({"argv": [file], "env": many(MOST_VARIABLES + 1)}),
                Some("its `env` has more than 200"),
            ),
        ] {
            let found =
                Kernelspec::parse("k", &kernels, kernel_json.to_string().as_bytes(), &image);
            let error = found.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with(reason.unwrap_or_default()), "{error}");
            assert_eq!(error.is_empty(), reason.is_none(), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        for (directory, kernel_json, reason) in [
            (CONDA, json!({"argv": ["run"]}), "its `argv` has no `{connection_file}`"),
            (CONDA, json!({}), "its `argv` has no `{connection_file}`"),
            ("/j/kernels", json!({"argv": ["{prefix}/x"]}), "its `argv` has `{prefix}`"),
            (CONDA, json!({"argv": ["a\0b"]}), "its `argv` has a NUL"),
            (CONDA, json!({"argv": "run"}), "its kernel.json cannot be understood"),
            (CONDA, json!([]), "its `argv` has no"),
            (
                CONDA,
                json!({"argv": ["{connection_file}"], "interrupt_mode": "x"}),
                "its `interrupt_mode` of `x` is neither",
            ),
            (
                CONDA,
                json!({"argv": ["{connection_file}"], "env": {"": "x"}}),
                "its `env` has the variable ``",
            ),
            (CONDA, json!({"argv": ["{connection_file}"], "env": {"A": "\0"}}), "its `env` has"),
        ] {
            let error = format!("{:#}", read(directory, &kernel_json).unwrap_err());
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
