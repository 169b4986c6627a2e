//! The plugins `c` and `cpp`: recipe → operations.

use super::Plan;

fn plan(declaration: &str) -> Plan {
    Plan::of(&[
        ("PKG", declaration),
        ("src/main.cpp", ""),
        ("src/library.cpp", ""),
        ("src/library.c", ""),
        ("src/start.S", ""),
        ("include/library.h", ""),
        ("test/test.cpp", ""),
    ])
}

const EVERYTHING: &str =
    "function(wake) wake.pkg(wake.pkgInfo('everything', namespace='acme'), modules={
  lib: function(wake, pkg, config) wake.recipe({
    Language: 'C++', Type: 'StaticLibrary', Name: 'every',
    Source: ['src/library.cpp', 'src/library.c', 'src/start.S'],
    PublicHeaders: ['include/library.h'], IncludePaths: ['src'], PublicIncludePaths: ['include'],
    Defines: ['A', 'B=\"two words\"'], CompilerFlags: ['-Wall'], LanguageVersion: 'C++17',
    PlatformLibraries: ['m'], EnableWarningsAsErrors: true,
    Tests: { Source: ['test/test.cpp'] },
  }),
  shared: function(wake, pkg, config) wake.recipe({
    Language: 'C', Type: 'DynamicLibrary', Source: ['src/library.c'],
  }),
  root: function(wake, pkg, config) wake.recipe({
    Language: 'C++', Type: 'Executable', Source: ['src/main.cpp'], LinkerFlags: ['-Wl,-O1'],
    Dependencies: { Runtime: [wake.getModule(pkg, 'lib'), wake.getModule(pkg, 'shared')] },
  }),
})";

/// Catches a key of the recipe that changes nothing, and flags that reach the wrong operation.
#[test]
fn every_key_of_a_recipe_is_used() {
    insta::assert_snapshot!(plan(EVERYTHING).text());
}

#[test]
fn flavors_and_compilers_choose_flags_and_tools() {
    let text = |flavor: &str| {
        plan(EVERYTHING)
            .targets(&[":shared"])
            .parameter("Flavor", flavor)
            .text()
    };
    assert!(text("Debug").contains(" -O0 -g "), "{}", text("Debug"));
    assert!(text("DebugRelease").contains(" -O2 -g "));
    assert!(text("Release").contains(" -O2 -DNDEBUG "));
}

#[test]
fn tests_are_an_instance_of_their_own() {
    insta::assert_snapshot!(plan(EVERYTHING).targets(&[":lib"]).for_tests().text());
}
