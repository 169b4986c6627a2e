//! What `wake pkg` changes, as a user meets it: `add` and `remove`, `update`, `verify`, `vendor`, `publish`. The index is one
//! that the test publishes into itself.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use crate::support::{Session, Space};

/// How `--from` names the index of a test.
const INDEX: &str = "index {path: \"../index\"}";

/// The text of a `pkgs` that asks the index.
fn from_index(key: &str, request: &str) -> String {
    format!(
        "{key}: wake.getPkg('{request}', from=wake.exec(wake.std.index, config={{path: '../index'}})),"
    )
}

/// Writes a library `acme/<name>` of a version, and publishes it.
fn publish(space: &Space, name: &str, version: &str, pkgs: &str) {
    library(space, name, version, pkgs);
    space
        .wake(["-C", name, "pkg", "publish", "../index"])
        .success();
}

fn library(space: &Space, name: &str, version: &str, pkgs: &str) {
    space
        .file(
            format!("{name}/PKG"),
            format!(
                "function(wake) wake.pkg(
  wake.pkgInfo('{name}', version='{version}', namespace='acme'),
  files=['*.c'],
  pkgs={{ {pkgs} }},
  modules={{ root: function(wake, pkg, config) wake.recipe({{
    Language: 'C', Source: ['{name}.c'], Dependencies: {{ Runtime: [wake.getModule(pkg.pkgs[key]) for key in std.objectFields(pkg.pkgs)] }},
  }}) }},
)\n"
            ),
        )
        .file(
            format!("{name}/{name}.c"),
            format!("const char *{name}(void) {{ return \"{name} {version}\"; }}\n"),
        );
}

/// An application, beside an index with `acme/base` 1.0.0 and 1.1.0 and `acme/log` 1.0.0, which asks for `acme/base`.
fn workspace() -> Space {
    let space = Space::new();
    publish(&space, "base", "1.0.0", "");
    publish(&space, "base", "1.1.0", "");
    publish(&space, "log", "1.0.0", &from_index("base", "acme/base@^1"));
    space
        .file(
            "app/PKG",
            "// The application.
function(wake)
  wake.pkg(
    wake.pkgInfo('app', version='0.1.0'),
    modules={
      root: function(wake, pkg, config) wake.recipe({
        Language: 'C', Type: 'Executable', Source: ['main.c'],
        Dependencies: { Runtime: [wake.getModule(pkg.pkgs[key]) for key in std.objectFields(pkg.pkgs)] },
      }),
    },
  )
",
        )
        .file(
            "app/main.c",
            "#include <stdio.h>\nconst char *base(void);\nint main(void) { puts(base()); }\n",
        );
    space
}

/// The same with a `PKG` that asks for both, resolved.
fn resolved() -> Space {
    let space = workspace();
    for request in ["acme/log", "acme/base"] {
        space
            .wake(["-C", "app", "pkg", "add", request, "--from", INDEX])
            .success();
    }
    space.wake(["-C", "app", "pkg", "resolve"]).success();
    space
}

/// Runs `wake -C app pkg …`.
macro_rules! pkg {
    ($session:expr, $code:expr, $($word:expr),+) => {
        $session.wake(["-C", "app", "pkg", $($word),+]).code($code)
    };
}

#[test]
fn add_edits_the_declaration_and_locks() {
    let mut session = Session::new(workspace());
    session.note("the newest version; what it asks for comes along");
    pkg!(session, 0, "add", "acme/log", "--from", INDEX);
    session.note("with a requirement and another key");
    pkg!(
        session,
        0,
        "add",
        "acme/base@~1.0",
        "--key",
        "old-base",
        "--from",
        INDEX
    );
    session.note("by path");
    session.space().file(
        "tool/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('tool'), modules={})\n",
    );
    pkg!(session, 0, "add", "tool", "--from", "../tool");
    let declared = session.space().read("app/PKG");
    let locked = session.space().read("app/wake.lock");
    insta::assert_snapshot!("add_declared", declared);
    insta::assert_snapshot!("add_locked", session.space().redact(&locked));

    session.note("what cannot be added leaves everything as it was");
    pkg!(session, 2, "add", "acme/log", "--from", INDEX);
    pkg!(session, 2, "add", "acme/base", "--from", INDEX);
    pkg!(
        session,
        2,
        "add",
        "acme/other",
        "--key",
        "log",
        "--from",
        INDEX
    );
    pkg!(session, 2, "add", "acme/lag", "--from", INDEX);
    pkg!(
        session,
        2,
        "add",
        "acme/log@^9",
        "--key",
        "nine",
        "--from",
        INDEX
    );
    pkg!(session, 2, "add", "nobody/knows");
    pkg!(session, 2, "add", "no name");
    pkg!(session, 2, "add", "acme/lag@one");
    pkg!(session, 2, "add", "acme/lag", "--key", "a/b");
    pkg!(session, 2, "add", "acme/lag", "--from", "indx {}");
    pkg!(session, 2, "add", "acme/lag", "--from", "index path");
    pkg!(session, 2, "add", "acme/lag", "--from", "index {path: }");
    pkg!(session, 2, "add", "acme/lag", "--from", "../lag");
    pkg!(session, 2, "add", "acme/lag", "--from", "../tool");
    pkg!(session, 2, "add", "acme/lag", "--locked", "--from", INDEX);
    pkg!(session, 2, "add", "acme/lag", "--offline", "--from", INDEX);
    assert_eq!(session.space().read("app/PKG"), declared);
    assert_eq!(session.space().read("app/wake.lock"), locked);
    insta::assert_snapshot!(session.transcript());
}

/// Catches a name that is asked of the global namespace although the workspace has it, and a file that the edit makes
/// readable for all, or replaces where it is a link.
#[test]
fn add_finds_path_packages_and_keeps_the_file() {
    let space = workspace();
    space
        .file("RootRecipe.sml", "Members: ['app', 'base']\n")
        .file("app/declaration", space.read("app/PKG"));
    space.remove("app/PKG");
    symlink("declaration", space.path("app/PKG")).unwrap();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(space.path("app/declaration"), private).unwrap();
    space
        .wake(["-C", "app", "pkg", "add", "acme/base"])
        .success();
    let text = space.read("app/declaration");
    assert!(
        text.contains("base: wake.getPkg('acme/base', from='../base'),"),
        "{text}"
    );
    let mode = space
        .path("app/declaration")
        .metadata()
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert!(space.path("app/PKG").is_symlink());
    let run = space.wake(["run", "app"]).success();
    assert_eq!(run.stdout, "base 1.1.0\n");
}

#[test]
fn remove_takes_out_a_package() {
    let mut session = Session::new(resolved());
    session.note("by name and by key");
    pkg!(session, 0, "remove", "acme/log");
    pkg!(session, 2, "remove", "bse");
    session.note("the next build says what is missing");
    session.edit(
        "app/PKG",
        "wake.getModule(pkg.pkgs[key]) for key in std.objectFields(pkg.pkgs)",
        "wake.getModule(pkg.pkgs.base)",
    );
    pkg!(session, 0, "remove", "base");
    session.wake(["-C", "app", "build"]).code(2);
    session.note("there is nothing left");
    pkg!(session, 2, "remove", "base");
    insta::assert_snapshot!("remove_declared", session.space().read("app/PKG"));
    insta::assert_snapshot!(session.transcript());
}

/// Catches a `PKG` that is left without what the rest of the workspace cannot be resolved without.
#[test]
fn remove_is_taken_back_if_others_need_it() {
    let space = workspace();
    let global = "wake.getPkg('acme/base@^1', global=true, from=wake.exec(wake.std.index, config={path: 'index'}))";
    space
        .file("RootRecipe.sml", "Members: ['top', 'user']\n")
        .file(
            "top/PKG",
            format!("function(wake) wake.pkg(wake.pkgInfo('top'), pkgs={{ base: {global} }})\n"),
        )
        .file(
            "user/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('user'), pkgs={ base: wake.getPkg('acme/base') })\n",
        );
    space.wake(["pkg", "resolve"]).success();
    let (declared, locked) = (space.read("top/PKG"), space.read("wake.lock"));
    let run = space.wake(["-C", "top", "pkg", "remove", "base"]).code(2);
    run.says(": `acme/base` is not there")
        .says("(`top/PKG` is as it was)");
    assert_eq!(space.read("top/PKG"), declared);
    assert_eq!(space.read("wake.lock"), locked);
}

/// Catches a lock that forgets what a broken member asks for while another one is built.
#[test]
fn a_broken_member_keeps_its_place_in_the_lock() {
    let space = workspace();
    space
        .file("app/RootRecipe.sml", "Members: ['part']\n")
        .file(
            "app/part/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('part'), modules={})\n",
        );
    let add = ["-C", "app/part", "pkg", "add", "acme/base", "--from", INDEX];
    space.wake(add).success();
    let locked = space.read("app/wake.lock");
    space.edit("app/part/PKG", "modules={", "modules={{");
    let add = ["-C", "app", "pkg", "add", "acme/log", "--from", INDEX];
    space.wake(add).code(2).says("part/PKG:");
    space.file("app/main.c", "int main(void) { return 0; }\n");
    space.wake(["-C", "app", "build"]).success();
    space
        .wake(["-C", "app", "pkg", "resolve"])
        .code(2)
        .says("part/PKG:");
    space
        .wake(["-C", "app", "pkg", "update"])
        .code(2)
        .says("part/PKG:");
    assert_eq!(space.read("app/wake.lock"), locked);
}

#[test]
fn update_chooses_anew() {
    let yank = |session: &mut Session, flag: &str| {
        let words = ["-C", "base", "pkg", "publish", "../index", flag, "1.2.0"];
        session.wake(words).success();
    };
    let mut session = Session::new(resolved());
    session.note("there is nothing newer");
    pkg!(session, 0, "update");
    publish(session.space(), "base", "1.2.0", "");
    publish(
        session.space(),
        "log",
        "1.1.0",
        &from_index("base", "acme/base@^1"),
    );
    session.note("a lock keeps what it has, until it is told otherwise");
    pkg!(session, 0, "resolve");
    pkg!(session, 0, "update", "log");
    pkg!(session, 0, "update");
    session.note("back, as far as requirements admit it");
    pkg!(session, 0, "update", "acme/base", "--precise", "1.1.0");
    pkg!(session, 2, "update", "acme/base", "--precise", "1.0.0");
    pkg!(session, 2, "update", "acme/base", "--precise", "3.0.0");
    session.note("a version that is yanked stays locked, and is not chosen anew");
    pkg!(session, 0, "update", "-q");
    yank(&mut session, "--yank");
    pkg!(session, 0, "resolve");
    pkg!(session, 0, "update");
    yank(&mut session, "--unyank");
    session.note("what was published just now is too young");
    pkg!(session, 0, "update", "--min-age", "1d");
    pkg!(session, 0, "update");
    session.note("names that are wrong");
    pkg!(session, 2, "update", "acme/lag");
    pkg!(session, 2, "update", "app");
    pkg!(
        session,
        2,
        "update",
        "acme/base",
        "acme/log",
        "--precise",
        "1.0.0"
    );
    pkg!(session, 2, "update", "--offline");
    insta::assert_snapshot!(session.transcript());
}

/// The directory in the store whose package contains a file.
fn stored(space: &Space, file: &str) -> PathBuf {
    let store = space.path("../home/.cache/wake/store/pkgs");
    let mut packages = std::fs::read_dir(store)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    packages.find(|one| one.join(file).exists()).unwrap()
}

/// Changes a file of the store as somebody would who does not know better.
fn damage(space: &Space, file: &str) {
    let path = stored(space, file).join(file);
    let writable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, writable).unwrap();
    std::fs::write(&path, "int other;\n").unwrap();
}

#[test]
fn verify_finds_and_repairs() {
    let mut session = Session::new(resolved());
    pkg!(session, 0, "verify");
    session.note("a file is changed, a package is gone, a link leads elsewhere");
    damage(session.space(), "log.c");
    let base = stored(session.space(), "base.c");
    std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_dir_all(&base).unwrap();
    let link = session.space().path("app/.wake/pkgs/acme/log@1.0.0");
    std::fs::remove_file(&link).unwrap();
    symlink("/dev", &link).unwrap();
    pkg!(session, 1, "verify", "--no-repair");
    pkg!(session, 1, "verify", "--offline");
    pkg!(session, 0, "verify");
    pkg!(session, 0, "verify");
    let run = session.wake(["-C", "app", "run", "-q"]).success();
    assert_eq!(run.stdout, "base 1.1.0\n");
    session.note("what cannot be fetched again");
    damage(session.space(), "log.c");
    session.space().remove("index");
    pkg!(session, 2, "verify");
    insta::assert_snapshot!(session.transcript());
}

/// Catches copies that are asked for all the same, and copies that pass for packages or sources of the workspace.
#[test]
fn vendored_packages_are_all_that_is_needed() {
    let mut session = Session::new(resolved());
    let space_of = |session: &Session, path: &str| session.space().path(path);
    session
        .space()
        .file("app/RootRecipe.sml", "Members: ['**']\n");
    session.edit(
        "app/PKG",
        "Source: ['main.c']",
        "Source: wake.glob('**/*.c')",
    );
    session.note("places that cannot be");
    pkg!(session, 2, "vendor", "../elsewhere");
    pkg!(session, 2, "vendor", ".");
    pkg!(session, 2, "vendor", ".wake/copies");
    pkg!(session, 2, "vendor", "third-party", "--locked");
    session.space().file("app/full/file", "");
    pkg!(session, 2, "vendor", "full");
    session.space().remove("app/full");
    session.note("copies, and again");
    pkg!(session, 0, "vendor", "third-party");
    pkg!(session, 0, "vendor", "third-party");
    session.note("neither the index nor the store is there any more");
    std::fs::rename(space_of(&session, "index"), space_of(&session, "away")).unwrap();
    let cold = |session: &Session| {
        session.space().remove("../home/.cache");
        session.space().remove("app/.wake");
    };
    cold(&session);
    pkg!(session, 0, "resolve", "--offline");
    let run = session
        .wake(["-C", "app", "run", "-q", "--frozen"])
        .success();
    assert_eq!(run.stdout, "base 1.1.0\n");
    session.wake(["-C", "app", "build", "./..."]).success();
    session.note("an edited copy is refused, and made anew");
    session.edit("app/third-party/acme/log@1.0.0/log.c", "log", "gol");
    cold(&session);
    pkg!(session, 2, "resolve");
    std::fs::rename(space_of(&session, "away"), space_of(&session, "index")).unwrap();
    pkg!(session, 0, "vendor", "third-party");
    session.note("what is not locked any more goes");
    pkg!(session, 0, "remove", "log");
    pkg!(session, 0, "vendor", "third-party");
    session.note("in another directory");
    pkg!(session, 0, "vendor", "vendor");
    session.note("nothing to copy");
    session.space().file(
        "lone/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('lone'))\n",
    );
    session
        .wake(["-C", "lone", "pkg", "vendor", "vendor"])
        .success();
    let tree = session.space().tree();
    let vendored: Vec<&str> = tree
        .lines()
        .filter(|line| line.starts_with("app/"))
        .collect();
    insta::assert_snapshot!("vendored_tree", vendored.join("\n"));
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn publish_refuses_what_others_could_not_have() {
    let mut session = Session::new(workspace());
    let publish = |session: &mut Session, code: i32, arguments: &[&str]| {
        let words = ["-C", "log", "pkg", "publish", "../index"];
        session
            .wake(words.into_iter().chain(arguments.iter().copied()))
            .code(code);
    };
    session.note("again, and with another content");
    publish(&mut session, 0, &[]);
    session.edit("log/log.c", "log", "gol");
    publish(&mut session, 2, &[]);
    session.note("what it asks for must be had by others");
    let pkgs = "base: wake.getPkg('acme/base', from='../base'),";
    library(session.space(), "log", "1.1.0", pkgs);
    publish(&mut session, 2, &[]);
    session.note("a global must be pinned by a digest, or be in the index");
    let global = "wake.getPkg('acme/base@^1', from=wake.GLOBAL)";
    library(session.space(), "log", "1.1.0", &format!("base: {global},"));
    session
        .space()
        .file("RootRecipe.sml", "Members: ['log', 'top']\n")
        .file(
            "top/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('top'), pkgs={ base: wake.getPkg('acme/base@^1', global=true, \
             from=wake.exec(wake.std.index, config={path: 'index'})) })\n",
        );
    let other = |session: &mut Session, code: i32| {
        session
            .wake(["-C", "log", "pkg", "publish", "../other"])
            .code(code);
    };
    other(&mut session, 2);
    session.wake(["pkg", "resolve"]).success();
    other(&mut session, 0);
    publish(&mut session, 0, &[]);
    session.note("versions that are bad");
    publish(&mut session, 0, &["--yank", "1.0.0"]);
    publish(&mut session, 0, &["--yank", "1.0.0"]);
    publish(&mut session, 0, &["--unyank", "1.0.0"]);
    publish(&mut session, 2, &["--yank", "7.0.0"]);
    publish(&mut session, 2, &["--yank", "7"]);
    session.note("where there is no package");
    session.wake(["pkg", "publish", "index"]).code(2);
    insta::assert_snapshot!(session.transcript());
}
