//! The progress of a pull, summed up over the layers of the image.

use std::collections::BTreeMap;

use super::images::Progress;
use crate::text;

/// How many layers are counted, and how many bytes of one: more than any image has, but few enough to store
/// and add up whatever an engine sends.
const MAX_LAYERS: usize = 1000;
const MAX_LAYER_BYTES: u64 = 1 << 44;

/// The longest id of a layer.
const MAX_ID_LENGTH: usize = 100;

/// The layers of an image that is being pulled.
#[derive(Debug, Default)]
pub struct PullProgress {
    by_id: BTreeMap<String, Layer>,
    /// Whether the engine is retrying a layer, with no progress since.
    is_retrying: bool,
}

#[derive(Debug, Default)]
struct Layer {
    /// The bytes to download; 0 until the engine tells.
    size: u64,
    fetched: u64,
    unpacked: u64,
    /// Whether all of it is downloaded, be its size known or not.
    is_fetched: bool,
    /// Whether the engine had it before.
    existed: bool,
    done: bool,
}

impl PullProgress {
    /// Updates the layers from a message of the engine.
    pub fn update(&mut self, progress: &Progress) {
        let status = progress.status.as_str();
        if status.starts_with("Retrying") {
            self.is_retrying = true;
            return;
        }
        let existed = status == "Already exists";
        // Where the counts are to be hidden nothing more is told of the layer.
        let done = existed || status == "Pull complete" || progress.hides_counts();
        let fetched = matches!(status, "Download complete" | "Extracting");
        let known = done || fetched || status == "Pulling fs layer" || progress.total().is_some();
        let room = self.by_id.len() < MAX_LAYERS || self.by_id.contains_key(&progress.id);
        if progress.id.is_empty() || progress.id.len() > MAX_ID_LENGTH || !known || !room {
            return;
        }
        let current = progress.current().map(|bytes| bytes.min(MAX_LAYER_BYTES));
        let total = progress.total().map(|bytes| bytes.min(MAX_LAYER_BYTES));
        self.is_retrying = false;
        let layer = self.by_id.entry(progress.id.clone()).or_default();
        layer.done = done;
        layer.is_fetched = done || fetched;
        layer.existed |= existed;
        if status == "Downloading" {
            layer.fetched = current.unwrap_or(layer.fetched);
            layer.size = total.unwrap_or(layer.size);
        } else if done || fetched {
            layer.fetched = layer.size;
        }
        // Some engines report seconds here, without a total.
        if status == "Extracting" && total.is_some() {
            layer.unpacked = current.unwrap_or(layer.unpacked).min(layer.size);
        } else if done {
            layer.unpacked = layer.size;
        }
    }

    /// The bytes downloaded.
    #[must_use]
    pub fn fetched(&self) -> u64 {
        self.by_id.values().map(|layer| layer.fetched).sum()
    }

    /// The bytes downloaded of a pull that is over; `None` if the engine has not told all.
    #[must_use]
    pub fn downloaded(&self) -> Option<u64> {
        let is_untold = |layer: &Layer| layer.is_fetched && layer.size == 0 && !layer.existed;
        (!self.by_id.values().any(is_untold)).then(|| self.fetched())
    }

    /// The bytes to download, as far as known.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.by_id.values().map(|layer| layer.size).sum()
    }

    /// Whether the sizes of some layers are not known yet.
    #[must_use]
    pub fn has_unknown_sizes(&self) -> bool {
        self.by_id.values().any(Layer::is_unknown)
    }

    /// The progress of downloading and extracting, in thousandths. A layer of unknown size counts as an
    /// average one.
    #[must_use]
    pub fn thousandths(&self) -> u64 {
        let unknown = self.by_id.values().filter(|layer| layer.is_unknown()).count() as u64;
        let known = self.by_id.values().filter(|layer| layer.size > 0).count() as u64;
        let size = self.size();
        let expected = size + unknown * size / known.max(1);
        let unpacked: u64 = self.by_id.values().map(|layer| layer.unpacked).sum();
        let done = u128::from(self.fetched() + unpacked) * 500;
        u64::try_from(done / u128::from(expected.max(1))).unwrap_or(1000).min(1000)
    }

    /// What the engine is doing.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        if self.is_retrying {
            "retrying"
        } else if self.by_id.values().any(|layer| !layer.is_fetched && layer.fetched < layer.size) {
            "downloading"
        } else if self
            .by_id
            .values()
            .any(|layer| !layer.done && (layer.is_fetched || layer.size > 0))
        {
            "unpacking"
        } else {
            "waiting"
        }
    }

    /// How far it is, in words.
    #[must_use]
    pub fn summary(&self) -> String {
        let done = self.by_id.values().filter(|layer| layer.done).count();
        let layers = format!("{done} of {} layers", self.by_id.len());
        // Engines with the images in containerd's store do not tell the sizes of small layers.
        if self.size() == 0 {
            return layers;
        }
        format!(
            "{layers}, {} of {}{} MB",
            text::megabytes(self.fetched()),
            text::megabytes(self.size()),
            if self.has_unknown_sizes() { "+" } else { "" }
        )
    }
}

impl Layer {
    fn is_unknown(&self) -> bool {
        self.size == 0 && !self.is_fetched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_never_stops_fills_no_memory() {
        let mut layers = PullProgress::default();
        for number in 0..3 * MAX_LAYERS {
            let detail = format!(r#"{{"current": {0}, "total": {0}}}"#, u64::MAX);
            noted(
                &mut layers,
                &format!(
                    r#"{{"status": "Downloading", "id": "{number}", "progressDetail": {detail}}}"#
                ),
            );
        }
        noted(
            &mut layers,
            &format!(r#"{{"status": "Pull complete", "id": "{}"}}"#, "x".repeat(1000)),
        );
        assert_eq!(layers.by_id.len(), MAX_LAYERS);
        assert!(layers.thousandths() <= 1000 && layers.summary().starts_with("0 of 1000 layers"));
    }

    #[test]
    fn layers_without_sizes_are_counted() {
        let mut layers = PullProgress::default();
        for line in [
            r#"{"status": "Pulling fs layer", "id": "a"}"#,
            r#"{"status": "Pulling fs layer", "id": "b"}"#,
        ] {
            noted(&mut layers, line);
        }
        assert_eq!((layers.summary().as_str(), layers.phase()), ("0 of 2 layers", "waiting"));
        noted(
            &mut layers,
            r#"{"status": "Download complete", "id": "a", "progressDetail": {"hidecounts": true}}"#,
        );
        assert_eq!(layers.summary(), "1 of 2 layers");
        noted(
            &mut layers,
            r#"{"status": "Downloading", "id": "b", "progressDetail": {"current": 1048576, "total": 3000000}}"#,
        );
        // That of the other is not waited for any more.
        assert_eq!(layers.summary(), "1 of 2 layers, 1 of 3 MB");
        assert_eq!(layers.phase(), "downloading");
        noted(&mut layers, r#"{"status": "Pull complete", "id": "b"}"#);
        assert_eq!(
            (layers.summary().as_str(), layers.downloaded()),
            ("2 of 2 layers, 3 of 3 MB", None)
        );
        let mut layers = PullProgress::default();
        for line in [
            r#"{"status": "Downloading", "id": "a", "progressDetail": {"current": 5, "total": 5}}"#,
            r#"{"status": "Pull complete", "id": "a"}"#,
            r#"{"status": "Already exists", "id": "b"}"#,
        ] {
            noted(&mut layers, line);
        }
        assert_eq!(layers.downloaded(), Some(5));
    }

    fn noted(layers: &mut PullProgress, text: &str) {
        layers.update(&serde_json::from_str(text).unwrap());
    }

    #[test]
    fn progress_is_summed_over_the_layers() {
        let mut layers = PullProgress::default();
        noted(&mut layers, r#"{"status": "Pulling from library/x", "id": "latest"}"#);
        assert_eq!((layers.phase(), layers.thousandths()), ("waiting", 0));
        for line in [
            r#"{"status": "Pulling fs layer", "id": "a"}"#,
            r#"{"status": "Pulling fs layer", "id": "c"}"#,
            r#"{"status": "Waiting", "id": "c"}"#,
            r#"{"status": "Already exists", "id": "b"}"#,
        ] {
            noted(&mut layers, line);
        }
        assert_eq!((layers.phase(), layers.thousandths()), ("waiting", 0));
        for line in [
            r#"{"status": "Downloading", "id": "a", "progressDetail": {"current": 1500000, "total": 3000000}}"#,
            r#"{"status": "Digest: sha256:1"}"#,
        ] {
            noted(&mut layers, line);
        }
        assert_eq!(layers.summary(), "1 of 3 layers, 1.5 of 3+ MB");
        assert_eq!((layers.phase(), layers.thousandths()), ("downloading", 125));
        noted(
            &mut layers,
            r#"{"status": "Downloading", "id": "c", "progressDetail": {"current": 1000000, "total": 1000000}}"#,
        );
        noted(
            &mut layers,
            r#"{"status": "Retrying in 5 seconds", "progressDetail": {}, "id": "a"}"#,
        );
        assert_eq!(layers.summary(), "1 of 3 layers, 2.5 of 4 MB");
        assert_eq!(layers.phase(), "retrying");
        noted(&mut layers, r#"{"status": "Download complete", "id": "a", "progressDetail": {}}"#);
        assert_eq!((layers.phase(), layers.thousandths()), ("unpacking", 500));
        noted(
            &mut layers,
            r#"{"status": "Extracting", "id": "a", "progressDetail": {"current": 2000000, "total": 3000000}}"#,
        );
        assert_eq!(
            (layers.summary().as_str(), layers.thousandths()),
            ("1 of 3 layers, 4 of 4 MB", 750)
        );
        noted(
            &mut layers,
            r#"{"status": "Extracting", "id": "c", "progressDetail": {"current": 7, "units": "s"}}"#,
        );
        assert_eq!(layers.thousandths(), 750);
        noted(&mut layers, r#"{"status": "Pull complete", "id": "a"}"#);
        noted(&mut layers, r#"{"status": "Pull complete", "id": "c"}"#);
        assert_eq!(layers.summary(), "3 of 3 layers, 4 of 4 MB");
        assert_eq!(layers.thousandths(), 1000);
    }
}
