//! What passes through the socket: one request, one answer.
//!
//! # Format
//!
//! Each is the eight bytes of [`MAGIC`], its length as a little-endian `u32`, and so many bytes of postcard. Whoever reads
//! believes none of it: what is too long, ends early or cannot be read is no message.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// With the version of the format in its last byte.
const MAGIC: [u8; 8] = *b"wakewat1";

/// No message is longer: an environment that is, is not sent.
const LONGEST: usize = 2 << 20;

/// Whether a build would find nothing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Of everything that says what is to be built, and by which wake.
    pub key: [u8; 32],
    /// What declarations may have read of it is compared.
    pub environment: BTreeMap<String, String>,
}

/// What a watcher knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The build is to go on as if there were no watcher.
    Unknown,
    /// There is nothing to do.
    UpToDate {
        /// How many operations the graph has.
        operations: usize,
        /// How many of them the build would look at, and find up to date.
        up_to_date: usize,
        /// What tasks had to say when they ran: JSON, as the graph keeps it.
        messages: Vec<u8>,
    },
}

/// Writes a message.
///
/// # Errors
/// It is too long, or cannot be written.
pub fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = postcard::to_stdvec(message).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).ok();
    let length = length.filter(|_| body.len() <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("it is too long"))?;
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&body);
    to.write_all(&bytes)
}

/// Reads a message.
///
/// # Errors
/// There is none, or it cannot be read in full.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut head = [0; MAGIC.len() + 4];
    from.read_exact(&mut head)?;
    let (magic, length) = head.split_at(MAGIC.len());
    let length = <[u8; 4]>::try_from(length).map_or(u32::MAX, u32::from_le_bytes) as usize;
    if magic != MAGIC || length > LONGEST {
        return Err(io::Error::other("it is no message"));
    }
    let mut body = Vec::new();
    from.take(length as u64).read_to_end(&mut body)?;
    if body.len() != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&body).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            key: [7; 32],
            environment: [("PATH".to_owned(), "/bin".to_owned())].into(),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let answer = Answer::UpToDate {
            operations: 12,
            up_to_date: 11,
            messages: b"[]".to_vec(),
        };
        let mut bytes = Vec::new();
        write(&mut bytes, &request()).unwrap();
        write(&mut bytes, &answer).unwrap();
        let mut rest = &bytes[..];
        assert_eq!(read::<Request>(&mut rest).unwrap(), request());
        assert_eq!(read::<Answer>(&mut rest).unwrap(), answer);
        assert!(read::<Answer>(&mut rest).is_err());
    }

    /// Catches bytes of others that are believed, or that make wake end or take all memory.
    #[test]
    fn damaged_messages_are_none() {
        let mut bytes = Vec::new();
        write(&mut bytes, &request()).unwrap();
        for length in 0..bytes.len() {
            assert!(
                read::<Request>(&mut &bytes[..length]).is_err(),
                "{length} bytes"
            );
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let read = read::<Request>(&mut &damaged[..]);
            assert!(
                read.is_err() || read.is_ok_and(|read| read != request()),
                "bit {bit}"
            );
        }
        let endless = [&MAGIC[..], &u32::MAX.to_le_bytes()].concat();
        assert!(read::<Request>(&mut &endless[..]).is_err());
        let huge = Request {
            key: [0; 32],
            environment: [("A".to_owned(), "a".repeat(LONGEST))].into(),
        };
        assert!(write(&mut Vec::new(), &huge).is_err());
    }
}
