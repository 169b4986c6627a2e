//! Patterns over the files of a package: `*`, `?`, `[]`, `{a,b}`, `**` (DESIGN §2.1).
//!
//! It knows nothing of jsonnet: wake itself uses it to check whether a recorded listing still holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result};
use crate::fs;
use crate::workspace::discover::DECLARATIONS;
use crate::workspace::layout::is_closed;

/// Never matched at the workspace's top: wake writes it.
const COMPILE_COMMANDS: &str = "compile_commands.json";

/// The paths below `directory` that `include` matches and `exclude` does not, sorted by bytes, and the directories that
/// were listed for it, sorted. Both are complete: while the listed directories have the same entries, the result is the
/// same. `top` is the workspace's top.
///
/// A pattern that is malformed or leaves the directory, and a matched name that is not UTF-8, are errors.
pub fn matches(
    directory: &Path,
    include: &[String],
    exclude: &[String],
    top: &Path,
) -> Result<(Vec<String>, Vec<PathBuf>)> {
    let include = include
        .iter()
        .map(|text| Pattern::new(text))
        .collect::<Result<Vec<_>>>()?;
    let exclude = exclude
        .iter()
        .map(|text| Pattern::new(text))
        .collect::<Result<Vec<_>>>()?;
    let mut walk = Walk {
        directory,
        top,
        include: include
            .iter()
            .flat_map(|pattern| &pattern.alternatives)
            .collect(),
        exclude: exclude
            .iter()
            .flat_map(|pattern| &pattern.alternatives)
            .collect(),
        matched: BTreeSet::new(),
        listed: BTreeSet::new(),
    };
    let all: Vec<usize> = (0..walk.include.len()).collect();
    walk.enter(Path::new(""), 0, &all)?;
    Ok((
        walk.matched.into_iter().collect(),
        walk.listed.into_iter().collect(),
    ))
}

/// Whether `text` has characters with a meaning in patterns.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// A pattern without braces around `/`, cut at the slashes.
struct Alternative {
    steps: Vec<Step>,
}

enum Step {
    /// `**`: any number of directories.
    Any,
    Name {
        matcher: GlobMatcher,
        /// Whether the pattern writes the leading dot that it may match.
        dotted: bool,
    },
}

impl Step {
    fn matches(&self, name: &Path) -> bool {
        let is_hidden = name.as_os_str().as_encoded_bytes().starts_with(b".");
        match self {
            Self::Any => !is_hidden,
            Self::Name { matcher, dotted } => (!is_hidden || *dotted) && matcher.is_match(name),
        }
    }

    /// Whether the steps match all of `path`.
    fn match_all(steps: &[Self], path: &[&Path]) -> bool {
        match (steps.split_first(), path.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((Self::Any, later)), None) => Self::match_all(later, path),
            (Some((Self::Name { .. }, _)), None) => false,
            (Some((step @ Self::Any, later)), Some((name, rest))) => {
                Self::match_all(later, path) || (step.matches(name) && Self::match_all(steps, rest))
            }
            (Some((step, later)), Some((name, rest))) => {
                step.matches(name) && Self::match_all(later, rest)
            }
        }
    }
}

impl Alternative {
    fn matches(&self, path: &[&Path]) -> bool {
        Step::match_all(&self.steps, path)
    }

    /// Whether it matches all below the directory `path` that is not hidden.
    fn covers(&self, path: &[&Path]) -> bool {
        // A final `**` is two steps: directories, and a file.
        let [before @ .., Step::Any, Step::Name { matcher, .. }] = self.steps.as_slice() else {
            return false;
        };
        if matcher.glob().glob() != "*" {
            return false;
        }
        (0..=path.len()).any(|end| {
            let (outer, inner) = path.split_at(end);
            Step::match_all(before, outer) && inner.iter().all(|name| Step::Any.matches(name))
        })
    }

    fn may_match_hidden(&self) -> bool {
        (self.steps.iter()).any(|step| matches!(step, Step::Name { dotted: true, .. }))
    }

    /// Whether the steps from `at` can match something below the directory `path`.
    fn reaches(&self, at: usize, path: &[&Path]) -> bool {
        match (self.steps.get(at), path.split_first()) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(step @ Step::Any), Some((name, rest))) => {
                self.reaches(at + 1, path) || (step.matches(name) && self.reaches(at, rest))
            }
            (Some(step), Some((name, rest))) => step.matches(name) && self.reaches(at + 1, rest),
        }
    }
}

struct Pattern {
    alternatives: Vec<Alternative>,
}

impl Pattern {
    fn new(text: &str) -> Result<Self> {
        let wrong = |cause: &str| {
            Error::user(format!("`{text}` cannot be a pattern")).cause(cause.to_owned())
        };
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        let mut alternatives = Vec::new();
        for alternative in expand_braces(text).map_err(|cause| wrong(&cause))? {
            if alternative.starts_with('/') {
                return Err(Error::user(format!("The pattern `{text}` is absolute"))
                    .hint("patterns are relative to the package's directory"));
            }
            alternatives.push(Alternative::new(&alternative).map_err(|cause| {
                match cause.as_str() {
                    ".." => Error::user(format!("The pattern `{text}` leaves the package"))
                        .hint("a package names only files of its own directory"),
                    cause => wrong(cause),
                }
            })?);
        }
        Ok(Self { alternatives })
    }
}

impl Alternative {
    fn new(text: &str) -> std::result::Result<Self, String> {
        let mut steps = Vec::new();
        for step in text.split('/') {
            match step {
                "" | "." => {}
                ".." => return Err("..".to_owned()),
                "**" => {
                    // `**/**` is `**`, and would take exponential time.
                    if !matches!(steps.last(), Some(Step::Any)) {
                        steps.push(Step::Any);
                    }
                }
                name => steps.push(Step::Name {
                    matcher: GlobBuilder::new(name)
                        .literal_separator(true)
                        .backslash_escape(true)
                        .build()
                        .map_err(|error| error.kind().to_string())?
                        .compile_matcher(),
                    dotted: name.starts_with('.') || name.starts_with("\\."),
                }),
            }
        }
        // A final `**` means all files below.
        if matches!(steps.last(), Some(Step::Any)) {
            let matcher = GlobBuilder::new("*")
                .build()
                .map_err(|error| error.to_string())?;
            steps.push(Step::Name {
                matcher: matcher.compile_matcher(),
                dotted: false,
            });
        }
        Ok(Self { steps })
    }
}

/// More alternatives than any list of names needs.
const MOST_ALTERNATIVES: usize = 1_000;

/// `a/{b,c/d}.h` → `a/b.h`, `a/c/d.h`.
fn expand_braces(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut waiting = vec![text.to_owned()];
    while let Some(text) = waiting.pop() {
        if waiting.len() + done.len() > MOST_ALTERNATIVES {
            return Err(format!("it has more than {MOST_ALTERNATIVES} alternatives"));
        }
        let Some((open, commas, close)) = first_braces(&text)? else {
            done.push(text);
            continue;
        };
        let mut start = open + 1;
        for end in commas.into_iter().chain([close]) {
            waiting.push(format!(
                "{}{}{}",
                &text[..open],
                &text[start..end],
                &text[close + 1..]
            ));
            start = end + 1;
        }
    }
    Ok(done)
}

/// Where the first braces of a text begin, have their commas, and end.
fn first_braces(text: &str) -> std::result::Result<Option<(usize, Vec<usize>, usize)>, String> {
    let (mut depth, mut open, mut commas) = (0, 0, Vec::new());
    let mut is_escaped = false;
    let mut is_in_class = false;
    for (index, byte) in text.bytes().enumerate() {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match byte {
            b'\\' => is_escaped = true,
            b'[' => is_in_class = true,
            b']' => is_in_class = false,
            _ if is_in_class => {}
            b'{' => {
                depth += 1;
                if depth == 1 {
                    open = index;
                }
            }
            b',' if depth == 1 => commas.push(index),
            b'}' if depth == 1 => return Ok(Some((open, commas, index))),
            b'}' if depth > 1 => depth -= 1,
            b'}' => return Err("a `}` has no `{`".to_owned()),
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a `{` has no `}`".to_owned());
    }
    Ok(None)
}

fn not_utf8(what: &str, path: &Path) -> Error {
    Error::user(format!("The name of the {what} {path:?} is not UTF-8"))
        .cause("a pattern reaches it")
        .hint(format!("rename the {what}"))
}

struct Walk<'a> {
    directory: &'a Path,
    top: &'a Path,
    include: Vec<&'a Alternative>,
    exclude: Vec<&'a Alternative>,
    matched: BTreeSet<String>,
    listed: BTreeSet<PathBuf>,
}

impl Walk<'_> {
    /// Looks at the entries of `below`, a directory `depth` steps below the package's.
    fn enter(&mut self, below: &Path, depth: usize, reaching: &[usize]) -> Result<()> {
        let path = self.directory.join(below);
        if below.to_str().is_none() {
            return Err(not_utf8("directory", &path));
        }
        if depth > 0 && !fs::is_directory(&path) {
            return Ok(());
        }
        let entries = fs::list(&path)?;
        self.listed.insert(path.clone());
        let is_package = |name: &std::ffi::OsString| {
            DECLARATIONS.iter().any(|one| name == one) || is_closed(name)
        };
        if depth > 0 && entries.iter().any(|(name, _)| is_package(name)) {
            return Ok(());
        }
        for (name, is_directory) in entries {
            let entry = below.join(&name);
            let steps: Vec<&Path> = entry.iter().map(Path::new).collect();
            if is_directory {
                if name == ".wake" || name == ".git" {
                    continue;
                }
                let reaching: Vec<usize> = (reaching.iter().copied())
                    .filter(|&index| self.include[index].reaches(0, &steps))
                    .collect();
                if !reaching.is_empty() && !self.is_excluded(&steps, &reaching) {
                    self.enter(&entry, depth + 1, &reaching)?;
                }
            } else if self.is_wanted(&steps, reaching) && !self.is_written_by_wake(&path, &entry) {
                self.add(&entry)?;
            }
        }
        Ok(())
    }

    /// Whether nothing below a directory is wanted. Then it is not even listed: what a tool does in its own directory is
    /// nothing that was read.
    fn is_excluded(&self, steps: &[&Path], reaching: &[usize]) -> bool {
        let may_match_hidden = |&index: &usize| self.include[index].may_match_hidden();
        !reaching.iter().any(may_match_hidden)
            && self.exclude.iter().any(|pattern| pattern.covers(steps))
    }

    fn is_wanted(&self, steps: &[&Path], reaching: &[usize]) -> bool {
        reaching
            .iter()
            .any(|&index| self.include[index].matches(steps))
            && !self.exclude.iter().any(|pattern| pattern.matches(steps))
    }

    fn is_written_by_wake(&self, parent: &Path, entry: &Path) -> bool {
        parent == self.top
            && entry
                .file_name()
                .is_some_and(|name| name == COMPILE_COMMANDS)
    }

    /// Adds a file. A link to a directory is not followed, so it is no file; a link to nothing is not there. A link
    /// that leaves the package would make the package more than its directory.
    fn add(&mut self, entry: &Path) -> Result<()> {
        let path = self.directory.join(entry);
        if !fs::is_file(&path) {
            return Ok(());
        }
        if fs::is_link(&path) && !fs::canonicalize(&path)?.starts_with(self.directory) {
            return Err(Error::user(format!(
                "`{}` is a link that leaves the package",
                fs::path::display(&path, self.top)
            ))
            .hint(
                "a package names only files of its own directory: copy the file, or exclude it",
            ));
        }
        match entry.to_str() {
            Some(text) => {
                self.matched.insert(text.to_owned());
                Ok(())
            }
            None => Err(not_utf8("file", &path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What patterns match in a directory with these files, and which directories below it are listed.
    fn listing(files: &[&str], include: &[&str], exclude: &[&str]) -> (Vec<String>, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            fs::create_directories(path.parent().unwrap()).unwrap();
            fs::write(&path, b"").unwrap();
        }
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let (matched, listed) = matches(
            directory.path(),
            &owned(include),
            &owned(exclude),
            directory.path(),
        )
        .unwrap();
        let below = |path: PathBuf| {
            path.strip_prefix(directory.path())
                .unwrap()
                .display()
                .to_string()
        };
        (matched, listed.into_iter().map(below).collect())
    }

    #[test]
    fn steps_match_whole_names() {
        let files = [
            "a.c",
            "b.cpp",
            "src/a.c",
            "src/x/a.c",
            "src/x/[1].c",
            "z.cc",
        ];
        let all = |pattern: &str| listing(&files, &[pattern], &[]).0;
        assert_eq!(all("*.c"), ["a.c"]);
        assert_eq!(all("**/a.c"), ["a.c", "src/a.c", "src/x/a.c"]);
        assert_eq!(all("src/**"), ["src/a.c", "src/x/[1].c", "src/x/a.c"]);
        assert_eq!(all("src/**/x/*.c"), ["src/x/[1].c", "src/x/a.c"]);
        assert_eq!(all("./src/?.c"), ["src/a.c"]);
        assert_eq!(all("{z.{cc,hh},src/x/[[]*}"), ["src/x/[1].c", "z.cc"]);
        assert_eq!(all("[!a]*"), ["b.cpp", "z.cc"]);
        assert_eq!(all("src"), [""; 0]);
    }

    #[test]
    fn results_are_sorted_by_bytes_and_without_repetition() {
        let files = ["a/b", "a-b", "a.b", "B"];
        let (matched, _) = listing(&files, &["**", "a*"], &["a.*"]);
        assert_eq!(matched, ["B", "a-b", "a/b"]);
    }

    /// Catches a listing of what is excluded, whose changes would then count.
    #[test]
    fn directories_that_are_excluded_are_not_entered() {
        let files = ["a", "target/b", "x/target/c/d", "x/e", "target/.h/i"];
        let (matched, listed) = listing(&files, &["**"], &["**/target/**"]);
        assert_eq!(matched, ["a", "x/e"]);
        assert_eq!(listed, ["", "x"]);
        // A pattern that excludes some of the files.
        let (matched, _) = listing(&files, &["**"], &["**/b"]);
        assert_eq!(matched, ["a", "x/e", "x/target/c/d"]);
        let (matched, _) = listing(&files, &["**", "target/.h/*"], &["target/**"]);
        assert_eq!(matched, ["a", "target/.h/i", "x/e", "x/target/c/d"]);
        assert_eq!(
            listing(&files, &["**"], &["target/*"]).1,
            ["", "target", "x", "x/target", "x/target/c"]
        );
    }

    #[test]
    fn hidden_names_packages_and_what_wake_writes_are_left_out() {
        let files = [
            ".git/a.c",
            ".wake/a.c",
            ".hidden/a.c",
            ".a.c",
            "compile_commands.json",
            "sub/compile_commands.json",
            "package/PKG",
            "package/a.c",
            "recipe/Recipe.sml",
            "recipe/deep/a.c",
        ];
        assert_eq!(
            listing(&files, &["**"], &[]).0,
            ["sub/compile_commands.json"]
        );
        assert_eq!(
            listing(&files, &[".*", ".*/*"], &[]).0,
            [".a.c", ".hidden/a.c"]
        );
        assert_eq!(listing(&files, &["package/*"], &[]).0, [""; 0]);
    }

    #[test]
    fn only_directories_that_can_matter_are_listed() {
        let files = ["src/deep/er/a.c", "other/b.c", "src/c.h"];
        assert_eq!(listing(&files, &["src/*.c"], &[]).1, ["", "src"]);
        assert_eq!(
            listing(&files, &["src/*/*/a.c"], &[]).1,
            ["", "src", "src/deep", "src/deep/er"]
        );
        assert_eq!(listing(&files, &["none/**"], &[]).1, [""]);
    }

    #[test]
    fn links_to_directories_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = fs::canonicalize(directory.path()).unwrap();
        fs::create_directories(&directory.join("real")).unwrap();
        fs::write(&directory.join("real/a.c"), b"").unwrap();
        std::os::unix::fs::symlink("real", directory.join("link")).unwrap();
        std::os::unix::fs::symlink("real/a.c", directory.join("b.c")).unwrap();
        std::os::unix::fs::symlink("nothing", directory.join("c.c")).unwrap();
        let include = ["**".to_owned(), "link/*".to_owned()];
        let (matched, _) = matches(&directory, &include, &[], &directory).unwrap();
        assert_eq!(matched, ["b.c", "real/a.c"]);
    }

    #[test]
    fn patterns_without_sense_are_refused() {
        for (text, said) in [
            ("../a", "leaves the package"),
            ("a/{b,../c}", "leaves the package"),
            ("{a,/b}", "is absolute"),
            ("{a", "cannot be a pattern"),
            ("[a", "cannot be a pattern"),
            ("", "cannot be a pattern"),
        ] {
            let error =
                matches(Path::new("/"), &[text.to_owned()], &[], Path::new("/")).unwrap_err();
            assert!(error.to_string().contains(said), "{text}: {error}");
        }
        let many = "{a,b}".repeat(40);
        assert!(matches(Path::new("/"), &[many], &[], Path::new("/")).is_err());
    }
}
