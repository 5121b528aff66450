//! Asks a kernel what it is: the least of Jupyter's messages over the least of ZeroMQ.
//!
//! <https://jupyter-client.readthedocs.io/en/stable/messaging.html>, <https://rfc.zeromq.org/spec/23/>

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// What both sides send first: version 3.0, without encryption, and not as a server.
const GREETING: [u8; 64] = {
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    let mechanism = b"NULL";
    let mut at = 0;
    while at < mechanism.len() {
        greeting[12 + at] = mechanism[at];
        at += 1;
    }
    greeting
};

/// The kind of socket that asks, as the command in which both sides say theirs.
const READY: &[u8] = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER";

/// The bits of a frame's first byte.
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// The longest frame, in bytes.
const FRAME: u64 = 1024 * 1024;

/// What stands before the parts of a message.
const DELIMITER: &[u8] = b"<IDS|MSG>";

/// How often to try to connect.
const AGAIN: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
struct KernelInfo {
    #[serde(default)]
    implementation: String,
    #[serde(default)]
    implementation_version: String,
    #[serde(default)]
    language_info: LanguageInfo,
}

#[derive(Default, Deserialize)]
struct LanguageInfo {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

/// Returns what the kernel at this port says of itself, such as `python 3.11.2 (ipython 9.1.0)`. It may still be
/// starting.
///
/// # Errors
/// When something else answers.
pub(super) async fn ask(port: u16, key: &str) -> Result<String> {
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => break stream,
            Err(_) => sleep(AGAIN).await,
        }
    };
    stream.write_all(&GREETING).await?;
    let mut greeting = GREETING;
    stream.read_exact(&mut greeting).await?;
    ensure!(greeting[0] == 0xff && greeting[9] == 0x7f, "what answers is not ZeroMQ");
    send(&mut stream, COMMAND, READY).await?;
    let request = request(key)?;
    let (last, others) = request.split_last().context("a message has parts")?;
    for part in others {
        send(&mut stream, MORE, part).await?;
    }
    send(&mut stream, 0, last).await?;
    loop {
        let message = receive(&mut stream).await?;
        let parts = message.iter().skip_while(|part| **part != DELIMITER).skip(1);
        // The signature, the header, the parent's, the metadata and the content.
        let [_, _, _, _, content, ..] = &*parts.collect::<Vec<_>>() else { continue };
        let info: KernelInfo = serde_json::from_slice(content).context("its answer is wrong")?;
        let KernelInfo { implementation, implementation_version, language_info } = info;
        return Ok(format!(
            "{} {} ({implementation} {implementation_version})",
            language_info.name, language_info.version
        ));
    }
}

/// The parts of the request.
fn request(key: &str) -> Result<Vec<Vec<u8>>> {
    let header = json!({
        "msg_id": "check",
        "session": "check",
        "username": "check",
        "date": "2000-01-01T00:00:00Z",
        "msg_type": "kernel_info_request",
        "version": "5.3",
    });
    let parts = [header, json!({}), json!({}), json!({})].map(|part| part.to_string().into_bytes());
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).context("the key is wrong")?;
    for part in &parts {
        mac.update(part);
    }
    let mut signature = String::new();
    for byte in mac.finalize().into_bytes() {
        // Writing to a string does not fail.
        let _ = write!(signature, "{byte:02x}");
    }
    let mut message = vec![DELIMITER.to_vec(), signature.into_bytes()];
    message.extend(parts);
    Ok(message)
}

async fn send(stream: &mut TcpStream, flags: u8, body: &[u8]) -> Result<()> {
    let mut frame = match u8::try_from(body.len()) {
        Ok(length) => vec![flags, length],
        Err(_) => [&[flags | LONG], &(body.len() as u64).to_be_bytes()[..]].concat(),
    };
    frame.extend_from_slice(body);
    Ok(stream.write_all(&frame).await?)
}

/// Returns the parts of the next message, without commands.
async fn receive(stream: &mut TcpStream) -> Result<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    loop {
        let flags = stream.read_u8().await?;
        let length = match flags & LONG {
            0 => stream.read_u8().await?.into(),
            _ => stream.read_u64().await?,
        };
        if length > FRAME {
            bail!("its answer has {length} bytes");
        }
        let mut body = Vec::new();
        (&mut *stream).take(length).read_to_end(&mut body).await?;
        ensure!(body.len() as u64 == length, "it ended while it was answering");
        if flags & COMMAND != 0 {
            continue;
        }
        parts.push(body);
        if flags & MORE == 0 {
            return Ok(parts);
        }
    }
}
