//! What a dependency is there for: its shared state, its tasks, its program.

use crate::support::Space;

/// A plugin whose package brings a tool, a C program, that an operation of its task runs.
fn with_tool() -> Space {
    let space = Space::new();
    space.file(
        "shout/PKG",
        "function(wake) wake.pkg(
           wake.pkgInfo('shout'), plugin=import 'plugin.libsonnet',
           modules={
             root: function(wake, pkg, config) wake.recipe({
               Language: 'Jsonnet', Dependencies: { Tool: [wake.getModule(pkg, 'tool')] },
             }),
             tool: function(wake, pkg, config) wake.recipe({ Language: 'C', Type: 'Executable', Source: ['tool.c'] }),
           },
         )",
    );
    space.file(
        "shout/plugin.libsonnet",
        "function(wake) { tasks: [{ name: 'Shout', run(ctx):: {
           local tool = [tool for tool in ctx.dependencies.Tool if tool.name == 'shout'][0],
           operations: [wake.operation({
             title: 'Shout', executable: tool.executable, arguments: ['$(target)/shout.txt'], outputs: ['$(target)/shout.txt'],
           })],
           messages: [wake.info(std.join(' ', [plugin.name for plugin in ctx.dependencies.Build]))],
         } }] }",
    );
    space.file(
        "shout/tool.c",
        "#include <stdio.h>\nint main(int n, char **v) { FILE *f = fopen(v[1], \"w\"); fputs(\"HO\", f); return fclose(f); }\n",
    );
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ shout: wake.getPkg('shout', from='shout') }, modules={
           root: function(wake, pkg, config) wake.recipe({
             Language: 'Command', Operations: [], Dependencies: { Build: [wake.getModule(pkg.pkgs.shout)] },
           }),
         })",
    );
    space
}

/// Catches a tool of a plugin that its users do not see, one that is built after it is used, and one that is made with
/// the parameters of the user.
#[test]
fn a_plugin_brings_its_tools() {
    let space = with_tool();
    let run = space
        .wake(["build", "--flavor", "Release", "--events", "events"])
        .success();
    assert_eq!(run.ran(), ["Compile tool.c", "Link tool", "Shout"]);
    let target = space.wake(["target", "--flavor", "Release"]).success();
    let text = std::fs::read_to_string(format!("{}/shout.txt", target.stdout.trim())).unwrap();
    assert_eq!(text, "HO");
    // The host's flavor is another one: there is nothing to make again.
    let run = space.wake(["build", "--events", "events"]).success();
    assert_eq!(run.ran(), ["Shout"]);
    space.file(
        "shout/tool.c",
        "#include <stdio.h>\nint main(int n, char **v) { fclose(fopen(v[1], \"w\")); return 0; }\n",
    );
    let run = space.wake(["build", "--events", "events"]).success();
    assert_eq!(run.ran(), ["Compile tool.c", "Link tool", "Shout"]);
}

/// Catches a dependency that is there to be run and cannot be, and is only noticed by the plugin that runs it.
#[test]
fn a_tool_without_a_program_is_refused() {
    let space = with_tool();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
           root: function(wake, pkg, config) wake.recipe({
             Language: 'Command', Operations: [],
             Dependencies: { Tool: [wake.getModule(pkg, 'lib')] },
           }),
           lib: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: ['shout/tool.c'] }),
         })",
    );
    insta::assert_snapshot!(space.wake(["build"]).code(2).transcript());
}

/// Catches a package that uses its own tasks and waits for itself.
#[test]
fn a_package_uses_its_own_plugin() {
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(
           wake.pkgInfo('p'), plugin={ tasks: [{ name: 'T', run(ctx):: { messages: [wake.warning('here')] } }] },
           modules={ root: function(wake, pkg, config) wake.recipe({
             Language: 'Command', Operations: [], Dependencies: { Build: [wake.getModule(pkg)] },
           }) },
         )",
    );
    space
        .wake(["build"])
        .success()
        .says("warning: p (T of PKG): here");
    // What tasks say counts as long as they would say it.
    space
        .wake(["build"])
        .success()
        .says("warning: p (T of PKG): here");
}

/// Catches properties of the workspace that a recipe does not get, that win over its own, or that a language which does
/// not know them complains of.
#[test]
fn recipes_share_what_the_root_recipe_says() {
    let space = Space::new();
    space.file(
        "RootRecipe.sml",
        "Defines: ['SHARED=1']\nTeam: 'tools'\nMembers: ['own']\n",
    );
    let recipe = |name: &str, defines: &str| {
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('{name}'), modules={{ root: function(wake, pkg, config) wake.recipe({{
               Language: 'C', Type: 'Executable', Source: ['main.c'], {defines} }}) }})"
        )
    };
    space.file("PKG", recipe("p", ""));
    space.file("own/PKG", recipe("own", "Defines: ['OWN=2']"));
    space.file("main.c", "int main(void) { return SHARED; }\n");
    space.file("own/main.c", "int main(void) { return OWN; }\n");
    let run = space.wake(["build", "./..."]).success();
    run.demand(
        !run.stderr.contains("Team"),
        "no word of a key that is for others",
    );
}

/// Catches modules that are generated again although nothing of theirs has changed, and those that are not although
/// their input has.
#[test]
fn only_what_changed_is_generated_again() {
    let space = Space::new();
    let package = |name: &str, more: &str| {
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('{name}'), pkgs={{ base: wake.getPkg('base', from='../base') }}, modules={{
               root: function(wake, pkg, config) wake.recipe({{ Language: 'C', Source: ['{name}.c'], {more} }}) }})"
        )
    };
    let uses = "Dependencies: { Runtime: [wake.getModule(pkg.pkgs.base)] }";
    let base = |define: &str| {
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('base'), modules={{
               root: function(wake, pkg, config) wake.recipe({{ Language: 'C', Source: ['base.c'], {define} }}) }})"
        )
    };
    space.file("RootRecipe.sml", "Members: ['*']\n");
    space.file("base/PKG", base(""));
    space.file("one/PKG", package("one", uses));
    space.file("two/PKG", package("two", ""));
    for name in ["base", "one", "two"] {
        space.file(format!("{name}/{name}.c"), "int x;\n");
    }
    let counts = || {
        let run = space
            .wake(["build", "./...", "--events", "events"])
            .success();
        (run.events.iter()).find_map(|event| match event {
            wake::event::Event::AllGenerated { generated, reused } => Some((*generated, *reused)),
            _ => None,
        })
    };
    assert_eq!(counts(), Some((3, 0)));
    assert_eq!(counts(), None, "nothing has changed");
    space.file("two/PKG", package("two", "Defines: ['X']"));
    assert_eq!(counts(), Some((1, 2)), "one that nobody depends on");
    space.file("base/PKG", base("Defines: ['PRIVATE']"));
    assert_eq!(counts(), Some((1, 2)), "what it shares is as it was");
    space.file("base/PKG", base("PublicDefines: ['PUBLIC']"));
    assert_eq!(counts(), Some((2, 1)), "what it shares has changed");
    space.file("base/PKG", base("Defines: ['PRIVATE']"));
    assert_eq!(counts(), Some((0, 3)), "as it was before");
}

/// Catches the name of a dependency that stands for nothing because its package has a namespace.
#[test]
fn a_dependency_with_a_namespace_is_named_in_tokens() {
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ text: wake.getPkg('acme/text', from='text') }, modules={
           root: function(wake, pkg, config) wake.recipe({
             Language: 'Command',
             Operations: [
               { Executable: 'cp', Arguments: ['$(input 0)', '$(output 0)'], Inputs: ['$(target %s)/a.txt' % name], Outputs: [std.strReplace(name, '/', '-')] }
               for name in ['acme/text', 'text', 'acme/text:root']
             ],
             Dependencies: { Runtime: [wake.getModule(pkg.pkgs.text)] },
           }),
         })",
    );
    space.file(
        "text/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('text', namespace='acme'), modules={
           root: function(wake, pkg, config) wake.recipe({
             Language: 'Command', Operations: [{ Executable: 'touch', Arguments: ['$(output 0)'], Outputs: ['a.txt'] }],
           }),
         })",
    );
    space.wake(["build"]).success();
}
