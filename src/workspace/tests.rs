//! Workspaces on a real disk: where they begin, what belongs to them, what a target in them means.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::layout::{Layout, canonical_json, instance_hash};
use super::process_lock::{ProcessLock, mark};
use super::target::Target;
use super::{Workspace, parameters};
use crate::declare::model::PackageInfo;
use crate::error::{Error, Result};
use crate::fs;
use crate::jsonnet::protocol::Read;

/// A temporary directory with its links resolved.
struct Space {
    _directory: tempfile::TempDir,
    top: PathBuf,
}

impl Space {
    /// With empty files at the paths.
    fn new(files: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let space = Self {
            top: fs::canonicalize(directory.path()).unwrap(),
            _directory: directory,
        };
        for file in files {
            space.write(file, "");
        }
        space
    }

    fn path(&self, path: &str) -> PathBuf {
        self.top.join(path)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_directories(path.parent().unwrap()).unwrap();
        fs::write(&path, content.as_bytes()).unwrap();
    }

    fn discover(&self, start: &str) -> Result<Workspace> {
        Workspace::discover(&self.path(start))
    }

    /// The declared members with this root recipe, relative to the top.
    fn members(&self, root_recipe: &str) -> Result<Vec<String>> {
        self.write("RootRecipe.sml", root_recipe);
        let members = self.discover("")?.members_declared()?;
        Ok(members
            .directories
            .iter()
            .map(|member| fs::path::display(member, &self.top))
            .collect())
    }
}

/// The message, where it points, and its causes.
fn show(error: &Error) -> String {
    let report = error.report();
    let at = report
        .at
        .as_ref()
        .map_or_else(String::new, |at| format!("{at}: "));
    let causes: String = report
        .causes
        .iter()
        .map(|cause| format!("; {cause}"))
        .collect();
    format!("{at}{}{causes}", report.message)
}

#[test]
fn a_root_recipe_wins_over_a_nearer_package() {
    let space = Space::new(&["RootRecipe.sml", "PKG", "libs/a/PKG", "libs/a/src/deep/x"]);
    let workspace = space.discover("libs/a/src/deep").unwrap();
    assert_eq!(workspace.top, space.top);
    assert_eq!(workspace.package_here(), space.path("libs/a"));
    // The nearer of two root recipes is the top.
    space.write("libs/RootRecipe.sml", "");
    assert_eq!(space.discover("libs/a").unwrap().top, space.path("libs"));
}

#[test]
fn without_a_root_recipe_the_nearest_declaration_is_the_top() {
    let space = Space::new(&["PKG", "a/Recipe.sml", "a/src/x", "b/src/x"]);
    assert_eq!(space.discover("a/src").unwrap().top, space.path("a"));
    assert_eq!(space.discover("b/src").unwrap().top, space.top);
    // A directory of that name, such as on a file system that ignores case, declares nothing.
    fs::create_directories(&space.path("b/PKG")).unwrap();
    assert_eq!(space.discover("b/src").unwrap().top, space.top);
}

#[test]
fn a_workspace_is_found_through_links() {
    let space = Space::new(&["real/PKG", "real/src/x"]);
    symlink(space.path("real/src"), space.path("link")).unwrap();
    let workspace = space.discover("link").unwrap();
    assert_eq!(
        (workspace.top, workspace.start),
        (space.path("real"), space.path("real/src"))
    );
}

#[test]
fn no_workspace_is_the_users_error() {
    let space = Space::new(&["a/x"]);
    let error = space.discover("a").unwrap_err();
    assert_eq!(
        show(&error),
        format!(
            "No `PKG` or `Recipe.sml` in `{}` or any directory above",
            space.path("a").display()
        )
    );
    assert!(error.report().hint.as_ref().unwrap().contains("wake init"));
    assert!(show(&space.discover("missing").unwrap_err()).starts_with("There is no directory"));
    assert!(show(&space.discover("a/x").unwrap_err()).starts_with("There is no directory"));
}

#[test]
fn members_are_what_the_patterns_name() {
    let space = Space::new(&[
        "PKG",
        "libs/b/PKG",
        "libs/a/Recipe.sml",
        "libs/.c/PKG",
        "libs/none/x",
        "libs/a/sub/PKG",
        "app/PKG",
        "app/nested/deep/PKG",
        "tools/x/y/PKG",
        ".wake/pkgs/z/PKG",
        ".git/PKG",
    ]);
    let members = |patterns: &str| space.members(&format!("Members: [{patterns}]")).unwrap();
    assert_eq!(members(""), ["."]);
    assert_eq!(members("'libs/*'"), [".", "libs/a", "libs/b"]);
    assert_eq!(
        members("'libs/{b,.c}', './libs//b/'"),
        [".", "libs/.c", "libs/b"]
    );
    assert_eq!(members("'libs/.*'"), [".", "libs/.c"]);
    assert_eq!(members("'*/[ab]', '.'"), [".", "libs/a", "libs/b"]);
    assert_eq!(
        members("'{libs/{a,b},app}'"),
        [".", "app", "libs/a", "libs/b"]
    );
    // `**` stops at packages; a name goes on.
    assert_eq!(
        members("'**'"),
        [".", "app", "libs/a", "libs/b", "tools/x/y"]
    );
    assert_eq!(members("'**/**/y'"), [".", "tools/x/y"]);
    assert_eq!(
        members("'libs/*/sub', 'app/nested/deep'"),
        [".", "app/nested/deep", "libs/a/sub"]
    );
}

#[test]
fn patterns_follow_a_link_only_by_its_name() {
    let space = Space::new(&["libs/a/PKG"]);
    symlink(space.path("libs"), space.path("link")).unwrap();
    symlink(space.path("."), space.path("libs/loop")).unwrap();
    assert_eq!(
        space.members("Members: ['**/a', 'link/a']").unwrap(),
        ["libs/a"]
    );
}

/// `**/y` finds `x/y`, until `x` becomes a package, below which `**` does not go.
#[test]
fn a_package_that_ends_a_walk_is_recorded() {
    let space = Space::new(&["x/y/PKG", "z/y/PKG"]);
    space.write("RootRecipe.sml", "Members: ['**/y']");
    let members = || space.discover("").unwrap().members_declared().unwrap();
    let first = members();
    assert_eq!(first.directories, [space.path("x/y"), space.path("z/y")]);
    space.write("x/PKG", "");
    // `y` right below `x` is still meant: there `**` stands for `x` alone.
    space.write("x/a/y/PKG", "");
    let second = members();
    assert_eq!(second.directories, first.directories);
    assert_ne!(second.reads, first.reads);
}

#[test]
fn a_name_that_is_not_utf8_stops_no_pattern() {
    use std::os::unix::ffi::OsStrExt;
    let space = Space::new(&["a/PKG"]);
    fs::create_directories(&space.top.join(std::ffi::OsStr::from_bytes(b"\xff"))).unwrap();
    assert_eq!(space.members("Members: ['**']").unwrap(), ["a"]);
}

#[test]
fn members_that_are_wrong_point_into_the_root_recipe() {
    let space = Space::new(&["libs/none/x"]);
    let wrong = |root_recipe: &str| show(&space.members(root_recipe).unwrap_err());
    let at = "RootRecipe.sml:2:3: The member";
    let member = |pattern: &str| wrong(&format!("Members: [\n  '{pattern}'\n]"));
    assert_eq!(
        member("libs/*"),
        format!(
            "{at} `libs/*` names no package; no directory that it matches has a `PKG` or `Recipe.sml`"
        )
    );
    assert_eq!(
        member("nowhere"),
        format!("{at} `nowhere` names no package; there is no such directory")
    );
    assert_eq!(
        member("libs/none"),
        format!(
            "{at} `libs/none` names no package; the directory has no `PKG` and no `Recipe.sml`"
        )
    );
    assert_eq!(
        member("a/../../b"),
        format!("{at} `a/../../b` may lie outside of the workspace")
    );
    assert_eq!(member("/libs"), format!("{at} `/libs` is an absolute path"));
    assert_eq!(member(""), format!("{at} `` is no path"));
    assert!(member("libs/[a").starts_with(&format!("{at} `libs/[a` is no pattern; ")));
    assert_eq!(
        member("{a"),
        format!("{at} `{{a` is no pattern; a `{{` has no `}}`")
    );
    assert_eq!(
        member("a}"),
        format!("{at} `a}}` is no pattern; a `}}` has no `{{`")
    );
    assert_eq!(
        member("{.,.}./b"),
        format!("{at} `{{.,.}}./b` may lie outside of the workspace")
    );
    assert!(member(&"{a,b}".repeat(500)).contains("more than 1000 alternatives"));
    assert_eq!(
        wrong("Members: 'libs'"),
        "RootRecipe.sml:1:10: `Members` takes an array of path patterns, not a string"
    );
    assert_eq!(
        wrong("Members: ['a', 1]"),
        "RootRecipe.sml:1:16: `Members` takes strings only, not an integer"
    );
}

/// A saved graph is used as long as these reads hold: each way to gain or lose a member must change one.
#[test]
fn what_members_were_found_from_changes_when_they_do() {
    let space = Space::new(&["libs/a/PKG", "libs/none/x", "one/PKG"]);
    space.write("RootRecipe.sml", "Members: ['libs/*', 'one']");
    let reads = || {
        space
            .discover("")
            .unwrap()
            .members_declared()
            .unwrap()
            .reads
    };
    let first = reads();
    assert_eq!(reads(), first);
    assert!(first.contains(&Read::Subdirectories {
        directory: space.path("libs"),
        names: vec!["a".to_owned(), "none".to_owned()],
    }));
    for file in ["libs/none/PKG", "libs/new/x", "PKG"] {
        space.write(file, "");
        assert_ne!(reads(), first, "{file}");
        fs::remove_file(&space.path(file)).unwrap();
        let _ = fs::remove_if_empty(&space.path("libs/new"));
        assert_eq!(reads(), first);
    }
    space.write("libs/file", "");
    assert_eq!(reads(), first, "a file is no member");
    space.write("RootRecipe.sml", "Members: ['libs/*', 'one'] # edited");
    assert_ne!(reads(), first);
}

#[test]
fn parameters_come_from_the_nearest_who_sets_them() {
    let space = Space::new(&[]);
    space.write(
        "RootRecipe.sml",
        "Parameters: { Flavor: 'Release', Compiler: 'Clang', Jobs: 2 }\nOwner: 'acme'",
    );
    let workspace = space.discover("").unwrap();
    let command_line = [("Compiler".to_owned(), "My=GCC".into())]
        .into_iter()
        .collect();
    let combined = parameters::combine(&parameters::host_defaults(), &workspace, &command_line);
    assert_eq!(combined["Flavor"], "Release");
    assert_eq!(combined["Compiler"], "My=GCC");
    assert_eq!(combined["Jobs"], 2);
    assert_eq!(combined["System"], parameters::host_defaults()["System"]);
    assert_eq!(
        workspace.root_recipe.unwrap().properties,
        *json!({"Owner": "acme"}).as_object().unwrap()
    );
}

#[test]
fn parameters_in_the_wrong_place_or_type_are_refused() {
    let space = Space::new(&[]);
    let wrong = |root_recipe: &str| show(&space.members(root_recipe).unwrap_err());
    assert_eq!(
        wrong("Flavor: 'Release'"),
        "RootRecipe.sml:1:1: `Flavor` is a parameter and stands outside of `Parameters`"
    );
    assert_eq!(
        wrong("Parameters: { Flavor: 1 }"),
        "RootRecipe.sml:1:23: `Flavor` takes a string, not an integer"
    );
    assert_eq!(
        wrong("Parameters: []"),
        "RootRecipe.sml:1:13: `Parameters` takes a table, not an array"
    );
}

#[test]
fn targets_mean_paths_before_names() {
    let space = Space::new(&[
        "PKG",
        "libs/a/PKG",
        "odd:name/PKG",
        "odd/PKG",
        "sp ace/PKG",
        "...x/PKG",
        "src/x.c",
    ]);
    symlink(space.path("libs/a"), space.path("link")).unwrap();
    let workspace = space.discover("").unwrap();
    let parse = |text: &str| Target::parse(text, &workspace).map_err(|error| show(&error));
    let directory = |path: &str, module: Option<&str>| {
        let directory = if path.is_empty() {
            space.top.clone()
        } else {
            space.path(path)
        };
        Ok(Target::Directory {
            directory,
            module: module.map(str::to_owned),
        })
    };
    let below = |path: &str| {
        Ok(Target::Below {
            directory: fs::canonicalize(&space.path(path)).unwrap(),
        })
    };
    let named = |name: &str, module: Option<&str>| {
        Ok(Target::Named {
            name: name.to_owned(),
            module: module.map(str::to_owned),
        })
    };
    assert_eq!(parse("."), directory("", None));
    assert_eq!(parse("libs/a/"), directory("libs/a", None));
    assert_eq!(parse("./link:lib"), directory("libs/a", Some("lib")));
    assert_eq!(
        parse(space.path("libs/a").to_str().unwrap()),
        directory("libs/a", None)
    );
    assert_eq!(parse(":lib"), directory("", Some("lib")));
    assert_eq!(parse("odd:name"), directory("odd:name", None));
    assert_eq!(parse("odd:name:lib"), directory("odd:name", Some("lib")));
    assert_eq!(parse("odd:lib"), directory("odd", Some("lib")));
    assert_eq!(
        parse("sp ace:mo dule"),
        directory("sp ace", Some("mo dule"))
    );
    assert_eq!(parse("..."), below("."));
    assert_eq!(parse("libs/..."), below("libs"));
    assert_eq!(
        parse("/..."),
        Ok(Target::Below {
            directory: "/".into()
        })
    );
    assert_eq!(parse("acme/terminal"), named("acme/terminal", None));
    assert_eq!(
        parse("acme/terminal:lib"),
        named("acme/terminal", Some("lib"))
    );
    assert_eq!(parse("terminal"), named("terminal", None));
    let wrong = |text: &str| parse(text).unwrap_err();
    assert_eq!(wrong(""), "The target `` is no target");
    assert_eq!(
        wrong("libs/a:"),
        "The target `libs/a:` has no module after its `:`"
    );
    assert_eq!(wrong("../gone"), "The target `../gone` names no directory");
    assert_eq!(wrong("a/b/c"), "The target `a/b/c` names no directory");
    assert_eq!(
        wrong("gone/..."),
        "The target `gone/...` names no directory: there is no `gone`"
    );
    assert_eq!(
        wrong("src/x.c"),
        "The target `src/x.c` names a file, and a target is the directory of a package"
    );
    assert_eq!(wrong("a\nb/"), "The target `a\\nb/` names no directory");
}

#[test]
fn a_module_without_a_path_is_of_the_package_around() {
    let space = Space::new(&["RootRecipe.sml", "a/PKG", "a/src/x"]);
    let workspace = space.discover("a/src").unwrap();
    let target = Target::parse(":lib", &workspace).unwrap();
    assert_eq!(
        target,
        Target::Directory {
            directory: space.path("a"),
            module: Some("lib".to_owned())
        }
    );
}

fn info(namespace: Option<&str>, name: &str, version: Option<&str>) -> PackageInfo {
    PackageInfo {
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        version: version.map(str::to_owned),
    }
}

#[test]
fn target_directories_have_a_part_for_everything() {
    let layout = Layout::new(Path::new("/w"));
    let target = |info: &PackageInfo, module: &str| {
        layout
            .target_directory(info, module, "0123")
            .map_err(|e| show(&e))
    };
    let full = info(Some("acme"), "calc", Some("1.2.0"));
    assert_eq!(
        target(&full, "lib").unwrap(),
        ".wake/out/acme/calc/1.2.0/lib/0123"
    );
    assert_eq!(
        target(&info(None, "ä b", None), "root").unwrap(),
        ".wake/out/_/ä b/0.0.0/root/0123"
    );
    for name in [
        "..",
        ".",
        "",
        "a/b",
        "/etc",
        "a\0",
        "a\nb",
        &"x".repeat(256),
    ] {
        assert!(
            target(&info(Some(name), "a", None), "root").is_err(),
            "namespace {name:?}"
        );
        assert!(
            target(&info(None, name, None), "root").is_err(),
            "name {name:?}"
        );
        assert!(
            target(&info(None, "a", Some(name)), "root").is_err(),
            "version {name:?}"
        );
        assert!(target(&full, name).is_err(), "module {name:?}");
        assert!(
            layout.cache_directory(&full, name).is_err(),
            "cache {name:?}"
        );
    }
    assert_eq!(
        target(&full, "../x").unwrap_err(),
        "The module `../x` cannot have that name; it contains `/`"
    );
    // It would share its directories with a package that has no namespace.
    assert!(target(&info(Some("_"), "a", None), "root").is_err());
}

#[test]
fn equal_settings_are_one_instance() {
    assert_eq!(
        canonical_json(&json!({"b": [1.0, -0.0, 1.5, "é\n\""], "a": {"d": null, "c": true}})),
        r#"{"a":{"c":true,"d":null},"b":[1,0,1.5,"é\n\""]}"#
    );
    let hash = instance_hash(&json!({"Flavor": "Debug"}), &json!({"x": 1, "y": 2}), "");
    assert_eq!(
        hash,
        instance_hash(&json!({"Flavor": "Debug"}), &json!({"y": 2.0, "x": 1}), "")
    );
    assert_ne!(
        hash,
        instance_hash(&json!({"Flavor": "Debug"}), &json!({"x": 1, "y": 2}), "v")
    );
    assert_eq!(hash.len(), 20);
    // Names of directories of earlier builds: a change here moves all of them.
    assert_eq!(hash, "cf73b98b8141f1e09391");
}

#[test]
fn the_layout_hides_itself_and_keeps_what_the_user_wrote() {
    let space = Space::new(&["PKG"]);
    let layout = Layout::new(&space.top);
    layout.create().unwrap();
    assert_eq!(fs::read(&space.path(".wake/.gitignore")).unwrap(), b"*\n");
    space.write(".wake/.gitignore", "mine");
    layout.create().unwrap();
    assert_eq!(fs::read(&space.path(".wake/.gitignore")).unwrap(), b"mine");
}

#[test]
fn the_second_process_waits_and_says_so_once() {
    let space = Space::new(&["PKG"]);
    let layout = Layout::new(&space.top);
    layout.create().unwrap();
    let first = ProcessLock::acquire(&layout, None, || panic!("nobody holds it")).unwrap();
    let mut first = Some(first);
    let mut calls = 0;
    let second = ProcessLock::acquire(&layout, None, || {
        calls += 1;
        first = None;
    });
    assert!(second.is_ok());
    assert_eq!(calls, 1);
}

#[test]
fn a_wake_inside_an_operation_of_its_workspace_fails_instead_of_waiting() {
    let space = Space::new(&["PKG"]);
    let layout = Layout::new(&space.top);
    layout.create().unwrap();
    let acquire = |enclosing: &str| {
        ProcessLock::acquire(&layout, Some(enclosing), || panic!("must not wait"))
    };
    let own = mark(&space.top, None);
    let _held = acquire("/elsewhere").unwrap();
    assert!(show(&acquire(&own).unwrap_err()).contains("cannot run `wake` in it"));
    // Through another workspace, too.
    assert!(acquire(&mark(Path::new("/elsewhere"), Some(&own))).is_err());
}

/// Catches an `OutputRoot` through which what is built leaves the workspace, or that is written otherwise than it is meant.
#[test]
fn output_roots_stay_in_the_workspace() {
    let space = Space::new(&["a/x"]);
    let output = |text: &str| {
        space.write("RootRecipe.sml", &format!("OutputRoot: '{text}'"));
        let workspace = space.discover("")?;
        Ok::<_, Error>(workspace.layout().output_directory().display().to_string())
    };
    for text in ["out", "./out/", "x/../out", "out/."] {
        assert_eq!(output(text).unwrap(), "out");
    }
    assert_eq!(output("deep/out").unwrap(), "deep/out");
    symlink("/", space.path("away")).unwrap();
    for text in [
        "away",
        "away/missing",
        "..",
        "/tmp",
        "a/../..",
        ".",
        "",
        "a/.git",
        "a$b",
    ] {
        let message = output(text).unwrap_err().report().message.clone();
        assert_eq!(message, format!("`{text}` cannot be the `OutputRoot`"));
    }
}
