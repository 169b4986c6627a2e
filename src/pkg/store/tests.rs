//! What is in the store is whole, whatever happens while it is put, and stays as long as it is used.

#![expect(
    clippy::disallowed_methods,
    reason = "tests make and damage files as others would"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::put::Step;
use super::*;

/// A cache directory and a staged package.
struct Space {
    root: tempfile::TempDir,
}

impl Space {
    fn new() -> Self {
        let space = Self {
            root: tempfile::tempdir().unwrap(),
        };
        space.file("PKG", "function(wake) 1\n");
        space.file("src/main.c", "int main;\n");
        space.file("src/run.sh", "#!/bin/sh\n");
        space.mode("src/run.sh", 0o755);
        symlink("main.c", space.staged().join("src/link.c")).unwrap();
        space.file("not/listed", "no");
        space
    }

    fn staged(&self) -> PathBuf {
        self.root.path().join("staged")
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.staged().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn mode(&self, path: &str, mode: u32) {
        tree::set_mode(&self.staged().join(path), mode).unwrap();
    }

    fn open(&self) -> Store {
        Store::open(self.root.path()).unwrap()
    }

    fn put(&self, store: &Store) -> Stored {
        store.put(&self.staged(), &files()).unwrap()
    }

    /// A package of one file with this content.
    fn small(&self, store: &Store, content: &str) -> PackageId {
        self.file("small", content);
        store.put(&self.staged(), &["small".to_owned()]).unwrap().id
    }

    fn id_of(&self, files: &[&str]) -> Result<PackageId> {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        Store::id_of(&self.staged(), &files).map(|(id, _)| id)
    }

    fn workspace(&self, name: &str) -> PathBuf {
        let top = self.root.path().join(name);
        std::fs::create_dir_all(top.join(".wake")).unwrap();
        top
    }

    /// Nothing is below `pkgs/` but whole packages.
    fn assert_sound(&self, store: &Store) {
        for id in store.ids().unwrap() {
            assert_eq!(store.verify(&id).unwrap(), None);
        }
    }
}

/// Who is not root cannot remove what is in a read-only directory.
impl Drop for Space {
    fn drop(&mut self) {
        let _ = tree::remove_read_only(self.root.path());
    }
}

fn files() -> Vec<String> {
    ["PKG", "src/link.c", "src/main.c", "src/run.sh"]
        .map(str::to_owned)
        .to_vec()
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path)
        .unwrap()
        .permissions()
        .mode()
        & 0o7777
}

fn writable(store: &Store, id: &PackageId) -> PathBuf {
    let package = store.get(id).unwrap();
    for directory in [package.clone(), package.join("src")] {
        tree::set_mode(&directory, 0o755).unwrap();
    }
    package
}

/// Catches a change of the format, which would orphan every store and lock.
#[test]
fn the_id_is_as_specified() {
    let space = Space::new();
    let hash = |content: &str| blake3::hash(content.as_bytes()).to_hex();
    let listing = format!(
        "[\"wake package\",1]\n\
         [\"file\",\"PKG\",\"{}\"]\n\
         [\"link\",\"src/link.c\",\"main.c\"]\n\
         [\"file\",\"src/main.c\",\"{}\"]\n\
         [\"executable\",\"src/run.sh\",\"{}\"]\n",
        hash("function(wake) 1\n"),
        hash("int main;\n"),
        hash("#!/bin/sh\n")
    );
    let (id, size) = Store::id_of(&space.staged(), &files()).unwrap();
    assert_eq!(
        id.to_string(),
        blake3::hash(listing.as_bytes()).to_hex().as_str()
    );
    assert_eq!(size, 37);
    assert_eq!(id.to_string().parse::<PackageId>().unwrap(), id);
    assert!(id.to_string().to_uppercase().parse::<PackageId>().is_err());
}

#[test]
fn the_id_counts_content_and_nothing_else() {
    let space = Space::new();
    let all = ["PKG", "src/run.sh", "src/link.c"];
    let id = space.id_of(&all).unwrap();
    space.mode("PKG", 0o600);
    space.mode("src/run.sh", 0o711);
    std::fs::File::options()
        .write(true)
        .open(space.staged().join("PKG"))
        .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH))
        .unwrap();
    assert_eq!(
        space.id_of(&["src/link.c", "src/run.sh", "PKG"]).unwrap(),
        id
    );
    assert_ne!(space.id_of(&all[..2]).unwrap(), id);
    space.mode("PKG", 0o700);
    assert_ne!(space.id_of(&all).unwrap(), id);
    space.mode("PKG", 0o600);
    space.file("src/run.sh", "#!/bin/bash\n");
    assert_ne!(space.id_of(&all).unwrap(), id);
}

#[test]
fn a_package_in_the_store_has_exactly_its_files_and_is_read_only() {
    let space = Space::new();
    let store = space.open();
    let stored = space.put(&store);
    assert_eq!(store.get(&stored.id), Some(stored.directory.clone()));
    assert_eq!(stored.size, 37);
    let there: BTreeSet<String> = walkdir::WalkDir::new(&stored.directory)
        .min_depth(1)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .map(|path| {
            path.strip_prefix(&stored.directory)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let expected: BTreeSet<String> = files().into_iter().chain(["src".to_owned()]).collect();
    assert_eq!(there, expected);
    for (path, expected) in [
        ("", 0o555),
        ("src", 0o555),
        ("PKG", 0o444),
        ("src/run.sh", 0o555),
    ] {
        assert_eq!(mode(&stored.directory.join(path)), expected, "{path}");
    }
    assert_eq!(store.verify(&stored.id).unwrap(), None);
    assert_eq!(space.put(&store), stored, "a second put finds it");
    assert!(store.leftovers().unwrap().is_empty());
}

#[test]
fn what_cannot_be_part_of_a_package_is_refused() {
    let space = Space::new();
    let staged = space.staged();
    let path = |name: &str| staged.join(name);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    space.file("setuid", "");
    space.mode("setuid", 0o4755);
    symlink("src", path("directory")).unwrap();
    for (name, target) in [
        ("absolute", "/etc/passwd"),
        ("outside", "src/../../secret"),
        ("up", ".."),
        ("through", "over/../../x"),
        ("over", "src"),
        ("circle", "circle"),
        ("to-absolute", "absolute"),
    ] {
        symlink(target, path(name)).unwrap();
    }
    let long = "x".repeat(300);
    for (name, why) in [
        ("pipe", "named pipe"),
        ("socket", "socket"),
        ("setuid", "setuid"),
        ("src", "directory"),
        ("nothing", "does not exist"),
        ("directory/main.c", "files behind it"),
        ("absolute", "leaves the package"),
        ("outside", "leaves the package"),
        ("up", "leaves the package"),
        ("through", "leaves the package"),
        ("to-absolute", "leaves the package"),
        ("circle", "circle"),
        ("../staged/PKG", "stay in the package"),
        ("/etc/passwd", "stay in the package"),
        ("./PKG", "stay in the package"),
        ("src//main.c", "stay in the package"),
        ("", "stay in the package"),
        ("nul\0", "stay in the package"),
        (&long, "too long"),
    ] {
        let error = space.id_of(&[name]).unwrap_err();
        let report = error.report();
        let said = format!("{} {:?}", report.message, report.causes);
        assert!(said.contains(why), "{name}: {said}");
    }
    let store = space.open();
    store
        .put(&staged, &["PKG".to_owned(), "pipe".to_owned()])
        .unwrap_err();
    assert!(store.ids().unwrap().is_empty() && store.leftovers().unwrap().is_empty());
}

/// Catches links that are refused although they are harmless: to directories, to the package itself, to nowhere.
#[test]
fn links_that_stay_inside_are_kept_as_they_are() {
    let space = Space::new();
    let links = [
        ("a", "src"),
        ("b", "a/../src/main.c"),
        ("c", "."),
        ("d", "nothing/there"),
        ("e", "./b"),
    ];
    for (name, target) in links {
        symlink(target, space.staged().join(name)).unwrap();
    }
    let store = space.open();
    let names: Vec<String> = links.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stored = store.put(&space.staged(), &names).unwrap();
    for (name, target) in links {
        let found = std::fs::read_link(stored.directory.join(name)).unwrap();
        assert_eq!(found, Path::new(target));
    }
    assert_eq!(store.verify(&stored.id).unwrap(), None);
}

#[test]
fn damage_is_found_and_told() {
    let space = Space::new();
    let store = space.open();
    let stored = space.put(&store);
    let package = writable(&store, &stored.id);
    tree::remove_read_only(&package.join("PKG")).unwrap();
    tree::set_mode(&package.join("src/main.c"), 0o555).unwrap();
    std::fs::remove_file(package.join("src/run.sh")).unwrap();
    std::fs::write(package.join("src/run.sh"), "#!/bin/evil\n").unwrap();
    std::fs::write(package.join("more"), "").unwrap();
    std::fs::create_dir(package.join("empty")).unwrap();
    std::fs::remove_file(package.join("src/link.c")).unwrap();
    symlink("/etc/passwd", package.join("src/link.c")).unwrap();
    let damage = store.verify(&stored.id).unwrap().unwrap();
    let said: Vec<String> = damage.differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "`PKG` is missing",
            "`empty` does not belong to it",
            "`more` does not belong to it",
            "`src/link.c` cannot be read: it is a link to `/etc/passwd`, which leaves the package",
            "`src/main.c` has changed",
            "`src/run.sh` has changed",
        ]
    );
    assert_eq!(space.put(&store), stored, "nothing is repaired in silence");
    assert!(store.verify(&stored.id).unwrap().is_some());
    store.remove(&stored.id).unwrap();
    assert_eq!(store.get(&stored.id), None);
    assert_eq!(
        store.verify(&stored.id).unwrap().unwrap().differences,
        [Difference::Absent]
    );
    space.put(&store);
    assert_eq!(store.verify(&stored.id).unwrap(), None);
}

/// Catches a lost or damaged listing that is taken for a damaged package, or the other way round.
#[test]
fn the_listing_is_believed_only_if_it_is_that_of_the_id() {
    let space = Space::new();
    let store = space.open();
    let stored = space.put(&store);
    let listing = store.place(LISTINGS, &stored.id);
    let text = std::fs::read_to_string(&listing).unwrap();
    std::fs::write(&listing, text.replace("PKG", "GKP")).unwrap();
    assert_eq!(store.verify(&stored.id).unwrap(), None);
    let package = writable(&store, &stored.id);
    std::fs::write(package.join("more"), "").unwrap();
    assert_eq!(
        store.verify(&stored.id).unwrap().unwrap().differences,
        [Difference::Unlisted]
    );
}

/// Every step fails in turn: there is the whole package or none, nothing is left over, and the next put succeeds.
#[test]
fn a_put_that_fails_leaves_nothing() {
    let space = Space::new();
    let id = Store::id_of(&space.staged(), &files()).unwrap().0;
    for last in 0.. {
        let store = space.open();
        let count = AtomicUsize::new(0);
        let result = store.put_step_by_step(&space.staged(), &files(), &|step| {
            if count.fetch_add(1, Ordering::Relaxed) == last {
                return Err(Error::environment(format!("{step:?}")));
            }
            Ok(())
        });
        space.assert_sound(&store);
        assert!(store.leftovers().unwrap().is_empty());
        match result {
            Ok(stored) => return assert!(last > 8 && stored.id == id),
            Err(error) if store.get(&id).is_some() => {
                assert_eq!(error.report().message, format!("{:?}", Step::Named));
            }
            Err(_) => {}
        }
        space.put(&store);
        assert_eq!(store.verify(&id).unwrap(), None);
        store.remove(&id).unwrap();
    }
}

/// The process is killed at every step in turn: as above, but that what is left over goes when the store is opened.
#[test]
fn a_put_that_is_killed_leaves_nothing_wrong() {
    // This very test is also the process that it starts, and that is killed: there it finds where it is to end.
    if let Ok(last) = std::fs::read_to_string("put-until") {
        return put_until(last.parse().unwrap());
    }
    let space = Space::new();
    let id = Store::id_of(&space.staged(), &files()).unwrap().0;
    for last in 0.. {
        std::fs::write(space.root.path().join("put-until"), last.to_string()).unwrap();
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "pkg::store::tests::a_put_that_is_killed_leaves_nothing_wrong",
            ])
            .current_dir(space.root.path())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        let store = space.open();
        assert!(store.leftovers().unwrap().is_empty());
        space.assert_sound(&store);
        if status.success() {
            return assert!(last > 8 && store.get(&id).is_some());
        }
        space.put(&store);
        assert_eq!(store.verify(&id).unwrap(), None);
        store.remove(&id).unwrap();
    }
}

/// Puts the package that is staged here, and kills its own process before a step.
fn put_until(last: usize) {
    let root = Path::new(".");
    let count = AtomicUsize::new(0);
    let store = Store::open(root).unwrap();
    let result = store.put_step_by_step(&root.join("staged"), &files(), &|_| {
        if count.fetch_add(1, Ordering::Relaxed) == last {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        }
        Ok(())
    });
    result.unwrap();
}

/// Catches two puts of one package that get in each other's way: each has its own copy until one is renamed.
#[test]
fn two_puts_of_one_package_at_once_both_succeed() {
    let space = Space::new();
    let barrier = Barrier::new(2);
    let put = || {
        let store = space.open();
        store
            .put_step_by_step(&space.staged(), &files(), &|step| {
                if matches!(step, Step::Begin | Step::Sized) {
                    barrier.wait();
                }
                Ok(())
            })
            .unwrap()
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(put);
        (put(), other.join().unwrap())
    });
    assert_eq!(one, other);
    let store = space.open();
    space.assert_sound(&store);
    assert!(store.leftovers().unwrap().is_empty());
}

/// What others are making is not taken for left over.
#[test]
fn a_store_that_is_opened_leaves_alone_what_another_is_making() {
    let space = Space::new();
    let store = space.open();
    let result = store.put_step_by_step(&space.staged(), &files(), &|step| {
        if step == Step::Copied {
            drop(space.open());
        }
        Ok(())
    });
    assert_eq!(store.verify(&result.unwrap().id).unwrap(), None);
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn collect(store: &mut Store, limits: Limits, now: SystemTime) -> Collected {
    store
        .collect(limits, now, || panic!("nobody else has it open"))
        .unwrap()
}

#[test]
fn what_a_live_workspace_uses_is_never_evicted() {
    let space = Space::new();
    let mut store = space.open();
    let [used, free] = ["used", "free"].map(|content| space.small(&store, content));
    let [live, gone] = ["live", "gone"].map(|name| space.workspace(name));
    store.use_by(&live, &[used].into()).unwrap();
    store.use_by(&gone, &[free, used].into()).unwrap();
    let everything = Limits {
        age: Some(DAY),
        size: Some(0),
    };
    let later = SystemTime::now() + 100 * DAY;
    assert_eq!(collect(&mut store, everything, later).removed, []);
    std::fs::remove_dir_all(gone.join(".wake")).unwrap();
    let collected = collect(&mut store, everything, later);
    assert_eq!(collected.removed, [free]);
    assert_eq!(
        (
            collected.removed_size,
            collected.kept,
            collected.kept_size,
            collected.used
        ),
        (4, 1, 4, 1)
    );
    assert_eq!((store.get(&used).is_some(), store.get(&free)), (true, None));
    store.use_by(&live, &BTreeSet::new()).unwrap();
    assert_eq!(collect(&mut store, everything, later).removed, [used]);
    for part in [PACKAGES, LISTINGS, USES] {
        assert!(store.names(part).unwrap().is_empty());
    }
}

#[test]
fn the_least_recently_used_are_evicted_first() {
    let space = Space::new();
    let mut store = space.open();
    let now = SystemTime::now();
    let ids = ["aaaa", "bbbb", "cccc", "dddd"].map(|content| space.small(&store, content));
    for (id, days) in ids.iter().zip([1, 9, 5, 2]) {
        tree::set_modified(&store.place(USES, id), now - days * DAY).unwrap();
    }
    let limits = |age: Option<u32>, size| Limits {
        age: age.map(|days| days * DAY),
        size,
    };
    assert_eq!(collect(&mut store, limits(None, None), now).removed, []);
    assert_eq!(
        collect(&mut store, limits(Some(7), Some(16)), now).removed,
        [ids[1]]
    );
    assert_eq!(
        collect(&mut store, limits(None, Some(11)), now).removed,
        [ids[2]]
    );
    space.small(&store, "dddd");
    assert_eq!(
        collect(&mut store, limits(None, Some(4)), now).removed,
        [ids[0]]
    );
    assert_eq!(store.ids().unwrap(), [ids[3]].into());
}

/// Catches an eviction below the feet of somebody who has just looked a package up.
#[test]
fn evicting_waits_for_those_who_have_the_store_open() {
    let space = Space::new();
    let (mut store, other) = (space.open(), space.open());
    let id = space.small(&other, "x");
    let limits = Limits {
        age: None,
        size: Some(0),
    };
    let collected = store
        .collect(limits, SystemTime::now(), || drop(other))
        .unwrap();
    assert_eq!(collected.removed, [id]);
    drop(space.open());
}

/// Catches a newer wake's workspace that an older one takes for gone.
#[test]
fn nothing_is_evicted_if_it_is_not_known_what_is_used() {
    let space = Space::new();
    let mut store = space.open();
    space.small(&store, "x");
    std::fs::write(
        store.directory.join(WORKSPACES).join("00"),
        "wake workspace 2\n",
    )
    .unwrap();
    let limits = Limits {
        age: None,
        size: Some(0),
    };
    let error = store.collect(limits, SystemTime::now(), || ()).unwrap_err();
    assert!(error.report().causes[0].contains("workspaces/00"));
    assert_eq!(store.ids().unwrap().len(), 1);
    space.small(&store, "the store can be used as before");
}

#[test]
fn a_use_that_was_noted_within_the_hour_costs_nothing() {
    let space = Space::new();
    let store = space.open();
    let id = space.small(&store, "x");
    let top = space.workspace("top\nwith \u{e9} line end");
    let place = |part: &str, name: String| store.directory.join(part).join(name);
    store.use_by(&top, &[id].into()).unwrap();
    let file = place(WORKSPACES, store.names(WORKSPACES).unwrap().remove(0));
    let before = fs::stamp::lstat(&file).unwrap();
    store.use_by(&top, &[id].into()).unwrap();
    assert_eq!(fs::stamp::lstat(&file).unwrap(), before);
    let old = SystemTime::now() - Duration::from_secs(4000);
    for file in [&file, &store.place(USES, &id)] {
        tree::set_modified(file, old).unwrap();
    }
    store.use_by(&top, &[id].into()).unwrap();
    assert!(tree::modified(&store.place(USES, &id)).unwrap() > Some(old));
    assert_eq!(store.used().unwrap(), [id].into());
}

#[test]
fn a_cache_directory_that_is_none_is_an_error_that_says_so() {
    let space = Space::new();
    let file = space.staged().join("PKG");
    let error = Store::open(&file).unwrap_err();
    let report = error.report();
    assert_eq!(report.kind, crate::error::Kind::Environment);
    assert!(
        report.message.contains("staged/PKG") && report.causes.len() == 2,
        "{report:?}"
    );
    assert!(report.hint.as_ref().unwrap().contains("XDG_CACHE_HOME"));
}
