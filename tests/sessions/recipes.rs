//! Packages that a `Recipe.sml` declares, from making one to cleaning up.

use super::fetched::index;
use crate::support::Space;

const RECIPE: &str = "Name: 'App'
Language: 'C|0'
Version: 1.2
Type: 'Executable'
Source: [ 'main.c' ]
Dependencies: {
  Runtime: [ '../library/' ]
}
";
const LIBRARY: &str = "Name: 'Library'
Language: 'C|0'
Source: [ 'library.c' ]
PublicIncludePaths: [ 'include' ]
";

/// An application and a library beside each other, as `OutputRoot` and more of the root recipe say.
fn workspace(root_recipe: &str) -> Space {
    let space = Space::new();
    space
        .file("RootRecipe.sml", root_recipe)
        .file("app/Recipe.sml", RECIPE)
        .file(
            "app/main.c",
            "#include <stdio.h>\n#include <library.h>\nint main(void) { printf(\"%d\\n\", answer()); return 0; }\n",
        )
        .file("library/Recipe.sml", LIBRARY)
        .file("library/include/library.h", "int answer(void);\n")
        .file("library/library.c", "int answer(void) { return ANSWER; }\n");
    space
}

/// Catches a command that knows packages with a `PKG` only.
#[test]
fn commands_work_with_recipes() {
    let space = workspace("Members: ['*'], Defines: ['ANSWER=42']");
    let run = space.wake(["-C", "app", "run", "-q"]).success();
    assert_eq!(run.stdout, "42\n");
    space.wake(["build", "./..."]).success().says("up to date");
    space.wake(["build", "App"]).success().says("up to date");
    let target = space.wake(["target", "app"]).success();
    assert!(
        target.stdout.contains(".wake/out/_/App/1.2.0/root/"),
        "{}",
        target.stdout
    );
    space.wake(["graph", "app"]).success();
    space.wake(["pkg", "tree"]).success();
    space.wake(["pkg", "list"]).success();
    space.edit(
        "library/Recipe.sml",
        "Source",
        "Defines: ['ANSWER=7']\nSource",
    );
    let run = space.wake(["run", "-q", "app"]).success();
    assert_eq!(run.stdout, "7\n");
    let wrong = space.wake(["build", "app:lib"]).code(2);
    assert!(
        wrong.stderr.contains("has no module `lib`"),
        "{}",
        wrong.stderr
    );
}

/// Catches an `OutputRoot` that patterns look into, that is not used, or of which `clean` takes what others put there.
#[test]
fn what_is_built_goes_to_the_output_root() {
    let space = workspace("Members: ['**'], OutputRoot: 'build/out', Defines: ['ANSWER=1']");
    space.file(
        "library/Recipe.sml",
        LIBRARY.replace("'library.c'", "'**/*.c'"),
    );
    space.wake(["build", "./..."]).success();
    assert!(space.exists("build/out/_/App/1.2.0/root") && !space.exists(".wake/out"));
    let target = space.wake(["target", "app"]).success();
    assert!(
        target.stdout.contains("/build/out/_/App/"),
        "{}",
        target.stdout
    );
    // Neither a member nor a source.
    space.file("build/out/stray/Recipe.sml", "Name: 'stray'");
    space.file("build/out/mine", "");
    space.wake(["build", "./..."]).success().says("up to date");
    space.wake(["clean", "--stale"]).success().says("nothing");
    space.wake(["clean"]).success();
    assert!(!space.exists("build/out/_") && space.exists("build/out/mine"));
    space.wake(["build", "./..."]).success();
    space.remove("build/out/stray");
    space.remove("build/out/mine");
    space.wake(["clean"]).success();
    assert!(!space.exists("build/out"));
    // What lay elsewhere before does not count.
    space.edit("RootRecipe.sml", "build/out", "other");
    space.wake(["-C", "app", "run"]).success();
    assert!(space.exists("other/_/App") && !space.exists("build/out"));
}

/// Catches files of others that an `OutputRoot` hides, and what is built that stays for ever when the `OutputRoot` changes.
#[test]
fn an_output_root_is_for_nothing_else_and_is_cleaned_when_it_was_changed() {
    let space = workspace("Members: ['*'], OutputRoot: 'notes', Defines: ['ANSWER=1']");
    space.file("notes/mine", "");
    let refused = space.wake(["build", "app"]).code(2);
    let told = "it holds `mine`, which wake did not make";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    assert!(!space.exists("notes/.gitignore"));
    space.edit("RootRecipe.sml", "OutputRoot: 'notes', ", "");
    space.wake(["build", "./..."]).success();
    space.edit("RootRecipe.sml", "Members", "OutputRoot: 'first', Members");
    space.wake(["build", "./..."]).success();
    space.wake(["clean", "--stale"]).success();
    assert!(!space.exists(".wake/out/_") && space.exists("first/_/App"));
    space.wake(["build", "./..."]).success().says("up to date");
    for (before, after) in [("first", "second"), ("second", "third")] {
        space.edit("RootRecipe.sml", before, after);
        space.wake(["build", "./..."]).success();
    }
    space.file("second/mine", "");
    space.wake(["clean"]).success();
    assert!(!space.exists("first") && !space.exists("third"));
    assert!(!space.exists("second/_") && space.exists("second/mine") && space.exists("notes/mine"));
}

/// Catches an output directory that is a pattern's when it belongs to the package at the top.
#[test]
fn patterns_of_the_package_around_the_output_root_do_not_enter_it() {
    let space = Space::new();
    space
        .file("RootRecipe.sml", "OutputRoot: 'out'")
        .file(
            "Recipe.sml",
            "Name: 'p', Language: 'C', Type: 'Executable', Source: ['**/*.c']",
        )
        .file("main.c", "int main(void) { return 0; }");
    space.wake(["build"]).success();
    space.file("out/generated.c", "This is no C.");
    space.wake(["build"]).success().says("up to date");
    assert!(space.exists("out/generated.c"));
}

/// Catches tasks that cannot read an SDK, that read beside it, or that do not notice that it has changed.
#[test]
fn tasks_read_the_directories_of_sdks() {
    let space = Space::new();
    let home = space.path("../home").canonicalize().unwrap();
    let home = home.display();
    space
        .file("../home/kit-4/version", "7")
        .file("../home/kit-4/include/kit.h", "")
        .file("../home/beside", "")
        .file(
            "../home/.config/wake/LocalUserConfig.sml",
            format!("SDKs: [ {{ Name: 'Kit', SourceDirectories: ['{home}/kit'] }} ]"),
        )
        .file(
            "Recipe.sml",
            "Name: 'p', Language: 'Command', Operations: [], File: 'version', Dependencies: { Build: ['./kit'] }",
        )
        .file("kit/Recipe.sml", "Name: 'kit', Language: 'Jsonnet', Source: ['kit.libsonnet']")
        .file(
            "kit/kit.libsonnet",
            "function(wake) { name: 'kit', tasks: [{ name: 'Kit', run(ctx):: {
               local kit = ctx.sdks[0].SourceDirectories[0],
               messages: [wake.info(ctx.readFile(kit + '/' + ctx.recipe.File) + ' ' + std.join(' ', ctx.glob([kit + '/**/*.h', 'kit/*'])))],
             } }] }",
        );
    // As distributions install several of one kind, with links inside.
    std::os::unix::fs::symlink("kit-4", space.path("../home/kit")).unwrap();
    std::os::unix::fs::symlink("kit.h", space.path("../home/kit/include/alias.h")).unwrap();
    space
        .wake(["build"])
        .success()
        .says("7 /")
        .says("/kit/include/alias.h")
        .says("/kit/include/kit.h");
    space.file("../home/kit-4/version", "8");
    space.wake(["build"]).success().says("8 /");
    space.file("../home/kit-4/include/new.h", "");
    space.wake(["build"]).success().says("/kit/include/new.h");
    space.edit("Recipe.sml", "'version'", "'../beside'");
    let refused = space.wake(["build"]).code(2);
    assert!(
        refused.stderr.contains("leaves the package"),
        "{}",
        refused.stderr
    );
}

/// Catches parameters of the user's config that win over the command line or are not seen.
#[test]
fn the_users_config_is_read() {
    let space = workspace("Members: ['*'], Defines: ['ANSWER=1']");
    space.file(
        "../home/.config/wake/LocalUserConfig.sml",
        "Parameters: { Flavor: 'Release' }",
    );
    let target = |arguments: &[&str]| {
        let all = ["target", "app"].iter().chain(arguments).copied();
        space.wake(all.collect::<Vec<_>>()).success().stdout
    };
    let users = target(&[]);
    assert_eq!(users, target(&["--flavor", "Release"]));
    assert_ne!(users, target(&["--flavor", "Debug"]));
    space.file(
        "RootRecipe.sml",
        "Members: ['*'], Parameters: { Flavor: 'Debug' }",
    );
    assert_eq!(target(&[]), target(&["--flavor", "Debug"]));
    space.file("../home/.config/wake/LocalUserConfig.sml", "SDKs: 1");
    let wrong = space.wake(["build", "app"]).code(2);
    assert!(
        wrong.stderr.contains("`SDKs` takes an array of tables"),
        "{}",
        wrong.stderr
    );
}

/// Catches names that are looked for elsewhere than in the workspace, then in the registry; and a lock that tells where on
/// this machine that is.
#[test]
fn names_are_found_in_the_workspace_and_in_the_registry() {
    let space = workspace("Members: ['*'], Registry: './index/', Defines: ['ANSWER=5']");
    index(&space, "log", &["1.0.0", "1.4.0", "2.0.0"]);
    let recipe = RECIPE.replace("'../library/'", "'Library', 'acme|log@1.2'");
    space.file("app/Recipe.sml", recipe);
    space.file(
        "app/main.c",
        "#include <stdio.h>\n#include <library.h>\n#include <log.h>\nint main(void) { printf(\"%d %s\\n\", answer(), log_text()); return 0; }\n",
    );
    let run = space.wake(["run", "-q", "app"]).success();
    assert_eq!(run.stdout, "5 1.4.0\n");
    let lock = space.read("wake.lock");
    assert!(
        lock.contains("acme/log") && !lock.contains(&*space.top().to_string_lossy()),
        "{lock}"
    );
    space
        .wake(["build", "--locked", "app"])
        .success()
        .says("up to date");
    // The user's own is asked where the workspace names none.
    space.edit("RootRecipe.sml", ", Registry: './index/'", "");
    space.remove("wake.lock");
    space.remove(".wake");
    let config = format!("Registry: '{}'", space.path("index").display());
    space.file("../home/.config/wake/LocalUserConfig.sml", config);
    let run = space.wake(["run", "-q", "app"]).success();
    assert_eq!(run.stdout, "5 1.4.0\n");
}
