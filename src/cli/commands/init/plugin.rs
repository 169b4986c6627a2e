//! What `wake init --plugin` writes: a plugin, its package and a test that passes.

/// Paths and contents, the declaration first.
pub(super) fn files(name: &str) -> Vec<(&'static str, String)> {
    let fill = |text: &str| text.replace("{name}", name);
    vec![
        ("PKG", fill(PKG)),
        ("plugin.libsonnet", fill(PLUGIN)),
        ("plugin_test.jsonnet", TEST.to_owned()),
        ("plugin_test.golden.json", GOLDEN.to_owned()),
        (".gitignore", ".wake/\n".to_owned()),
    ]
}

const PKG: &str = "\
// A plugin: its tasks run in the modules that have this package in their `Build` dependencies.
function(wake)
  wake.pkg(
    wake.pkgInfo('{name}', version='0.1.0'),
    files=['plugin.libsonnet'],
    plugin=import 'plugin.libsonnet',
  )
";

const PLUGIN: &str = "\
// Writes `version.h`, which defines VERSION, before anything is compiled.
function(wake) {
  name: '{name}',
  tasks: [{
    name: 'VersionHeader',
    runAfter: ['ResolveDependencies'],
    runBefore: ['Build'],
    run(ctx)::
      local header = ctx.targetDirectory + '/version.h';
      {
        // For the tasks that come later: the C and C++ ones compile after `GeneratedHeaders` are made.
        activeState: { Build+: { IncludePaths+: [ctx.targetDirectory], GeneratedHeaders+: [header] } },
        operations: [wake.writeFile(header, '#define VERSION \"%s\"\\n' % ctx.recipe.Version)],
      },
  }],
}
";

const TEST: &str = "\
// Cases of what the plugin is given and what it makes. `wake plugin test` tries them; nothing is built.
{
  'the header defines the version of the recipe': {
    recipe: { Version: '1.2.3' },
    expect: {
      operations: [{ writeFile: '$(target)/version.h', content: '#define VERSION \"1.2.3\"\\n' }],
    },
  },

  // Without `expect`, everything is compared with plugin_test.golden.json, which `wake plugin test --update` writes.
  'it extends what is there': {
    recipe: { Version: '2.0.0' },
    activeState: { Build: { IncludePaths: ['$(package)/include'] } },
  },
}
";

const GOLDEN: &str = r##"{
  "it extends what is there": {
    "tasks": [
      "VersionHeader"
    ],
    "activeState": {
      "Build": {
        "GeneratedHeaders": [
          "$(target)/version.h"
        ],
        "IncludePaths": [
          "$(package)/include",
          "$(target)"
        ]
      }
    },
    "operations": [
      {
        "title": "Write version.h",
        "writeFile": "$(target)/version.h",
        "content": "#define VERSION \"2.0.0\"\n"
      }
    ]
  }
}
"##;
