//! Recipes of `Language: 'Command'`.

use serde_json::json;

use super::Case;

#[test]
fn commands_expand_their_tokens() {
    let recipe = json!({
        "Operations": [
            {
                "Executable": "./tools/gen.sh",
                "Arguments": ["$(inputs)", "--all=$(inputs)", "$(output 1)", "$$(inputs) $$$(input 0)", "$HOME", "$(target)/x"],
                "Inputs": ["a$(outputs).txt", "*.in", "../shared.txt", "$(target acme/lib)/x"], "Outputs": ["gen/a.h", "gen/a.c"],
                "Environment": {"MODE": "fast"}, "Depfile": "a.d", "OrderOnly": ["$(target)/d/"],
            },
            {"Title": "Sort", "Executable": "sh", "Stdin": "b.in", "Stdout": "sorted", "WorkingDirectory": "tools"},
            {"Executable": "$(tool tool)", "Arguments": ["$(outputs)"], "Outputs": ["d/"]},
        ],
        "PublicIncludePaths": ["gen"], "RunExecutable": "gen/a.c",
    });
    let plan = Case::new("command", &["b.in", "tools/gen.sh"], recipe)
        .dependency(
            "Tool",
            "tool",
            json!({"RunExecutable": "$(target acme/tool:root#1)/tool"}),
        )
        .dependency("Runtime", "lib", json!({}))
        .plan();
    insta::assert_snapshot!(plan);
}

#[test]
fn a_tool_is_named_with_or_without_its_namespace_and_module() {
    for name in ["gen", "acme/gen", "gen:root", "acme/gen:root", ":root"] {
        let recipe = json!({"Operations": [
            {"Executable": format!("$(tool {name})"), "Arguments": [format!("<$(tool {name})>")], "Outputs": ["a"]},
        ]});
        let tool = |path: &str| json!({ "RunExecutable": path });
        let plan = Case::new("command", &[], recipe)
            .dependency("Tool", "gen", tool("$(target acme/gen:root#1)/first"))
            .dependency("Tool", "gen", tool("$(target acme/gen:root#1)/second"))
            .plan();
        assert!(
            plan.contains("<$(target acme/gen:root#1)/first>"),
            "{name}: {plan}"
        );
    }
}
