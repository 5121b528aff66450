//! Kernelspecs of envkernel and dockernel, which publish a container's ports: what `install --local` would be told for the
//! same.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::cli::{self, Cli, Command};
use crate::commands::planned;
use crate::commands::show::shell::quoted;
use crate::files;
use crate::image::Answer;
use crate::kernelspec::launcher::LauncherFile;
use crate::kernelspec::render;
use crate::kernelspec::search::FoundKernelspec;
use crate::kernelspec::store::{self, File, Job};
use crate::layout::KERNEL_JSON;
use crate::paths::Paths;
use crate::settings::Settings;
use crate::settings::config::Config;
use crate::settings::lookup::Lookup;

/// What the file is called that is replaced.
const KEPT: &str = "kernel.json.replaced";

/// The command of ipykernel, which a specification without one has.
const IPYKERNEL: [&str; 5] = ["python", "-m", "ipykernel_launcher", "-f", CONNECTION_FILE];

/// What Jupyter replaces by the path of the connection file.
const CONNECTION_FILE: &str = "{connection_file}";

/// The tool that has made a kernelspec, and what is to be written in its place; `None` if it is neither of them.
///
/// # Errors
/// When it says something that `install --local` has no option for.
pub(super) fn job(
    found: &FoundKernelspec,
    paths: &Paths<'_>,
) -> Result<Option<(&'static str, Job)>> {
    let old = files::read(&found.directory.join(KERNEL_JSON)).unwrap_or_default();
    let kernel: Value = serde_json::from_slice(&old).unwrap_or_default();
    let argv: Vec<&str> =
        kernel["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some((tool, said)) = of_envkernel(&argv).or_else(|| of_dockernel(&argv)) else {
        return Ok(None);
    };
    let said = said.with_context(|| {
        format!(
            "`{}` in {}, which {tool} has made, cannot be converted",
            found.name,
            found.directory.display()
        )
    })?;
    let name = found.directory.file_name().unwrap_or_default().to_string_lossy();
    let words = [common(&kernel, &name), said].concat();
    let settings = settings(&words, paths).with_context(|| {
        format!(
            "`{}` in {}, which {tool} has made, cannot be converted",
            found.name,
            found.directory.display()
        )
    })?;
    store::check(&found.directory, true)?;
    let launcher = LauncherFile::find_with_bootstrap(&settings.launcher, "--local", paths)?;
    let mut files = render::files(&settings, launcher, &found.directory)?;
    // `kernel.json` is the last one, with which the others count.
    files.insert(0, File::data(KEPT, old));
    let destination = found.directory.clone();
    Ok(Some((tool, Job { destination, files, replace: true, copy_of: None })))
}

/// What both say in the same places.
fn common(kernel: &Value, name: &str) -> Vec<String> {
    let mut words = vec![format!("--kernel-name={name}"), "--replace".to_owned()];
    // envkernel has it in a list of one.
    let shown = &kernel["display_name"];
    if let Some(shown) = shown.as_str().or_else(|| shown[0].as_str()) {
        words.push(format!("--display-name={shown}"));
    }
    if let Some(language) = kernel["language"].as_str().filter(|language| !language.is_empty()) {
        words.push(format!("--language={language}"));
    }
    for (name, value) in kernel["env"].as_object().into_iter().flatten() {
        words.push(format!("--env={name}={}", value.as_str().unwrap_or_default()));
    }
    words
}

type Said = (&'static str, Result<Vec<String>>);

/// `envkernel docker run --connection-file FILE IMAGE [OPTIONS] -- COMMAND`.
fn of_envkernel(argv: &[&str]) -> Option<Said> {
    let at = argv.windows(2).position(|words| words == ["docker", "run"])?;
    let is_named =
        |word: &&str| Path::new(word).file_name().is_some_and(|name| name == "envkernel");
    argv[..at].iter().any(is_named).then(|| ("envkernel", envkernel(&argv[at + 2..])))
}

fn envkernel(words: &[&str]) -> Result<Vec<String>> {
    let mut halves = words.splitn(2, |word| *word == "--");
    let (before, command) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let ["--connection-file", _, image, options @ ..] = before else {
        bail!("its `argv` is not in the form that envkernel writes")
    };
    ensure!(!command.is_empty(), "its `argv` has no command after `--`");
    let mut said = vec![format!("--image-name={image}")];
    for refused in ["--workdir", "--copy-workdir"] {
        ensure!(
            !options.iter().any(|word| word.split('=').next() == Some(refused)),
            "envkernel's `{refused}` puts the notebook's directory elsewhere, and --local has it at its own path"
        );
    }
    let mounts = options.contains(&"--pwd");
    said.push(if mounts { "--mount-cwd" } else { "--no-mount-cwd" }.to_owned());
    if command != IPYKERNEL {
        let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        said.push(format!("--kernel-command={}", command.join(" ")));
    }
    said.extend(options.iter().filter(|word| **word != "--pwd").map(|word| (*word).to_owned()));
    Ok(said)
}

/// `python -m dockernel start IMAGE FILE`: the image's own command starts the kernel, of which only the engine knows.
fn of_dockernel(argv: &[&str]) -> Option<Said> {
    let at = argv.windows(2).position(|words| words == ["dockernel", "start"])?;
    let said = match &argv[at + 2..] {
        [image, CONNECTION_FILE] => Ok(vec![
            format!("--image-name={image}"),
            "--no-mount-cwd".to_owned(),
            "--container-user=image".to_owned(),
        ]),
        _ => Err(anyhow!("its `argv` is not in the form that dockernel writes")),
    };
    Some(("dockernel", said))
}

/// The settings of `install --local` with these options, whatever files and variables say.
fn settings(words: &[String], paths: &Paths<'_>) -> Result<Settings> {
    let line = ["", "install", "--local"].into_iter().chain(words.iter().map(String::as_str));
    let parsed = match cli::parse(line) {
        Ok(Cli { command: Some(Command::Install(install)), .. }) => install,
        Ok(_) => bail!("it asks for something else than a kernel"),
        Err(error) => {
            let said = cli::explained(error, Some("install"));
            bail!("{}", said.unwrap_or_else(|error| first_line(&error.to_string())))
        }
    };
    let config = Config::default();
    let lookup = Lookup { line: &parsed.line, config: &config, env: paths.env };
    let settings = Settings::resolve(&parsed, &lookup, Answer::default())?;
    planned::of_settings(&settings, paths.env)?;
    Ok(settings)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
