//! `wake __retrieve`: the process that wake starts for the retrievers of `wake.std`, and what a package is good for that
//! came through it.

use std::fs::File;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Run, Space};

/// Asks a retriever, with the request that `text` is.
fn ask(space: &Space, name: &str, text: &str) -> Run {
    space.file("request.json", text);
    let mut command = space.command(["__retrieve", name]);
    command.stdin(File::open(space.path("request.json")).unwrap());
    Run::of(space, command)
}

fn request(config: &Value, method: &str, key: &str, one: &Value) -> String {
    json!({"protocol": 1, "method": method, "config": config, "env": {}, key: [one]}).to_string()
}

/// Runs a tool of the system at the top of the space, and returns what it prints.
fn tool(space: &Space, name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name)
        .args(arguments)
        .current_dir(space.top())
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Catches sources that no wake builds, and a second wake that finds other sources than the first.
#[test]
fn an_archive_of_a_stranger_is_built_by_its_consumer() {
    let space = Space::new();
    space.file("six-1.2.0/src/six.c", "int six(void) { return 6; }\n");
    space.file("six-1.2.0/src/six.h", "int six(void);\n");
    space.file("six-1.2.0/.clang-format", "\n");
    tool(&space, "tar", &["-czf", "six-1.2.0.tar.gz", "six-1.2.0"]);
    let sum = tool(&space, "sha256sum", &["six-1.2.0.tar.gz"]);
    let digest = format!("sha256:{}", &sum[..64]);
    let config = json!({"path": "six-${version}.tar.gz", "versions": {"1.2.0": digest}});

    let wanted = json!({"namespace": null, "name": "six", "requirement": "^1"});
    let once = request(&config, "candidates", "requests", &wanted);
    let run = ask(&space, "archive", &format!("{once}\n{once}")).success();
    assert_eq!(run.stdout, "[[{\"version\":\"1.2.0\"}]]\n".repeat(2));

    space.remove("six-1.2.0");
    std::fs::create_dir(space.path("six")).unwrap();
    let into = space.path("six");
    let package = json!({"namespace": null, "name": "six", "version": "1.2.0", "into": into});
    let fetch = request(&config, "fetch", "packages", &package);
    let run = ask(&space, "archive", &fetch).success();
    assert_eq!(run.stdout, format!("{}\n", json!([into])));
    space.file(
        "app/PKG",
        "function(wake) wake.pkg(
          wake.pkgInfo('app', version='1.0.0'),
          pkgs={ six: wake.getPkg('six@^1.2', from='../six') },
          modules={ root: function(wake, pkg, config) wake.recipe({
            Language: 'C', Type: 'Executable', Source: ['main.c'],
            Dependencies: { Runtime: [wake.getModule(pkg.pkgs.six, config={
              Language: 'C', Type: 'StaticLibrary', Source: ['src/*.c'], PublicIncludePaths: ['src'],
            })] },
          }) },
        )",
    );
    space.file(
        "app/main.c",
        "#include <six.h>\nint main(void) { return six() - 6; }\n",
    );
    space.wake(["-C", "app", "run"]).success();

    space.edit(
        "app/PKG",
        ", config={",
        ", config={} + if true then {} else {",
    );
    let run = space.wake(["-C", "app", "build"]).code(2);
    assert!(
        run.stderr
            .contains("package `six` does not say how it is built"),
        "{}",
        run.stderr
    );
}

/// Catches a retriever that fails without a word, or writes half a response.
#[test]
fn a_retriever_that_fails_says_why_and_ends_with_1() {
    let space = Space::new();
    let wanted = json!({"namespace": null, "name": "x", "requirement": "*"});
    for (name, text, expected) in [
        (
            "index",
            request(&json!({"pth": "x"}), "candidates", "requests", &wanted),
            "error: The config of `wake.std.index` has no key `pth`\n\nhint: did you mean `path`?\n",
        ),
        (
            "indx",
            request(&json!({}), "candidates", "requests", &wanted),
            "error: `wake.std` has no retriever `indx`\n\nhint: did you mean `index`?\n",
        ),
        (
            "index",
            "{\"protocol\":1".to_owned(),
            "error: The request is not one of protocol 1\n  Caused by: EOF while parsing an object at line 1 column 13\n",
        ),
    ] {
        let run = ask(&space, name, &text).code(1);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", expected));
    }
}
