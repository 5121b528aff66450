//! `jupyter-docker-spec ps`: lists kernels.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::kernels::{self, Kernel, KernelList};
use super::output::{json, or_dash};
use crate::cli::Ps;
use crate::engine::Usage;
use crate::paths::Paths;
use crate::program;
use crate::screen::Screen;
use crate::text::{self, printable};

const HEADINGS: [&str; 9] =
    ["KERNEL", "USER", "SPECIFICATION", "STATE", "NODE", "AGE", "CPU TIME", "MEMORY", "IMAGE"];

/// A kernel and its resource usage, as far as known here.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    kernel: Kernel,
    cpu_seconds: Option<f64>,
    memory_bytes: Option<u64>,
    #[serde(skip)]
    usage: Option<Usage>,
}

impl Row {
    fn columns(&self) -> [String; 9] {
        let Kernel { kernel_id, user, specification, state, node, image, age, is_waiting, .. } =
            &self.kernel;
        let cpu = self.usage.map(|usage| {
            format!("{} s", text::seconds(Duration::from_nanos(usage.cpu_nanoseconds())))
        });
        let memory = self.memory_bytes.map(|bytes| format!("{} MB", text::megabytes(bytes)));
        let columns = [
            kernel_id.clone(),
            or_dash(user.as_deref()),
            or_dash(specification.as_deref()),
            if *is_waiting { "waiting".to_owned() } else { state.clone() },
            or_dash(node.as_deref()),
            or_dash(age.map(format_age).as_deref()),
            or_dash(cpu.as_deref()),
            or_dash(memory.as_deref()),
            image.clone(),
        ];
        columns.map(|column| printable(&column))
    }
}

/// Lists the kernels, the oldest first.
pub fn run(args: &Ps, paths: &Paths<'_>) -> Result<String> {
    let runtime = program::runtime()?;
    let rows = runtime.block_on(rows(paths))?;
    if args.json {
        return json(&rows);
    }
    if rows.is_empty() {
        tracing::info!("There are no kernels");
        return Ok(String::new());
    }
    let mut table = vec![HEADINGS.map(str::to_owned)];
    table.extend(rows.iter().map(Row::columns));
    Ok(Screen::of_stdout(paths.env).aligned(&table).join("\n") + "\n")
}

async fn rows(paths: &Paths<'_>) -> Result<Vec<Row>> {
    let KernelList { engine, kernels, .. } = kernels::find(paths.env).await?;
    let mut rows = Vec::new();
    for kernel in kernels {
        let usage = match &kernel.container {
            Some(container) if kernel.state == "running" => match engine.usage(container).await {
                Ok(usage) => Some(usage),
                // It runs on another node, or has just ended.
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error.into()),
            },
            _ => None,
        };
        rows.push(Row {
            kernel,
            cpu_seconds: usage.map(|u| Duration::from_nanos(u.cpu_nanoseconds()).as_secs_f64()),
            memory_bytes: usage.and_then(|usage| usage.memory()),
            usage,
        });
    }
    Ok(rows)
}

/// An age in its largest unit and the next one.
pub(super) fn format_age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units() {
        for (seconds, expected) in
            [(0, "0s"), (59, "59s"), (61, "1m01s"), (3600, "1h00m"), (90_061, "1d01h")]
        {
            assert_eq!(format_age(seconds), expected);
        }
    }
}
