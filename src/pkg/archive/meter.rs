//! How much an archive has made of itself so far, against what it may. Counted while it is unpacked, so that an archive
//! that would fill the disk does not.

use super::Limits;
use crate::error::{Error, Result};

/// Below so many bytes the ratio is not looked at: small archives of blank files are harmless.
const UNSUSPICIOUS: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    /// Bytes of the archive as it is.
    packed: u64,
    bytes: u64,
    entries: u64,
}

impl Meter {
    /// For an archive of `packed` bytes.
    pub(super) fn new(limits: Limits, packed: u64) -> Self {
        Self {
            limits,
            packed,
            bytes: 0,
            entries: 0,
        }
    }

    /// Counts bytes that came out of the archive, before they go anywhere.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        let Limits {
            bytes: most, ratio, ..
        } = self.limits;
        if self.bytes > most {
            let message = format!("it is larger than {most} bytes when it is unpacked");
            return Err(Error::user(message).hint("this is the limit for packages"));
        }
        if self.bytes > UNSUSPICIOUS && self.bytes / ratio.max(1) > self.packed {
            let message = format!("it becomes more than {ratio} times as large as it is");
            return Err(Error::user(message).hint("no archive of real files does"));
        }
        Ok(())
    }

    /// Counts an entry.
    pub(super) fn count(&mut self) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let most = self.limits.entries;
            return Err(Error::user(format!("it has more than {most} entries")));
        }
        Ok(())
    }
}
