//! The jsonnet files inside the binary: `std-plugins/`.

/// Path below `std-plugins/` and content.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/std_plugins.rs"));

/// The content of a file, by its path below `std-plugins/`.
pub(super) fn content(path: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, content)| *content)
}

/// Names of the built-in plugins.
pub(super) fn plugins() -> impl Iterator<Item = &'static str> {
    FILES
        .iter()
        .filter_map(|(name, _)| name.strip_suffix(".libsonnet"))
        .filter(|name| !name.contains('/'))
}

/// Names of the files that `import 'wake/…'` finds.
pub(super) fn library() -> impl Iterator<Item = &'static str> {
    FILES
        .iter()
        .filter_map(|(name, _)| name.strip_prefix("lib/"))
}
