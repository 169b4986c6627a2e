//! Where bytes come from, a file or an address, and bringing an archive from there into a directory: checked against its
//! digest before anything looks at it.
//!
//! It knows nothing of packages.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::Surroundings;
use super::http::{self, Http};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::archive::digest::{Digest, Hasher};
use crate::pkg::archive::{Limits, Strip, Unpacked, unpack};

/// Bytes of the largest archive.
const LARGEST: u64 = 8 << 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Address(String),
}

impl Source {
    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Address(address) => http::shown(address),
        }
    }
}

/// What opens sources.
#[derive(Debug)]
pub(super) struct Access {
    surroundings: Surroundings,
    /// Made when the first address is asked.
    http: OnceLock<Result<Http>>,
}

impl Access {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        Self {
            surroundings: surroundings.clone(),
            http: OnceLock::new(),
        }
    }

    fn http(&self) -> Result<&Http> {
        let made = self.http.get_or_init(|| Http::new(&self.surroundings));
        made.as_ref().map_err(Clone::clone)
    }

    /// The content, of at most `limit` bytes; `None`: there is nothing.
    pub(super) fn read(&self, source: &Source, limit: u64) -> Result<Option<Vec<u8>>> {
        let address = match source {
            Source::File(path) => return fs::read_if_exists(path),
            Source::Address(address) => address,
        };
        let Some(mut body) = self.http()?.get(address, limit)? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        body.read_to_end(&mut content)
            .map_err(|error| http::failed(address, &error.to_string()))?;
        Ok(Some(content))
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Read + Send>> {
        match source {
            Source::File(path) => Ok(Box::new(fs::open(path)?.take(LARGEST))),
            Source::Address(address) => self
                .http()?
                .get(address, LARGEST)?
                .ok_or_else(|| http::failed(address, "the server has nothing there")),
        }
    }

    /// Unpacks an archive into the empty directory `into`.
    ///
    /// # Errors
    /// It is not there, not what `digest` says, or may not be unpacked. Then nothing is in `into`.
    pub(super) fn unpack(
        &self,
        source: &Source,
        digest: &Digest,
        into: &Path,
        strip: Strip,
    ) -> Result<Unpacked> {
        let name = source.shown();
        let mut archive = fs::place::nameless(into)?;
        let found = copy(&name, self.open(source)?, digest.hasher(), &mut archive)?;
        if found != *digest {
            return Err(Error::user(format!("`{name}` is not what its digest says"))
                .cause(format!("wanted `{digest}`"))
                .cause(format!("found `{found}`"))
                .hint("it was changed after the digest was written, on its way or where it lies; find out which, before you write the new digest"));
        }
        archive
            .rewind()
            .map_err(|error| Error::io(format!("Cannot read `{name}`"), &error))?;
        unpack(&name, archive, into, Limits::default(), strip)
    }
}

/// Copies all of `from`. Returns the digest.
fn copy(name: &str, mut from: impl Read, mut hasher: Hasher, to: &mut File) -> Result<Digest> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                to.write_all(&buffer[..count])
                    .map_err(|error| Error::io(format!("Cannot keep `{name}`"), &error))?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Error::io(
                    format!("Cannot read `{name}` to its end"),
                    &error,
                ));
            }
        }
    }
}
