//! Finds test files, the golden files beside them, and the plugin that a test is of.

use std::path::{Path, PathBuf};

use crate::declare::model::PackageDirectory;
use crate::declare::sml;
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::jsonnet::protocol::Plugin;
use crate::workspace::discover;

const TEST: &str = "_test.jsonnet";
const GOLDEN: &str = "_test.golden.json";

/// What was found, each sorted.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tests: Vec<PathBuf>,
    /// Golden files without a test file.
    pub(super) orphans: Vec<PathBuf>,
}

/// The tests in files and directories; of the directories, with all below.
///
/// # Errors
/// `User`: a path is not there or no test file, or there are no tests at all.
pub(super) fn find(top: &Path, paths: &[PathBuf]) -> Result<Found> {
    let mut found = Found::default();
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    for given in paths {
        let path = fs::path::clean(&top.join(given));
        if fs::is_directory(&path) {
            search(&path, &mut found)?;
        } else {
            check_named(&path, given)?;
            found.tests.push(path);
        }
    }
    for list in [&mut found.tests, &mut found.orphans] {
        list.sort();
        list.dedup();
    }
    if found.tests.is_empty() && found.orphans.is_empty() {
        let places: Vec<String> = paths.iter().map(|path| shown(path)).collect();
        return Err(Error::user(format!("There are no tests of plugins in {}", places.join(", ")))
            .cause(format!("no file is called `*{TEST}`"))
            .hint("`wake init --plugin` makes a plugin with a test; `wake test` runs the tests of programs"));
    }
    Ok(found)
}

fn shown(path: &Path) -> String {
    match fs::path::clean(path).to_str() {
        Some("") => "this directory".to_owned(),
        _ => format!("`{}`", fs::path::clean(path).display()),
    }
}

/// A path that is no directory must be a test file.
fn check_named(path: &Path, given: &Path) -> Result<()> {
    if !fs::is_file(path) {
        let directory = path.parent().unwrap_or(path);
        let names = fs::list_if_exists(directory)?;
        let names = names.iter().filter_map(|(name, _)| name.to_str());
        let tests: Vec<&str> = names.filter(|name| name.ends_with(TEST)).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return Err(Error::user(format!("There is no `{}`", given.display()))
            .hint_option(suggestion(&name, tests)));
    }
    if !path.to_string_lossy().ends_with(TEST) {
        return Err(
            Error::user(format!("`{}` is no test of a plugin", given.display()))
                .hint(format!("a test is a file that is called `*{TEST}`")),
        );
    }
    Ok(())
}

fn search(directory: &Path, found: &mut Found) -> Result<()> {
    for (name, is_directory) in fs::list(directory)? {
        let path = directory.join(&name);
        let name = name.to_string_lossy();
        if is_directory && !name.starts_with('.') {
            search(&path, found)?;
        } else if !is_directory && name.ends_with(TEST) {
            found.tests.push(path);
        } else if !is_directory && name.ends_with(GOLDEN) && !fs::is_file(&test_of(&path)) {
            found.orphans.push(path);
        }
    }
    Ok(())
}

/// The golden file beside a test file.
pub(super) fn golden_of(test: &Path) -> PathBuf {
    test.with_extension("golden.json")
}

/// The test file beside a golden file.
fn test_of(golden: &Path) -> PathBuf {
    // `x_test.golden.json` → `x_test.golden` → `x_test.jsonnet`.
    golden.with_extension("").with_extension("jsonnet")
}

/// The package that a file lies in.
pub(super) fn package_of(top: &Path, file: &Path) -> Option<PackageDirectory> {
    let mut directories = file.ancestors().skip(1);
    let directory = directories.find(|directory| discover::is_package(directory))?;
    Some(directory_of(top, directory))
}

pub(super) fn directory_of(top: &Path, directory: &Path) -> PackageDirectory {
    PackageDirectory {
        directory: directory.to_owned(),
        top: top.to_owned(),
        granted: None,
        place: None,
    }
}

/// The plugin that a package is.
pub(super) fn plugin_of(package: PackageDirectory) -> Result<Plugin> {
    let name = discover::declaration_in(&package.directory).unwrap_or(discover::PKG);
    if name == discover::PKG {
        return Ok(Plugin::Package(package));
    }
    let path = package.directory.join(name);
    let shown = package.display(&path);
    let recipe = sml::parse(&shown, &fs::read(&path)?)?.to_json();
    let sources = recipe["Source"].as_array().map(Vec::as_slice);
    let language = recipe["Language"].as_str().unwrap_or_default();
    let name = language.split('|').next().unwrap_or_default();
    match (name, sources.unwrap_or_default()) {
        ("Jsonnet", [source]) if source.is_string() => {
            let source = source.as_str().unwrap_or_default().to_owned();
            Ok(Plugin::File(package, source))
        }
        ("Jsonnet", _) => Err(Error::user(format!(
            "`Source` of `{shown}` must be the file of its plugin"
        ))),
        _ => Err(Error::user(format!("`{shown}` is no plugin"))
            .cause("its `Language` is not `Jsonnet`")
            .hint("name the file with `plugin: './plugin.libsonnet'` in the case")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_and_its_golden_file_have_one_name() {
        let test = Path::new("/w/a.b_test.jsonnet");
        assert_eq!(golden_of(test), Path::new("/w/a.b_test.golden.json"));
        assert_eq!(test_of(&golden_of(test)), test);
    }
}
