//! Loops in which nothing goes on: what is said of them.

use super::*;
use crate::declare::model::Versions;

/// Catches a stuck loop that says nothing of who waits for whom.
#[test]
fn a_retriever_that_must_be_found_by_itself_is_named() {
    let finder = get("finder", by(get("finder", path("finder"))));
    let top = package("top", "1.0.0").asks("a", get("a", by(get("finder", path("finder")))));
    let world = World::new(top);
    let base = get("base", by(get("finder", path("."))));
    world.path(
        "finder",
        &package("finder", "1.0.0").runs().asks("base", base),
    );
    let _ = finder;
    assert_eq!(
        world.error(),
        [
            "The packages cannot be resolved: nothing can go on",
            "`finder` waits for `base`, which `finder` must find first  (finder/PKG:1:1)",
            "`top` waits for `a`, which `finder` must find first  (top/PKG:1:1)",
            "hint: break the circle: one of them must be found without the others",
        ]
    );
}

#[test]
fn two_retrievers_that_find_each_other_are_named() {
    let one = || get("one", by(get("other", path("../other"))));
    let other = || get("other", by(get("one", path("../one"))));
    let top = package("top", "1.0.0").asks("a", get("a", by(get("one", path("one")))));
    let world = World::new(top);
    let script = package("one", "1.0.0").runs();
    world.path(
        "one",
        &script.asks("x", get("x", by(get("other", path("../other"))))),
    );
    let script = package("other", "1.0.0").runs();
    world.path(
        "other",
        &script.asks("y", get("y", by(get("one", path("../one"))))),
    );
    let _ = (one(), other());
    assert_eq!(
        world.error(),
        [
            "The packages cannot be resolved: nothing can go on",
            "`one` waits for `x`, which `other` must find first  (one/PKG:1:1)",
            "`other` waits for `y`, which `one` must find first  (other/PKG:1:1)",
            "`top` waits for `a`, which `one` must find first  (top/PKG:1:1)",
            "hint: break the circle: one of them must be found without the others",
        ]
    );
}

#[test]
fn packages_that_wait_for_each_others_exports_are_named() {
    let top = package("top", "1.0.0").asks("one", get("one", path("one")));
    let world = World::new(top);
    let one = package("one", "1.0.0").asks("other", get("other", path("../other")));
    world.path("one", &one.reads("other"));
    let other = package("other", "1.0.0").asks("one", get("one", path("../one")));
    world.path("other", &other.reads("one"));
    assert_eq!(
        world.error(),
        [
            "The packages cannot be resolved: nothing can go on",
            "`one` waits for `other`  (one/PKG:1:1)",
            "`other` waits for `one`  (other/PKG:1:1)",
            "hint: break the circle: one of them must be found without the others",
        ]
    );
}

/// Catches a typing error that is told as a riddle.
#[test]
fn a_global_that_nobody_defines_shows_near_names() {
    let asks = get("acme/logger", Source::Global);
    let top = package("top", "1.0.0").asks("log", asks);
    let world = World::new(top.asks("x", global(get("acme/loger", path("x")), 0)));
    world.path("x", &package("acme/loger", "1.0.0"));
    assert_eq!(
        world.error(),
        [
            "`acme/logger` is not there",
            "`top` asks for it from the global namespace, and nobody defines it",
            "hint: did you mean `acme/loger`?",
        ]
    );
}

/// Catches a wait without end for what can never come: the reason is lost.
#[test]
fn what_keeps_a_declaration_from_going_on_is_said() {
    let hidden = |key: &str| {
        let of = Source::Of(Box::new(get("p", path("p"))), key.to_owned());
        get(key, of)
    };
    let mut top = package("top", "1.0.0").asks("p", get("p", path("p")));
    top.reads.push(hidden("secret"));
    let world = World::new(top);
    world.path(
        "p",
        &package("p", "1.0.0").asks("q", get("q", path("missing"))),
    );
    assert_eq!(world.error()[0], "`pkgs` of `p` has no `secret`");

    let top = package("top", "1.0.0").asks("m", get("m", path("missing")));
    world.path("", &top.reads("m"));
    assert_eq!(
        world.error()[..2],
        ["`m` is not there", "there is no directory `missing`"]
    );
}

/// Catches a resolution without end: ever new packages.
#[test]
fn ever_new_packages_end_in_an_error() {
    let top = package("top", "1.0.0").asks("p0", get("p0", crates()));
    let mut world = World::new(top);
    for number in 0..1_100 {
        let next = format!("p{}", number + 1);
        let script = package(&format!("p{number}"), "1.0.0");
        world.offer("crates", script.asks("next", get(&next, crates())));
    }
    let error = lines(&world.resolve_with(&Policy::default(), None).unwrap_err());
    assert_eq!(error[0], "Resolving the packages does not end");
}

/// Catches the error of whoever answers first.
#[test]
fn of_several_errors_the_same_is_shown() {
    let top = package("top", "1.0.0")
        .asks("a", get("a@^2", crates()))
        .asks("b", get("b@^2", std("npm")));
    let mut world = World::new(top);
    world.offer("crates", package("a", "1.0.0"));
    world.offer("npm", package("b", "1.0.0"));
    let first = world.error();
    for seed in 1..20 {
        world.seed.store(seed * 0x9e37_79b9, Relaxed);
        assert_eq!(world.error(), first, "seed {seed}");
    }
}

/// Catches a conflict that is told, or a lock that is doubted, before a member that waits has said how many versions there
/// may be.
#[test]
fn a_member_that_waits_still_has_its_word_on_versions() {
    let top = package("top", "1.0.0").asks("f", get("f", std("npm")));
    let mut world = World::new(top.asks("a", global(get("a", crates()), 0)));
    let g = PackageRequest {
        versions: Some(Versions::OnePerMinor),
        ..get("g@<2", crates())
    };
    let member = package("member", "1.0.0").asks("a", get("a", Source::Global));
    world.member("member", &member.reads("a").asks("g", g));
    world.offer("crates", package("a", "1.0.0"));
    world.offer("crates", package("g", "1.0.0"));
    world.offer("crates", package("g", "1.1.0"));
    let f = package("f", "1.0.0").asks("old", get("g@=1.0.0", crates()));
    world.offer("npm", f.asks("new", get("g@>=1.1", crates())));
    let first = world.resolve().unwrap();
    assert_eq!(first.chosen(), ["a@1.0.0", "f@1.0.0", "g@1.0.0", "g@1.1.0"]);
    let kept = world.resolve_with(&all(), Some(&first.lock)).unwrap();
    assert_eq!((kept.lock, kept.calls), (first.lock, vec![]));
}
