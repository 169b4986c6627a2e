//! `Language: 'Command'` and `wake.module`.

use super::Plan;

/// Catches a field of an operation that gets lost on its way into the graph.
#[test]
fn every_field_of_a_command_reaches_the_graph() {
    let plan = Plan::of(&[
        (
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('commands'), modules={
              root: function(wake, pkg, config) wake.recipe({
                Language: 'Command',
                Operations: [
                  {
                    Title: 'Generate', Executable: './generate.sh', Arguments: ['$(inputs)', '--to=$(output 0)'],
                    Inputs: ['a.txt', 'b c.txt'], Outputs: ['gen/out.txt', 'tree/'],
                    Environment: { MODE: 'fast' }, WorkingDirectory: '$(target)', Stdin: 'a.txt',
                  },
                  { Title: 'Use', Executable: 'cat', Arguments: ['$(input 0)'], Inputs: ['$(target)/tree/x'],
                    OrderOnly: ['$(target)/gen/out.txt'], Outputs: ['used'], Stdout: 'used' },
                ],
              }),
            })",
        ),
        ("generate.sh", "#!/bin/sh\n"),
        ("a.txt", ""),
        ("b c.txt", ""),
    ]);
    insta::assert_snapshot!(plan.text());
}

/// Catches a `wake.module` whose files, dependencies or standard input are not as DESIGN says.
#[test]
fn a_module_is_one_operation_with_its_files_and_the_outputs_of_its_modules() {
    let plan = Plan::of(&[
        (
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('documented', version='1.0.0'), files=['tools/**'], modules={
              app: function(wake, pkg, config) wake.module(
                exec=function(wake, module) wake.exec('./tools/app.sh'), outputs=function(wake, module) { binary: 'app.bin' }),
              root: function(wake, pkg, config) wake.module(
                modules={ app: wake.getModule(pkg, 'app') },
                files=function(wake, module) [wake.file('config.json', from=config + { depth: 3 }, dump=true)],
                outputs=function(wake, module) { html: 'html/' },
                exec=function(wake, module) wake.exec('./tools/docs.sh', args=['--out', module.outputs.html], env={ LEVEL: 2, WORDS: ['a', 'b'] }),
              ),
            })",
        ),
        ("tools/app.sh", "#!/bin/sh\n"),
        ("tools/docs.sh", "#!/bin/sh\n"),
    ]);
    insta::assert_snapshot!(plan.text());
}
