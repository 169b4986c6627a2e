//! Places that cannot be written: a full disk, directories that are read-only.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{outputs, yard};
use crate::support::{Space, skipped};

/// Runs a script in a mount namespace of its own, at the top; `None`, after saying so, where that is not permitted.
fn in_own_mounts(test: &str, space: &Space, script: &str) -> Option<String> {
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-ec"])
        .arg(format!("exec 2>&1; {script}"))
        .current_dir(space.top())
        .env("WAKE", env!("CARGO_BIN_EXE_wake"))
        .env("NO_COLOR", "1")
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        refused => {
            skipped(&format!("{test}: no mount namespace: {refused:?}"));
            None
        }
    }
}

/// Catches a write that fails at an unlucky moment and leaves something that is believed, or an error that stays: the disk
/// has room for a little more each time.
#[test]
fn a_disk_that_is_full_at_any_moment_loses_nothing() {
    let mut stage = yard();
    stage.tell("file a BEGIN");
    stage.wake(&["target"]).success();
    // What is free grows by a page a time, until a build succeeds.
    let script = "
mkdir -p .wake && mount -t tmpfs -o size=600k tmpfs .wake
sum() { (cd .wake/out && find . -type f | sort | xargs cat | cksum); }
$WAKE build > /dev/null 2>&1 || { echo the first build failed; exit 0; }
good=$(sum)
head -c 30000 /dev/zero | tr '\\0' y > a
$WAKE build > /dev/null 2>&1; large=$(sum)
for pages in 0 1 2 3 4 5 6 7 8 9 10 11 12 14 16 18 20 24 28 32; do
  echo one > a; rm -f .wake/filler
  $WAKE build > /dev/null 2>&1 || echo cannot go back at $pages
  head -c 30000 /dev/zero | tr '\\0' y > a
  head -c 1000000 /dev/zero > .wake/filler 2> /dev/null || true
  size=$(stat -c %s .wake/filler); keep=$((size - pages * 4096)); [ $keep -ge 0 ] || keep=0
  truncate -s $keep .wake/filler
  code=0; $WAKE build > out.txt 2>&1 || code=$?
  case $code in 0|1|3) ;; *) echo code $code at $pages; cat out.txt;; esac
  if grep -q panicked out.txt; then echo panicked at $pages; cat out.txt; fi
  rm .wake/filler
  $WAKE build > out.txt 2>&1 || { echo the error stays at $pages; cat out.txt; }
  [ \"$(sum)\" = \"$large\" ] || echo wrong at $pages
  $WAKE build 2>&1 | grep -q 'Nothing to do' || echo never done at $pages
done
echo done";
    let test = "a_disk_that_is_full_at_any_moment_loses_nothing";
    if let Some(text) = in_own_mounts(test, stage.space(), script) {
        assert_eq!(text, "done\n");
    }
}

/// Whether this user may write what is read-only.
fn is_above_permissions(directory: &Path) -> bool {
    std::fs::set_permissions(directory, PermissionsExt::from_mode(0o555)).unwrap();
    let probe = directory.join("probe");
    let is_written = std::fs::write(&probe, "").is_ok();
    let _ = std::fs::remove_file(probe);
    is_written
}

/// Catches a directory that may not be written and makes wake forget what is in it, or an error that stays.
#[test]
fn directories_that_may_not_be_written_are_told_and_lose_nothing() {
    let mut stage = yard();
    stage.tell("build");
    let places = [".wake/out", ".wake/state", ".wake"].map(|path| stage.space().path(path));
    let inner = stage.made("d");
    for place in places.iter().chain([&inner]) {
        if is_above_permissions(place) {
            std::fs::set_permissions(place, PermissionsExt::from_mode(0o755)).unwrap();
            return skipped("directories_that_may_not_be_written_…: this user writes anything");
        }
        stage.tell("file a two");
        let run = stage.wake(&["build"]);
        super::demand_sanity(&run, &format!("with a read-only `{}`", place.display()));
        std::fs::set_permissions(place, PermissionsExt::from_mode(0o755)).unwrap();
        stage.tell("build\nfile a one\nbuild");
    }
    assert!(!outputs(&stage).is_empty());
}
