//! Volumes that an image declares. Each kernel gets anonymous ones for them, which outlive it: servers remove
//! containers without their volumes.

use crate::launcher::plan::Plan;
use crate::launcher::volumes::unmounted;

/// What to report of those that the specification does not mount something over. Only the native launcher
/// gives them the labels by which `prune` finds them.
pub(super) fn warning(
    image: &str,
    volumes: &[String],
    plan: &Plan,
    native: bool,
) -> Option<String> {
    let left = unmounted(volumes, &plan.request);
    let first = left.first()?;
    let rest = if native {
        "`jupyter docker-spec prune` removes what is left"
    } else {
        "`docker volume ls --filter dangling=true` shows what is left"
    };
    Some(format!(
        "the image `{image}` declares {} as a volume, and a server removes kernels without their volumes: have \
         something else there, such as `install --tmpfs={first}`; {rest}",
        left.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" and ")
    ))
}
