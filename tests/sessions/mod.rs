//! Sessions with the real binary: what a user does, step by step, and what wake says. Scope: the commands on real
//! workspaces. What declarations become is in `plans`, what is said of bad declarations in `plans/errors.rs`.

mod bad_input;
mod commands;
mod cpp_modules;
mod depfiles;
mod examples;
mod fetched;
mod fmt_lint;
mod hostile;
mod init;
mod jobserver;
mod kinds;
mod mishaps;
mod monitor;
mod outputs;
mod packages;
mod pkg_read;
mod pkg_recipes;
mod pkg_write;
mod plugin_page;
mod plugin_test;
mod processes;
mod recipe_edits;
mod recipes;
mod soup;
mod strangers;
mod two_phases;
mod watch;
mod why;

use std::path::PathBuf;

use crate::support::Space;

/// A workspace with one `Command` module of these operations.
fn operations(list: &str) -> Space {
    let space = Space::new();
    space.file(
        "PKG",
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), modules={{\n  root: function(wake, pkg, config) \
             wake.recipe({{ Language: 'Command', Operations: [\n{list}\n  ] }}),\n}})\n"
        ),
    );
    space
}

/// The target directory of the package's `root`.
fn target(space: &Space) -> PathBuf {
    PathBuf::from(space.wake(["target"]).success().stdout.trim())
}

/// One shell command that reads `in.txt`, which is there, and writes `out.txt`: `@in` and `@out`.
fn shell(script: &str) -> Space {
    let script = script
        .replace('$', "$$")
        .replace("@out", "$(output 0)")
        .replace("@in", "$(input 0)");
    let space = operations(&format!(
        "{{ Title: 'Do it', Executable: 'sh', Arguments: ['-c', {}], Inputs: ['in.txt'], Outputs: ['out.txt'] }},",
        serde_json::Value::from(script)
    ));
    space.file("in.txt", "one\n");
    space
}

/// Makes a workspace whose one module has these operations, as a plugin writes them.
fn plugin(space: &Space, operations: &str) {
    space.file(
        "q/plugin.libsonnet",
        format!("function(wake) {{ name: 'p', tasks: [{{ name: 'T', run(ctx):: {{ operations: [\n{operations}\n] }} }}] }}\n"),
    );
    space.file(
        "q/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('q'), plugin=import 'plugin.libsonnet')",
    );
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ q: wake.getPkg('q', from='q') }, modules={
  root: function(wake, pkg, config) wake.recipe({
    Language: 'Command', Operations: [], Dependencies: { Build: [wake.getModule(pkg.pkgs.q)] },
  }),
})
",
    );
}
