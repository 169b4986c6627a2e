//! Frames on a pipe: a `u32` length (little-endian) and that many bytes of JSON. It knows nothing of what they say.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// No message is near this size: a longer one is rubbish.
pub(super) const LONGEST: usize = 1 << 30;

/// Writes one message and flushes.
pub(super) fn write(writer: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::ErrorKind::InvalidData)?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    writer.write_all(&bytes)?;
    writer.flush()
}

/// Reads one message; `None` at the end of the stream.
pub(super) fn read<T: DeserializeOwned>(reader: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut bytes = vec![0; body_length(length)?];
    reader.read_exact(&mut bytes)?;
    parse(&bytes).map(Some)
}

/// The length of the body that a frame's first four bytes announce.
pub(super) fn body_length(length: [u8; 4]) -> io::Result<usize> {
    match usize::try_from(u32::from_le_bytes(length)) {
        Ok(length) if length <= LONGEST => Ok(length),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The message of a frame's body.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(bytes)?)
}
