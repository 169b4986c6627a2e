//! Paths as text: cleaning, relating and displaying them, without looking at the disk.

use std::path::{Component, Path, PathBuf};

/// `path` without `.` and with `..` taken back lexically; an empty result is `.`'s equivalent, the empty path.
/// `..` at the start of a relative path stays.
pub fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match cleaned.components().next_back() {
                Some(Component::Normal(_)) => {
                    cleaned.pop();
                }
                Some(Component::RootDir) => {}
                _ => cleaned.push(".."),
            },
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// The path that leads from `base` to `path`, both absolute and clean.
pub fn relative(path: &Path, base: &Path) -> PathBuf {
    let shared = path
        .components()
        .zip(base.components())
        .take_while(|(a, b)| a == b)
        .count();
    let mut result = PathBuf::new();
    for _ in base.components().skip(shared) {
        result.push("..");
    }
    result.extend(path.components().skip(shared));
    result
}

/// `path` as a person wants to read it: relative to `base` if it lies below it, else as it is.
pub fn display(path: &Path, base: &Path) -> String {
    match path.strip_prefix(base) {
        Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
        Ok(below) => below.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_takes_back_parents() {
        assert_eq!(clean(Path::new("a/./b/../c")), Path::new("a/c"));
        assert_eq!(clean(Path::new("../a/../../b")), Path::new("../../b"));
        assert_eq!(clean(Path::new("/../a")), Path::new("/a"));
        assert_eq!(clean(Path::new("./")), Path::new(""));
    }

    #[test]
    fn relative_goes_up_and_down() {
        assert_eq!(
            relative(Path::new("/w/b/c"), Path::new("/w/a")),
            Path::new("../b/c")
        );
        assert_eq!(relative(Path::new("/w"), Path::new("/w")), Path::new(""));
    }
}
