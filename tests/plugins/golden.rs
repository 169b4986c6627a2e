//! Every key of every built-in plugin: documented, and with a case that shows what it does to the operations.
//!
//! The keys are those of the plugins' own tables. A case is a recipe and a key: the golden shows in which lines the plans
//! without and with the key differ. A key that is added without a word in the header comment, or without a case here, fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wake::jsonnet::protocol::{Answer, Request};

use super::{Case, evaluators, shown};

/// Where the sources of the plugins are.
const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/std-plugins");
/// What every recipe may say, and the front end reads.
const OF_ALL: [&str; 3] = ["Dependencies", "Language", "Version"];

/// A plugin with all that its cases need.
struct Golden {
    plugin: &'static str,
    /// The file of the keys that it shares with others.
    shared: Option<&'static str>,
    tools: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
    /// The key, a recipe without it, its value.
    cases: Vec<(&'static str, Value, Value)>,
}

impl Golden {
    /// Catches a key that is not documented or has no case, and a case or a word for none.
    fn check(self) {
        self.check_but(&[]);
    }

    /// As [`Self::check`], without keys that change nothing in the module that has them.
    fn check_but(self, elsewhere: &[&str]) {
        let mut known = keys(self.plugin, "keys");
        if self.plugin == "command" {
            // Nothing is named after the recipe.
            known.remove("Name");
        }
        let cases = self.cases.iter().map(|one| one.0);
        let cases: BTreeSet<String> = (cases.chain(elsewhere.iter().copied()))
            .map(ToOwned::to_owned)
            .collect();
        assert_eq!(known, cases, "keys of `{}` and their cases", self.plugin);
        let files = [Some(self.plugin), self.shared];
        let documented = files
            .into_iter()
            .flatten()
            .flat_map(|file| documented(file, 3, self.plugin == "cpp"));
        assert_eq!(
            known,
            documented.collect(),
            "keys of `{}` and its header",
            self.plugin
        );
        let mut golden = String::new();
        let mut plans = BTreeMap::new();
        for (key, base, value) in &self.cases {
            let without = plans.entry(base.to_string());
            let without = without.or_insert_with(|| self.plan(base.clone())).clone();
            let mut recipe = base.clone();
            recipe[*key] = value.clone();
            golden += &told(key, base, value, &without, &self.plan(recipe));
        }
        insta::assert_snapshot!(self.plugin, golden);
    }

    /// The plan of a recipe, without the scripts that plugins bring along.
    fn plan(&self, recipe: Value) -> String {
        let mut case = Case::new(self.plugin, &[], recipe);
        case.tools = self.tools.to_vec();
        case.tools.push("sh");
        for (path, content) in self.files {
            case.write(&format!("package/{path}"), content);
        }
        let bin = case.bin();
        match case.generate() {
            Ok(mut generated) => {
                generated
                    .operations
                    .retain(|one| !one.title.contains("_tool."));
                shown(&generated).replace(&bin, "[BIN]")
            }
            Err(error) => format!("error: {error}\n"),
        }
    }
}

/// What a key does: the lines in which two plans differ.
fn told(key: &str, base: &Value, value: &Value, without: &str, with: &str) -> String {
    let mut text = format!("{key}: {value} in {base}\n");
    let lines = text.len();
    for (sign, one, other) in [("-", without, with), ("+", with, without)] {
        let mut others: Vec<&str> = other.lines().collect();
        for line in one.lines() {
            match others.iter().position(|other| *other == line) {
                Some(index) => drop(others.swap_remove(index)),
                None => writeln!(text, "  {sign} {line}").unwrap(),
            }
        }
    }
    assert!(
        text.len() > lines,
        "`{key}` changes nothing in {base}:\n{with}"
    );
    text
}

/// The names in a table of a plugin.
fn keys(plugin: &str, table: &str) -> BTreeSet<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.jsonnet");
    let text = format!("std.objectFields((import '{PLUGINS}/{plugin}.libsonnet')(null).{table})");
    std::fs::write(&file, text).unwrap();
    let request = Request::Eval {
        file,
        library_path: Vec::new(),
        arguments: Default::default(),
        top: PathBuf::from("/"),
    };
    let outcome = evaluators("").ask(&request).unwrap();
    let names: Vec<String> = match outcome.result {
        Ok(Answer::Value(names)) => serde_json::from_value(names).unwrap(),
        other => panic!("{other:?}"),
    };
    let names = names.into_iter();
    names.filter(|name| !OF_ALL.contains(&&**name)).collect()
}

/// The keys that the header comment of a file describes, with this many blanks before each: `//   Key   what it is`. What
/// C and C++ share has keys of C++ alone.
fn documented(file: &str, blanks: usize, is_cpp: bool) -> Vec<String> {
    let path = Path::new(PLUGINS).join(format!("{file}.libsonnet"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map_while(|line| line.strip_prefix("//"));
    let is_title = |line: &&str| line.contains("KEYS") || line.contains(" alone:");
    let section = lines.scan(false, |is_inside, line| {
        *is_inside = is_title(&line) || (*is_inside && !line.is_empty());
        Some(is_inside.then_some(line))
    });
    let named = section.flatten().filter_map(|line| {
        let item = line.strip_prefix(&" ".repeat(blanks))?;
        let (name, _) = item.split_once("  ")?;
        let is_name = name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphabetic);
        let is_of_another = file == "lib/cc" && item.contains("  C++: ") && !is_cpp;
        (is_name && !is_of_another).then(|| name.to_owned())
    });
    named.collect()
}

/// What C and C++ have in common, of sources that end in `extension`.
fn compiled(extension: &str) -> Vec<(&'static str, Value, Value)> {
    let source = |name: &str| format!("{name}.{extension}");
    let all = || json!({});
    let library = || json!({"Source": [source("a")]});
    let program = || json!({"Source": [source("a")], "Type": "Executable"});
    let test = || json!({"Source": [source("a")], "Type": "Test"});
    let version = if extension == "c" { "C11" } else { "C++17" };
    vec![
        ("AssemblySource", library(), json!(["fast.s"])),
        ("CompilerFlags", library(), json!(["-fno-plt"])),
        ("Defines", library(), json!(["X=1"])),
        (
            "DisabledWarnings",
            library(),
            json!(["unused-variable", 4100]),
        ),
        ("EnableWarningsAsErrors", library(), json!(true)),
        ("Exclude", all(), json!([source("b")])),
        ("IncludePaths", library(), json!(["include"])),
        ("Inputs", test(), json!(["data.txt"])),
        ("LanguageVersion", library(), json!(version)),
        ("LinkLibraries", program(), json!(["libz.a"])),
        ("LinkerFlags", program(), json!(["-s"])),
        ("Name", library(), json!("other")),
        ("PlatformLibraries", program(), json!(["m"])),
        ("PublicDefines", library(), json!(["X=1"])),
        (
            "PublicHeaders",
            library(),
            json!([{"Root": "include", "Target": "acme", "Files": ["a.h"]}]),
        ),
        ("PublicHeaders", library(), json!([{"Root": "include/"}])),
        ("PublicIncludePaths", library(), json!(["include"])),
        ("Resources", library(), json!("app.rc")),
        ("RuntimeDependencies", program(), json!(["data.txt"])),
        ("Source", all(), json!([source("b")])),
        ("TargetSystems", library(), json!(["Windows"])),
        ("Tests", all(), json!({"Source": [source("tests/t")]})),
        ("Timeout", test(), json!(5)),
        ("Type", library(), json!("DynamicLibrary")),
    ]
}

const COMPILERS: [&str; 3] = ["gcc", "g++", "ar"];

#[test]
fn c() {
    let golden = Golden {
        plugin: "c",
        shared: Some("lib/cc"),
        tools: &COMPILERS,
        files: &[
            ("a.c", ""),
            ("b.c", ""),
            ("tests/t.c", ""),
            ("fast.s", ""),
            ("include/a.h", ""),
            ("data.txt", ""),
        ],
        cases: compiled("c"),
    };
    golden.check();
}

#[test]
fn cpp() {
    let mut cases = compiled("cpp");
    let interface = json!({"Source": ["a.cpp"], "Interface": "b.cpp"});
    cases.extend([
        ("Interface", json!({"Source": ["a.cpp"]}), json!("b.cpp")),
        ("Modules", json!({"Source": ["a.cpp"]}), json!(true)),
        (
            "Partitions",
            interface,
            json!([{"Source": "tests/t.cpp", "Imports": []}]),
        ),
    ]);
    let golden = Golden {
        plugin: "cpp",
        shared: Some("lib/cc"),
        tools: &COMPILERS,
        files: &[
            ("a.cpp", ""),
            ("b.cpp", ""),
            ("tests/t.cpp", ""),
            ("fast.s", ""),
            ("include/a.h", ""),
            ("data.txt", ""),
        ],
        cases,
    };
    golden.check();
}

#[test]
fn command() {
    let operation = json!({"Executable": "sh", "Outputs": ["gen/a.h", "x.txt", "liba.a"]});
    let base = || json!({ "Operations": [operation] });
    let golden = Golden {
        plugin: "command",
        shared: None,
        tools: &["cat"],
        files: &[("a.txt", ""), ("sub/b.txt", "")],
        cases: vec![
            ("GeneratedHeaders", base(), json!(["x.txt"])),
            ("IncludePaths", base(), json!(["gen"])),
            ("LinkLibraries", base(), json!(["liba.a"])),
            ("Operations", json!({"Operations": []}), json!([operation])),
            ("PublicDefines", base(), json!(["X=1"])),
            ("PublicIncludePaths", base(), json!(["gen"])),
            ("RunExecutable", base(), json!("x.txt")),
            (
                "Timeout",
                json!({"Type": "Test", "Operations": [{"Executable": "sh"}]}),
                json!(5),
            ),
            (
                "Type",
                json!({"Operations": [{"Executable": "sh"}]}),
                json!("Test"),
            ),
        ],
    };
    golden.check();
}

/// The fields of an operation, as the keys of a recipe are.
#[test]
fn commands_have_fields() {
    let fields = [
        ("Arguments", json!(["$(input 0)"])),
        ("Caches", json!(["kept", "/home/me/.ccache"])),
        ("Console", json!(true)),
        ("Depfile", json!("x.d")),
        ("Environment", json!({"MODE": "fast"})),
        ("Executable", json!("cat")),
        ("Inputs", json!(["**/*.txt"])),
        ("OrderOnly", json!(["a.txt"])),
        ("Outputs", json!(["y.txt", "made/"])),
        ("Pool", json!("heavy")),
        ("Stdin", json!("a.txt")),
        ("Stdout", json!("x.txt")),
        ("Title", json!("Say so")),
        ("Weight", json!(3)),
        ("WorkingDirectory", json!("sub")),
    ];
    let golden = Golden {
        plugin: "command",
        shared: None,
        tools: &["cat"],
        files: &[("a.txt", ""), ("sub/b.txt", "")],
        cases: Vec::new(),
    };
    let names: BTreeSet<String> = fields.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(keys("command", "operationKeys"), names);
    assert_eq!(
        documented("command", 5, false)
            .into_iter()
            .collect::<BTreeSet<_>>(),
        names
    );
    let base = json!({"Executable": "sh", "Inputs": ["a.txt"], "Outputs": ["x.txt"]});
    let plan = |operation: &Value| golden.plan(json!({ "Operations": [operation] }));
    let without = plan(&base);
    let shown = fields.map(|(name, value)| {
        let mut operation = base.clone();
        operation[name] = value.clone();
        told(name, &base, &value, &without, &plan(&operation))
    });
    insta::assert_snapshot!(shown.concat());
}

/// What the languages with a runtime of their own have in common.
fn hosted(extension: &str, program: &Value, test: &Value) -> Vec<(&'static str, Value, Value)> {
    let source = |name: &str| format!("{name}.{extension}");
    vec![
        ("Environment", test.clone(), json!({"MODE": "fast"})),
        ("Inputs", test.clone(), json!(["data.txt"])),
        ("Name", program.clone(), json!("other")),
        ("Source", json!({}), json!([source("b")])),
        ("Tests", json!({}), json!({"Source": [source("spec/t")]})),
        ("Timeout", test.clone(), json!(5)),
        ("Type", without(program, "Type"), program["Type"].clone()),
    ]
}

fn without(recipe: &Value, key: &str) -> Value {
    let mut recipe = recipe.clone();
    recipe.as_object_mut().unwrap().remove(key);
    recipe
}

#[test]
fn csharp() {
    let library = || json!({"Source": ["a.cs"]});
    let program = json!({"Type": "Executable", "Source": ["a.cs"]});
    let test = json!({"Type": "Test", "Source": ["spec/t.cs"]});
    let package = json!({"Dependencies": {"Runtime": [{"Name": "Acme.Text", "Version": "1.0.0"}]}});
    let mut cases = hosted("cs", &program, &test);
    cases.extend([
        ("AllowUnsafeBlocks", library(), json!(true)),
        ("CompilerFlags", library(), json!(["-nowarn:1591"])),
        ("Defines", library(), json!(["A", "B"])),
        ("LanguageVersion", library(), json!("7.3")),
        ("LinkLibraries", library(), json!(["z.dll"])),
        ("Nuget", library(), package),
        ("Nullable", library(), json!("Enabled")),
        ("RuntimeDependencies", program, json!(["data.txt"])),
        ("TargetFramework", library(), json!("net10.0")),
        ("TreatWarningsAsErrors", library(), json!(true)),
    ]);
    let golden = Golden {
        plugin: "csharp",
        shared: Some("lib/hosted"),
        tools: &["csc", "mcs", "mono"],
        files: &[
            ("a.cs", ""),
            ("b.cs", ""),
            ("spec/t.cs", ""),
            ("z.dll", ""),
            ("data.txt", ""),
        ],
        cases,
    };
    golden.check();
}

#[test]
fn java() {
    let library = || json!({"Source": ["a.java"]});
    let program = json!({"Type": "Executable", "Source": ["a.java"], "MainClass": "a"});
    let test = json!({"Type": "Test", "Source": ["spec/t.java"]});
    let mut cases = hosted("java", &program, &test);
    cases.extend([
        ("CompilerFlags", library(), json!(["-parameters"])),
        ("EnableWarningsAsErrors", library(), json!(true)),
        ("LanguageVersion", library(), json!("17")),
        ("LinkLibraries", library(), json!(["z.jar"])),
        (
            "MainClass",
            json!({"Type": "Executable", "Source": ["a.java"]}),
            json!("acme.Main"),
        ),
        ("Resources", library(), json!(["data.txt"])),
        ("RuntimeDependencies", program.clone(), json!(["data.txt"])),
        ("RuntimeFlags", program, json!(["-Xmx1g"])),
        ("TestRunner", test, json!("z.jar")),
    ]);
    const MAIN: &str = "class a { public static void main(String[] arguments) {} }";
    let golden = Golden {
        plugin: "java",
        shared: Some("lib/hosted"),
        tools: &["javac", "jar", "java"],
        files: &[
            ("a.java", MAIN),
            ("b.java", ""),
            ("spec/t.java", MAIN),
            ("z.jar", ""),
            ("data.txt", ""),
        ],
        cases,
    };
    golden.check();
}

#[test]
fn python() {
    let library = || json!({"Source": ["a.py"]});
    let program = json!({"Type": "Executable", "Source": ["a.py"]});
    let test = json!({"Type": "Test", "Source": ["spec/t.py"]});
    let wheel = || json!({"Type": "Wheel", "Source": ["a.py"]});
    let mut cases = hosted("py", &program, &test);
    cases.extend([
        (
            "EntryPoints",
            wheel(),
            json!({"console_scripts": {"say": "a:main"}}),
        ),
        ("Main", program, json!("a:main")),
        ("Requires", wheel(), json!(["attrs>=23"])),
        ("RequiresPython", wheel(), json!(">=3.8")),
        ("Resources", library(), json!(["data.txt"])),
        ("Root", json!({"Source": ["spec/t.py"]}), json!("spec")),
        ("Summary", wheel(), json!("Says it")),
        ("TestRunner", test, json!("pytest")),
        ("WheelTag", wheel(), json!("cp311-cp311-linux_x86_64")),
    ]);
    let golden = Golden {
        plugin: "python",
        shared: Some("lib/hosted"),
        tools: &["python3", "pytest"],
        files: &[
            ("a.py", ""),
            ("b.py", ""),
            ("spec/t.py", ""),
            ("data.txt", ""),
        ],
        cases,
    };
    golden.check();
}

#[test]
fn javascript() {
    let library = || json!({"Source": ["a.js"]});
    let program = json!({"Type": "Executable", "Source": ["a.js"], "Main": "a.js"});
    let test = json!({"Type": "Test", "Source": ["spec/t.js"]});
    let bundle = || json!({"Type": "Bundle", "Scripts": ["build"]});
    let mut cases = hosted("js", &program, &test);
    cases.extend([
        ("InstallLocked", bundle(), json!(false)),
        ("Main", json!({"Type": "Executable"}), json!("b.js")),
        ("NodeFlags", program, json!(["--no-warnings"])),
        ("Outputs", bundle(), json!(["made/"])),
        ("PackageName", library(), json!("@acme/text")),
        ("Scripts", library(), json!(["build"])),
    ]);
    let golden = Golden {
        plugin: "javascript",
        shared: Some("lib/hosted"),
        tools: &["node", "npm"],
        files: &[
            ("a.js", ""),
            ("b.js", ""),
            ("spec/t.js", ""),
            ("data.txt", ""),
            (
                "package-lock.json",
                "{\"lockfileVersion\": 3, \"packages\": {}}",
            ),
            (
                "package.json",
                "{\"name\": \"app\", \"version\": \"1.0.0\", \"scripts\": {\"build\": \"node a.js\"}}",
            ),
        ],
        cases,
    };
    golden.check();
}

#[test]
fn go() {
    let library = || json!({});
    let program = || json!({"Type": "Executable"});
    let test = || json!({"Type": "Test"});
    let golden = Golden {
        plugin: "go",
        shared: None,
        tools: &["go", "gcc", "g++"],
        files: &[
            ("go.mod", "module acme.org/app\n\ngo 1.22\n"),
            ("main.go", ""),
            ("data.txt", ""),
        ],
        cases: vec![
            ("Cgo", program(), json!(true)),
            ("CompilerFlags", program(), json!(["-N"])),
            ("Environment", program(), json!({"MODE": "fast"})),
            (
                "Inputs",
                json!({"Type": "Test", "Source": ["main.go"]}),
                json!(["data.txt"]),
            ),
            ("LinkerFlags", program(), json!(["-w"])),
            ("Name", program(), json!("tool")),
            ("Packages", program(), json!(["./cmd"])),
            (
                "PlatformLibraries",
                json!({"Type": "Executable", "Cgo": true}),
                json!(["m"]),
            ),
            ("Source", library(), json!(["main.go"])),
            ("Tags", program(), json!(["fast"])),
            ("Timeout", test(), json!(5)),
            ("Type", library(), json!("Executable")),
            ("Variables", program(), json!({"main.version": "1"})),
        ],
    };
    golden.check_but(&["Tests"]);
}

#[test]
fn rust() {
    let library = || json!({});
    let program = || json!({"Type": "Executable"});
    let test = || json!({"Type": "Test"});
    let cargo = || json!({"Cargo": true, "Type": "Executable"});
    let golden = Golden {
        plugin: "rust",
        shared: None,
        tools: &["rustc", "cargo", "cc", "gcc", "g++"],
        files: &[
            ("src/main.rs", ""),
            ("src/lib.rs", ""),
            ("src/other.rs", ""),
            ("tests/all.rs", ""),
            ("data.txt", ""),
            ("Cargo.toml", "[package]\nname = \"app\"\n"),
            ("Cargo.lock", ""),
        ],
        cases: vec![
            ("Binaries", cargo(), json!(["tool"])),
            ("Cargo", program(), json!(true)),
            ("Cfg", library(), json!(["fast"])),
            ("CompilerFlags", library(), json!(["-Ccodegen-units=1"])),
            ("CrateName", library(), json!("other")),
            ("DefaultFeatures", cargo(), json!(false)),
            ("Edition", library(), json!("2018")),
            ("EnableWarningsAsErrors", library(), json!(true)),
            ("Environment", library(), json!({"MODE": "fast"})),
            ("Features", library(), json!(["fast"])),
            ("Inputs", test(), json!(["data.txt"])),
            ("LinkLibraries", program(), json!(["/opt/x/libx.a"])),
            ("LinkerFlags", program(), json!(["-Wl,-s"])),
            ("Name", program(), json!("tool")),
            ("Packages", cargo(), json!(["app"])),
            ("PlatformLibraries", program(), json!(["m"])),
            ("Profile", cargo(), json!("small")),
            (
                "PublicIncludePaths",
                json!({"Type": "StaticLibrary"}),
                json!(["include"]),
            ),
            ("RuntimeDependencies", program(), json!(["data.txt"])),
            ("Source", library(), json!(["src/other.rs"])),
            ("Timeout", test(), json!(5)),
            ("Type", library(), json!("Executable")),
        ],
    };
    golden.check_but(&["Tests"]);
}
