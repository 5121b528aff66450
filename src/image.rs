//! What an image has of kernels: the kernelspecs that are in it, for `install --image-kernelspec`, and how one gets a
//! kernel that has none, for `install --add-kernel`. Nothing of an image is run to look into it, and nothing in it is
//! trusted: somebody else may have made it.

mod addition;
mod expansion;
mod kernelspec;
mod logo;
mod look;
mod places;
mod unpack;

pub use self::addition::{Addition, BuildArguments};
pub use self::kernelspec::Kernelspec;
pub use self::look::Answer;
pub(crate) use self::look::look;
