//! The engine's call for the resource usage of a container.

use hyper::Method;
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::Result;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Usage {
    #[serde(default)]
    cpu_stats: CpuStats,
    #[serde(default)]
    memory_stats: MemoryStats,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct CpuStats {
    #[serde(default)]
    cpu_usage: CpuUsage,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct CpuUsage {
    #[serde(default)]
    total_usage: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct MemoryStats {
    usage: Option<u64>,
    #[serde(default)]
    stats: MemoryDetails,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct MemoryDetails {
    total_inactive_file: Option<u64>,
    inactive_file: Option<u64>,
}

impl Usage {
    /// The CPU time that it has used, in nanoseconds.
    #[must_use]
    pub const fn cpu_nanoseconds(&self) -> u64 {
        self.cpu_stats.cpu_usage.total_usage
    }

    /// The memory that it uses, in bytes, without the page cache, like `docker stats`; `None` if it is not
    /// running.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        let MemoryDetails { total_inactive_file, inactive_file } = self.memory_stats.stats;
        let kept = total_inactive_file.or(inactive_file).unwrap_or_default();
        self.memory_stats.usage.map(|usage| usage.saturating_sub(kept))
    }
}

impl Engine {
    /// Returns what a container has used so far.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if this engine has no such container.
    pub async fn usage(&self, id: &str) -> Result<Usage> {
        let call = Call::new("measure the container", Method::GET, &["containers", id, "stats"])
            .query("stream", "0")
            .query("one-shot", "1");
        self.json(call).await
    }
}
