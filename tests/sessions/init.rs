//! What `wake init` makes, in every language and by both kinds of declaration: it builds, runs and tests at once.

use crate::plugins_rust_go::as_user;
use crate::support::{Space, skipped};

/// Makes a package, and demands all that the messages of `wake init` promise. `tools` are those that it may lack.
fn works_at_once(language: &str, tools: &[&str], has_recipe: bool) {
    if let Some(tool) = tools.iter().find(|tool| !is_installed(tool)) {
        skipped(&format!("init in {language}: {tool} is not installed"));
        return;
    }
    for is_recipe in [false, true] {
        let space = Space::new();
        let mut arguments = vec!["init", "hello", "--language", language];
        arguments.extend(is_recipe.then_some("--sml"));
        if is_recipe && !has_recipe {
            (space.wake(arguments).code(2)).says("has no `Recipe.sml` for");
            assert!(!space.exists("hello"));
            continue;
        }
        space.wake(arguments).success();
        assert_eq!(space.exists("hello/Recipe.sml"), is_recipe);
        let run = as_user(&space, &["-C", "hello", "run", "-q"]).success();
        assert_eq!(run.stdout, "Hello, world!\n");
        let run = as_user(&space, &["-C", "hello", "run", "--", "you"]).success();
        assert_eq!(run.stdout, "Hello, you!\n");
        let test = || as_user(&space, &["-C", "hello", "test"]).success();
        test().says("1 test passed");
        test().says("Nothing to do");
        space.wake(["-C", "hello", "fmt", "--check"]).success();
        let lint = space.wake(["-C", "hello", "lint"]).success();
        lint.says("Nothing to complain about");
    }
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(tool).is_file())
}

#[test]
fn init_c() {
    works_at_once("C", &[], true);
}

#[test]
fn init_cpp() {
    works_at_once("C++", &[], true);
}

#[test]
fn init_command() {
    works_at_once("Command", &[], false);
}

/// Catches a test that does not depend on the program that it is given, and so tests one that is gone.
#[test]
fn a_test_depends_on_the_program_that_it_is_given() {
    let space = Space::new();
    space
        .wake(["init", "--language", "Command", "hello"])
        .success();
    space
        .wake(["-C", "hello", "test"])
        .success()
        .says("1 test passed");
    let tool = space.read("hello/tools/make.sh");
    space.file("hello/tools/make.sh", tool.replace("Hello", "Hallo"));
    space.wake(["-C", "hello", "test"]).code(1).says("1 failed");
}

#[test]
fn init_csharp() {
    works_at_once("C#", &["mcs", "mono"], true);
}

#[test]
fn init_go() {
    works_at_once("Go", &["go"], true);
}

#[test]
fn init_java() {
    works_at_once("Java", &["javac"], true);
}

#[test]
fn init_javascript() {
    works_at_once("JavaScript", &["node"], true);
}

#[test]
fn init_python() {
    works_at_once("Python", &["python3"], true);
}

#[test]
fn init_rust() {
    works_at_once("Rust", &["rustc"], false);
}
