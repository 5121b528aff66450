//! `CurveZMQ`, the encryption of `ZeroMQ`: <https://rfc.zeromq.org/spec/26/>

use std::io;

use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use crate::random;

/// The members of a connection file.
const KEYS: [&str; 2] = ["curve_publickey", "curve_secretkey"];

/// What a server asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// If the kernel can.
    Auto,
    Required,
}

impl Encryption {
    /// Reads `TRANSPORT_ENCRYPTION`; `None` is none.
    ///
    /// # Errors
    /// When it is not known.
    pub(crate) fn read(text: &str) -> Result<Option<Self>, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" | "disabled" => Ok(None),
            "auto" => Ok(Some(Self::Auto)),
            "required" => Ok(Some(Self::Required)),
            // A server that does not know of it leaves it as it is.
            text if text.starts_with('{') => Ok(None),
            _ => Err(format!("`TRANSPORT_ENCRYPTION` of `{text}` must be `auto` or `required`")),
        }
    }
}

/// Adds a new pair of keys to what goes into a connection file.
pub(crate) fn add_keys(connection: &mut Map<String, Value>) -> io::Result<()> {
    let secret: [u8; 32] = random::bytes()?;
    let public = x25519(secret, X25519_BASEPOINT_BYTES);
    for (name, key) in KEYS.into_iter().zip([public, secret]) {
        connection.insert(name.to_owned(), z85::encode(key).into());
    }
    Ok(())
}

/// Takes them away again.
pub(crate) fn remove_keys(connection: &mut Map<String, Value>) {
    for name in KEYS {
        connection.remove(name);
    }
}

/// How each side of ZMTP 3 begins: <https://rfc.zeromq.org/spec/23/#topology>
const GREETING: usize = 64;
const SIGNATURE_AND_VERSION: [u8; 12] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0];
const MECHANISM: std::ops::Range<usize> = 12..32;

/// The name of the mechanism.
const CURVE: &[u8] = b"CURVE";

/// Whether what listens at the other end of a connection encrypts: a kernel that does not know of keys ignores them.
pub(crate) async fn is_encrypted(mut kernel: TcpStream) -> io::Result<bool> {
    let mut greeting = [0; GREETING];
    greeting[..SIGNATURE_AND_VERSION.len()].copy_from_slice(&SIGNATURE_AND_VERSION);
    greeting[MECHANISM][..CURVE.len()].copy_from_slice(CURVE);
    kernel.write_all(&greeting).await?;
    let mut answer = [0; MECHANISM.end];
    kernel.read_exact(&mut answer).await?;
    Ok(answer[MECHANISM].starts_with(CURVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_zeromq() {
        // The pair of the specification's example, https://rfc.zeromq.org/spec/32/, is that of libzmq's tests, too.
        let secret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
        let public = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
        let secret: [u8; 32] = z85::decode(secret).unwrap().try_into().unwrap();
        assert_eq!(z85::encode(x25519(secret, X25519_BASEPOINT_BYTES)), public);
        let mut connection = Map::new();
        add_keys(&mut connection).unwrap();
        assert!(KEYS.iter().all(|name| connection[*name].as_str().unwrap().len() == 40));
        remove_keys(&mut connection);
        assert!(connection.is_empty());
    }

    #[test]
    fn what_a_server_asks_for_is_read() {
        for (text, expected) in [
            ("", None),
            ("disabled", None),
            ("{transport_encryption}", None),
            ("auto", Some(Encryption::Auto)),
            (" Required ", Some(Encryption::Required)),
        ] {
            assert_eq!(Encryption::read(text), Ok(expected), "{text}");
        }
        assert!(Encryption::read("maybe").unwrap_err().contains("`maybe`"));
    }
}
