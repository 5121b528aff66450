//! Explains why a kernel's container ended, beyond what the engine says.

use anyhow::anyhow;

use super::context::Context;
use super::launch::Launch;
use crate::model::Mode;
use crate::server::BOOTSTRAP;

/// What Linux says of a program for another architecture.
pub(super) const FOREIGN: &str = "exec format error";

/// The likely reason for that.
pub(super) fn foreign(image: &str) -> String {
    format!(
        "the image `{image}` may be for another architecture than the engine's host; see it with \
         `docker image inspect --format {{{{.Architecture}}}} {image}`"
    )
}

/// The exit status of a process that was killed with SIGKILL, as Linux does for lack of memory.
const KILLED: i64 = 137;

/// How the container ended. The kernel may have run out of memory though the bootstrap, which started it,
/// exits with success.
pub(super) fn how(exit_code: i64, out_of_memory: bool) -> String {
    const ADVICE: &str = "raise `mem_limit` in launch_docker.toml if it has one";
    match (exit_code, out_of_memory) {
        (0, true) => format!(
            "ran out of memory: a process in it was killed for exceeding the memory limit ({ADVICE})"
        ),
        (_, true) => format!(
            "was killed for exceeding the memory limit ({ADVICE}) and ended with exit status {exit_code}"
        ),
        (KILLED, false) => format!(
            "ended with exit status {exit_code}, which is that of a process that was killed, most likely for \
             lack of memory"
        ),
        (_, false) => format!("ended with exit status {exit_code}"),
    }
}

/// Adds advice to `reason` if the container ended successfully and without output. Its command is then
/// usually not one that starts a kernel, but one that waits for input, such as a shell.
pub(super) async fn explained(
    context: &Context<'_>,
    reason: anyhow::Error,
    exit_code: i64,
    silent: bool,
) -> anyhow::Error {
    // What our bootstrap starts is a kernel, be it one that does not stay.
    if exit_code != 0 || !silent || context.plan.brings_bootstrap {
        return reason;
    }
    let Some(command) = command(context).await else { return reason };
    if command.contains(BOOTSTRAP) {
        return reason;
    }
    let Launch { image, .. } = context.launch;
    let what = if command.is_empty() { "none".to_owned() } else { format!("`{command}`") };
    anyhow!(
        "{reason:#} The command of the image `{image}` is {what}, which starts no kernel: take an image \
         that runs {BOOTSTRAP}, or make one with `jupyter image-bootstrap install` and \
         `CMD [\"/usr/local/bin/{BOOTSTRAP}\"]`; `jupyter docker-spec check` says what it lacks"
    )
}

/// The command that the container ran: that of the request, or else the image's, if this engine has the
/// image.
async fn command(context: &Context<'_>) -> Option<String> {
    let (entrypoint, command) = match context.launch.mode {
        Mode::Docker => ("/Entrypoint", "/Cmd"),
        Mode::Swarm => ("/TaskTemplate/ContainerSpec/Command", "/TaskTemplate/ContainerSpec/Args"),
    };
    let asked = |pointer: &str| -> Option<Vec<String>> {
        let words = context.plan.request.pointer(pointer)?.as_array()?;
        Some(words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect())
    };
    let (entrypoint, command) = match (asked(entrypoint), asked(command)) {
        // An entrypoint in the request disables the image's command.
        (Some(entrypoint), command) => (entrypoint, command.unwrap_or_default()),
        (None, command) => {
            let image = context.engine.inspect_image(&context.launch.image).await.ok()?;
            let (entrypoint, own) = image.into_command();
            (entrypoint, command.unwrap_or(own))
        }
    };
    Some([entrypoint, command].concat().join(" "))
}

#[cfg(test)]
mod tests {
    use super::how;

    #[test]
    fn memory_is_named_whatever_the_exit_status_is() {
        for (exit_code, out_of_memory, parts) in [
            (0, false, ["ended with exit status 0", ""]),
            (3, false, ["ended with exit status 3", ""]),
            (137, false, ["ended with exit status 137", "for lack of memory"]),
            (0, true, ["ran out of memory", "exceeding the memory limit"]),
            (1, true, ["was killed for exceeding the memory limit", "with exit status 1"]),
        ] {
            let text = how(exit_code, out_of_memory);
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
            assert!(!out_of_memory || !text.contains("exit status 0"), "{text}");
        }
    }
}
