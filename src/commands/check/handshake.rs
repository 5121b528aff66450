//! What a kernel launcher in an image sends to the waiting server: its connection information, encrypted with
//! a new key, and that key, encrypted with the server's.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt as _, KeyInit as _};
use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::{Generate as _, PrivateKey, PublicKey};
use serde::Deserialize;

/// The size of a key and a block of AES-128, in bytes.
const BLOCK: usize = 16;

/// What the kernel sends: its connection file, and the port on which it listens for signals.
#[derive(Debug, Deserialize)]
pub(super) struct ConnectionInfo {
    pub(super) kernel_id: String,
    /// The port of its listener; none for a kernel that is told everything by messages.
    pub(super) comm_port: Option<u16>,
    /// The port for code to execute.
    pub(super) shell_port: u16,
}

#[derive(Deserialize)]
struct Message {
    version: u32,
    key: String,
    conn_info: String,
}

/// The server's side of the handshake.
pub(super) struct Handshake(PrivateKey);

impl Handshake {
    /// Generates a key.
    pub(super) fn new() -> Result<Self> {
        PrivateKey::try_generate().context("could not make a key").map(Self)
    }

    /// The public key in the format of the launcher's `--public-key`.
    pub(super) fn public_key(&self) -> Result<String> {
        let key =
            PublicKey::from(&self.0).to_public_key_der().context("could not write the key")?;
        Ok(BASE64_STANDARD.encode(key.as_bytes()))
    }

    /// Decrypts what a kernel sent.
    pub(super) fn read(&self, sent: &[u8]) -> Result<ConnectionInfo> {
        let message = BASE64_STANDARD.decode(sent.trim_ascii()).context("it is not base64")?;
        let message: Message =
            serde_json::from_slice(&message).context("it is not the JSON that is expected")?;
        ensure!(message.version == 1, "its version is {}, and not 1", message.version);
        let key = BASE64_STANDARD.decode(message.key).context("its key is not base64")?;
        let key = self.0.pkcs1v15_decrypt(&key).context("its key is not for this server")?;
        let key: [u8; BLOCK] = key.try_into().ok().context("its key is not one of AES-128")?;
        let info = BASE64_STANDARD.decode(message.conn_info).context("it is not base64")?;
        let info = decrypt(&key, info)?;
        serde_json::from_slice(&info).context("its connection information is not what is expected")
    }
}

/// AES-128 in ECB mode, with PKCS #7 padding.
fn decrypt(key: &[u8; BLOCK], mut data: Vec<u8>) -> Result<Vec<u8>> {
    ensure!(data.len().is_multiple_of(BLOCK), "its data does not come in whole blocks");
    let cipher = Aes128::new(&Array::from(*key));
    for block in data.chunks_exact_mut(BLOCK) {
        let mut plain = Array::<u8, _>::try_from(&*block).context("a block has another size")?;
        cipher.decrypt_block(&mut plain);
        block.copy_from_slice(&plain);
    }
    let padding = data.last().copied().map_or(0, usize::from);
    let length = data.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding));
    data.truncate(length.context("its data does not end as it should")?);
    Ok(data)
}
