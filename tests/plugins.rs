//! The built-in plugins, as data: a recipe and what its dependencies share go in, operations and shared state come out.
//! No compiler runs here.

#![expect(
    clippy::disallowed_methods,
    reason = "tests write their workspaces directly"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use wake::declare::model::{Host, ModuleBody, PackageDirectory, PackageInfo, Parameters};
use wake::error::Location;
use wake::jsonnet::client::{Evaluators, Options};
use wake::jsonnet::protocol::{
    ActionSpec, Answer, DependencyState, GenerateInput, Generated, OperationSpec, Plugin, Request,
    Setup,
};

fn evaluators(path: &str) -> Evaluators {
    let setup = Setup {
        host: Host {
            kernel: "linux".into(),
            distribution: String::new(),
            codename: String::new(),
            architecture: "x86_64".into(),
        },
        environment: BTreeMap::from([("PATH".to_owned(), path.to_owned())]),
        memory: 0,
    };
    let options = Options::new(PathBuf::from(env!("CARGO_BIN_EXE_wake")));
    Evaluators::new(options, setup, 1)
}

/// One instance to generate: a package of empty files and a recipe.
pub(crate) struct Case {
    directory: TempDir,
    pub(crate) input: GenerateInput,
    /// The tools that are installed.
    pub(crate) tools: Vec<&'static str>,
}

impl Case {
    pub(crate) fn new(plugin: &str, files: &[&str], recipe: Value) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().canonicalize().unwrap();
        let case = Self {
            input: GenerateInput {
                package: PackageDirectory {
                    place: None,
                    granted: None,
                    directory: path.join("package"),
                    top: path.clone(),
                },
                info: PackageInfo {
                    name: "app".into(),
                    namespace: Some("acme".into()),
                    version: Some("1.2.3".into()),
                },
                module: "root".into(),
                label: "acme/app:root".into(),
                config: json!({}),
                parameters: Parameters::from([("Flavor".to_owned(), json!("Release"))]),
                body: ModuleBody::Recipe(recipe),
                files: Vec::new(),
                dependencies: Vec::new(),
                plugins: vec![Plugin::Std(plugin.to_owned())],
                answers: Vec::new(),
                sdks: Vec::new(),
                shared_keys: Vec::new(),
                preprocessed: BTreeMap::new(),
                // Where the module is declared: what messages of plugins lead to.
                at: Some(Location {
                    file: "PKG".into(),
                    line: 3,
                    column: 5,
                    width: 1,
                    text: String::new(),
                }),
            },
            tools: vec!["gcc", "g++", "ar", "clang", "clang++", "sh"],
            directory,
        };
        for file in files {
            case.write(&format!("package/{file}"), "");
        }
        case
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.input.parameters.insert(name.into(), json!(value));
        self
    }

    pub(crate) fn module(mut self, name: &str) -> Self {
        name.clone_into(&mut self.input.module);
        self
    }

    /// Adds a dependency `acme/<name>` that shares `build`.
    pub(crate) fn dependency(mut self, kind: &str, name: &str, build: Value) -> Self {
        self.input.dependencies.push(DependencyState {
            kind: kind.into(),
            key: None,
            name: format!("acme/{name}"),
            module: "root".into(),
            reference: String::new(),
            target_directory: format!("$(target acme/{name}:root#1)"),
            executable: build["RunExecutable"].as_str().map(ToOwned::to_owned),
            shared_state: json!({ "Build": build }),
        });
        self
    }

    /// Adds a plugin package; `tasks` is the list in jsonnet.
    fn plugin(mut self, tasks: &str) -> Self {
        let package = format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=function(wake) {{ name: 'p', tasks: {tasks} }})"
        );
        self.write("plugin/PKG", &package);
        self.input.plugins.push(Plugin::Package(PackageDirectory {
            place: None,
            granted: None,
            directory: self.input.package.top.join("plugin"),
            top: self.input.package.top.clone(),
        }));
        self
    }

    /// Where its tools are.
    pub(crate) fn bin(&self) -> String {
        self.directory.path().join("bin").display().to_string()
    }

    /// The instance generated, or what went wrong.
    pub(crate) fn generate(self) -> Result<Generated, String> {
        let bin = self.directory.path().join("bin");
        for tool in &self.tools {
            self.write(&format!("bin/{tool}"), "");
            let tool = bin.join(tool);
            std::fs::set_permissions(tool, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        let outcome = evaluators(&bin.display().to_string())
            .ask(&Request::Generate(Box::new(self.input)))
            .unwrap();
        match outcome.result {
            Ok(Answer::Generated(generated)) => Ok(generated),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What a person would want to read of a result.
    fn plan(self) -> String {
        match self.generate() {
            Ok(generated) => shown(&generated),
            Err(error) => format!("error: {error}\n"),
        }
    }
}

pub(crate) fn shown(generated: &Generated) -> String {
    let mut text = String::new();
    for wake::jsonnet::protocol::TaskMessage {
        level,
        text: message,
        ..
    } in &generated.messages
    {
        writeln!(text, "{level:?}: {message}").unwrap();
    }
    for operation in &generated.operations {
        show_operation(operation, &mut text);
    }
    writeln!(text, "shared: {:#}", generated.shared_state).unwrap();
    text
}

fn show_operation(operation: &OperationSpec, text: &mut String) {
    let title = &operation.title;
    let test = if operation.is_test { " (test)" } else { "" };
    writeln!(text, "{title}{test}").unwrap();
    match &operation.action {
        ActionSpec::Run {
            executable,
            arguments,
            working_directory,
            environment,
            stdin,
            stdout,
            timeout,
            network,
            ..
        } => {
            writeln!(text, "  $ {executable} {}", arguments.join(" ")).unwrap();
            let details = [
                (
                    "in",
                    Some(working_directory).filter(|path| *path != "$(package)"),
                ),
                ("<", stdin.as_ref()),
                (">", stdout.as_ref()),
            ];
            for (name, value) in details {
                value.inspect(|value| writeln!(text, "  {name} {value}").unwrap());
            }
            for (name, value) in environment {
                writeln!(text, "  {name}={value}").unwrap();
            }
            if *network {
                writeln!(text, "  with network").unwrap();
            }
            timeout.inspect(|seconds| writeln!(text, "  at most {seconds} s").unwrap());
        }
        other => writeln!(text, "  {other:?}").unwrap(),
    }
    let lists = [
        ("inputs", &operation.inputs),
        ("after", &operation.order_only),
        ("outputs", &operation.outputs),
    ];
    for (name, paths) in lists.into_iter().filter(|(_, paths)| !paths.is_empty()) {
        writeln!(text, "  {name}: {}", paths.join(" ")).unwrap();
    }
    let depfile = operation.depfile.iter();
    depfile.for_each(|path| writeln!(text, "  depfile: {path}").unwrap());
}

/// What a static library `acme/<name>` in C++ shares.
fn shared_library(name: &str, needs: &[&str]) -> Value {
    let archives: Vec<String> = std::iter::once(&name)
        .chain(needs)
        .map(|name| format!("$(target acme/{name}:root#1)/lib{name}.a"))
        .collect();
    json!({
        "PublicIncludePaths": [format!("$(package acme/{name})/include")],
        "GeneratedHeaders": [format!("$(target acme/{name}:root#1)/include/{name}.h")],
        "LinkLibraries": archives,
        "PlatformLibraries": ["m"],
        "RuntimeDependencies": [],
        "LinkLanguage": "C++",
    })
}

/// Would catch a library before what needs it: in a diamond, `base` comes after both that need it.
#[test]
fn an_executable_links_what_needs_a_library_before_it() {
    let plan = Case::new(
        "c",
        &["main.c"],
        json!({"Type": "Executable", "Source": ["main.c"], "PlatformLibraries": ["dl"],
               "LinkLibraries": ["vendor/libv.a"], "LinkerFlags": ["-Wl,--gc-sections"]}),
    )
    .dependency(
        "Runtime",
        "left",
        shared_library("left", &["base", "right"]),
    )
    .dependency("Runtime", "right", shared_library("right", &["base"]))
    .plan();
    insta::assert_snapshot!(plan);
}

#[test]
fn an_executable_has_shared_libraries_beside_it() {
    let library = json!({
        "LinkLibraries": ["$(target acme/outer:root#1)/libouter.so"],
        "RuntimeDependencies": ["$(target acme/outer:root#1)/libouter.so", "$(target acme/inner:root#1)/libinner.so"],
    });
    let plan = Case::new("cpp", &["main.cpp"], json!({"Type": "Test", "Timeout": 5}))
        .dependency("Runtime", "outer", library)
        .plan();
    insta::assert_snapshot!(plan);
}

#[test]
fn a_dynamic_library_absorbs_archives_and_passes_on_what_it_loads() {
    let inner = json!({
        "LinkLibraries": ["$(target acme/inner:root#1)/libinner.so"],
        "RuntimeDependencies": ["$(target acme/inner:root#1)/libinner.so"],
    });
    let plan = Case::new("cpp", &["a.cc"], json!({"Type": "DynamicLibrary"}))
        .dependency("Runtime", "base", shared_library("base", &[]))
        .dependency("Runtime", "inner", inner)
        .plan();
    insta::assert_snapshot!(plan);
}

/// A C++ module of all kinds of sources, compiled by Clang; the sources of its tests are not its own.
#[test]
fn every_source_has_its_compiler() {
    let recipe = json!({
        "Defines": ["A", "B=\"b c\""], "IncludePaths": ["./src/", "/usr/include/x"], "CompilerFlags": ["-fno-rtti"],
        "LanguageVersion": "GNU++17", "EnableWarningsAsErrors": true,
        "Source": ["src/**", "$(target)/made.cpp"], "Tests": {"Source": ["tests/*.cpp"]},
    });
    let files = ["src/a b.cpp", "src/$(x).c", "src/y.S", "src/z.s"];
    let plan = Case::new("cpp", &files, recipe)
        .parameter("Flavor", "Debug")
        .parameter("Compiler", "Clang")
        .plan();
    insta::assert_snapshot!(plan);
}

#[test]
fn the_sources_of_tests_are_not_those_of_the_module() {
    let generated = Case::new(
        "c",
        &["a.c", "tests/t.c", "sub/b.c"],
        json!({"Tests": {"Source": ["tests/*.c"]}}),
    )
    .generate()
    .unwrap();
    let titles: Vec<_> = generated.operations.iter().map(|one| &one.title).collect();
    assert_eq!(
        titles,
        ["Compile a.c", "Compile sub/b.c", "Archive libapp.a"]
    );
}

#[test]
fn public_headers_are_copied_to_where_dependents_look() {
    let groups = json!([{"Root": "src", "Target": "acme", "Files": ["*.h"]}]);
    let groups = json!({"Type": "StaticLibrary", "PublicHeaders": groups});
    let list = json!({"Type": "HeaderLibrary", "PublicHeaders": ["include/x.h", "include/**/*.h"]});
    let outside = json!({"Type": "HeaderLibrary", "PublicHeaders": ["include/x.h", "top.h"]});
    let files = [
        "src/a.cpp",
        "src/a.h",
        "include/x.h",
        "include/deep/y.h",
        "top.h",
    ];
    let plans: Vec<String> = [groups, list, outside]
        .into_iter()
        .map(|recipe| Case::new("cpp", &files, recipe).module("lib").plan())
        .collect();
    insta::assert_snapshot!(plans.join("\n"));
}

/// Another plugin's task between those of C++ adds a directory, a header and a source.
#[test]
fn another_plugin_extends_the_build() {
    let plan = Case::new("cpp", &["main.cpp"], json!({"Type": "Executable"}))
        .plugin(
            "[{ name: 'Version', runBefore: ['Build'], runAfter: ['ResolveDependencies'], run(ctx):: {
                activeState: { Build+: {
                  IncludePaths+: [ctx.targetDirectory], GeneratedHeaders+: ['$(target)/v.h'], Source+: ['$(target)/v.cpp'],
                } },
                sharedState: { Build+: { GeneratedHeaders+: ['$(target)/v.h'] } },
             } }]",
        )
        .plan();
    insta::assert_snapshot!(plan);
}

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
    command.iter().for_each(|recipe| show("command", recipe));
    insta::assert_snapshot!(text);
}

/// Would catch a test that stays passed when the data that it reads is edited.
#[test]
fn a_test_counts_the_files_that_it_reads() {
    let recipe = json!({"Type": "Test", "Source": ["a.c"], "Inputs": ["data/*", "PKG"]});
    let generated = Case::new("c", &["a.c", "data/1.xml", "data/2.xml"], recipe)
        .generate()
        .unwrap();
    let test = generated.operations.last().unwrap();
    assert!(test.is_test);
    assert_eq!(
        test.inputs.join(" "),
        "$(target)/app $(package)/data/1.xml $(package)/data/2.xml $(package)/PKG"
    );
}

/// A linker script that is edited links again, though no depfile speaks of it; directories and files elsewhere are no
/// inputs, nor is what is no file at all.
#[test]
fn files_that_flags_name_are_inputs() {
    let files = [
        "a.c",
        "api.map",
        "boot.ld",
        "order.txt",
        "a.profdata",
        "dir.d/x",
    ];
    let recipe = json!({
        "Type": "DynamicLibrary",
        "CompilerFlags": ["-fprofile-use=a.profdata", "-DFILE=order.txt"],
        "LinkerFlags": [
            "-Wl,--version-script,$(package)/api.map", "-Tboot.ld", "-Wl,--symbol-ordering-file=./order.txt",
            "-Wl,-rpath-link,dir.d", "-Wl,-z,max-page-size=0.5", "-Wl,-T,/lib/x.ld", "-Wl,-T,../a.ld",
        ],
    });
    let generated = Case::new("c", &files, recipe).generate().unwrap();
    let inputs: Vec<_> = generated
        .operations
        .iter()
        .map(|one| one.inputs.join(" "))
        .collect();
    assert_eq!(
        inputs,
        [
            "$(package)/a.c $(package)/a.profdata",
            "$(target)/obj/a.c.o $(package)/api.map $(package)/boot.ld $(package)/order.txt",
        ]
    );
}

/// What a library wants defined reaches all that include it, once, and goes on to those that depend on them; a module's
/// own definitions come last.
#[test]
fn public_defines_flow() {
    let shares = || json!({"PublicDefines": ["BASE"]});
    let recipe = json!({"PublicDefines": ["HERE"], "Defines": ["OWN"]});
    let generated = Case::new("cpp", &["a.cpp"], recipe)
        .dependency("Runtime", "left", shares())
        .dependency("Runtime", "right", shares())
        .generate()
        .unwrap();
    let ActionSpec::Run { arguments, .. } = &generated.operations[0].action else {
        panic!("{:?}", generated.operations[0]);
    };
    let arguments = arguments.join(" ");
    assert!(
        arguments.contains(" -DBASE -DHERE -DOWN -I")
            || arguments.contains(" -DBASE -DHERE -DOWN -f"),
        "{arguments}"
    );
    assert_eq!(
        generated.shared_state["Build"]["PublicDefines"],
        json!(["HERE", "BASE"])
    );
}

/// The modules of two packages have the same name, as `shared` and `lib` often are.
#[test]
fn shared_libraries_of_one_name_are_told_apart_by_name() {
    let library = |name: &str| json!({ "RuntimeDependencies": [format!("$(target acme/{name}:shared#1)/libshared.so")] });
    let error = Case::new("c", &["a.c"], json!({"Type": "Executable"}))
        .dependency("Runtime", "x", library("x"))
        .dependency("Runtime", "y", library("y"))
        .generate()
        .unwrap_err();
    assert!(
        error.contains("`acme/x/shared/libshared.so` and `acme/y/shared/libshared.so`"),
        "{error}"
    );
    assert!(error.contains("another `Name`"), "{error}");
    let named = Case::new(
        "c",
        &["a.c"],
        json!({"Type": "DynamicLibrary", "Name": "y"}),
    )
    .module("shared")
    .generate()
    .unwrap();
    assert_eq!(
        named.shared_state["Build"]["RuntimeDependencies"],
        json!(["$(target)/liby.so"])
    );
}

/// Objects lie in `obj`, so a program of this name could not be written.
#[test]
fn a_program_is_not_named_like_a_directory_beside_it() {
    let case = Case::new("c", &["a.c"], json!({"Type": "Executable"})).module("obj");
    assert!(
        case.generate()
            .unwrap_err()
            .contains("cannot be named `obj`")
    );
}

#[test]
fn parameters_that_mean_nothing_are_errors() {
    let case = || Case::new("cpp", &["a.cpp"], json!({}));
    insta::assert_snapshot!(case().parameter("Flavor", "Fast").plan());
    insta::assert_snapshot!(case().parameter("Compiler", "GGC").plan());
    insta::assert_snapshot!(case().parameter("Compiler", "").plan());
}

/// A key that nothing reads is worth a warning only where no other plugin might read it.
#[test]
fn keys_that_nothing_reads_are_warned_about() {
    let recipe = json!({"Sources": ["a.cpp"], "Color": "red"});
    let alone = Case::new("cpp", &["a.cpp"], recipe.clone())
        .generate()
        .unwrap();
    let messages: Vec<_> = alone
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "`Color` in the recipe of `app` is not used",
            "`Sources` in the recipe of `app` is not used; did you mean `Source`?",
        ]
    );
    let accompanied = Case::new("cpp", &["a.cpp"], recipe)
        .dependency("Build", "plugin", json!({}))
        .generate()
        .unwrap();
    assert_eq!(accompanied.messages, []);
}

/// A header library compiles nothing, so it builds on a machine without a compiler.
#[test]
fn a_tool_is_needed_only_by_operations_that_use_it() {
    let with = |tools: &[&'static str], recipe: Value| {
        let mut case = Case::new("cpp", &["a.cpp"], recipe);
        case.tools = tools.to_vec();
        case.generate()
    };
    assert!(with(&[], json!({"Type": "HeaderLibrary"})).is_ok());
    assert!(with(&["g++"], json!({"Type": "Executable"})).is_ok());
    let missing = with(&["g++"], json!({"Type": "StaticLibrary"}));
    assert!(missing.unwrap_err().ends_with("`ar` is not installed"));
}

/// The packages of `examples/`, with those inside them.
fn example_packages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples"
    ))];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == "PKG" {
                found.push(directory.clone());
            } else if path.is_dir() && !path.ends_with(".wake") {
                waiting.push(path);
            }
        }
    }
    found
}

/// The languages of the examples.
const LANGUAGES: [&str; 7] = ["C", "C#", "C++", "Command", "Java", "JavaScript", "Python"];

/// Every module of every example is a recipe of a built-in plugin.
#[test]
fn examples_are_declared() {
    let evaluators = evaluators("");
    let ask = |request: &Request| match evaluators.ask(request).unwrap().result {
        Ok(answer) => answer,
        Err(error) => panic!("{error}"),
    };
    let packages = example_packages();
    assert!(packages.len() >= 13, "{packages:?}");
    for directory in packages {
        let package = PackageDirectory {
            place: None,
            granted: None,
            top: directory.clone(),
            directory,
        };
        let Answer::Declaration(declaration) = ask(&Request::Declare {
            package: package.clone(),
            answers: Vec::new(),
        }) else {
            panic!("no declaration");
        };
        assert!(["example", "acme"].contains(&declaration.info.namespace.as_deref().unwrap()));
        assert_ne!(declaration.files, Some(Vec::new()));
        for module in declaration.modules {
            let module = ask(&Request::Module {
                package: package.clone(),
                module,
                config: json!({}),
                parameters: Parameters::from([("Flavor".to_owned(), json!("Debug"))]),
                answers: Vec::new(),
            });
            let Answer::Module(module) = module else {
                panic!("{module:?}");
            };
            let ModuleBody::Recipe(recipe) = module.body else {
                panic!("no recipe");
            };
            let language = recipe["Language"].as_str().unwrap();
            assert!(LANGUAGES.contains(&language), "{language}");
        }
    }
}
