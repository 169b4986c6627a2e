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
    // A name may have spaces in it: all ways to divide are tried.
    let parts = value
        .split(':')
        .map(|part| part.strip_prefix("//").unwrap_or(part));
    let words = value
        .split_whitespace()
        .flat_map(|word| word.split([':', ';', ',']))
        .map(|word| word.strip_prefix("//").unwrap_or(word));
    let mut found: Vec<PathBuf> = std::iter::once(value)
        .chain(parts)
        .chain(words)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.parent().is_some() && fs::exists(path))
        .collect();
    found.sort();
    found.dedup();
    found
}
