//! What people are told of recipes that are wrong.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Case;

/// The first thing that is wrong with each of many recipes.
#[test]
fn wrong_recipes_are_told_what_is_wrong() {
    let files = ["a.cpp", "b.h", "c/a.cpp"];
    let cpp = [
        json!({"Type": "executable"}),
        json!({"Source": ["a.cpp", 3]}),
        json!({"Defines": "X"}),
        json!({"EnableWarningsAsErrors": "yes"}),
        json!({"Source": ["../a.cpp"]}),
        json!({"Source": ["c/../../a.cpp"]}),
        json!({"Source": ["/usr/src/a.cpp"]}),
        json!({"IncludePaths": [".."]}),
        json!({"LinkLibraries": ["../libx.a"]}),
        json!({"PublicHeaders": [{"Root": "..", "Files": ["x.h"]}]}),
        json!({"PublicHeaders": "b.h"}),
        json!({"Source": []}),
        json!({"Source": ["none/*.cpp"]}),
        json!({"Source": ["b.h"]}),
        json!({"Source": ["target/a.cpp", "$(target)/a.cpp"]}),
        json!({"LanguageVersion": "C++21"}),
        json!({"PublicHeaders": [{"Roots": "x", "Files": ["a.h"]}]}),
        json!({"PublicHeaders": ["b.h", {"Files": ["b.h"]}]}),
        json!({"Type": "HeaderLibrary", "Source": ["a.cpp"]}),
        json!({"Type": "Test", "Timeout": 0}),
        json!({"Inputs": ["a.txt"]}),
        json!({"Type": "Test", "Inputs": ["../a.txt"]}),
        json!({"Name": "lib/z"}),
        json!({"Name": ""}),
        json!({"Source": [{"Filter": {"System": "Linux"}}]}),
        json!({"Source": [{"Filter": {"Sistem": "Linux"}, "Files": []}]}),
        json!({"Source": ["a.cpp", {"Filter": {"System": 1}, "Files": []}]}),
        json!({"Source": [{"Filter": "Linux", "Files": ["a.cpp"]}]}),
        json!({"Source": [{"Filter": {"System": "Windows"}, "Files": [1]}]}),
        json!({"Source": [{"Files": ["a.cpp"]}]}),
        json!({"TargetSystems": "Linux"}),
        json!({"AssemblySource": ["x.asm"]}),
        json!({"AssemblySource": ["../x.s"]}),
        json!({"Exclude": "x"}),
        json!({"DisabledWarnings": "x"}),
        json!({"DisabledWarnings": [["x"]]}),
        json!({"PlatformLibraries": ["libm.so"]}),
        json!({"PlatformLibraries": ["m.lib"]}),
        json!({"PlatformLibraries": ["/usr/lib/libm.a"]}),
        json!({"LinkLibraries": ["m"]}),
        json!({"Interface": ["a.cpp"]}),
        json!({"Interface": "../a.cpp"}),
        json!({"Partitions": "a.cpp"}),
        json!({"Partitions": [{"Imports": ["a.cpp"]}]}),
        json!({"Partitions": [{"Source": "a.cpp", "Import": []}]}),
        json!({"Partitions": [{"Source": "a.cpp", "Imports": ["a1.cpp"]}]}),
        json!({"Modules": "yes"}),
    ];
    let command = [
        json!({}),
        json!({"Operations": ["x"]}),
        json!({"Operations": [{"Executible": "x"}]}),
        json!({"Operations": [{"Arguments": ["x"]}]}),
        json!({"Operations": [{"Executable": "sh", "Inputs": ["a.cpp"], "Arguments": ["$(input 1)"]}]}),
        json!({"Operations": [{"Executable": "$(tool nothing)", "Inputs": ["a.cpp"]}]}),
        json!({"Operations": [{"Executable": "sh", "Environment": {"A": 1}}]}),
    ];
    let mut text = String::new();
    let mut show = |plugin: &str, recipe: &Value| {
        let plan = Case::new(plugin, &files, recipe.clone()).plan();
        writeln!(text, "{plugin} {recipe}\n  {plan}").unwrap();
    };
    cpp.iter().for_each(|recipe| show("cpp", recipe));
    show("c", &json!({"Source": ["a.cpp"]}));
    show("c", &json!({}));
    show("c", &json!({"Interface": "a.cpp"}));
    show("c", &json!({"LanguageVersion": "C++17"}));
    command.iter().for_each(|recipe| show("command", recipe));
    insta::assert_snapshot!(text);
}
