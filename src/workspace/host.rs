//! What the machine is: for `wake.host` and for the defaults of parameters.

use std::path::Path;

use crate::declare::model::Host;
use crate::error::Result;
use crate::fs;

/// Where distributions say what they are; the first that exists counts.
const RELEASE_FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// The host. Kernel and architecture are those that wake itself was made for.
pub fn host() -> Host {
    let release = RELEASE_FILES
        .iter()
        .map(|file| fs::read_if_exists(Path::new(file)));
    let release = release
        .filter_map(Result::ok)
        .flatten()
        .next()
        .unwrap_or_default();
    let release = String::from_utf8_lossy(&release);
    Host {
        kernel: std::env::consts::OS.to_owned(),
        distribution: release_value(&release, "ID"),
        codename: release_value(&release, "VERSION_CODENAME"),
        architecture: std::env::consts::ARCH.to_owned(),
    }
}

/// The value of a key in the text of an `os-release` file, empty where it has none.
fn release_value(text: &str, key: &str) -> String {
    let mut values = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
    // As in a shell, the last assignment counts.
    let value = values.next_back().unwrap_or_default();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    unquoted.unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_values_lose_their_quotes_and_need_the_whole_key() {
        let text = "VERSION_ID=\"12\"\nID=debian\nVERSION_CODENAME='bookworm'\n";
        assert_eq!(release_value(text, "ID"), "debian");
        assert_eq!(release_value(text, "VERSION_ID"), "12");
        assert_eq!(release_value(text, "VERSION_CODENAME"), "bookworm");
        assert_eq!(release_value(text, "VERSION"), "");
    }
}
