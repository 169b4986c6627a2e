//! What a saved graph is for: the same request of the same workspace while nothing that it was made from has changed.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::Plan;

/// A package whose only operation says `text`.
fn saying(name: &str, text: &str) -> String {
    format!(
        "function(wake) wake.pkg(wake.pkgInfo('{name}'), modules={{
  root: function(wake, pkg, config) wake.recipe({{ Language: 'Command', Operations: [
    {{ Title: 'Say {text}', Executable: 'true', Outputs: ['said'] }},
  ] }}),
}})"
    )
}

/// A package whose only module needs the package at `path`.
fn needing(name: &str, needed: &str, path: &str) -> String {
    format!(
        "function(wake) wake.pkg(wake.pkgInfo('{name}'), pkgs={{ it: wake.getPkg('{needed}', from='{path}') }}, modules={{
  root: function(wake, pkg, config) wake.recipe({{
    Language: 'Command', Operations: [], Dependencies: {{ Runtime: [wake.getModule(pkg.pkgs.it)] }},
  }}),
}})"
    )
}

/// Titles of all operations.
fn titles(plan: &Plan, start: &str) -> Vec<String> {
    let (result, _) = plan.make_in(start);
    let (graph, _) = result.unwrap();
    let operations = graph.operations();
    operations.map(|one| graph.cold(one).title).collect()
}

/// Catches a copy that goes on looking at the declarations of the original.
#[test]
fn a_copy_of_a_workspace_is_another_workspace() {
    let plan = Plan::of(&[("one/PKG", saying("p", "one").as_str())]);
    assert_eq!(titles(&plan, "one"), ["Say one"]);
    let mut copy = Command::new("cp");
    copy.arg("-a").args([plan.path("one"), plan.path("two")]);
    assert!(copy.status().unwrap().success());
    plan.write("two/PKG", &saying("p", "two"));
    assert_eq!(titles(&plan, "two"), ["Say two"]);
    assert_eq!(titles(&plan, "one"), ["Say one"]);
}

/// Catches a package directory that is replaced by a link to one with the same declaration and other neighbours.
#[test]
fn a_package_that_becomes_a_link_is_another_package() {
    let plan = Plan::of(&[
        ("PKG", needing("top", "middle", "here/middle").as_str()),
        ("here/middle/PKG", &needing("middle", "said", "../said")),
        ("here/said/PKG", &saying("said", "here")),
        ("there/middle/PKG", &needing("middle", "said", "../said")),
        ("there/said/PKG", &saying("said", "there")),
    ]);
    assert_eq!(titles(&plan, ""), ["Say here"]);
    assert!(plan.make_in("").1.reused);
    std::fs::remove_dir_all(plan.path("here/middle")).unwrap();
    symlink("../there/middle", plan.path("here/middle")).unwrap();
    assert_eq!(titles(&plan, ""), ["Say there"]);
    std::fs::remove_file(plan.path("here/middle")).unwrap();
    assert!(plan.error().starts_with("User: `middle` is not there"));
}

/// Catches a plan of the package above that is used for a package that has appeared where wake is started.
#[test]
fn a_package_that_appears_where_wake_is_started_is_the_default_target() {
    let plan = Plan::of(&[
        ("RootRecipe.sml", ""),
        ("PKG", saying("top", "top").as_str()),
        ("sub/notes", ""),
    ]);
    assert_eq!(titles(&plan, "sub"), ["Say top"]);
    plan.write("RootRecipe.sml", "Members: ['sub']");
    plan.write("sub/PKG", &saying("sub", "sub"));
    assert_eq!(titles(&plan, "sub"), ["Say sub"]);
    assert_eq!(titles(&plan, ""), ["Say top"]);
}

/// Catches a member that is taken from the plan after the patterns of `Members`, or what they match, have changed.
#[test]
fn a_new_member_makes_a_new_plan() {
    let plan = Plan::of(&[
        ("RootRecipe.sml", "Members: ['libs/*']"),
        ("libs/a/PKG", saying("a", "a").as_str()),
    ])
    .targets(&["..."]);
    assert_eq!(titles(&plan, ""), ["Say a"]);
    plan.write("libs/b/PKG", &saying("b", "b"));
    assert_eq!(titles(&plan, ""), ["Say a", "Say b"]);
    std::fs::remove_file(plan.path("libs/a/PKG")).unwrap();
    assert_eq!(titles(&plan, ""), ["Say b"]);
}

/// Catches an import whose change, end or return is not noticed.
#[test]
fn an_import_counts_as_long_as_it_is_there() {
    let plan = Plan::of(&[
        ("PKG", "import 'said.libsonnet'"),
        ("said.libsonnet", saying("p", "first").as_str()),
    ]);
    assert_eq!(titles(&plan, ""), ["Say first"]);
    plan.write("said.libsonnet", &saying("p", "other"));
    assert_eq!(titles(&plan, ""), ["Say other"]);
    std::fs::remove_file(plan.path("said.libsonnet")).unwrap();
    assert!(plan.error().contains("said.libsonnet"));
    plan.write("said.libsonnet", &saying("p", "first"));
    assert_eq!(titles(&plan, ""), ["Say first"]);
}

/// Catches keys that change with the targets that are asked for: everything would run again after each change of mind.
#[test]
fn a_key_does_not_depend_on_what_else_is_wanted() {
    let files = [
        (
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('top'), pkgs={ sub: wake.getPkg('sub', from='sub') }, modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'Command', Operations: [
    { Title: 'Read', Executable: 'true', Inputs: ['sub/notes'], Outputs: ['read'] },
  ] }),
})",
        ),
        ("sub/PKG", &saying("sub", "sub")),
        ("sub/notes", ""),
    ];
    let key = |plan: &Plan| {
        let (graph, _) = plan.make_in("").0.unwrap();
        let mut operations = graph.operations();
        let read = operations.find(|one| graph.cold(*one).title == "Read");
        *graph.key(read.unwrap())
    };
    let plan = Plan::of(&files);
    let alone = key(&plan);
    assert_eq!(key(&plan.targets(&["..."])), alone);
}

/// Catches names of directories that are taken for patterns, tokens or ends of lines.
#[test]
fn a_package_may_lie_in_a_directory_of_any_name() {
    for name in [
        "a b",
        "$(target)",
        "$$x",
        "päckchen",
        "it's",
        "[x]*",
        "new\nline",
    ] {
        let written = serde_json::to_string(&format!("../{name}")).unwrap();
        let needing = needing("top", "said", "PATH").replace("'PATH'", &written);
        let plan = Plan::of(&[
            ("top/PKG", needing.as_str()),
            (&format!("{name}/PKG"), &saying("said", "it")),
            (&format!("{name}/a.c"), ""),
        ]);
        assert_eq!(titles(&plan, "top"), ["Say it"], "from outside: {name}");
        assert_eq!(titles(&plan, name), ["Say it"], "from inside: {name}");
    }
}
