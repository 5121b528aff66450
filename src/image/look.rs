//! Looks into an image for kernelspecs, without running anything of it: a container is created, and never started.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::kernelspec::{self, Kernelspec};
use super::places;
use super::unpack::{self, Files, Room};
use crate::engine::{Archive, Engine, Error, Image};
use crate::text::printable;

/// How many links to directories are followed.
const MOST_LINKS: usize = 20;

/// How many pieces of an archive may wait to be read.
const WAITING: usize = 4;

/// How long one archive may take.
const LONGEST: Duration = Duration::from_secs(300);

/// How long the answer about the container is waited for after a signal.
const PATIENCE: Duration = Duration::from_secs(5);

const PASSWD: &str = "/etc/passwd";

/// The labels of the container: it is no kernel.
const COMPONENT: &str = "look";

/// What is known of an image; nothing if it was not asked for.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The kernelspec that was asked for, or that has a kernel which was to be added.
    pub kernelspec: Option<Kernelspec>,
    /// The image's user.
    pub user: Option<String>,
}

/// The kernelspecs of an image by name, as far as they are known yet.
#[derive(Debug)]
pub(crate) struct Found {
    image: Image,
    specs: BTreeMap<String, Spec>,
    /// Those of Python that a Jupyter there would run.
    pythons: Vec<String>,
}

#[derive(Debug)]
struct Spec {
    kernels: String,
    files: Files,
}

/// Finds all kernelspecs of an image; `None` if `stop` ends before. Nothing is left on the engine, or it is said.
///
/// # Errors
/// When the engine does not answer, or the image has too much in the directories of kernelspecs.
pub(crate) async fn look(
    engine: &Engine,
    image: Image,
    stop: impl Future<Output = ()>,
) -> Result<Option<Found>> {
    let labels = json!({"app": "jupyter-docker-spec", "component": COMPONENT});
    let probe = json!({"Image": image.id, "Cmd": ["/bin/true"], "Labels": labels});
    let mut stop = pin!(stop);
    let mut creating = pin!(engine.create_probe(&probe));
    let probe = tokio::select! {
        biased;
        created = &mut creating => created?,
        () = &mut stop => {
            // That is not broken off at once, lest a container stays of which nobody knows.
            if let Ok(created) = timeout(PATIENCE, creating).await {
                engine.remove_container(&created?.id, true).await?;
            } else {
                tracing::warn!(
                    "The engine has not answered for {} s: a container with the labels app=jupyter-docker-spec and \
                     component={COMPONENT} may be left on it",
                    PATIENCE.as_secs()
                );
            }
            return Ok(None);
        }
    };
    let mut found = Found { image, specs: BTreeMap::new(), pythons: Vec::new() };
    let looked = tokio::select! {
        biased;
        () = &mut stop => Ok(None),
        filled = found.fill(engine, &probe.id) => filled.map(Some),
    };
    engine.remove_container(&probe.id, true).await?;
    Ok(looked?.map(|()| found))
}

impl Spec {
    fn own_python(&self) -> Option<String> {
        let text = self.files.kernel_json.as_ref()?.as_ref().ok()?;
        kernelspec::own_python(&self.kernels, text)
    }
}

impl Found {
    /// The image's user.
    pub(crate) fn user(&self) -> &str {
        self.image.user()
    }

    async fn fill(&mut self, engine: &Engine, probe: &str) -> Result<()> {
        let home = match self.image.variable("HOME") {
            Some(home) => Some(home.to_owned()),
            None => home(engine, probe, self.image.user()).await?,
        };
        for kernels in places::directories(&self.image, home.as_deref()) {
            let kept = self.specs.values().map(|spec| &spec.files);
            let room = Room::ALL.beside(kept);
            let Some(mut all) = directory(engine, probe, &kernels, room).await? else { continue };
            let links = all.iter().filter(|(_, files)| files.is_link).map(|(name, _)| name.clone());
            for name in links.take(MOST_LINKS).collect::<Vec<_>>() {
                // They count as kernelspecs already.
                let kernelspecs = Room::ALL.kernelspecs;
                let room = Room { kernelspecs, bytes: room.beside(all.values()).bytes };
                let linked = directory(engine, probe, &format!("{kernels}/{name}"), room).await;
                let own = linked.ok().flatten().and_then(|mut own| own.remove(""));
                all.extend(own.map(|own| (name, own)));
            }
            for (name, files) in all {
                // Jupyter takes only directories with this file for kernelspecs.
                if files.kernel_json.is_some() && !name.is_empty() {
                    self.specs
                        .entry(name)
                        .or_insert_with(|| Spec { kernels: kernels.clone(), files });
                }
            }
        }
        self.find_pythons(engine, probe).await
    }

    /// Looks which of the kernelspecs are run by a Python beside them.
    async fn find_pythons(&mut self, engine: &Engine, probe: &str) -> Result<()> {
        let own = self.specs.values().filter_map(Spec::own_python);
        for path in own.collect::<BTreeSet<_>>() {
            if engine.has_path(probe, &path).await? {
                self.pythons.push(path);
            }
        }
        Ok(())
    }

    /// The kernelspec of this name, or the only one.
    ///
    /// # Errors
    /// When there is none, or several; and when it is not right. All are named then.
    pub(crate) fn chosen(&self, name: Option<&str>) -> Result<Kernelspec> {
        let name = match (name, self.specs.keys().collect::<Vec<_>>().as_slice()) {
            (_, []) => bail!(
                "it has none in any directory in which Jupyter looks; `--kernel-command` says what starts a kernel in \
                 it, and `--add-kernel` gives it one in Python or R"
            ),
            (Some(name), _) if self.specs.contains_key(name) => name,
            (Some(name), _) => bail!("it has no `{}`; it has {}", printable(name), self.listed()),
            (None, [name]) => name,
            (None, _) => bail!(
                "it has several: {}; say which, as in `--image-kernelspec={}`",
                self.listed(),
                self.specs.keys().next().map_or("", String::as_str)
            ),
        };
        let mut spec = self.read(name).with_context(|| {
            let kernels = self.specs.get(name).map_or("", |spec| &*spec.kernels);
            format!("the kernelspec `{name}` in {}", printable(kernels))
        })?;
        let own = self.specs.get(name).and_then(Spec::own_python);
        let own = own.filter(|own| self.pythons.contains(own));
        if let (Some(own), Some(first)) = (own, spec.argv.first_mut()) {
            *first = own;
        }
        let logos = self.specs.get(name).map(|spec| &spec.files.logos);
        for (file, content) in logos.into_iter().flatten() {
            match content {
                Ok(content) => spec.logos.push((file, content.clone())),
                Err(fault) => spec.other_logos.push((file, fault)),
            }
        }
        Ok(spec)
    }

    /// The first of a language, if there is one that is right.
    pub(crate) fn of_language(&self, language: &str) -> Option<Kernelspec> {
        let mut all = self.specs.keys().filter_map(|name| self.chosen(Some(name)).ok());
        all.find(|spec| spec.language.eq_ignore_ascii_case(language))
    }

    /// All of them with what people call them.
    fn listed(&self) -> String {
        let all = self.specs.iter().map(|(name, spec)| {
            let text = spec.files.kernel_json.as_ref().and_then(|text| text.as_ref().ok());
            match text.and_then(|text| kernelspec::display_name(text)) {
                Some(shown) => format!("`{name}` ({})", printable(&shown)),
                None => format!("`{name}`"),
            }
        });
        all.collect::<Vec<_>>().join(", ")
    }

    fn read(&self, name: &str) -> Result<Kernelspec> {
        let Some(Spec { kernels, files }) = self.specs.get(name) else {
            bail!("there is none of this name");
        };
        let text = match &files.kernel_json {
            Some(Ok(text)) => text,
            Some(Err(fault)) => bail!("its kernel.json {fault}"),
            None => bail!("it has no kernel.json"),
        };
        Kernelspec::parse(name, kernels, text, &self.image)
    }
}

/// The home of the image's user.
async fn home(engine: &Engine, probe: &str, user: &str) -> Result<Option<String>> {
    let Some(archive) = engine.archive(probe, PASSWD).await? else { return Ok(None) };
    let text = read(archive, |archive| unpack::file(archive, PASSWD)).await?;
    Ok(text.and_then(|text| places::home_of(user, &text).map(str::to_owned)))
}

/// What is in a directory of kernelspecs, or of one; `None` if it is none.
async fn directory(
    engine: &Engine,
    probe: &str,
    path: &str,
    room: Room,
) -> Result<Option<BTreeMap<String, Files>>> {
    // Also if it is a link: the engine follows it, and does not leave the container.
    let archive = match engine.archive(probe, &format!("{path}/.")).await {
        Ok(Some(archive)) => archive,
        Ok(None) => return Ok(None),
        Err(Error::Status { message, .. }) if message.contains("not a directory") => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let files = read(archive, move |archive| unpack::unpack(archive, room)).await?;
    files
        .map(Some)
        .with_context(|| format!("could not look into `{}` of the image", printable(path)))
}

/// Reads an archive with what reads it as a whole, in a thread of its own.
async fn read<T: Send + 'static>(
    mut archive: Archive,
    reader: impl FnOnce(Pieces) -> T + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let pieces = Pieces { receiver, piece: Bytes::new(), read: 0 };
    let reading = tokio::task::spawn_blocking(move || reader(pieces));
    let sending = async {
        while let Some(piece) = archive.chunk().await? {
            // It has read enough.
            if sender.send(piece).await.is_err() {
                break;
            }
        }
        Ok::<_, Error>(())
    };
    timeout(LONGEST, sending).await.map_err(|_| {
        anyhow!("the engine did not send a directory of the image within {} s", LONGEST.as_secs())
    })??;
    drop(sender);
    Ok(reading.await?)
}

/// An archive for a reader that waits.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    piece: Bytes,
    read: u64,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        self.read += length as u64;
        if self.read > unpack::BYTES {
            return Err(io::Error::other("it has more than 2 GB"));
        }
        Ok(length)
    }
}
