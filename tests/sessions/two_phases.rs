//! Modules that are generated in two passes: what tasks ask for with `preprocess` runs first, and its outputs say what
//! else there is to do.

use crate::support::Space;

/// A plugin that runs a scanner, `scan.sh`, over each `*.list` of a package and copies the files that it names.
const PLUGIN: &str = r#"function(wake) {
  name: 'lists',
  tasks: [{
    name: 'Lists',
    run(ctx)::
      local lists = ctx.glob('*.list');
      local scan(list) = '$(target)/scan/' + list + '.json';
      {
        preprocess: [
          wake.operation({
            title: 'Scan ' + list, executable: 'sh', arguments: ['$(package)/scan.sh', '$(package)/' + list],
            inputs: ['$(package)/scan.sh', '$(package)/' + list], outputs: [scan(list)], stdout: scan(list),
          })
          for list in lists
        ],
        local names = std.flatMap(function(list) std.parseJson(ctx.preprocessors[scan(list)]), lists),
        [if std.length(std.objectFields(ctx.preprocessors)) == std.length(lists) then 'operations']: [
          wake.copyFile('$(package)/' + name, '$(target)/' + name) for name in names
        ],
        messages: [wake.info(std.join(' ', std.objectFields(ctx.preprocessors)))],
      },
  }],
}"#;

pub(super) fn lists() -> Space {
    let space = Space::new();
    space.file(
        "plugin/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('lists'), plugin=import 'plugin.libsonnet')",
    );
    space.file("plugin/plugin.libsonnet", PLUGIN);
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ lists: wake.getPkg('lists', from='plugin') }, modules={
           root: function(wake, pkg, config) wake.recipe({
             Language: 'Command', Operations: [], Dependencies: { Build: [wake.getModule(pkg.pkgs.lists)] },
           }),
         })",
    );
    space.file(
        "scan.sh",
        "sed -e '1s/^/[/' -e '$!s/$/,/' -e '$s/$/]/' \"$1\"\n",
    );
    space.file("one.list", "\"a\"\n\"b\"\n");
    for name in ["a", "b", "c"] {
        space.file(name, name);
    }
    space
}

fn ran(space: &Space) -> Vec<String> {
    let run = space.wake(["build", "--events", "events"]).success();
    let mut ran: Vec<String> = run.ran().into_iter().map(str::to_owned).collect();
    ran.sort_unstable();
    ran
}

/// Catches a second pass that does not run, one that runs although nothing changed, and a scan whose new result is not
/// noticed because nothing that the front end read has changed.
#[test]
fn what_a_scan_finds_is_built_and_followed() {
    let space = lists();
    assert_eq!(ran(&space), ["Copy a", "Copy b", "Scan one.list"]);
    assert!(ran(&space).is_empty());
    space.file("one.list", "\"a\"\n\"c\"\n");
    assert_eq!(ran(&space), ["Copy c", "Scan one.list"]);
    let target = super::target(&space);
    assert!(target.join("c").is_file() && !target.join("b").exists());
    assert!(ran(&space).is_empty());
}

/// Catches a first pass that takes what the second one made for stale.
#[test]
fn a_new_scan_removes_nothing_of_the_rest() {
    let space = lists();
    ran(&space);
    space.file("two.list", "\"c\"\n");
    assert_eq!(ran(&space), ["Copy c", "Scan two.list"]);
}

/// Catches a scan that runs again because a source changed that it does not read, and a scan that ran with the same
/// result and makes tasks run again.
#[test]
fn an_equal_result_changes_nothing() {
    let space = lists();
    ran(&space);
    space.file("a", "another");
    assert_eq!(ran(&space), ["Copy a"]);
    space.file("one.list", "\"a\"\n\"b\" \n");
    let run = space.wake(["build", "--events", "events"]).success();
    assert_eq!(run.ran(), ["Scan one.list"]);
}

/// Catches a failed scan that leaves its module half built, or is not told.
#[test]
fn a_scan_that_fails_ends_the_build() {
    let space = lists();
    space.file("scan.sh", "echo nothing here >&2; exit 3\n");
    let run = space.wake(["build"]).code(1);
    run.demand(run.stderr.contains("nothing here"), "what the scanner says");
    insta::assert_snapshot!(run.transcript());
    space.file("scan.sh", "echo '[]'\n");
    space.wake(["build"]).success();
}

/// Catches outputs of scans that wake waits at, or reads as something else, and messages that name no operation.
#[test]
fn a_scan_whose_output_is_no_text_is_told() {
    let space = lists();
    let direct = PLUGIN.replace(", stdout: scan(list)", "");
    let direct = direct.replace(
        "['$(package)/scan.sh', '$(package)/' + list],\n",
        "['$(package)/scan.sh', '$(package)/' + list, scan(list)],\n",
    );
    space.file("plugin/plugin.libsonnet", direct);
    let mut told = String::new();
    for output in [
        "rm -f @; mkfifo @",
        "ln -sf nowhere @",
        "printf '\\377' > @",
        "head -c 16777217 /dev/zero > @",
    ] {
        let output = output.replace('@', "\"$2\"");
        space.file("scan.sh", &output);
        let run = space.wake(["build", "--quiet"]).code(2);
        told += &format!("{output}\n{}\n", run.transcript());
    }
    insta::assert_snapshot!(told);
}

/// Catches a task that asks for ever other files without end.
#[test]
fn a_task_that_never_has_enough_is_an_error() {
    let space = lists();
    space.file(
        "plugin/plugin.libsonnet",
        "function(wake) { tasks: [{ name: 'T', run(ctx):: {
           local count = std.length(ctx.preprocessors),
           preprocess: [wake.writeFile('$(target)/' + index, 'x') for index in std.range(0, count)],
         } }] }",
    );
    let run = space.wake(["build", "--quiet"]).code(2);
    insta::assert_snapshot!(run.transcript());
}

/// Catches a scan that is forgotten once it was read: what it reads could change, and nobody would look.
#[test]
fn what_was_read_is_asked_for_again() {
    let space = lists();
    let forgetful = PLUGIN.replacen(
        "        preprocess: [",
        "        [if ctx.preprocessors == {} then 'preprocess']: [",
        1,
    );
    assert_ne!(forgetful, PLUGIN);
    space.file("plugin/plugin.libsonnet", forgetful);
    let run = space.wake(["build", "--quiet"]).code(2);
    let is_told = run.stderr.contains("and ask for it no more");
    run.demand(is_told, "what is no longer asked for");
}

/// Catches commands that need the graph and do not build, and know only half of it.
#[test]
fn a_graph_is_whole_without_a_build() {
    let space = lists();
    let run = space.wake(["graph", "--format", "json"]).success();
    run.demand(run.stdout.contains("Copy a"), "what the scan found");
}

/// A plugin that an operation makes from a list of words: each becomes a task that writes a file.
fn made_plugin() -> Space {
    let space = Space::new();
    space.file("RootRecipe.sml", "Members: ['app']\n");
    space.file(
        "maker/PKG",
        r"function(wake) wake.pkg(wake.pkgInfo('maker'), plugin={ tasks: [{ name: 'Make', run(ctx):: { operations: [
             wake.operation({
               title: 'Make the plugin', executable: 'sh', arguments: ['make.sh'], stdout: '$(target)/plugin.libsonnet',
               inputs: ['$(package)/make.sh', '$(package)/words'], outputs: ['$(target)/plugin.libsonnet'],
             }),
           ] } }] })",
    );
    space.file("made/Recipe.sml", "Name: 'made'\nLanguage: (Jsonnet@0)\nSource: ['$(target)/plugin.libsonnet']\nDependencies: { Build: ['../maker/'] }\n");
    space.file(
        "made/make.sh",
        "read word < words; echo \"function(wake) { tasks: [{ name: 'Word', run(ctx):: { operations: [\n\
         wake.writeFile('\\$(target)/$word', '')] } }] }\"\n",
    );
    space.file("made/words", "one\n");
    space.file(
        "app/Recipe.sml",
        "Name: 'app'\nLanguage: 'Command'\nOperations: []\nDependencies: { Build: ['../made/'] }\n",
    );
    space
}

/// Catches a plugin that is read before it is made, and one that is made anew and whose users are as before.
#[test]
fn a_plugin_may_be_made_by_operations() {
    let space = made_plugin();
    let ran = || {
        let run = space.wake(["build", "app", "--events", "events"]).success();
        run.ran().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ran(), ["Make the plugin", "Write one"]);
    assert!(ran().is_empty());
    space.file("made/words", "two\n");
    assert_eq!(ran(), ["Make the plugin", "Write two"]);
    assert!(ran().is_empty());
}

/// Catches a plugin that nothing makes, and that is waited for.
#[test]
fn a_plugin_that_nothing_makes_is_an_error() {
    let space = made_plugin();
    space.file(
        "made/Recipe.sml",
        "Name: 'made'\nLanguage: (Jsonnet@0)\nSource: ['$(target)/plugin.libsonnet']\n",
    );
    insta::assert_snapshot!(space.wake(["build", "app"]).code(2).transcript());
}

/// Catches a scan that depends on its own result: each build would do what the one before has found.
#[test]
fn what_makes_what_was_read_stays_the_same() {
    let space = lists();
    space.file(
        "plugin/plugin.libsonnet",
        "function(wake) { tasks: [{ name: 'T', run(ctx):: {
           preprocess: [wake.writeFile('$(target)/x', '%d' % std.length(ctx.preprocessors))],
         } }] }",
    );
    insta::assert_snapshot!(space.wake(["build", "--quiet"]).code(2).transcript());
}

/// Catches a file beside a plugin that operations make, which nobody brings up to date.
#[test]
fn a_plugin_that_is_made_stands_alone() {
    let space = made_plugin();
    space.file(
        "made/make.sh",
        "echo \"local x = import 'x.libsonnet'; function(wake) { tasks: [] }\"\n",
    );
    insta::assert_snapshot!(space.wake(["build", "--quiet", "app"]).code(2).transcript());
}
