use super::*;

const TOOLS: [&str; 2] = ["mcs", "mono"];
const ROSLYN: [&str; 3] = ["csc", "mcs", "mono"];

fn library() -> Value {
    json!({
        "CSharp": { "References": ["$(target acme/text:root#1)/Text.dll"] },
        "Build": { "RuntimeDependencies": ["$(target acme/text:root#1)/Text.dll", "$(target acme/text:root#1)/libtext.so"] },
    })
}

fn every_key() -> Value {
    json!({
        "Type": "Executable", "Name": "it's", "Source": ["src/*.cs", "$(target)/Made.cs"], "Defines": ["A", "B"],
        "LanguageVersion": "7.3", "TargetFramework": "net8.0", "Nullable": "Enabled", "TreatWarningsAsErrors": true,
        "AllowUnsafeBlocks": true, "CompilerFlags": ["-nowarn:1591"], "LinkLibraries": ["dlls/*.dll", "/usr/lib/x.dll"],
        "RuntimeDependencies": ["data.txt"], "Nuget": {},
    })
}

#[test]
fn every_key_of_a_program() {
    for (name, tools) in [("csc", &ROSLYN[..]), ("mcs", &TOOLS[..])] {
        let case = case("csharp", tools, &["src/$(x).cs", "dlls/y.dll"], every_key());
        let case = with_dependency(case, "Runtime", "text", library()).parameter("Flavor", "Debug");
        insta::assert_snapshot!(format!("every_key_with_{name}"), plan(case));
    }
}

#[test]
fn a_library_passes_on_what_it_uses() {
    let files = ["a.cs", "bin/b.cs", "sub/obj/c.cs"];
    let case = case("csharp", &TOOLS, &files, json!({}));
    insta::assert_snapshot!(plan(with_dependency(case, "Runtime", "text", library())));
}

#[test]
fn every_key_of_a_test() {
    let recipe = json!({
        "Type": "Test", "Inputs": ["data/*.txt"], "Timeout": 5, "Environment": {"A": "b"}
    });
    let case = case("csharp", &TOOLS, &["t.cs", "data/x.txt"], recipe);
    insta::assert_snapshot!(plan(case.parameter("Flavor", "DebugRelease")));
}

#[test]
fn mistakes_are_told() {
    let recipes = [
        json!({"Type": "Exe"}),
        json!({"Nullable": "enable"}),
        json!({"Nullable": "Enabled"}),
        json!({"Defines": ["A=1"]}),
        json!({"TreatWarningsAsErrors": "yes"}),
        json!({"Nuget": {"Dependencies": {"Runtime": [{"Name": "Newtonsoft.Json", "Version": "13.0.3"}]}}}),
        json!({"Source": ["a.vb"]}),
        json!({"Name": "App", "LinkLibraries": ["dlls/app.dll"]}),
        json!({"TargetFrameworks": "net48"}),
        json!({"Inputs": ["a.txt"]}),
        json!({"Environment": {"A": "b"}}),
    ];
    insta::assert_snapshot!(complaints("csharp", &TOOLS, &[("a.cs", "")], recipes));
}

#[test]
fn a_missing_compiler_is_told() {
    insta::assert_snapshot!(complaints("csharp", &[], &[("a.cs", "")], [json!({})]));
}

#[test]
fn what_is_made_is_the_same_every_time() {
    if has("csharp: what_is_made_is_the_same_every_time", &TOOLS) {
        is_reproducible("csharp");
    }
}

/// Catches a program whose script is as it was though what it starts is not.
#[test]
fn who_runs_a_program_runs_it_again_when_a_library_changes() {
    if !has(
        "csharp: who_runs_a_program_runs_it_again_when_a_library_changes",
        &TOOLS,
    ) {
        return;
    }
    let space = Space::new();
    let modules = [
        module("lib", "{ Language: 'C#', Source: ['Lib.cs'] }"),
        module(
            "tool",
            "{ Language: 'C#', Type: 'Executable', Source: ['Tool.cs'], Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] } }",
        ),
        USER.to_owned(),
    ];
    space
        .file("PKG", package(&modules.concat()))
        .file(
            "Lib.cs",
            "public class Lib { public static string Said() { return \"one\"; } }",
        )
        .file(
            "Tool.cs",
            "class Tool { static void Main() { System.Console.WriteLine(Lib.Said()); } }",
        );
    assert_eq!(said(&space), "one\n");
    space.edit("Lib.cs", "one", "two");
    assert_eq!(said(&space), "two\n");
}

/// Catches a shared library that is not where the program looks for it.
#[test]
fn a_program_calls_a_library_in_c() {
    if !has("csharp: a_program_calls_a_library_in_c", &TOOLS) {
        return;
    }
    let space = Space::new();
    let modules = [
        module(
            "sum",
            "{ Language: 'C', Type: 'DynamicLibrary', Source: ['sum.c'] }",
        ),
        module(
            "root",
            "{ Language: 'C#', Type: 'Executable', Source: ['Main.cs'],
               Dependencies: { Runtime: [wake.getModule(pkg, 'sum')] } }",
        ),
    ];
    let main = "using System.Runtime.InteropServices;
        class Program {
            [DllImport(\"sum\")] static extern int sum(int a, int b);
            static void Main() { System.Console.WriteLine(sum(1, 2)); }
        }";
    space
        .file("PKG", package(&modules.concat()))
        .file("sum.c", "int sum(int a, int b) { return a + b; }")
        .file("Main.cs", main);
    assert_eq!(space.wake(["run"]).success().stdout, "3\n");
}

/// Catches a recipe as Soup has them that the plugin does not take.
#[test]
fn recipes_of_soup_are_built() {
    if !has("csharp: recipes_of_soup_are_built", &TOOLS) {
        return;
    }
    let recipe = |name: &str, rest: &str| {
        format!("Name: '{name}'\nLanguage: (C#@0)\nVersion: 1.0.0\nNullable: 'Disabled'\n{rest}\n")
    };
    let space = Space::new();
    space
        .file(
            "Recipe.sml",
            recipe(
                "app",
                "Type: 'Executable'\nSource: ['Main.cs']\nDependencies: { Runtime: ['./lib/'] }",
            ),
        )
        .file(
            "lib/Recipe.sml",
            recipe("lib", "Type: 'Library'\nSource: ['Lib.cs']"),
        )
        .file("lib/Lib.cs", "public class Lib { public const int X = 5; }")
        .file(
            "Main.cs",
            "class Program { static void Main() { System.Console.WriteLine(Lib.X); } }",
        );
    assert_eq!(space.wake(["run"]).success().stdout, "5\n");
}
