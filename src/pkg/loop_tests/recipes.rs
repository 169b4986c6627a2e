//! What recipes ask of resolution: whatever lies at a path, the scope of the host, names.

use super::*;
use crate::pkg::overview::Overview;

/// Catches a reference of a recipe that needs to know what lies at its path, and a path that messages do not name.
#[test]
fn a_request_by_path_may_take_whatever_is_there() {
    let any = |directory: &str| get("", path(directory));
    let top = package("top", "1.0.0").asks("library/", any("library/"));
    let world = World::new(top.clone());
    let library = package("acme/text", "2.0.0").asks("../zip", any("../zip"));
    world.path("library", &library);
    world.path("zip", &package("zip", "1.0.0"));
    world.with(&all(), None, |resolver, heard| {
        let library = need(resolver, heard, 0, &any("library/")).unwrap();
        resolver.packages.check(library, &any("library/")).unwrap();
        assert_eq!(resolver.packages.label(library), "acme/text");
        let overview = Overview::of(resolver);
        let requests = |name: &str| {
            let mut named = overview.packages.iter().filter(|one| one.name == name);
            let requires = named.next().unwrap().requires.clone();
            let requires = requires.into_iter();
            let shown = requires.map(|one| (one.request, one.package.is_some()));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(requests("top"), [("library/".to_owned(), true)]);
        assert_eq!(requests("acme/text"), [("../zip".to_owned(), true)]);
    });
    world.path("zip", &package("zip", "1.0.0").asks("top", any("..")));
    assert_eq!(
        world.error()[..4],
        [
            "Packages need each other in a cycle",
            "`top` needs `acme/text`  (top/PKG:1:1)",
            "`acme/text` needs `zip`  (acme/text/PKG:1:1)",
            "`zip` needs `top`  (zip/PKG:1:1)",
        ]
    );
    world.path("zip", &package("zip", "1.0.0"));
    world.path("", &top.asks("gone", any("../gone")));
    world.with(&all(), None, |resolver, heard| {
        let error = need(resolver, heard, 0, &any("../gone")).unwrap_err();
        assert_eq!(lines(&error)[0], "`../gone` is not there");
    });
}

fn host(request: PackageRequest) -> PackageRequest {
    PackageRequest {
        is_host: true,
        ..request
    }
}

/// The release that a package gets for a request, with its scope.
fn found(
    resolver: &mut Resolver<'_>,
    heard: &mut Heard,
    asking: PackageIndex,
    request: &PackageRequest,
) -> (PackageIndex, String) {
    let found = need(resolver, heard, asking, request).unwrap();
    let release = resolver.packages.get(found).release.clone().unwrap();
    (found, format!("{} {release}", release.scope))
}

/// Catches a tool that is built with the versions of what it is used for, a release that passes its tools on into the
/// main scope, and a lock that does not tell the two apart.
#[test]
fn tools_have_versions_of_their_own() {
    let tool = host(get("tool@^1", crates()));
    let text = get("text@^1", crates());
    let top = package("top", "1.0.0")
        .asks("text", get("text@=1.0.0", crates()))
        .asks("library", get("library", crates()))
        .asks("tool", tool.clone());
    let mut world = World::new(top);
    world.offer("crates", package("text", "1.0.0"));
    world.offer("crates", package("text", "1.4.0"));
    world.offer(
        "crates",
        package("tool", "1.0.0").asks("text", text.clone()),
    );
    let generator = host(get("generator", crates()));
    world.offer(
        "crates",
        package("library", "1.0.0").asks("generator", generator.clone()),
    );
    world.offer(
        "crates",
        package("generator", "1.0.0").asks("text", text.clone()),
    );
    let resolved = world.resolve().unwrap();
    let scopes = |resolved: &Resolved| {
        let entries = resolved.lock.entries.iter();
        let entries = entries.filter(|entry| entry.version.is_some());
        let shown =
            entries.map(|one| format!("{} {}", one.scope.as_deref().unwrap_or("-"), one.label()));
        shown.collect::<Vec<_>>()
    };
    let expected = [
        "host generator@1.0.0",
        "- library@1.0.0",
        "- text@1.0.0",
        "host text@1.4.0",
        "host tool@1.0.0",
    ];
    assert_eq!(scopes(&resolved), expected);
    world.with(&all(), Some(&resolved.lock), |resolver, heard| {
        let (tool, shown) = found(resolver, heard, 0, &tool);
        assert_eq!(shown, "host tool@1.0.0");
        assert_eq!(found(resolver, heard, tool, &text).1, "host text@1.4.0");
        let (library, shown) = found(resolver, heard, 0, &get("library", crates()));
        assert_eq!(shown, "0 library@1.0.0");
        let (generator, _) = found(resolver, heard, library, &generator);
        assert_eq!(
            found(resolver, heard, generator, &text).1,
            "host text@1.4.0"
        );
        let overview = Overview::of(resolver);
        let tool = overview.packages.iter().find(|one| one.name == "tool");
        assert_eq!(tool.unwrap().scope.as_deref(), Some("host"));
    });
    world.offer("crates", package("text", "1.5.0"));
    let again = world.resolve_with(&all(), Some(&resolved.lock)).unwrap();
    assert_eq!((again.lock, again.calls), (resolved.lock, vec![]));
}

/// Catches a version that is the same in both scopes, with the same below it, and is built twice into one place.
#[test]
fn what_is_equal_in_both_scopes_is_one() {
    let top = package("top", "1.0.0")
        .asks("text", get("text", crates()))
        .asks("tool", host(get("tool", crates())));
    let mut world = World::new(top);
    world.offer("crates", package("text", "1.0.0"));
    world.offer(
        "crates",
        package("tool", "1.0.0").asks("text", get("text", crates())),
    );
    world.with(&all(), None, |resolver, heard| {
        let (tool, _) = found(resolver, heard, 0, &host(get("tool", crates())));
        let (of_tool, shown) = found(resolver, heard, tool, &get("text", crates()));
        assert_eq!(shown, "0 text@1.0.0");
        assert_eq!(found(resolver, heard, 0, &get("text", crates())).0, of_tool);
        let overview = Overview::of(resolver);
        let names: Vec<&str> = overview
            .packages
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["text", "tool", "top"]);
    });
}

/// Catches a path package whose scope depends on the order in which it was found: it is of the host as long as members
/// reach it only so.
#[test]
fn a_path_package_is_of_the_host_only_if_nothing_else_reaches_it() {
    let text = get("text", crates());
    let top = |is_host: bool| {
        let both = PackageRequest {
            is_host,
            ..get("", path("both"))
        };
        package("top", "1.0.0")
            .asks("text", get("text@=1.0.0", crates()))
            .asks("tool", host(get("", path("tool"))))
            .asks("z", both)
    };
    let mut world = World::new(top(true));
    world.offer("crates", package("text", "1.0.0"));
    world.offer("crates", package("text", "1.4.0"));
    let tool = package("tool", "1.0.0").asks("both", get("", path("../both")));
    world.path("tool", &tool.asks("text", text.clone()));
    world.path("both", &package("both", "1.0.0").asks("text", text.clone()));
    let scopes = |world: &World| {
        world.with(&all(), None, |resolver, heard| {
            ["tool", "both"].map(|name| {
                let package = need(resolver, heard, 0, &get("", path(name)));
                found(resolver, heard, package.unwrap(), &text).1
            })
        })
    };
    assert_eq!(scopes(&world), ["host text@1.4.0", "host text@1.4.0"]);
    world.path("", &top(false));
    assert_eq!(scopes(&world), ["host text@1.4.0", "0 text@1.0.0"]);
    let before = world.resolve().unwrap();
    let again = world.resolve_with(&all(), Some(&before.lock)).unwrap();
    assert_eq!((again.lock, again.calls), (before.lock, vec![]));
    world.members.push("tool".to_owned());
    assert_eq!(scopes(&world), ["0 text@1.0.0", "0 text@1.0.0"]);
}

/// Catches a cycle that is not seen because one of its packages is only built with another one.
#[test]
fn a_cycle_leads_through_kinds() {
    let top = package("top", "1.0.0").asks("tool", host(get("", path("tool"))));
    let world = World::new(top);
    world.path(
        "tool",
        &package("tool", "1.0.0").asks("top", get("", path(".."))),
    );
    assert_eq!(
        world.error()[..3],
        [
            "Packages need each other in a cycle",
            "`top` needs `tool` as a `Build` or `Tool` dependency  (top/PKG:1:1)",
            "`tool` needs `top`  (tool/PKG:1:1)",
        ]
    );
}

fn named(wanted: &str) -> PackageRequest {
    get(wanted, Source::Global)
}

fn registry() -> Policy {
    Policy {
        registry: Some("../registry".to_owned()),
        ..all()
    }
}

const REGISTRY: &str = r#"index({"path":"../registry"})"#;

/// Catches a registry that is asked for what the workspace has, or although somebody defines the name, and a name of a
/// path package that is not found because the recipe does not say whose it is.
#[test]
fn a_name_is_answered_by_the_workspace_then_by_the_registry() {
    let mut world = World::new(package("top", "1.0.0"));
    let app = package("app", "1.0.0")
        .asks("Text", named("Text"))
        .asks("Zip", named("Zip@^1"))
        .asks("Log", named("Log"))
        .asks("Gen", host(named("Gen")));
    world.recipe("app", &app);
    world.members.push("app".to_owned());
    world.member("text", &package("acme/Text", "3.0.0"));
    let log = global(get("Log", crates()), 0);
    world.member("defines", &package("defines", "1.0.0").asks("log", log));
    world.offer("crates", package("Log", "1.0.0"));
    fs::create_directories(&world.top.join("../registry")).unwrap();
    for name in ["Text", "Log", "Zip"] {
        world.offer(REGISTRY, package(name, "1.0.0"));
    }
    world.offer(REGISTRY, package("Gen", "1.0.0").asks("Zip", named("Zip")));
    let resolved = world.resolve_with(&registry(), None).unwrap();
    assert_eq!(
        resolved.chosen(),
        ["Gen@1.0.0", "Log@1.0.0", "Zip@1.0.0", "Zip@1.0.0"]
    );
    let origins = resolved.lock.entries.iter().filter(|one| one.name == "Zip");
    assert!(origins.clone().all(|one| &*one.origin == REGISTRY) && origins.count() == 2);
    let again = world
        .resolve_with(&registry(), Some(&resolved.lock))
        .unwrap();
    assert_eq!((again.lock, again.calls), (resolved.lock, vec![]));
    world.with(&registry(), None, |resolver, heard| {
        let app = resolver.members[1];
        let text = need(resolver, heard, app, &named("Text")).unwrap();
        assert_eq!(resolver.packages.label(text), "acme/Text");
        assert_eq!(found(resolver, heard, app, &named("Log")).1, "0 Log@1.0.0");
    });
}

/// Catches a name that nobody answers without a word on what to do, and one that two packages have.
#[test]
fn a_name_that_nobody_answers_says_what_to_do() {
    let mut world = World::new(package("top", "1.0.0"));
    world.recipe("app", &package("app", "1.0.0").asks("Txet", named("Txet")));
    world.members.push("app".to_owned());
    let missing = [
        "`Txet` is not there",
        "`app` asks for it by name, and no package of the workspace is called so",
        "hint: reference it by its path: `'../Txet/'`; or name an index in `RootRecipe.sml` that has it: `Registry: '…'`",
    ];
    assert_eq!(world.error(), missing);
    world.member("text", &package("Text", "1.0.0"));
    assert_eq!(world.error()[2], "hint: did you mean `Text`?");
    let error = world.resolve_with(&registry(), None).unwrap_err();
    assert_eq!(lines(&error)[1], "`Registry` names it");
    fs::create_directories(&world.top.join("../registry")).unwrap();
    let error = world.resolve_with(&registry(), None).unwrap_err();
    assert_eq!(lines(&error).last().unwrap(), "hint: did you mean `Text`?");
    world.member("one", &package("one/Txet", "1.0.0"));
    world.member("other", &package("other/Txet", "1.0.0"));
    assert_eq!(
        world.error()[2..],
        [
            "`one/Txet` is in `one`",
            "`other/Txet` is in `other`",
            "hint: say which is meant by its path, or whose: `'owner|Txet'`",
        ]
    );
}

/// Catches two directories whose files would be made in one place.
#[test]
fn two_directories_of_one_identity_are_refused() {
    let mut world = World::new(package("top", "1.0.0"));
    world.member("one", &package("text", "1.0.0"));
    world.member("other", &package("text", "1.0.0"));
    assert_eq!(
        world.error(),
        [
            "Two packages are called `text@1.0.0`",
            "one is `one`",
            "the other is `other`",
            "hint: give one another name or namespace in its `wake.pkgInfo`",
        ]
    );
    world.path("other", &package("text", "1.1.0"));
    world.resolve().unwrap();
}
