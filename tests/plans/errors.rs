//! Bad input: what the front end says of it.

use super::Plan;

macro_rules! error {
    ($name:ident, $files:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(Plan::of(&$files).error());
        }
    };
}

const RECIPE: &str = "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: ['a.c'] }),
})";

error!(no_declaration, [("readme", "")]);
error!(
    a_syntax_error,
    [(
        "PKG",
        "function(wake)\n  wake.pkg(wake.pkgInfo('p'),, modules={})\n"
    )]
);
error!(not_a_function, [("PKG", "{ name: 'p' }")]);
error!(
    a_missing_source,
    [("PKG", RECIPE), ("b.c", ""), ("aa.c", "")]
);
error!(
    an_unknown_module,
    [(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  roott: function(wake, pkg, config) wake.recipe({ Language: 'C' }),
})"
    )]
);
error!(
    an_unknown_language,
    [(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'c++' }),
})"
    )]
);
error!(
    a_source_outside_its_package,
    [("PKG", RECIPE.replace("a.c", "../a.c").as_str())]
);
error!(
    a_missing_package,
    [(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'),
  pkgs={ library: wake.getPkg('acme/library', from='library') },
  modules={ root: function(wake, pkg, config) wake.recipe({
    Language: 'C', Dependencies: { Runtime: [wake.getModule(pkg.pkgs.library)] } }) })"
    )]
);
error!(a_package_cycle, [
    ("PKG", "function(wake) wake.pkg(wake.pkgInfo('a'), pkgs={ b: wake.getPkg('b', from='b') }, modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Dependencies: { Runtime: [wake.getModule(pkg.pkgs.b)] } }) })"),
    ("b/PKG", "function(wake) wake.pkg(wake.pkgInfo('b'), pkgs={ a: wake.getPkg('a', from='..') })"),
]);
error!(a_module_cycle, [("PKG", "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Dependencies: { Runtime: [wake.getModule(pkg, 'b')] } }),
  b: function(wake, pkg, config) wake.recipe({ Language: 'C', Dependencies: { Runtime: [wake.getModule(pkg)] } }),
})")]);

fn commands(operations: &str) -> String {
    format!(
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={{
  root: function(wake, pkg, config) wake.recipe({{ Language: 'Command', Operations: [
{operations}
  ] }}),
}})"
    )
}

error!(two_writers, [("PKG", commands(
    "{ Title: 'First', Executable: 'true', Outputs: ['x'] },\n{ Title: 'Second', Executable: 'true', Outputs: ['x'] },"
).as_str())]);
error!(
    an_operation_cycle,
    [(
        "PKG",
        commands(
            "{ Title: 'First', Executable: 'true', Inputs: ['$(target)/y'], Outputs: ['x'] },
{ Title: 'Second', Executable: 'true', Inputs: ['$(target)/x'], Outputs: ['y'] },"
        )
        .as_str()
    )]
);
error!(
    an_input_that_nothing_makes,
    [(
        "PKG",
        commands(
            "{ Title: 'First', Executable: 'true', Inputs: ['$(target)/y'], Outputs: ['x'] },"
        )
        .as_str()
    )]
);
error!(
    an_output_outside_the_target_directory,
    [(
        "PKG",
        commands("{ Title: 'First', Executable: 'true', Outputs: ['../x'] },").as_str()
    )]
);
error!(
    an_unknown_token,
    [(
        "PKG",
        commands(
            "{ Title: 'First', Executable: 'true', Arguments: ['$(taget)/y'], Outputs: ['x'] },"
        )
        .as_str()
    )]
);
error!(
    a_tool_that_is_not_installed,
    [(
        "PKG",
        commands("{ Title: 'First', Executable: 'no-such-tool', Outputs: ['x'] },").as_str()
    )]
);
error!(two_packages_of_one_name, [
    ("PKG", "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ other: wake.getPkg('p', from='other') }, modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: ['a.c'],
    Dependencies: { Runtime: [wake.getModule(pkg.pkgs.other)] } }) })"),
    ("a.c", ""),
    ("other/PKG", RECIPE),
    ("other/a.c", ""),
]);

#[test]
fn a_package_that_is_no_member() {
    let plan = Plan::of(&[
        ("RootRecipe.sml", ""),
        ("PKG", RECIPE),
        ("a.c", ""),
        ("sub/PKG", RECIPE),
    ]);
    insta::assert_snapshot!(plan.error_in("sub"));
}

#[test]
fn a_source_that_leads_out_by_a_link() {
    let plan = Plan::of(&[("top/PKG", RECIPE), ("outside.c", "")]);
    std::os::unix::fs::symlink("../outside.c", plan.path("top/a.c")).unwrap();
    insta::assert_snapshot!(plan.error_in("top"));
}
