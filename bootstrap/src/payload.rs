//! What a kernel sends to the server that waits for it: its connection information, encrypted with a new key, and
//! that key, encrypted with the server's. The servers' own launchers have the format in `server_listener.py`.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rsa::PublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use serde_json::{Map, Value, json};

use crate::random;

/// The size of a key and a block of AES-128, in bytes.
const BLOCK: usize = 16;

/// The key of a server, as it comes in `PUBLIC_KEY`.
pub(crate) struct ServerKey(PublicKey);

impl ServerKey {
    /// # Errors
    /// The sentence that says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let der = BASE64_STANDARD.decode(text).map_err(|error| format!("is not base64: {error}"));
        let key = der.and_then(|der| {
            PublicKey::from_public_key_der(&der).map_err(|error| format!("is no key: {error}"))
        });
        key.map(Self).map_err(|reason| format!("`PUBLIC_KEY` {reason}"))
    }

    /// Encrypts connection information.
    ///
    /// # Errors
    /// The sentence that says why that is not possible.
    pub(crate) fn payload(&self, connection: &Map<String, Value>) -> Result<String, String> {
        let failed = |reason: &dyn std::fmt::Display| {
            format!("could not encrypt what the server is to be told: {reason}")
        };
        let key: [u8; BLOCK] = random::bytes().map_err(|error| failed(&error))?;
        let text = Value::Object(connection.clone()).to_string();
        let information = encrypt(&key, text.into_bytes());
        let key = self.0.pkcs1v15_encrypt(&key).map_err(|error| failed(&error))?;
        let message = json!({
            "version": 1,
            "key": BASE64_STANDARD.encode(key),
            "conn_info": BASE64_STANDARD.encode(information),
        });
        Ok(BASE64_STANDARD.encode(message.to_string()))
    }
}

/// AES-128 in ECB mode, with PKCS #7 padding.
fn encrypt(key: &[u8; BLOCK], mut data: Vec<u8>) -> Vec<u8> {
    let padding = BLOCK - data.len() % BLOCK;
    // It is at most the size of a block.
    data.resize(data.len() + padding, u8::try_from(padding).unwrap_or_default());
    let cipher = Aes128::new(&Array::from(*key));
    let (blocks, _) = Array::slice_as_chunks_mut(&mut data);
    cipher.encrypt_blocks(blocks);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_length_is_encrypted_in_whole_blocks() {
        // The first is FIPS 197, appendix B.
        let key = [
            0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf,
            0x4f, 0x3c,
        ];
        let plain = [
            0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37,
            0x07, 0x34,
        ];
        let encrypted = encrypt(&key, plain.to_vec());
        assert_eq!(
            encrypted[..BLOCK],
            [
                0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a,
                0x0b, 0x32,
            ]
        );
        assert_eq!(encrypted.len(), 2 * BLOCK);
        for (length, blocks) in [(0, 1), (1, 1), (15, 1), (17, 2), (31, 2), (32, 3)] {
            assert_eq!(encrypt(&key, vec![7; length]).len(), blocks * BLOCK, "{length}");
        }
    }

    #[test]
    fn what_is_no_key_is_said() {
        for (text, reason) in
            [("?", "`PUBLIC_KEY` is not base64"), ("AAAA", "`PUBLIC_KEY` is no key")]
        {
            let error = ServerKey::read(text).err().unwrap();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
