//! The kernel of a specification, as far as it depends on what starts it: the bootstrap of its image, or ours in any image
//! that has a kernel.

use anyhow::Result;

use super::kernel_name::KernelName;
use super::lookup::Lookup;
use super::names::{kernel_name, names};
use super::{local, of_image, of_local};
use crate::cli::Install;
use crate::image::{Addition, Answer, Kernelspec};
use crate::model::{LanguageName, Sample};
use crate::setting;

pub(super) struct Kernel {
    pub(super) language: LanguageName,
    pub(super) name: KernelName,
    pub(super) display_name: String,
    pub(super) image_name: String,
    /// The text of `launch_docker.toml`; `None` for launchers that do not read it.
    pub(super) options: Option<String>,
    /// The kernelspec of the image that it is made of.
    pub(super) of_image: Option<Kernelspec>,
    /// The image that has to be built for it.
    pub(super) addition: Option<Addition>,
}

impl Kernel {
    /// One that our bootstrap starts.
    pub(super) fn brought(
        args: &Install,
        lookup: &Lookup<'_>,
        answer: Answer,
        sample: Option<Sample>,
    ) -> Result<Self> {
        let Answer { kernelspec: found, user } = answer;
        let image = local::image(lookup)?;
        let language = of_local::language(lookup, found.as_ref())?;
        let adds = lookup.flag(&setting::ADD_KERNEL)?;
        // One that the image has is not added once more.
        let addition = if adds && found.is_none() {
            Some(of_image::addition(args, lookup, &image, user)?)
        } else {
            None
        };
        // What people see stays theirs if the kernelspec has only been come across.
        let named = found.as_ref().filter(|_| !adds);
        let (name, display_name) = names(lookup, &language, named)?;
        let name = kernel_name(&name, sample, &language, lookup)?;
        let image_name = addition.as_ref().map_or(image, |addition| addition.tag.clone());
        let built = (&*image_name, addition.is_some());
        let options = Some(of_local::options(args, lookup, &language, built, found.as_ref())?);
        Ok(Self { language, name, display_name, image_name, options, of_image: found, addition })
    }
}
