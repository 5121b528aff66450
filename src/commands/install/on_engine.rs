//! What `install --local` asks the engine: what kernelspecs an image has, and to build one with a kernel.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio::time::Instant;

use crate::commands::pull;
use crate::engine::{self, Engine, Error, Image};
use crate::env::Env;
use crate::image::{self, Addition, Answer};
use crate::kernelspec::store::Job;
use crate::program::{self, Interrupted};
use crate::settings::{Question, Settings, Wanted};

/// How long the engine may take for one answer, and for all: images may be large and connections slow, and the user
/// can interrupt.
const ANSWER: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many of the last lines of a build an error shows, and how long they may be together.
const LINES: usize = 15;
const LONGEST: usize = 8192;

/// How lines begin in which the engine speaks of its own work.
const STEPS: [&str; 4] = ["Step ", "---> ", "Removing intermediate container ", "Using cache"];

/// Asks what there is to be known of an image.
///
/// # Errors
/// When the engine or the image cannot be had, or the image has nothing of the kind. Nothing is left on the engine.
pub(super) fn ask(question: &Question, may_pull: bool, env: &Env) -> Result<Answer> {
    let Question { image: name, wanted, .. } = question;
    program::runtime()?.block_on(async {
        let mut stop = pin!(pull::stopped());
        let (engine, image) = tokio::select! {
            biased;
            signal = &mut stop => return Err(interrupted(signal)),
            both = with_image(question, may_pull, env) => both?,
        };
        let Some(image) = image else { return Ok(Answer::default()) };
        let mut signal = Ok(0);
        let stopped = async { signal = (&mut stop).await };
        let looked = image::look(&engine, image, stopped).await;
        let looked = looked.with_context(|| format!("could not look into the image `{name}`"))?;
        let Some(found) = looked else { return Err(interrupted(signal)) };
        let user = Some(found.user().to_owned());
        let kernelspec = match wanted {
            Wanted::Kernelspec(wanted) => {
                let chosen = found.chosen(wanted.as_deref());
                Some(chosen.with_context(|| format!("no kernelspec of the image `{name}` can be taken"))?)
            }
            Wanted::Kernel(language) => found.of_language(language.name()),
        };
        if let Some(spec) = &kernelspec {
            match wanted {
                Wanted::Kernelspec(_) => {
                    tracing::info!("Taking the kernelspec {} in {} of the image {name}", spec.name, spec.directory);
                }
                Wanted::Kernel(_) => tracing::info!(
                    "Adding nothing to the image {name}: it has a kernel, with the kernelspec {} in {}",
                    spec.name,
                    spec.directory
                ),
            }
            for (file, fault) in &spec.other_logos {
                tracing::info!("Not taking its {file}, which {fault}");
            }
            for part in &spec.left_out {
                tracing::warn!("Leaving out of the kernelspec {}: {part}", spec.name);
            }
        }
        Ok(Answer { kernelspec, user })
    })
}

/// The image, which is pulled if that may be; `None` if it is not there and only a kernel is to be added.
async fn with_image(
    question: &Question,
    may_pull: bool,
    env: &Env,
) -> Result<(Engine, Option<Image>)> {
    let Question { image, platform, engine, wanted } = question;
    let engine = Engine::of(engine.as_deref(), env, ANSWER, Instant::now() + ALL).await?;
    if may_pull {
        let found = pull::fetched(image, platform.as_deref(), &engine, env).await?;
        return Ok((engine, Some(found)));
    }
    match engine.inspect_image(image).await {
        Ok(found) => Ok((engine, Some(found))),
        Err(error) if error.is_not_found() => match wanted {
            Wanted::Kernel(_) => Ok((engine, None)),
            Wanted::Kernelspec(_) => bail!(
                "the engine does not have the image `{image}`, and `--dry-run` pulls none; pull it with \
                 `docker pull {image}`"
            ),
        },
        Err(error) => Err(error.into()),
    }
}

/// Looks that specifications need no two images of one name.
///
/// # Errors
/// When they do: both would have the one that is built last.
pub(super) fn check(specifications: &[(Settings, Job)]) -> Result<()> {
    let mut known: BTreeMap<_, (&Addition, &Settings)> = BTreeMap::new();
    for (settings, _) in specifications {
        let Some(addition) = &settings.addition else { continue };
        let place = (&addition.engine, &addition.tag);
        let (first, of_first) = known.entry(place).or_insert((addition, settings));
        ensure!(
            *first == addition,
            "the specifications {} and {} need different images, which would both be called `{}`: say the same of \
             their builds, or give the image of one another name first",
            of_first.kernel_name,
            settings.kernel_name,
            addition.tag
        );
    }
    Ok(())
}

/// Builds the images that specifications need, each once.
///
/// # Errors
/// When one cannot be built.
pub(super) fn build(specifications: &[(Settings, Job)], env: &Env) -> Result<()> {
    let mut built: Vec<&Addition> = Vec::new();
    for addition in specifications.iter().filter_map(|(settings, _)| settings.addition.as_ref()) {
        if !built.contains(&addition) {
            build_one(addition, env)?;
            built.push(addition);
        }
    }
    Ok(())
}

fn build_one(addition: &Addition, env: &Env) -> Result<()> {
    let Addition { base, tag, arguments, network, platform, engine, .. } = addition;
    let dockerfile = addition.dockerfile()?;
    let context = Addition::context(&dockerfile)?;
    tracing::info!("Building the image {tag} of this Dockerfile:\n{}", dockerfile.trim_end());
    let mut output = Output::default();
    let built = program::runtime()?.block_on(async {
        let building = async {
            let engine = Engine::of(engine.as_deref(), env, ANSWER, Instant::now() + ALL).await?;
            let (network, platform) = (network.as_deref(), platform.as_deref());
            // As the client gives them; what is said counts more.
            let mut all = engine::proxies(env, &engine.endpoint().to_string())?;
            all.extend(arguments.clone());
            let built = engine.build_image(tag, context, &all, network, platform, |piece| {
                output.add(piece);
            });
            Ok(built.await?)
        };
        tokio::select! {
            biased;
            // The engine ends the build with the connection.
            signal = pull::stopped() => Err(interrupted(signal)),
            built = building => built,
        }
    });
    output.end();
    built.map_err(|error| failed(base, &output, error))?;
    tracing::info!("Built the image {tag}");
    Ok(())
}

/// Why an image was not built, with the last lines of what its steps said.
fn failed(base: &str, output: &Output, error: anyhow::Error) -> anyhow::Error {
    let Some(Error::Status { message, .. }) = error.downcast_ref() else { return error };
    // The engine's sentence has the whole script in it.
    let reason = match message.rsplit_once("returned a non-zero code: ") {
        Some((_, status)) => format!("a step ended with exit status {status}"),
        None => message.clone(),
    };
    let last = match output.last.join("\n") {
        none if none.is_empty() => String::new(),
        lines => format!(". The last lines:\n{lines}"),
    };
    anyhow!(
        "no kernel could be added to the image `{base}`, and nothing was installed: {reason}; where a step cannot reach \
         the network, `--build-arg=HTTPS_PROXY=...` and `--build-network=host` help{last}"
    )
}

fn interrupted(signal: io::Result<u8>) -> anyhow::Error {
    match signal {
        Ok(signal) => Interrupted { signal, told: "nothing was installed" }.into(),
        Err(error) => anyhow!(error).context("could not listen for signals"),
    }
}

/// What a build prints, told line by line.
#[derive(Default)]
struct Output {
    begun: String,
    last: Vec<String>,
}

impl Output {
    fn add(&mut self, piece: &str) {
        for part in piece.split_inclusive('\n') {
            self.begun.push_str(part);
            if part.ends_with('\n') || self.begun.len() > LONGEST {
                self.end();
            }
        }
    }

    /// Tells the line that has begun.
    fn end(&mut self) {
        let line = plain(&std::mem::take(&mut self.begun));
        // What follows a return would be written over it on a terminal.
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
        if line.is_empty() {
            return;
        }
        tracing::info!("{line}");
        if line.starts_with("Step ") {
            // What an error shows is of the step that has failed.
            self.last.clear();
        }
        if STEPS.iter().any(|begin| line.trim_start().starts_with(begin)) {
            return;
        }
        if self.last.len() == LINES {
            self.last.remove(0);
        }
        self.last.push(line.to_owned());
    }
}

/// The text without colours, which the engine gives to what steps write to standard error.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain.push_str(rest.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_told_in_lines_whatever_it_arrives_in() {
        let mut output = Output::default();
        for piece in [
            "before\n",
            "Step 1\n\n ---> x\n",
            "a",
            "b\nc",
            "\r 5%\r10%",
            "\n",
            "\u{1b}[91mend\u{1b}[0m",
        ] {
            output.add(piece);
        }
        output.end();
        assert_eq!(output.last, ["ab", "10%", "end"]);
        for number in 0..LINES {
            output.add(&format!("{number}\n"));
        }
        assert_eq!((output.last.len(), &*output.last[0]), (LINES, "0"));
        output.add(&"x".repeat(LONGEST + 1));
        assert_eq!(output.begun, "");
    }
}
