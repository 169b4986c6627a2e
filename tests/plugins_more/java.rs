use super::*;

const TOOLS: [&str; 3] = ["javac", "jar", "java"];
const MAIN: &str = "// package com.wrong;\npackage com.acme ;\nclass Main { public static void main (String[] a) {} }\n";

/// A library that others share: its own jar, one that it links, and a native library.
fn library(name: &str) -> Value {
    let target = format!("$(target acme/{name}:root#1)");
    json!({
        "Java": { "ClassPath": [format!("{target}/{name}.jar"), "/usr/share/java/x.jar"] },
        "Build": { "RuntimeDependencies": [format!("{target}/lib{name}.so")] },
    })
}

#[test]
fn every_key_of_a_program() {
    let recipe = json!({
        "Type": "Executable", "Name": "it's", "Source": ["src/**", "$(target)/Made.java"], "MainClass": "com.acme.Main$1",
        "Resources": ["src/main/resources/a/b.txt", "c.txt", "$(target)/d.txt"], "LanguageVersion": 17,
        "CompilerFlags": ["-parameters"], "EnableWarningsAsErrors": true, "LinkLibraries": ["jars/*.jar"],
        "RuntimeDependencies": ["libnative.so"], "RuntimeFlags": ["-Xmx1g"],
    });
    let files = ["src/$(x).java", "src/module-info.java", "jars/y.jar"];
    let case = case("java", &TOOLS, &files, recipe);
    let case = with_dependency(case, "Runtime", "text", library("text"));
    insta::assert_snapshot!(plan(case));
}

#[test]
fn a_library_passes_on_what_it_uses() {
    let files = ["src/main/java/a/B.java", "src/test/java/a/BTest.java"];
    let case = case("java", &TOOLS, &files, json!({})).parameter("Flavor", "Debug");
    insta::assert_snapshot!(plan(with_dependency(
        case,
        "Runtime",
        "text",
        library("text")
    )));
}

#[test]
fn every_key_of_a_test() {
    let recipe = json!({
        "Type": "Test", "TestRunner": "jars/junit.jar", "Inputs": ["data/*.txt"], "Timeout": 5,
        "Environment": {"A": "b"},
    });
    let files = [
        "src/main/java/a/B.java",
        "src/test/java/a/BTest.java",
        "data/x.txt",
    ];
    insta::assert_snapshot!(plan(case("java", &TOOLS, &files, recipe)));
}

#[test]
fn mistakes_are_told() {
    let recipes = [
        json!({"Type": "Program"}),
        json!({"LanguageVersion": "Java17"}),
        json!({"Source": "src"}),
        json!({"Source": ["../x.java"]}),
        json!({"Source": ["nothing/*.java"]}),
        json!({"Source": ["notes.txt"]}),
        json!({"Type": "Executable"}),
        json!({"Type": "Executable", "Source": ["src/B.java"]}),
        json!({"Type": "Executable", "Source": ["src/Main.java"], "Name": "lib"}),
        json!({"Type": "Executable", "Source": ["src/Main.java"], "LinkLibraries": ["a/x.jar", "b/x.jar"]}),
        json!({"TestRunner": "x.jar", "Timeout": 3}),
        json!({"Mainclass": "Main"}),
    ];
    let files = [
        ("src/Main.java", MAIN),
        ("src/B.java", "class B { void run() {} }"),
        ("src/C.java", MAIN),
        ("notes.txt", ""),
    ];
    insta::assert_snapshot!(complaints("java", &TOOLS, &files, recipes));
}

#[test]
fn what_is_made_is_the_same_every_time() {
    if has("java: what_is_made_is_the_same_every_time", &TOOLS) {
        is_reproducible("java");
    }
}

/// Catches a program whose script is as it was though what it starts is not; and an unchanged jar that is looked at as
/// changed.
#[test]
fn who_runs_a_program_runs_it_again_when_a_library_changes() {
    if !has(
        "java: who_runs_a_program_runs_it_again_when_a_library_changes",
        &TOOLS,
    ) {
        return;
    }
    let space = Space::new();
    let modules = [
        module("lib", "{ Language: 'Java', Source: ['Lib.java'] }"),
        module(
            "tool",
            "{ Language: 'Java', Type: 'Executable', Source: ['Tool.java'], Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] } }",
        ),
        USER.to_owned(),
    ];
    space
        .file("PKG", package(&modules.concat()))
        .file("Lib.java", "public class Lib { public static String said() { return \"one\"; } }")
        .file("Tool.java", "class Tool { public static void main(String[] a) { System.out.println(Lib.said()); } }");
    assert_eq!(said(&space), "one\n");
    space.edit("Lib.java", "one", "two");
    assert_eq!(said(&space), "two\n");
    space.edit("Lib.java", "public class", "/* A comment. */ public class");
    let run = space
        .wake(["build", ":user", "--events", "events"])
        .success();
    assert_eq!(run.ran(), ["Compile lib"]);
}

/// A stand-in for the JUnit console, made by wake itself, gets the classes of the test.
#[test]
fn a_test_runner_runs_the_tests() {
    if !has("java: a_test_runner_runs_the_tests", &TOOLS) {
        return;
    }
    let space = Space::new();
    let modules = [
        module("runner", "{ Language: 'Java', Source: ['runner/**/*.java'] }"),
        module("root", "{ Language: 'Java', Source: ['Sum.java'], Tests: { Source: ['test/SumTest.java'],
                         TestRunner: '$(target :runner)/runner.jar' }, Dependencies: { Test: [wake.getModule(pkg, 'runner')] } }"),
    ];
    let console = "package org.junit.platform.console; public class ConsoleLauncher {
        public static void main(String[] arguments) throws Exception {
            for (String one : arguments) System.out.println(one);
            Class.forName(\"SumTest\").getMethod(\"run\").invoke(null);
        } }";
    space
        .file("PKG", package(&modules.concat()))
        .file("runner/org/junit/platform/console/ConsoleLauncher.java", console)
        .file("Sum.java", "public class Sum { public static int of(int a, int b) { return a + b; } }")
        .file("test/SumTest.java", "public class SumTest { public static void run() { if (Sum.of(1, 2) != 3) throw new Error(); } }");
    space.wake(["test"]).success().says("1 test passed");
    space.edit("Sum.java", "a + b", "a - b");
    let failed = space.wake(["test"]).code(1);
    failed.demand(
        failed.stderr.contains("--scan-classpath="),
        "what the runner printed",
    );
}

/// Catches a shared library that is not where the program looks for it, and names that no list of arguments can hold.
#[test]
fn a_program_loads_a_library_in_c() {
    if !has("java: a_program_loads_a_library_in_c", &TOOLS) {
        return;
    }
    let space = Space::new();
    let modules = [
        module(
            "native",
            "{ Language: 'C', Type: 'DynamicLibrary', Source: ['native.c'] }",
        ),
        module(
            "lib",
            "{ Language: 'Java', Source: ['a \\'b\\'/Lib.java'], Dependencies: { Runtime: [wake.getModule(pkg, 'native')] } }",
        ),
        module(
            "root",
            "{ Language: 'Java', Type: 'Executable', Source: ['Main.java'],
               Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] } }",
        ),
    ];
    let lib = "public class Lib { public static void load() { System.loadLibrary(\"native\"); } }";
    let main = "class Main { public static void main(String[] a) { Lib.load(); System.out.println(a[0]); } }";
    space
        .file("PKG", package(&modules.concat()))
        .file("native.c", "int nothing;\n")
        .file("a 'b'/Lib.java", lib)
        .file("Main.java", main);
    let run = space.wake(["run", "--", "a  'b' $HOME"]).success();
    assert_eq!(run.stdout, "a  'b' $HOME\n");
}
