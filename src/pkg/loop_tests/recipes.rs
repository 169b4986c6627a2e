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
