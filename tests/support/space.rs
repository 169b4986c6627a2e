//! A temporary directory to work in, removed at the end. It knows nothing of what wake prints.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Run;

/// A directory `work` and a home beside it, and nothing of the user's environment but `PATH`.
pub(crate) struct Space {
    directory: tempfile::TempDir,
}

impl Space {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("wake-test-")
            .tempdir()
            .unwrap();
        for name in ["work", "home", "temporary"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        // What observing keeps there takes a while to make, and is the same for all.
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("observe");
        std::fs::create_dir_all(&shared).unwrap();
        let kept = directory.path().join("home/.cache/wake");
        std::fs::create_dir_all(&kept).unwrap();
        std::os::unix::fs::symlink(shared, kept.join("observe")).unwrap();
        Self { directory }
    }

    /// A copy of `examples/<name>`.
    pub(crate) fn example(name: &str) -> Self {
        let space = Self::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name);
        copy_tree(&from, &space.top());
        space
    }

    /// Copies a directory from outside.
    pub(crate) fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> &Self {
        copy_tree(from.as_ref(), &self.path(to));
        self
    }

    /// The directory in which commands run; links resolved.
    pub(crate) fn top(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("work")
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.top().join(path)
    }

    /// Writes a file and the directories that it needs. Returns the space, to write several in a row.
    pub(crate) fn file(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// A file's text.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => panic!("cannot read {}: {error}\n{}", path.display(), self.tree()),
        }
    }

    /// Replaces `old`, which must be there, by `new` in a file.
    pub(crate) fn edit(&self, path: impl AsRef<Path>, old: &str, new: &str) {
        let text = self.read(&path);
        assert!(
            text.contains(old),
            "{} does not contain {old:?}",
            path.as_ref().display()
        );
        self.file(&path, text.replace(old, new));
    }

    /// Removes a file or a directory with all below it.
    pub(crate) fn remove(&self, path: impl AsRef<Path>) {
        let path = self.path(path);
        if path.is_dir() {
            make_writable(&path);
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }

    pub(crate) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Runs wake at the top.
    pub(crate) fn wake<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        Run::of(self, self.command(arguments))
    }

    /// A `wake` to run, with the environment that [`Space::wake`] gives, for tests that want it otherwise.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wake"));
        let beside = |name: &str| self.directory.path().join(name);
        command
            .args(arguments)
            .current_dir(self.top())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", beside("home"))
            .env("TMPDIR", beside("temporary"))
            .env("LC_ALL", "C.UTF-8")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Text of a command that ran here, without what differs from run to run.
    pub(crate) fn redact(&self, text: &str) -> String {
        super::redact::Redactions::of(self).apply(text)
    }

    /// Every file and directory below the top but for what is in `.wake/` and `.git/`, sorted, one a line.
    pub(crate) fn tree(&self) -> String {
        let mut lines = Vec::new();
        let entries = walkdir::WalkDir::new(self.top())
            .min_depth(1)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| {
                let parent = entry.path().parent().and_then(Path::file_name);
                parent != Some(OsStr::new(".wake")) && parent != Some(OsStr::new(".git"))
            });
        for entry in entries.flatten() {
            let path = entry.path().strip_prefix(self.top()).unwrap();
            let end = if entry.file_type().is_dir() { "/" } else { "" };
            lines.push(format!("{}{end}", path.display()));
        }
        lines.join("\n")
    }
}

/// What is fetched is read-only, and could not be removed.
impl Drop for Space {
    fn drop(&mut self) {
        make_writable(self.directory.path());
    }
}

/// Makes all directories of a tree writable.
fn make_writable(tree: &Path) {
    for entry in walkdir::WalkDir::new(tree).into_iter().flatten() {
        if entry.file_type().is_dir() {
            let writable = std::fs::Permissions::from_mode(0o755);
            let _ = std::fs::set_permissions(entry.path(), writable);
        }
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let entries = walkdir::WalkDir::new(from)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".wake");
    for entry in entries {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir(&target).unwrap();
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(entry.path()).unwrap(), &target).unwrap();
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
