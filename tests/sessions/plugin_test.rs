//! `wake plugin`: tests of plugins, and their reference.

use crate::support::{Session, Space};

const PKG: &str = "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=import 'plugin.libsonnet')\n";

const PLUGIN: &str = "\
function(wake) {
  name: 'p',
  tasks: [
    {
      name: 'Second',
      runAfter: ['First'],
      run(ctx):: {
        operations: [
          wake.operation({
            title: 'Scan ' + file,
            executable: ctx.findTool('scan'),
            arguments: ['--mode', ctx.activeState.Mode, ctx.packageDirectory + '/' + file],
            inputs: [ctx.packageDirectory + '/' + file],
            outputs: [ctx.targetDirectory + '/' + file + '.scan'],
          })
          for file in ctx.glob('*.txt')
        ],
      },
    },
    {
      name: 'First',
      run(ctx):: {
        activeState: { Mode: std.stripChars(ctx.readFile('mode'), '\\n') },
        sharedState: { Tool: [one.executable for one in ctx.dependencies.Tool] },
        messages: [wake.warning('on %s for %s' % [ctx.host.kernel, ctx.parameters.Flavor])],
      },
    },
  ],
}
";

/// A plugin that reads nearly all that a test can give.
fn plugin(test: &str) -> Space {
    let space = Space::new();
    space.file("PKG", PKG);
    space.file("plugin.libsonnet", PLUGIN);
    space.file("plugin_test.jsonnet", test);
    space
}

const EVERYTHING: &str = "\
{
  'all that it makes': {
    name: 'acme/app',
    parameters: { Flavor: 'Release' },
    files: { 'mode': 'fast\\n', 'a.txt': '', 'b.txt': '' },
    tools: ['scan'],
    dependencies: { Tool: [{ name: 'acme/gen', executable: '$(target acme/gen:root)/gen' }] },
  },
}
";

#[test]
fn golden_files_are_written_compared_and_cleaned() {
    let mut session = Session::new(plugin(EVERYTHING));
    session.note("there is no golden file yet");
    session.wake(["plugin", "test"]).code(1);
    session.note("it is written, and holds nothing of this machine");
    session.wake(["plugin", "test", "--update"]).success();
    let golden = session.space().read("plugin_test.golden.json");
    assert!(
        !golden.contains("/tmp") && !golden.contains(&*session.space().top().to_string_lossy())
    );
    session.wake(["plugin", "test"]).success();
    session.note("another plugin makes something else");
    session.edit("plugin.libsonnet", "'--mode', ", "'-v', '--mode=' + ");
    session.edit("plugin.libsonnet", "ctx.glob('*.txt')", "ctx.glob('a.txt')");
    session.wake(["plugin", "test"]).code(1);
    session.note("a case that is gone leaves nothing behind unnoticed");
    session.edit("plugin_test.jsonnet", "'all that it makes'", "'everything'");
    session.wake(["plugin", "test"]).code(1);
    session.wake(["plugin", "test", "--update"]).success();
    session.wake(["plugin", "test"]).success();
    session.note("nor does a test file");
    session.space().remove("plugin_test.jsonnet");
    session.wake(["plugin", "test"]).code(1);
    session.wake(["plugin", "test", "--update"]).success();
    session.wake(["plugin", "test"]).code(2);
    insta::assert_snapshot!(format!("{}\n{golden}", session.transcript()));
}

#[test]
fn expectations_are_compared_in_part() {
    let mut session = Session::new(plugin(
        "local base = { files: { mode: 'fast', 'a.txt': '' }, tools: ['scan'] };
{
  'passes in part': base {
    expect: {
      tasks: ['First', 'Second'],
      activeState: { Mode: 'fast', Other: null },
      operations: [{ executable: '$(tools)/scan', workingDirectory: '$(package)' }],
      messages: ['warning: on linux for Debug'],
    },
  },
  'passes by title': base { expect: { operations: { 'Scan a.txt': { inputs: ['$(package)/a.txt'] }, 'Scan b.txt': null } } },
  'passes for one task': base { tasks: ['Second'], activeState: { Mode: 'given' }, expect: {
    tasks: ['Second'], operations: [{ arguments: ['--mode', 'given', '$(package)/a.txt'] }], messages: [],
  } },
  'fails as it should': { expect: { failure: 'There is no file `mode`' } },
  'fails otherwise': { expect: { failure: 'out of cheese' } },
  'does not fail': base { expect: { failure: 'There is no file' } },
  'differs': base { expect: { activeState: { Mode: 'slow' }, operations: { 'Scan c.txt': {} }, messages: ['info: hello'] } },
  'has no such tool': base { tools: [], expect: { messages: [] } },
  'has no such task': base { tasks: ['Frist'], expect: { messages: [] } },
}
",
    ));
    session.wake(["plugin", "test"]).code(1);
    session.note("only some");
    session
        .wake(["plugin", "test", "--filter", "passes*"])
        .success();
    session
        .wake(["plugin", "test", "-q", "--filter", "in part"])
        .success();
    session
        .wake(["plugin", "test", "--filter", "pases"])
        .code(2);
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn what_is_no_test_is_told_so() {
    let mut session = Session::new(plugin("{}"));
    let tests = [
        "[]",
        "{ a: { recipe: {} }",
        "{ a: { recipies: {} } }",
        "{ a: { expect: error 'my own' } }",
        "{ a: { expect: { operation: [] } } }",
        "{ a: { plugin: null } }",
        "{ a: { plugin: './plugni.libsonnet' } }",
        "{ a: { plugin: '../plugin.libsonnet' } }",
        "{ a: { plugin: null, plugins: ['cp'] } }",
        "function(x) { }",
        "local f(x) = f(x) + 1; { a: f(1) }",
    ];
    for test in tests {
        session.note(test);
        session.space().file("plugin_test.jsonnet", test);
        session.wake(["plugin", "test"]).code(1);
    }
    session.note("a golden file that is none");
    session.space().file("plugin_test.jsonnet", EVERYTHING);
    session
        .space()
        .file("plugin_test.golden.json", "{\n  \"a\": ,\n}\n");
    session.wake(["plugin", "test"]).code(1);
    session.wake(["plugin", "test", "--update"]).success();
    session.note("paths that are no tests");
    session
        .wake(["plugin", "test", "plugin_tset.jsonnet"])
        .code(2);
    session.wake(["plugin", "test", "PKG"]).code(2);
    session.note("a package without a plugin, and no package at all");
    session
        .space()
        .file("PKG", "function(wake) wake.pkg(wake.pkgInfo('p'))\n");
    session.wake(["plugin", "test"]).code(1);
    session.space().remove("PKG");
    session.wake(["plugin", "test"]).code(1);
    insta::assert_snapshot!(session.transcript());
}

/// A recipe whose language is jsonnet is a plugin, too; a file is one by itself.
#[test]
fn plugins_are_found_in_recipes_and_files() {
    let test = "{ a: { recipe: { Version: '1.0' }, expect: { sharedState: { V: '1.0' } } } }";
    let plugin =
        "function(wake) { tasks: [{ name: 'T', run(ctx):: { sharedState: { V: ctx.version } } }] }";
    let space = Space::new();
    space.file(
        "recipe/Recipe.sml",
        "Name: 'p'\nLanguage: (Jsonnet@0)\nSource: ['plugin.libsonnet']\n",
    );
    space.file("recipe/plugin.libsonnet", plugin);
    space.file("recipe/tests/deep_test.jsonnet", test);
    space.file("file/plugin.libsonnet", plugin);
    space.file(
        "file/plugin_test.jsonnet",
        test.replace("{ a: {", "{ a: { plugin: './plugin.libsonnet',"),
    );
    let run = space.wake(["plugin", "test"]).success();
    run.demand(run.stderr.ends_with("2 passed\n"), "two that pass");
}

/// Would catch tests of plugins that read more of the machine than they say.
#[test]
fn a_test_sees_nothing_of_the_machine() {
    let space = plugin(
        "{ a: { environment: { NAME: 'x' }, plugin: './env.libsonnet', expect: { sharedState: { all: ['x', null, null] } } } }",
    );
    space.file(
        "env.libsonnet",
        "function(wake) { tasks: [{ name: 'T', run(ctx):: { sharedState: {
           all: [wake.env('NAME'), wake.env('HOME'), ctx.findTool('sh', required=false)] } } }] }",
    );
    space.wake(["plugin", "test"]).success();
}

#[test]
fn the_plugins_of_examples_pass_their_tests() {
    let space = Space::example("codegen");
    let run = space.wake(["plugin", "test"]).success();
    run.demand(run.stderr.ends_with("3 passed\n"), "three that pass");
}

/// The reference is written by wake itself: `wake plugin reference > docs/ctx.md`.
#[test]
fn the_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ctx.md");
    let page = Space::new().wake(["plugin", "reference"]).success().stdout;
    if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
        std::fs::write(path, &page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap();
    assert!(
        there == page,
        "docs/ctx.md is not what `wake plugin reference` prints: run that into it, or this test with INSTA_UPDATE=always"
    );
}

/// Catches a template that is no longer what wake makes of it.
#[test]
fn a_new_plugin_passes_its_test() {
    let mut session = Session::new(Space::new());
    session.wake(["init", "headers", "--plugin"]).success();
    session.wake(["-C", "headers", "plugin", "test"]).success();
    session.note("the golden file is as wake writes it");
    session
        .wake(["-C", "headers", "plugin", "test", "--update"])
        .success();
    session.note("nothing is overwritten");
    session.wake(["init", "headers", "--plugin"]).code(2);
    session
        .wake(["init", "headers", "--plugin", "--sml"])
        .code(2);
    insta::assert_snapshot!(format!(
        "{}\n{}",
        session.transcript(),
        session.space().tree()
    ));
}

#[test]
fn eval_says_what_a_file_lacks() {
    let mut session = Session::new(plugin("{ a: 1 }"));
    session
        .space()
        .file("f.jsonnet", "function(ctx, extra=1) ctx");
    session.space().file(
        "files.jsonnet",
        "{ 'a.json': { x: 1 }, 'sub/b.txt': 'text' }",
    );
    for arguments in [
        &["eval", "plugin.libsonnet"][..],
        &["eval", "f.jsonnet"],
        &["eval", "f.jsonnet", "-A", "ctxt=1"],
        &["eval", "f.jsonnet", "-A", "ctx=1"],
        &["eval", "f.josnnet"],
        &["eval", "."],
        &["eval", "files.jsonnet", "-m", "out"],
        &["eval", "files.jsonnet", "-S", "-m", "out"],
        &["eval", "f.jsonnet", "-y", "--tla-code", "ctx=[1, {}]"],
        &["eval", "files.jsonnet", "-y"],
        &[
            "eval",
            "f.jsonnet",
            "--tla-code",
            "ctx={ '../x': 1 }",
            "-m",
            "out",
        ],
        &["eval", "f.jsonnet", "-A", "ctx=1", "-o", "one.json"],
    ] {
        session.wake(arguments.iter().copied());
    }
    assert_eq!(session.space().read("one.json"), "\"1\"\n");
    assert_eq!(session.space().read("out/a.json"), "{\n   \"x\": 1\n}\n");
    insta::assert_snapshot!(session.transcript());
}

/// A plugin may import from packages beside it; those that would have to be fetched are told by name.
#[test]
fn plugins_import_from_packages_beside_them() {
    let mut session = Session::new(Space::new());
    let space = session.space();
    space.file(
        "p/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=import 'plugin.libsonnet',
           pkgs={ lib: wake.getPkg('lib', from='../lib'), far: wake.getPkg('far') })",
    );
    space.file(
        "p/plugin.libsonnet",
        "function(wake) { tasks: [
           { name: 'A', run(ctx):: { sharedState: { v: import 'pkgs/lib/v.libsonnet' } } },
           { name: 'B', run(ctx):: { sharedState: { w: import 'pkgs/far/w.libsonnet' } } },
         ] }",
    );
    space.file("lib/PKG", "function(wake) wake.pkg(wake.pkgInfo('lib'))");
    space.file("lib/v.libsonnet", "7");
    space.file(
        "p/plugin_test.jsonnet",
        "{ near: { tasks: ['A'], expect: { sharedState: { v: 7 } } }, far: { tasks: ['B'], expect: { sharedState: { w: 7 } } } }",
    );
    session.wake(["plugin", "test"]).code(1);
    insta::assert_snapshot!(session.transcript());
}
