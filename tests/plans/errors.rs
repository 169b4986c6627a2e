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

error!(
    an_output_below_a_directory_that_another_operation_makes,
    [(
        "PKG",
        commands(
            "{ Title: 'First', Executable: 'true', Outputs: ['tree/'] },
{ Title: 'Second', Executable: 'true', Outputs: ['tree/deep/x'] },"
        )
        .as_str()
    )]
);
error!(
    a_file_that_is_also_a_directory,
    [(
        "PKG",
        commands(
            "{ Title: 'First', Executable: 'true', Outputs: ['tree'] },
{ Title: 'Second', Executable: 'true', Outputs: ['tree/'] },"
        )
        .as_str()
    )]
);
error!(
    a_depfile_that_another_operation_writes,
    [(
        "PKG",
        commands(
            "{ Title: 'First', Executable: 'true', Outputs: ['x'], Depfile: 'x.d' },
{ Title: 'Second', Executable: 'true', Outputs: ['x.d'] },"
        )
        .as_str()
    )]
);
error!(
    an_operation_that_needs_what_it_makes,
    [(
        "PKG",
        commands(
            "{ Title: 'First', Executable: 'true', Inputs: ['$(target)/x'], Outputs: ['x'] },"
        )
        .as_str()
    )]
);
error!(
    two_operations_that_nothing_tells_apart,
    [(
        "PKG",
        commands(
            "{ Title: 'Check', Executable: 'true' },
{ Title: 'Check', Executable: 'true' },"
        )
        .as_str()
    )]
);
error!(
    an_input_with_a_character_that_no_path_has,
    [(
        "PKG",
        commands("{ Title: 'First', Executable: 'true', Inputs: ['a\\u0000b'], Outputs: ['x'] },")
            .as_str()
    )]
);
error!(
    an_absolute_output,
    [(
        "PKG",
        commands("{ Title: 'First', Executable: 'true', Outputs: ['/tmp/x'] },").as_str()
    )]
);
error!(
    a_module_name_that_stands_for_tests,
    [(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  'lib.tests': function(wake, pkg, config) wake.recipe({ Language: 'C' }),
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Dependencies: { Runtime: [wake.getModule(pkg, 'lib.tests')] } }),
})"
    )]
);
error!(
    an_unknown_parameter_of_a_function,
    [(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modles={})"
    )]
);
error!(
    an_argument_of_the_wrong_type,
    [(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p', version=1))"
    )]
);
error!(
    an_unknown_field_of_an_operation,
    [(
        "PKG",
        commands("{ Title: 'First', Executable: 'true', Output: ['x'] },").as_str()
    )]
);
error!(
    a_pattern_that_leaves_its_package,
    [(
        "PKG",
        RECIPE.replace("['a.c']", "wake.glob('../*.c')").as_str()
    )]
);
error!(
    an_import_that_leaves_its_package,
    [("PKG", "import '../other.libsonnet'")]
);
error!(
    a_build_dependency_that_is_no_plugin,
    [
        (
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ l: wake.getPkg('l', from='l') }, modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: ['a.c'],
    Dependencies: { Build: [wake.getModule(pkg.pkgs.l)] } }) })"
        ),
        ("l/PKG", "function(wake) wake.pkg(wake.pkgInfo('l'))"),
    ]
);
error!(
    a_package_that_needs_itself,
    [(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ p: wake.getPkg('p', from='.') })"
    )]
);

const PLUGIN: &str =
    "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ l: wake.getPkg('l', from='l') }, modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'Command', Operations: [],
    Dependencies: { Build: [wake.getModule(pkg.pkgs.l)] } }) })";

/// A plugin with these tasks.
fn plugin(tasks: &str) -> String {
    format!(
        "function(wake) wake.pkg(wake.pkgInfo('l'), plugin=function(wake) {{ name: 'acme.l', tasks: [
{tasks}
] }})"
    )
}

error!(a_task_cycle, [("PKG", PLUGIN), ("l/PKG", plugin(
    "{ name: 'One', runBefore: ['Two'], run(ctx):: {} },\n{ name: 'Two', runBefore: ['One'], run(ctx):: {} },"
).as_str())]);
error!(
    two_tasks_of_one_name,
    [
        ("PKG", PLUGIN),
        (
            "l/PKG",
            plugin("{ name: 'One', run(ctx):: {} },\n{ name: 'One', run(ctx):: {} },").as_str()
        )
    ]
);

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

/// Catches a package that is taken for another because it lies where that one is looked for.
#[test]
fn a_package_that_is_not_the_one_asked_for() {
    let declaration = |wanted: &str| {
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={{ other: wake.getPkg('{wanted}', from='other') }}, modules={{
  root: function(wake, pkg, config) wake.recipe({{ Language: 'C', Source: ['a.c'],
    Dependencies: {{ Runtime: [wake.getModule(pkg.pkgs.other)] }} }}) }})"
        )
    };
    let other = "function(wake) wake.pkg(wake.pkgInfo('other', version='3.1.0', namespace='acme'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: ['b.c'] }) })";
    let plan = |wanted: &str| {
        Plan::of(&[
            ("PKG", declaration(wanted).as_str()),
            ("a.c", ""),
            ("other/PKG", other),
            ("other/b.c", ""),
        ])
    };
    for right in ["acme/other@^3", "acme/other", "other", "other@>=2"] {
        plan(right).text();
    }
    insta::assert_snapshot!(plan("acme/other@^2").error());
    insta::assert_snapshot!(plan("acme/another").error());
}
