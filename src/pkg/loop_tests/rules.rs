//! From declarations to versions and files: DESIGN §3 line by line.

use super::*;
use crate::declare::model::Versions;

/// Catches a retriever that is called for each package, and one that is not asked in the same round as the others.
#[test]
fn each_retriever_is_asked_once_in_a_round() {
    let top = package("top", "1.0.0")
        .asks("a", get("a@^1", crates()))
        .asks("b", get("b@^1", crates()))
        .asks("n", get("n@^1", std("npm")));
    let mut world = World::new(top);
    world.offer(
        "crates",
        package("a", "1.0.0").asks("c", get("c@1", crates())),
    );
    world.offer(
        "crates",
        package("b", "1.2.0").asks("c", get("c@^1.1", crates())),
    );
    world.offer("crates", package("b", "2.0.0"));
    world.offer("crates", package("c", "1.1.0"));
    world.offer("npm", package("n", "1.0.0"));
    let mut resolved = world.resolve().unwrap();
    resolved.calls.sort();
    assert_eq!(
        resolved.calls,
        [
            "crates! a@1.0.0 b@1.2.0 c@1.1.0",
            "crates? a@^1 b@^1",
            "crates? c@1 c@^1.1",
            "npm! n@1.0.0",
            "npm? n@^1",
        ]
    );
    assert_eq!(
        resolved.chosen(),
        ["a@1.0.0", "b@1.2.0", "c@1.1.0", "n@1.0.0"]
    );
    assert_eq!(resolved.warnings, [""; 0]);
}

/// Catches a retriever that is executed before what it needs is there.
#[test]
fn a_retriever_may_come_from_a_retriever_and_need_packages() {
    let outer = get("acme/outer", path("outer"));
    let inner = get("acme/inner@^1", by(outer));
    let top = package("top", "1.0.0").asks("a", get("a", by(inner)));
    let mut world = World::new(top);
    let outer = package("acme/outer", "1.0.0").runs();
    world.path("outer", &outer.asks("base", get("base", crates())));
    let inner = package("acme/inner", "1.4.0").runs();
    world.offer("acme/outer", inner.asks("more", get("more", crates())));
    world.offer("acme/inner", package("a", "1.0.0"));
    world.offer("crates", package("base", "1.0.0"));
    world.offer("crates", package("more", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(
        resolved.calls,
        [
            "crates? base@*",
            "crates! base@1.0.0",
            "acme/outer? acme/inner@^1",
            "acme/outer! acme/inner@1.4.0",
            "crates? more@*",
            "crates! more@1.0.0",
            "acme/inner? a@*",
            "acme/inner! a@1.0.0",
        ]
    );
    assert_eq!(
        resolved.chosen(),
        ["a@1.0.0", "acme/inner@1.4.0", "base@1.0.0", "more@1.0.0"]
    );
    let again = world.resolve_with(&all(), Some(&resolved.lock)).unwrap();
    assert_eq!((again.chosen(), again.calls), (resolved.chosen(), vec![]));
    assert_eq!(again.lock, resolved.lock);
}

/// Catches one retriever that is executed in the place of another of the same name.
#[test]
fn two_retrievers_of_one_name_are_told_apart() {
    let one = get("acme/fetcher", path("one"));
    let other = get("acme/fetcher", path("other"));
    let top = package("top", "1.0.0")
        .asks("a", get("a", by(one)))
        .asks("b", get("b", by(other)));
    let mut world = World::new(top);
    world.path("one", &package("acme/fetcher", "1.0.0").runs());
    world.path("other", &package("acme/fetcher", "1.0.0").runs());
    world.offer("acme/fetcher", package("a", "1.0.0"));
    world.offer("acme/fetcher", package("b", "1.0.0"));
    assert_eq!(
        world.error(),
        [
            "Two retrievers are called `acme/fetcher`",
            "one is `one`",
            "the other is `other`",
            "hint: give one another name in its `wake.pkgInfo`, or ask both times for the same",
        ]
    );
}

/// Catches what runs of a fetched package and is not part of it.
#[test]
fn the_file_that_is_executed_belongs_to_a_fetched_package() {
    let inner = get("acme/inner@^1", crates());
    let top = package("top", "1.0.0").asks("a", get("a", by(inner.clone())));
    let mut world = World::new(top);
    world.offer("crates", package("acme/inner", "1.4.0").runs());
    world.offer("acme/inner", package("a", "1.0.0"));
    world.with(&all(), None, |resolver, heard| {
        let found = need(resolver, heard, 0, &inner).unwrap();
        let directory = resolver.packages.get(found).directory.clone();
        assert!(fs::is_file(&directory.join("main")));
    });
}

/// Catches a declaration that never gets the `exports` it waits for, first from a retriever and then from the store.
#[test]
fn declarations_wait_for_exports_of_what_is_fetched() {
    let top = package("top", "1.0.0")
        .asks("a", get("a@^1", crates()))
        .reads("a");
    let mut world = World::new(top.asks("later", get("later", crates())));
    let a = package("a", "1.0.0").asks("b", get("b@^1", crates()));
    world.offer("crates", a.reads("b").exports_read("b"));
    world.offer("crates", package("b", "1.0.0"));
    world.offer("crates", package("later", "1.0.0"));
    let cold = world.resolve_with(&Policy::default(), None).unwrap();
    assert_eq!(cold.chosen(), ["a@1.0.0", "b@1.0.0", "later@1.0.0"]);
    assert!(!cold.calls.contains(&"crates! later@1.0.0".to_owned()));
    let warm = world
        .resolve_with(&Policy::default(), Some(&cold.lock))
        .unwrap();
    assert_eq!(warm.calls, [""; 0]);
    assert_eq!(warm.lock, cold.lock);
}

/// Catches a forecast that counts beside the declaration, and one that is complained of again and again.
#[test]
fn a_declaration_replaces_the_forecast_once() {
    let top = package("top", "1.0.0").asks("a", get("a@^1", crates()));
    let mut world = World::new(top);
    let a = package("a", "1.0.0").asks("b", get("b@^2", crates()));
    let forecast = world.offer("crates", a);
    let said = [("b".to_owned(), Required::Same("b@^1".into()))];
    forecast.pkgs = BTreeMap::from(said);
    world.offer("crates", package("b", "1.0.0"));
    world.offer("crates", package("b", "2.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "b@2.0.0"]);
    assert_eq!(
        resolved.warnings,
        ["`a@1.0.0` asks for `b@^2`, while `crates` says that it asks for `b@^1`"]
    );
    let again = world.resolve_with(&all(), Some(&resolved.lock)).unwrap();
    assert_eq!(again.lock, resolved.lock);
    assert_eq!((again.warnings, again.calls), (vec![], vec![]));
}

/// Catches requirements of a version that is chosen no more.
#[test]
fn what_a_version_asks_for_counts_only_while_it_is_chosen() {
    let top = package("top", "1.0.0")
        .asks("a", get("a@^1", crates()))
        .asks("b", get("b@^1", crates()));
    let mut world = World::new(top);
    world.offer("crates", package("a", "1.0.0"));
    let newest = package("a", "1.1.0").asks("gone", get("gone", crates()));
    let newest = newest.asks("b", get("b@>=1.5", crates())).reads("gone");
    world.offer("crates", newest).pkgs.clear();
    world.offer("crates", package("b", "1.0.0"));
    world.offer("crates", package("gone", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "b@1.0.0"]);
}

/// Catches one version in two scopes that is fetched to one place at once.
#[test]
fn one_version_in_several_scopes_is_fetched_once() {
    let any = |request: PackageRequest| PackageRequest {
        versions: Some(Versions::Any),
        ..request
    };
    let top = package("top", "1.0.0")
        .asks("a", any(get("a@^1", crates())))
        .asks("b", any(get("b@^1", crates())));
    let mut world = World::new(top);
    for label in ["a", "b"] {
        let script = package(label, "1.0.0").asks("c", get("c@^1", crates()));
        world.offer("crates", script);
    }
    world.offer("crates", package("c", "1.0.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(
        resolved.chosen(),
        ["a@1.0.0", "b@1.0.0", "c@1.0.0", "c@1.0.0"]
    );
    let fetched: Vec<&String> = resolved
        .calls
        .iter()
        .filter(|call| call.contains('!'))
        .collect();
    assert_eq!(fetched, ["crates! a@1.0.0 c@1.0.0 b@1.0.0"]);
    assert!(
        resolved
            .lock
            .entries
            .iter()
            .all(|one| one.version.is_none() || one.digest.is_some())
    );
}

/// Catches packages below `any` that share instances although they reach other versions.
#[test]
fn what_reaches_other_versions_is_a_variant() {
    let any = PackageRequest {
        versions: Some(Versions::Any),
        ..get("a@^1", crates())
    };
    let one_c = PackageRequest {
        versions: Some(Versions::One),
        ..get("c@=1.0.0", crates())
    };
    let top = package("top", "1.0.0")
        .asks("a", any.clone())
        .asks("c", one_c);
    let mut world = World::new(top);
    world.offer(
        "crates",
        package("a", "1.0.0").asks("c", get("c@^1.1", crates())),
    );
    world.offer("crates", package("c", "1.0.0"));
    world.offer("crates", package("c", "1.1.0"));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "c@1.0.0", "c@1.1.0"]);
    world.with(&all(), None, |resolver, heard| {
        let found = need(resolver, heard, 0, &any).unwrap();
        assert_eq!(resolver.packages.get(found).variant.len(), 20);
    });
}

/// Catches `when` that keeps a package out of the lock, and one that is fetched for another machine.
#[test]
fn when_is_locked_everywhere_and_fetched_where_it_matches() {
    let on = |system: &str, request: PackageRequest| PackageRequest {
        when: BTreeMap::from([("System".to_owned(), vec![system.to_owned()])]),
        ..request
    };
    let top = package("top", "1.0.0")
        .asks("here", on("Linux", get("here", crates())))
        .asks("there", on("Windows", get("there", crates())));
    let mut world = World::new(top);
    for label in ["here", "there"] {
        let below = format!("{label}-below");
        let script = package(label, "1.0.0").asks("below", get(&below, crates()));
        world.offer("crates", script);
        world.offer("crates", package(&below, "1.0.0"));
    }
    let resolve = |system: &str, lock: Option<&Lock>| {
        let mut policy = all();
        policy.parameters.insert("System".into(), system.into());
        world.resolve_with(&policy, lock).unwrap()
    };
    let linux = resolve("Linux", None);
    assert_eq!(
        linux.chosen(),
        [
            "here@1.0.0",
            "here-below@1.0.0",
            "there@1.0.0",
            "there-below@1.0.0"
        ]
    );
    assert!(
        linux
            .calls
            .contains(&"crates! here@1.0.0 here-below@1.0.0".to_owned())
    );
    assert!(!linux.calls.iter().any(|call| call.contains("! there")));
    let windows = resolve("Windows", Some(&linux.lock));
    assert_eq!(windows.calls, ["crates! there@1.0.0 there-below@1.0.0"]);
    let both = resolve("Linux", Some(&windows.lock));
    assert_eq!(both.lock, windows.lock);
    assert_eq!(both.calls, [""; 0]);
}

/// Catches a name with two meanings.
#[test]
fn one_package_through_two_retrievers_is_an_error_that_names_both() {
    let top = package("top", "1.0.0")
        .asks("a", get("a@^1", crates()))
        .asks("b", get("b", std("npm")));
    let mut world = World::new(top);
    world.offer("crates", package("a", "1.0.0"));
    world.offer(
        "npm",
        package("b", "1.0.0").asks("a", get("a@^1", std("npm"))),
    );
    world.offer("npm", package("a", "1.0.0"));
    let text = world.error().join("\n");
    assert!(
        text.contains("crates") && text.contains("npm") && text.contains("`a`"),
        "{text}"
    );
}

/// Catches a replaced package that is still asked for, or fetched.
#[test]
fn replace_answers_every_request_for_the_name() {
    let ours = PackageRequest {
        replace: true,
        ..get("log", path("log"))
    };
    let top = package("top", "1.0.0")
        .asks("a", get("a", crates()))
        .asks("log", ours.clone());
    let mut world = World::new(top);
    world.path("log", &package("log", "9.0.0"));
    let log = get("log@^9", crates());
    world.offer("crates", package("a", "1.0.0").asks("log", log.clone()));
    let resolved = world.resolve().unwrap();
    assert_eq!(resolved.calls, ["crates? a@*", "crates! a@1.0.0"]);
    assert_eq!(resolved.chosen(), ["a@1.0.0"]);
    let replaced = resolved.lock.of("log").next().unwrap();
    assert!(replaced.replace && replaced.path() == Some("log"));
    world.with(&all(), None, |resolver, heard| {
        let ours = need(resolver, heard, 0, &ours).unwrap();
        let a = need(resolver, heard, 0, &get("a", crates())).unwrap();
        assert_eq!(need(resolver, heard, a, &log), Ok(ours));
    });
}

/// Catches a fetched package that reaches into the machine.
#[test]
fn a_fetched_package_cannot_ask_by_path() {
    let top = package("top", "1.0.0").asks("a", get("a", crates()));
    let mut world = World::new(top);
    let below = get("below", path("../below"));
    world.offer("crates", package("a", "1.0.0").asks("below", below.clone()));
    world.path("below", &package("below", "1.0.0"));
    world.with(&all(), None, |resolver, heard| {
        let a = need(resolver, heard, 0, &get("a", crates())).unwrap();
        let error = need(resolver, heard, a, &below).unwrap_err();
        assert!(error.report().message.contains("by path"), "{error:?}");
    });
}

/// Catches a cycle that goes unseen because the packages were fetched.
#[test]
fn fetched_packages_that_need_each_other_are_refused() {
    let top = package("top", "1.0.0").asks("a", get("a", crates()));
    let mut world = World::new(top);
    world.offer(
        "crates",
        package("a", "1.0.0").asks("b", get("b", crates())),
    );
    world.offer(
        "crates",
        package("b", "1.0.0").asks("a", get("a", crates())),
    );
    let error = world.error();
    assert_eq!(error[0], "Packages need each other in a cycle");
    assert_eq!(error[1], "`a` needs `b`  (a/PKG:1:1)");
}

/// Catches requests that modules make and that nobody solves or fetches.
#[test]
fn what_a_module_asks_for_is_found_when_it_asks() {
    let world_of = || {
        let mut world = World::new(package("top", "1.0.0"));
        world.path(
            "tool",
            &package("tool", "1.0.0").asks("c", get("c", crates())),
        );
        world.offer(
            "crates",
            package("a", "1.0.0").asks("b", get("b", crates())),
        );
        world.offer("crates", package("b", "1.0.0"));
        world.offer("crates", package("c", "1.0.0"));
        world
    };
    let world = world_of();
    world.with(&Policy::default(), None, |resolver, heard| {
        let a = need(resolver, heard, 0, &get("a@^1", crates())).unwrap();
        need(resolver, heard, a, &get("b", crates())).unwrap();
        let tool = need(resolver, heard, 0, &get("tool", path("tool"))).unwrap();
        need(resolver, heard, tool, &get("c", crates())).unwrap();
        let error = need(resolver, heard, 0, &get("a@^2", crates())).unwrap_err();
        assert!(error.report().message.contains('a'), "{error:?}");
    });
}

/// Catches what another package asks for, when that is looked for in the wrong place: `Of`, by name and by directory.
#[test]
fn requests_of_others_are_found_through_them() {
    let a = get("a", crates());
    let top = package("top", "1.0.0").asks("a", a.clone());
    let mut world = World::new(top.asks("p", get("p", path("p"))));
    world.path("p", &package("p", "1.0.0").asks("b", get("b", crates())));
    world.offer(
        "crates",
        package("a", "1.0.0").asks("b", get("b", crates())),
    );
    world.offer(
        "crates",
        package("b", "1.0.0").asks("c", get("c", crates())),
    );
    world.offer("crates", package("c", "1.0.0"));
    let of = |outer: PackageRequest, key: &str| get(key, Source::Of(Box::new(outer), key.into()));
    world.with(&Policy::default(), None, |resolver, heard| {
        let b = need(resolver, heard, 0, &of(a.clone(), "b")).unwrap();
        let c = need(resolver, heard, 0, &of(of(a.clone(), "b"), "c")).unwrap();
        assert_eq!(resolver.packages.label(c), "c");
        assert_eq!(
            need(resolver, heard, 0, &of(get("p", path("p")), "b")),
            Ok(b)
        );
        let a = need(resolver, heard, 0, &a).unwrap();
        for asking in [0, a, c] {
            let itself = resolver.packages.get(b).directory.display().to_string();
            let itself = get("b", Source::Path(itself));
            assert_eq!(need(resolver, heard, asking, &itself), Ok(b));
            assert_eq!(need(resolver, heard, asking, &of(itself, "c")), Ok(c));
        }
        let error = need(resolver, heard, 0, &of(get("a", crates()), "hidden")).unwrap_err();
        assert_eq!(error.report().message, "`pkgs` of `a` has no `hidden`");
    });
}

/// Catches a retriever that waits for packages of other machines, or for the resolver.
#[test]
fn a_retriever_needs_what_is_for_this_machine() {
    let finder = get("finder", path("finder"));
    let top = package("top", "1.0.0").asks("a", get("a", by(finder)));
    let mut world = World::new(top);
    let elsewhere = PackageRequest {
        when: BTreeMap::from([("System".to_owned(), vec!["Plan9".to_owned()])]),
        ..get("x", crates())
    };
    let finder = package("finder", "1.0.0").runs().asks("x", elsewhere);
    world.path("finder", &finder);
    world.offer("finder", package("a", "1.0.0"));
    world.offer("crates", package("x", "1.0.0"));
    let mut resolved = world.resolve().unwrap();
    resolved.calls.sort();
    assert_eq!(resolved.chosen(), ["a@1.0.0", "x@1.0.0"]);
    assert_eq!(
        resolved.calls,
        ["crates? x@*", "finder! a@1.0.0", "finder? a@*"]
    );
}

/// Catches variables that a fetched package may read, or not, by the order in which packages were found.
#[test]
fn variables_are_granted_before_a_package_is_declared() {
    let tag = [Permission::Environment("TAG".into())];
    let a = granting(get("a", crates()), &tag);
    let mut world = World::new(package("top", "1.0.0").asks("a", a.clone()));
    world.offer("crates", package("a", "1.0.0"));
    world.with(&Policy::default(), None, |resolver, heard| {
        let found = need(resolver, heard, 0, &a).unwrap();
        let granted = resolver.packages.directory(found).granted;
        assert_eq!(granted, Some(vec!["TAG".to_owned()]));
    });
}
