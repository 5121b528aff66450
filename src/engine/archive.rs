//! Files of a container in the format of tar, as the engine sends them.

use hyper::Method;
use hyper::body::Bytes;

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::stream::Stream;

/// What is in a directory, as it arrives. Dropping it breaks it off.
pub struct Archive(Stream);

impl Archive {
    /// Returns the next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.chunk().await
    }
}

impl Engine {
    /// Reads the file, or the directory with all that is in it, at this path of a container; `None` if there is
    /// nothing. A path that ends in `/.` is that of a directory, or of what leads to one within the container.
    pub async fn archive(&self, id: &str, path: &str) -> Result<Option<Archive>> {
        let parts = ["containers", id, "archive"];
        let call = Call::new("look into the image", Method::GET, &parts).query("path", path);
        match self.stream(call.patient()).await {
            Ok(stream) => Ok(Some(Archive(stream))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
