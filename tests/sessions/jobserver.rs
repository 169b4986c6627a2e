//! Jobs shared with what started wake and with what wake starts: real makes, real cargo, and thieves.
//!
//! That two things run at the same time is shown by a meeting: each waits for the other. One that runs alone would wait for
//! ever, so every operation has an end of its waiting, by `timeout`.

use std::path::Path;
use std::process::Command;

use super::{operations, target};
use crate::support::{Run, Space, skipped};

/// A shell script that ends when `other` has come, too.
fn meet(name: &str, other: &str) -> String {
    format!(
        "mkdir -p $$(dirname $0)/here; : > $$(dirname $0)/here/{name}; \
         timeout 60 sh -c 'until test -e $$0/{other}; do :; done' $$(dirname $0)/here"
    )
    .replace("$0", "$MEETING/x")
}

/// Operations `a` and `b` that wait for each other.
fn meeting(more: &str) -> Space {
    let space = Space::new();
    let at = space.path("meeting");
    std::fs::create_dir(&at).unwrap();
    let one = |name: &str, other: &str| {
        format!(
            "{{ Title: '{name}', Executable: 'sh', Arguments: ['-c', {script}], Outputs: ['{name}'], \
             Environment: {{ MEETING: '{at}' }}, {more} }},",
            script = serde_json::Value::from(format!(
                "{} && : > $(output 0)",
                meet(name, other).replace('$', "$$").replace("$$$$", "$$")
            )),
            at = at.display(),
        )
    };
    let list = format!("{}\n{}", one("a", "b"), one("b", "a"));
    write(&space, &list);
    space
}

fn write(space: &Space, list: &str) {
    space.file(
        "PKG",
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), modules={{\n  root: function(wake, pkg, config) \
             wake.recipe({{ Language: 'Command', Operations: [\n{list}\n  ] }}),\n}})\n"
        ),
    );
}
