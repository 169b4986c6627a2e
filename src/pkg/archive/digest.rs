//! What the bytes of an archive must be: `blake3:` or `sha256:` and 64 hexadecimal digits.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Blake3,
    Sha256,
}

/// A digest of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 32],
}

impl Digest {
    /// # Errors
    /// The text is not a digest.
    pub fn parse(text: &str) -> Result<Self> {
        let (algorithm, digits) = match text.split_once(':') {
            Some(("blake3", digits)) => (Algorithm::Blake3, digits),
            Some(("sha256", digits)) => (Algorithm::Sha256, digits),
            _ => return Err(wrong(text)),
        };
        let bytes = blake3::Hash::from_hex(digits).map_err(|_| wrong(text))?;
        Ok(Self {
            algorithm,
            bytes: *bytes.as_bytes(),
        })
    }

    /// The digest that wake gives to what it makes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::Blake3,
            bytes: *blake3::hash(bytes).as_bytes(),
        }
    }

    /// Something that works out a digest of this kind.
    pub fn hasher(&self) -> Hasher {
        match self.algorithm {
            Algorithm::Blake3 => Hasher::Blake3(Box::default()),
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.algorithm {
            Algorithm::Blake3 => "blake3:",
            Algorithm::Sha256 => "sha256:",
        })?;
        formatter.write_str(&blake3::Hash::from_bytes(self.bytes).to_hex())
    }
}

/// Bytes go in piece by piece.
#[derive(Debug)]
pub enum Hasher {
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl Hasher {
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes.
    pub fn finish(self) -> Digest {
        match self {
            Self::Blake3(hasher) => Digest {
                algorithm: Algorithm::Blake3,
                bytes: *hasher.finalize().as_bytes(),
            },
            Self::Sha256(hasher) => Digest {
                algorithm: Algorithm::Sha256,
                bytes: hasher.finalize().into(),
            },
        }
    }
}

fn wrong(text: &str) -> Error {
    Error::user(format!("`{}` is not a digest", text.escape_debug())).hint(
        "write `sha256:` and the 64 digits that `sha256sum` prints, or `blake3:` and those of `b3sum`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a digest that is of other bytes than those it is checked against, and texts that only look like one.
    #[test]
    fn digests_are_those_that_other_tools_print() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest = Digest::parse(empty).unwrap();
        assert_eq!(digest.hasher().finish(), digest);
        assert_eq!(digest.to_string(), empty);
        let empty = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(Digest::of(b""), Digest::parse(empty).unwrap());
        for wrong in ["", "sha256:", "md5:00", &empty[7..], &empty[..70]] {
            assert!(Digest::parse(wrong).is_err(), "{wrong}");
        }
    }
}
