//! Packages by path: laziness, what flows between modules, and when a plan is used again.

use super::Plan;

const LIBRARY: &str = "function(wake) wake.pkg(wake.pkgInfo('library', namespace='acme'), modules={
  root: function(wake, pkg, config) wake.recipe({
    Language: 'C', Source: ['library.c'], PublicIncludePaths: ['.'],
    Defines: if std.objectHas(config, 'fast') then ['FAST'] else [],
  }),
})";

const APPLICATION: &str = "function(wake) wake.pkg(
  wake.pkgInfo('application'),
  pkgs={
    library: wake.getPkg('acme/library', from='library'),
    nowhere: wake.getPkg('acme/nowhere', from='nowhere'),
    broken: wake.getPkg('acme/broken', from='broken'),
  },
  modules={
    root: function(wake, pkg, config) wake.recipe({
      Language: 'C', Type: 'Executable', Source: ['main.c'],
      Dependencies: { Runtime: [wake.getModule(pkg.pkgs.library, config={ fast: true })] },
    }),
    unused: function(wake, pkg, config) wake.recipe({
      Language: 'C', Source: ['missing.c'],
      Dependencies: { Runtime: [wake.getModule(pkg.pkgs.nowhere)] },
    }),
  },
)";

fn application() -> Plan {
    Plan::of(&[
        ("PKG", APPLICATION),
        ("main.c", "int main(void) { return 0; }"),
        ("library/PKG", LIBRARY),
        ("library/library.c", ""),
        (
            "broken/PKG",
            "function(wake) error 'nobody needs this package'",
        ),
    ])
}

/// Catches resolving or evaluating what no target reaches.
#[test]
fn a_package_that_nobody_uses_may_be_missing_or_broken() {
    insta::assert_snapshot!(application().text());
}

/// Catches a plan that is made again although nothing it read has changed, and one that is not although something has.
#[test]
fn a_plan_is_used_again_until_something_it_read_changes() {
    let plan = application();
    let (first, counts) = plan.make_in("");
    first.unwrap();
    assert!(!counts.reused && counts.generated == 2);

    let (again, counts) = plan.make_in("");
    again.unwrap();
    assert!(counts.reused && counts.declared == 0 && counts.generated == 0);

    // A source is not read by the front end.
    plan.write("main.c", "int main(void) { return 1; }");
    assert!(plan.make_in("").1.reused);

    // The declaration is, even if it keeps its size.
    plan.write("library/PKG", &LIBRARY.replace("FAST", "SLOW"));
    let (changed, counts) = plan.make_in("");
    changed.unwrap();
    assert!(!counts.reused);
    assert!(plan.make_in("").1.reused);

    // A package that appears where one was missing is a new member.
    plan.write("nowhere/PKG", LIBRARY);
    assert!(!plan.make_in("").1.reused);
}

/// Catches a pattern whose result is taken from the plan after a file has come or gone.
#[test]
fn a_new_file_that_a_pattern_matches_makes_a_new_plan() {
    let plan = Plan::of(&[
        (
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('globbed'), modules={
              root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: wake.glob('src/**/*.c') }),
            })",
        ),
        ("src/a.c", ""),
        ("src/deep/b.c", ""),
    ]);
    let count = |plan: &Plan| plan.make_in("").0.unwrap().0.operation_count();
    assert_eq!(count(&plan), 3);
    plan.write("src/deep/c.c", "");
    assert_eq!(count(&plan), 4);
    plan.write("src/deep/notes.txt", "");
    assert!(
        plan.make_in("").1.reused,
        "a file that no pattern matches changes nothing"
    );
    std::fs::remove_file(plan.path("src/a.c")).unwrap();
    assert_eq!(count(&plan), 3);
    // A directory with its own declaration is another package.
    plan.write("src/deep/PKG", LIBRARY);
    assert_eq!(
        plan.error().lines().next(),
        Some("User: `globbed` has no sources: `Source` is empty or its patterns match no file")
    );
}

/// Catches `exports` that are not waited for, or read before their package is there.
#[test]
fn a_module_reads_what_another_package_exports() {
    let plan = Plan::of(&[
        (
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('reader'),
              pkgs={ tools: wake.getPkg('acme/tools', from='tools') },
              modules={ root: function(wake, pkg, config) wake.recipe({
                Language: 'Command', Operations: [{
                  Title: 'Say', Executable: 'printf', Arguments: [pkg.pkgs.tools.exports.greeting, pkg.pkgs.tools.version],
                  Outputs: ['said'], Stdout: 'said',
                }],
              }) })",
        ),
        (
            "tools/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('tools', version='1.2.3', namespace='acme'),
              exports=function(wake, pkg) { greeting: 'hello from ' + pkg.name })",
        ),
    ]);
    insta::assert_snapshot!(plan.text());
}
