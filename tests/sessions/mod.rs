//! Sessions with the real binary: what a user does, step by step, and what wake says. Scope: the commands on real
//! workspaces. What declarations become is in `plans`, what is said of bad declarations in `plans/errors.rs`.

mod commands;
mod cpp_modules;
mod examples;
mod fetched;
mod fmt_lint;
mod hostile;
mod init;
mod jobserver;
mod kinds;
mod mishaps;
mod outputs;
mod packages;
mod pkg_read;
mod pkg_recipes;
mod pkg_write;
mod plugin_page;
mod plugin_test;
mod recipe_edits;
mod recipes;
mod soup;
mod strangers;
mod two_phases;
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
