//! The places of the system that every program may use.

use std::path::{Path, PathBuf};

use crate::fs;

/// Readable and executable. Distributions without `/usr` have theirs below `/nix` or `/gnu`.
const SYSTEM: [&str; 14] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix",
    "/gnu",
    "/run/current-system",
    "/proc",
    "/sys",
];

/// Files of `/etc` that may be links to somewhere else, such as what a network service writes.
const LINKED: [&str; 5] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/etc/ssl/certs/ca-certificates.crt",
];

/// Readable and writable.
const DEVICES: [&str; 6] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];

/// What may be read and executed.
pub(super) fn readable() -> Vec<PathBuf> {
    let linked = LINKED
        .iter()
        .filter_map(|path| fs::canonicalize(Path::new(path)).ok());
    SYSTEM.iter().map(PathBuf::from).chain(linked).collect()
}

/// The devices that may be read and written.
pub(super) fn devices() -> Vec<PathBuf> {
    DEVICES.iter().map(PathBuf::from).collect()
}

/// The absolute paths that exist among those that `value`, an environment variable, consists of: one path, or several
/// with colons or spaces between, also as `file:` addresses. The root directory is none of them: it would be everything.
pub fn existing(value: &str) -> Vec<PathBuf> {
    let whole = std::iter::once(value);
    let parts = value
        .split(|character: char| character.is_whitespace() || ":;,".contains(character))
        .map(|part| part.strip_prefix("//").map_or(part, |path| path));
    let mut found: Vec<PathBuf> = whole
        .chain(parts)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.parent().is_some() && fs::exists(path))
        .collect();
    found.sort();
    found.dedup();
    found
}
