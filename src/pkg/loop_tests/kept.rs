//! What the lock keeps, and what it does not.

use std::collections::BTreeSet;

use super::*;
use crate::pkg::policy::{LockMode, LockUse, Renewed};

/// `--offline`, or another use of the lock.
fn offline(lock: LockUse) -> Policy {
    let is_offline = true;
    let mode = LockMode { lock, is_offline };
    Policy { mode, ..all() }
}

fn small() -> World {
    let mut world = World::new(package("top", "1.0.0").asks("a", get("a@^1", crates())));
    world.offer(
        "crates",
        package("a", "1.0.0").asks("b", get("b@^1", crates())),
    );
    world.offer("crates", package("b", "1.0.0"));
    world
}

/// Catches a lock that is asked about although it answers, and newer versions that get in unasked.
#[test]
fn a_lock_that_satisfies_everything_asks_nobody() {
    let mut world = small();
    let first = world.resolve().unwrap();
    world.offer("crates", package("a", "1.9.0"));
    for policy in [
        all(),
        offline(LockUse::Update),
        offline(LockUse::Keep),
        offline(LockUse::Trust),
    ] {
        let again = world.resolve_with(&policy, Some(&first.lock)).unwrap();
        assert_eq!(again.calls, [""; 0]);
        assert_eq!(again.lock, first.lock);
    }
    let lock = Lock::parse(&first.lock.to_text(), "wake.lock").unwrap();
    assert_eq!(lock, first.lock);
}

/// Catches an edit that renews more than it has to.
#[test]
fn an_edit_asks_for_what_the_lock_does_not_answer() {
    let mut world = small();
    let first = world.resolve().unwrap();
    world.offer(
        "crates",
        package("a", "1.9.0").asks("b", get("b@^1", crates())),
    );
    world.offer("crates", package("b", "1.9.0"));
    let still = package("top", "1.0.0").asks("a", get("a@>=1", crates()));
    world.path("", &still);
    let same = world.resolve_with(&all(), Some(&first.lock)).unwrap();
    assert_eq!((same.chosen(), same.calls), (first.chosen(), vec![]));

    let newer = package("top", "1.0.0").asks("a", get("a@^1.5", crates()));
    world.path("", &newer.asks("c", get("c", crates())));
    world.offer("crates", package("c", "1.0.0"));
    let edited = world.resolve_with(&all(), Some(&first.lock)).unwrap();
    assert_eq!(edited.chosen(), ["a@1.9.0", "b@1.0.0", "c@1.0.0"]);
    assert_eq!(edited.calls[0], "crates? a@^1.5 c@*");
    assert_eq!(edited.calls.len(), 2, "{:?}", edited.calls);

    let error = lines(
        &world
            .resolve_with(&offline(LockUse::Update), Some(&first.lock))
            .unwrap_err(),
    );
    assert_eq!(error[0], "`a@^1.5` is not in `wake.lock`");

    world.path("", &package("top", "1.0.0"));
    let shrunk = world.resolve_with(&all(), Some(&edited.lock)).unwrap();
    assert_eq!((shrunk.chosen(), shrunk.calls), (vec![], vec![]));
}

/// Catches a lock that keeps a conflict which asking would resolve.
#[test]
fn a_locked_version_gives_way_where_it_must() {
    let mut world = small();
    let first = world.resolve().unwrap();
    world.offer(
        "crates",
        package("a", "1.1.0").asks("b", get("b@^1.1", crates())),
    );
    world.offer("crates", package("b", "1.1.0"));
    let top = package("top", "1.0.0").asks("a", get("a@^1", crates()));
    world.path("", &top.asks("b", get("b@^1.1", crates())));
    let edited = world.resolve_with(&all(), Some(&first.lock)).unwrap();
    assert_eq!(edited.chosen(), ["a@1.0.0", "b@1.1.0"]);
    let top = package("top", "1.0.0").asks("a", get("a@^1", crates()));
    world.path("", &top.asks("b", get("b@^2", crates())));
    assert!(world.resolve_with(&all(), Some(&first.lock)).is_err());
}

/// Catches files that are not what was locked and get into the store, from a retriever and from the vendored ones.
#[test]
fn what_differs_from_the_lock_never_enters_the_store() {
    let mut world = small();
    let first = world.resolve().unwrap();
    crate::fs::tree::remove_read_only(&world.cache).unwrap();
    let changed = package("b", "1.0.0").asks("evil", get("evil", crates()));
    world.offers.insert(
        ("crates".into(), "b".into()),
        vec![Offer {
            candidate: changed.forecast("crates"),
            script: changed,
        }],
    );
    let error = lines(&world.resolve_with(&all(), Some(&first.lock)).unwrap_err());
    assert_eq!(error[0], "`b@1.0.0` is not what `wake.lock` says");
    let stored = fs::list(&world.cache.join("wake/store/pkgs")).unwrap();
    assert!(stored.len() <= 1, "{stored:?}");
    let renewed = Policy {
        renewed: Renewed::All,
        ..all()
    };
    assert!(world.resolve_with(&renewed, Some(&first.lock)).is_err());
}

/// Catches a retriever that gives something else under the name.
#[test]
fn another_package_than_was_asked_for_is_refused() {
    let mut world = small();
    let other = package("b", "1.0.1");
    world
        .offers
        .get_mut(&("crates".into(), "b".into()))
        .unwrap()[0]
        .script = other;
    let error = world.error();
    assert_eq!(error[0], "The retriever `crates` fetched another package");
    assert_eq!(error[1], "`b@1.0.0` was asked for");
    assert_eq!(
        fs::list(&Layout::new(&world.top).download_root()).unwrap(),
        []
    );
}

/// Catches a yanked version that is taken anew, or lost although it was locked.
#[test]
fn yanked_versions_stay_where_they_are_locked() {
    let mut world = World::new(package("top", "1.0.0").asks("a", get("a@^1", crates())));
    world.offer("crates", package("a", "1.0.0"));
    world.offer("crates", package("a", "1.1.0"));
    let first = world.resolve().unwrap();
    assert_eq!(first.chosen(), ["a@1.1.0"]);
    world
        .offers
        .get_mut(&("crates".into(), "a".into()))
        .unwrap()[1]
        .candidate
        .yanked = true;
    assert_eq!(world.resolve().unwrap().chosen(), ["a@1.0.0"]);
    let top = package("top", "1.0.0").asks("a", get("a@^1", crates()));
    world.path("", &top.asks("b", get("b", crates())));
    world.offer(
        "crates",
        package("b", "1.0.0").asks("a", get("a@*", crates())),
    );
    let edited = world.resolve_with(&all(), Some(&first.lock)).unwrap();
    assert_eq!(edited.chosen(), ["a@1.1.0", "b@1.0.0"]);
}

/// Catches versions that are too young, unless they are locked.
#[test]
fn young_versions_wait() {
    let mut world = World::new(package("top", "1.0.0").asks("a", get("a@^1", crates())));
    world.offer("crates", package("a", "1.0.0")).published = Some("2020-01-01".into());
    world.offer("crates", package("a", "1.1.0")).published = Some("2024-01-01".into());
    let first = world.resolve().unwrap();
    let careful = Policy {
        published_by: Some(1_600_000_000),
        ..all()
    };
    assert_eq!(
        world.resolve_with(&careful, None).unwrap().chosen(),
        ["a@1.0.0"]
    );
    let locked = world.resolve_with(&careful, Some(&first.lock)).unwrap();
    assert_eq!(locked.chosen(), ["a@1.1.0"]);
}

/// Catches an update of one package that renews others.
#[test]
fn an_update_renews_what_it_names() {
    let mut world = small();
    let first = world.resolve().unwrap();
    world.offer(
        "crates",
        package("a", "1.9.0").asks("b", get("b@^1", crates())),
    );
    world.offer("crates", package("b", "1.9.0"));
    let named = |name: &str| Policy {
        renewed: Renewed::Named(BTreeSet::from([name.to_owned()])),
        ..all()
    };
    let b = world.resolve_with(&named("b"), Some(&first.lock)).unwrap();
    assert_eq!(b.chosen(), ["a@1.0.0", "b@1.9.0"]);
    let a = world.resolve_with(&named("a"), Some(&first.lock)).unwrap();
    assert_eq!(a.chosen(), ["a@1.9.0", "b@1.0.0"]);
    let both = Policy {
        renewed: Renewed::All,
        ..all()
    };
    let both = world.resolve_with(&both, Some(&first.lock)).unwrap();
    assert_eq!(both.chosen(), ["a@1.9.0", "b@1.9.0"]);
}

/// Catches packages that are fetched against the user's word.
#[test]
fn offline_fetches_nothing() {
    let world = small();
    let first = world.resolve().unwrap();
    crate::fs::tree::remove_read_only(&world.cache).unwrap();
    for (one, flag) in [(LockUse::Update, "--offline"), (LockUse::Trust, "--frozen")] {
        let error = lines(
            &world
                .resolve_with(&offline(one), Some(&first.lock))
                .unwrap_err(),
        );
        assert_eq!(error[0], "`a@1.0.0`, `b@1.0.0` are not in the store");
        assert_eq!(error[1], format!("`{flag}` forbids to fetch them"));
        let lazy = Policy {
            fetches_all: false,
            ..offline(one)
        };
        let solved = world.resolve_with(&lazy, Some(&first.lock)).unwrap();
        assert_eq!((solved.lock, solved.calls), (first.lock.clone(), vec![]));
    }
}

/// Catches digests of other machines' files that are lost, or taken for one's own.
#[test]
fn artifacts_of_other_machines_keep_their_lines() {
    let mut world = World::new(package("top", "1.0.0").asks("a", get("a@^1", crates())));
    let form = |system: &str| super::super::retriever::protocol::Artifact {
        name: format!("a-{system}"),
        when: BTreeMap::from([("System".to_owned(), json!(system))]),
        digest: None,
    };
    world.offer("crates", package("a", "1.0.0")).artifacts = vec![form("Linux"), form("Windows")];
    let on = |system: &str, lock: Option<&Lock>| {
        let mut policy = all();
        policy.parameters.insert("System".into(), system.into());
        world.resolve_with(&policy, lock)
    };
    let digests =
        |lock: &Lock| -> Vec<bool> { lock.of("a").map(|entry| entry.digest.is_some()).collect() };
    let linux = on("Linux", None).unwrap();
    assert_eq!(digests(&linux.lock), [true, false]);
    let windows = on("Windows", Some(&linux.lock)).unwrap();
    assert_eq!(windows.calls, ["crates! a@1.0.0"]);
    assert_eq!(digests(&windows.lock), [true, true]);
    let again = on("Linux", Some(&windows.lock)).unwrap();
    assert_eq!((again.lock, again.calls), (windows.lock, vec![]));
    let error = lines(&on("Plan9", None).unwrap_err());
    assert_eq!(error[0], "`a@1.0.0` has no form for this machine");
}

/// Catches a retriever that is not known although a locked package, which nobody has looked at yet, names it.
#[test]
fn retrievers_that_only_the_lock_names_are_found() {
    let mut world = World::new(package("top", "1.0.0").asks("a", get("a@^1", crates())));
    let a = package("a", "1.0.0").asks("x", get("x@^1", std("npm")));
    world.offer("crates", a);
    world.offer("npm", package("x", "1.0.0"));
    let first = world.resolve().unwrap();
    world.offer("npm", package("x", "1.1.0"));
    let update = |is_cold: bool| {
        if is_cold {
            crate::fs::tree::remove_read_only(&world.cache).unwrap();
        }
        let policy = Policy {
            renewed: Renewed::Named(BTreeSet::from(["x".to_owned()])),
            ..Policy::default()
        };
        world.resolve_with(&policy, Some(&first.lock)).unwrap()
    };
    let warm = update(false);
    assert_eq!(warm.chosen(), ["a@1.0.0", "x@1.1.0"]);
    assert_eq!(warm.calls, ["npm? x@^1"]);
    let cold = update(true);
    assert_eq!(cold.chosen(), ["a@1.0.0", "x@1.1.0"]);
}
