//! Lists the files of `std-plugins/` for embedding, so that a new plugin needs no change in the sources; and reads from
//! the lock file that cargo keeps for wake what cargo calls the registry that is meant where none is named.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script runs before the crate's own modules exist"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let plugins = root.join("std-plugins");
    println!("cargo::rerun-if-changed={}", plugins.display());
    let mut names = Vec::new();
    collect(&plugins, "", &mut names)?;
    names.sort();
    let mut list = String::from("&[\n");
    for name in names {
        let path = plugins.join(&name);
        let _ = writeln!(list, "    ({name:?}, include_str!({path:?})),");
    }
    list.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("std_plugins.rs"), list)?;
    let source = registry(&root.join("Cargo.lock"))?;
    println!("cargo::rustc-env=WAKE_CARGO_REGISTRY={source}");
    Ok(())
}

/// The source of the packages in a lock file: wake depends on no other registry.
fn registry(lock: &Path) -> std::io::Result<String> {
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(lock)?;
    let mut sources = text.lines().filter_map(|line| {
        let source = line.strip_prefix("source = \"")?.strip_suffix('"')?;
        source.starts_with("registry+").then(|| source.to_owned())
    });
    let none = || std::io::Error::other("`Cargo.lock` names no registry");
    sources.next().ok_or_else(none)
}

fn collect(directory: &Path, prefix: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), names)?;
        } else if [".libsonnet", ".py", ".mjs"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            names.push(name);
        }
    }
    Ok(())
}
