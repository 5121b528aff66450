//! The settings of `install`, a row each (`table`): the option, the trait of the Python tool, the
//! variables, the default and the help. The command line, configuration files, files of specifications,
//! `set` and the reference are made from these rows. The options that `docker run` has too have a
//! table of their own, [`crate::options::container_options`].

pub mod arguments;
mod line;
mod row;
mod table;
mod traits;

pub use self::line::{CommandLine, Given};
pub use self::row::{Change, Kind, Setting};
pub use self::table::*;
pub use self::traits::{Class, Trait};
