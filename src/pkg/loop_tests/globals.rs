//! The global namespace: who defines a name, and what that leads to.

use super::*;

fn lone(wanted: &str) -> PackageRequest {
    get(wanted, Source::Global)
}

/// Catches names that fetched packages ask for and that a path package answers, or a retriever.
#[test]
fn fetched_packages_get_what_the_top_defines() {
    let top = package("top", "1.0.0")
        .asks("a", get("a", crates()))
        .asks("log", global(get("log", path("log")), 0))
        .asks("zip", global(get("zip@^1", std("npm")), 0));
    let mut world = World::new(top);
    let log = world.top.join("log");
    world.path("log", &package("log", "1.0.0"));
    let a = package("a", "1.0.0")
        .asks("log", lone("log"))
        .asks("zip", lone("zip"));
    world.offer("crates", a);
    world.offer("npm", package("zip", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "zip@1.0.0"]);
    world.with(&all(), None, |resolver, heard| {
        let a = need(resolver, heard, 0, &get("a", crates())).unwrap();
        let found = need(resolver, heard, a, &lone("log")).unwrap();
        assert_eq!(resolver.packages.get(found).directory, log);
        let zip = need(resolver, heard, a, &lone("zip")).unwrap();
        assert_eq!(
            need(resolver, heard, 0, &get("zip@^1", std("npm"))),
            Ok(zip)
        );
    });
    let again = world.resolve_with(&all(), Some(&resolved.lock)).unwrap();
    assert_eq!((again.lock, again.calls), (resolved.lock, vec![]));
}

/// Catches a lock that keeps what a global name led to when it was written.
#[test]
fn a_lock_follows_a_global_that_leads_elsewhere() {
    let top = |from: Source| {
        let top = package("top", "1.0.0").asks("a", get("a", crates()));
        top.asks("zip", global(get("zip@^1", from), 0))
    };
    let mut world = World::new(top(std("npm")));
    world.offer("crates", package("a", "1.0.0").asks("zip", lone("zip")));
    world.offer("npm", package("zip", "1.0.0"));
    world.offer("pypi", package("zip", "1.1.0"));
    let before = world.resolve().unwrap();
    world.path("", &top(std("pypi")));
    let after = world.resolve_with(&all(), Some(&before.lock)).unwrap();
    assert_eq!(after.chosen(), ["a@1.0.0", "zip@1.1.0"]);
    assert_eq!(after.calls, ["pypi? zip@* zip@^1", "pypi! zip@1.1.0"]);
}

/// Catches a definition that is used although one with a higher priority came later.
#[test]
fn a_winner_that_is_beaten_later_is_replaced() {
    let top = package("top", "1.0.0")
        .asks("m", get("m", path("m")))
        .asks("log", lone("log"))
        .asks(
            "a",
            granting(get("a", crates()), &[Permission::DefineGlobal]),
        );
    let mut world = World::new(top);
    world.path(
        "m",
        &package("m", "1.0.0").asks("log", global(get("log", std("npm")), 3)),
    );
    let log = global(get("log", std("pypi")), 4);
    world.offer("crates", package("a", "1.0.0").asks("log", log));
    world.offer("npm", package("log", "1.0.0"));
    world.offer("pypi", package("log", "2.0.0"));
    // Both are asked for through their retrievers as well, so only one of them may stay.
    let error = world.error().join("\n");
    assert!(error.contains("npm") && error.contains("pypi"), "{error}");
    world.path(
        "m",
        &package("m", "1.0.0").asks("log", global(get("log", path("../log")), 3)),
    );
    world.path("log", &package("log", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "log@2.0.0"]);
}

/// Catches ties that are decided by chance, and a top that does not have the last word.
#[test]
fn a_tie_is_an_error_unless_the_top_decides() {
    let top = package("top", "1.0.0")
        .asks("m", get("m", path("m")))
        .asks("n", get("n", path("n")));
    let world = World::new(top.clone());
    for (name, directory) in [("m", "one"), ("n", "other")] {
        let from = path(&format!("../{directory}"));
        world.path(
            name,
            &package(name, "1.0.0").asks("log", global(get("log", from), 7)),
        );
        world.path(directory, &package("log", "1.0.0"));
    }
    world.path("other", &package("log", "2.0.0"));
    assert_eq!(
        world.error(),
        [
            "Two packages define the global `log` with the same priority",
            "`m` says `from='../one'`  (m/PKG:1:1)",
            "`n` says `from='../other'`  (n/PKG:1:1)",
            "hint: raise one of them: `global={override: 1..100}`, or define it in the package at the top",
        ]
    );
    world.path("", &top.asks("log", global(get("log", path("other")), 0)));
    world.resolve().unwrap();
}

/// Catches a fetched package that defines what it may not, and one that may and is refused.
#[test]
fn a_fetched_package_defines_globals_if_it_may() {
    let top = |permissions: &[Permission]| {
        let a = granting(get("a", crates()), permissions);
        package("top", "1.0.0")
            .asks("a", a)
            .asks("log", lone("log"))
    };
    let mut world = World::new(top(&[]));
    let log = global(get("log", crates()), 0);
    world.offer("crates", package("a", "1.0.0").asks("log", log));
    world.offer("crates", package("log", "1.0.0"));
    assert_eq!(world.error()[0], "`a` may not define the global `log`");
    world.path("", &top(&[Permission::DefineGlobal]));
    assert_eq!(world.resolve().unwrap().chosen(), ["a@1.0.0", "log@1.0.0"]);
    world.with(&Policy::default(), None, |resolver, heard| {
        need(resolver, heard, 0, &get("a", crates())).unwrap();
    });
}

/// Catches a permission that somebody passes on without having it, or that is lost on the way.
#[test]
fn permissions_are_passed_on_by_those_who_have_them() {
    let permission = [Permission::DefineGlobal];
    let top = |permissions: &[Permission]| {
        package("top", "1.0.0").asks("a", granting(get("a", crates()), permissions))
    };
    let mut world = World::new(top(&permission));
    let z = granting(get("z", crates()), &permission);
    world.offer("crates", package("a", "1.0.0").asks("z", z));
    let log = global(get("log", crates()), 0);
    world.offer("crates", package("z", "1.0.0").asks("log", log));
    world.offer("crates", package("log", "1.0.0"));
    world.resolve().unwrap();
    let warm = world.resolve().unwrap();
    world.resolve_with(&all(), Some(&warm.lock)).unwrap();
    world.path("", &top(&[]));
    assert_eq!(world.error()[0], "`z` may not define the global `log`");
}

/// Catches a retriever that has run and is taken back.
#[test]
fn what_was_executed_cannot_be_overridden() {
    let log = get("log", by(lone("finder")));
    let top = package("top", "1.0.0")
        .asks("log", log)
        .asks("m", get("m", path("m")));
    let mut world = World::new(top);
    let mine = global(get("finder", path("../mine")), 1);
    world.path("m", &package("m", "1.0.0").asks("finder", mine));
    world.path("mine", &package("finder", "1.0.0").runs());
    let theirs = global(get("finder", crates()), 2);
    let found = package("log", "1.0.0").asks("finder", theirs);
    world.offer("finder", found);
    world.offer("crates", package("finder", "3.0.0").runs());
    let allowed = granting(get("log", by(lone("finder"))), &[Permission::DefineGlobal]);
    let top = package("top", "1.0.0").asks("log", allowed);
    world.path("", &top.asks("m", get("m", path("m"))));
    assert_eq!(
        world.error()[0],
        "The global `finder` is overridden after it was executed"
    );
}

/// Catches a retriever that is executed before a package is fetched that could define another one.
#[test]
fn a_retriever_from_the_global_namespace_waits_for_the_others() {
    let a = granting(get("a", crates()), &[Permission::DefineGlobal]);
    let top = package("top", "1.0.0")
        .asks("log", get("log", by(lone("finder"))))
        .asks("m", get("m", path("m")))
        .asks("a", a);
    let mut world = World::new(top);
    let mine = global(get("finder", path("../mine")), 1);
    world.path("m", &package("m", "1.0.0").asks("finder", mine));
    world.path("mine", &package("finder", "1.0.0").runs());
    let theirs = global(get("finder", crates()), 2);
    world.offer("crates", package("a", "1.0.0").asks("finder", theirs));
    world.offer("crates", package("finder", "3.0.0").runs());
    world.offer("finder", package("log", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "finder@3.0.0", "log@1.0.0"]);
}

/// Catches names that nobody defines, with `wake.resolver` set, set to null, and not set.
#[test]
fn names_that_nobody_defines_are_asked_of_the_resolver() {
    let resolver = |from: Source| global(get("wake.resolver", from), 5);
    let base = package("top", "1.0.0")
        .asks("a", get("a", crates()))
        .asks("log", lone("log"));
    let set = base.clone().asks("r", resolver(by(get("r", path("r")))));
    let mut world = World::new(set);
    world.path("r", &package("r", "1.0.0").runs());
    world.offer("crates", package("a", "1.0.0").asks("log", lone("log@^1")));
    world.offer("r", package("log", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "log@1.0.0"]);
    let again = world.resolve_with(&all(), Some(&resolved.lock)).unwrap();
    assert_eq!((again.lock, again.calls), (resolved.lock, vec![]));

    for top in [base.clone(), base.asks("r", resolver(Source::Global))] {
        world.path("", &top);
        let error = world.error();
        assert_eq!(error[0], "`log` is not there", "{error:#?}");
        let mut world = World::new(top);
        world.member("log", &package("log", "1.7.0"));
        world.offer("crates", package("a", "1.0.0").asks("log", lone("log@^1")));
        assert_eq!(world.resolve().unwrap().chosen(), ["a@1.0.0"]);
    }
}

/// Catches an error for a name that is defined by what is fetched later.
#[test]
fn a_name_may_be_defined_by_what_is_fetched_later() {
    let b = granting(get("b", std("npm")), &[Permission::DefineGlobal]);
    let top = package("top", "1.0.0")
        .asks("a", get("a", crates()))
        .asks("b", b);
    let mut world = World::new(top);
    world.offer("crates", package("a", "1.0.0").asks("log", lone("log")));
    let log = global(get("log", std("npm")), 0);
    world.offer("npm", package("b", "1.0.0").asks("log", log));
    world.offer("npm", package("log", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "b@1.0.0", "log@1.0.0"]);
}
