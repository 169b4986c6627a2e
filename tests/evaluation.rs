//! Evaluation through real processes: what a `PKG` declares, what tasks make, and what bad input is answered with.

#![expect(
    clippy::disallowed_methods,
    reason = "tests write their workspaces directly"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wake::declare::model::{Host, ModuleBody, PackageDirectory, PackageInfo, Parameters};
use wake::error::{Error, Kind};
use wake::jsonnet::client::{Evaluators, Options};
use wake::jsonnet::protocol::{Answer, GenerateInput, Outcome, Plugin, Request, Setup};

/// A workspace on disk and processes that evaluate it.
struct Space {
    directory: TempDir,
    evaluators: Evaluators,
}

impl Space {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::new(PathBuf::from(env!("CARGO_BIN_EXE_wake")));
        change(&mut options);
        let setup = Setup {
            host: Host {
                kernel: "linux".into(),
                distribution: "debian".into(),
                codename: "bookworm".into(),
                architecture: "x86_64".into(),
            },
            environment: BTreeMap::from([
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
                ("GREETING".to_owned(), "hello".to_owned()),
            ]),
            memory: 0,
        };
        Self {
            directory: TempDir::new().unwrap(),
            evaluators: Evaluators::new(options, setup, 1),
        }
    }

    /// Writes a file below the workspace.
    fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(path)
    }

    fn package(&self, path: &str) -> PackageDirectory {
        PackageDirectory {
            directory: self.path(path).canonicalize().unwrap(),
            top: self.path("").canonicalize().unwrap(),
        }
    }

    fn ask(&self, request: &Request) -> Result<Outcome, Error> {
        self.evaluators.ask(request)
    }

    fn answer(&self, request: &Request) -> Answer {
        match self.ask(request) {
            Ok(Outcome {
                result: Ok(answer), ..
            }) => answer,
            Ok(Outcome {
                result: Err(error), ..
            })
            | Err(error) => panic!("{}", shown(&error)),
        }
    }

    fn error(&self, request: &Request) -> Error {
        match self.ask(request) {
            Ok(Outcome {
                result: Ok(answer), ..
            }) => panic!("no error but {answer:?}"),
            Ok(Outcome {
                result: Err(error), ..
            })
            | Err(error) => error,
        }
    }

    fn declare(&self) -> Request {
        Request::Declare {
            package: self.package(""),
        }
    }

    fn module(&self, module: &str) -> Request {
        Request::Module {
            package: self.package(""),
            module: module.to_owned(),
            config: json!({}),
            parameters: parameters(),
            answers: Vec::new(),
        }
    }

    fn generate(&self, recipe: Value, plugins: Vec<Plugin>) -> GenerateInput {
        GenerateInput {
            package: self.package(""),
            info: PackageInfo {
                name: "app".into(),
                namespace: Some("acme".into()),
                version: Some("1.2.3".into()),
            },
            module: "root".into(),
            label: "acme/app:root".into(),
            config: json!({}),
            parameters: parameters(),
            body: ModuleBody::Recipe(recipe),
            files: Vec::new(),
            dependencies: Vec::new(),
            plugins,
            answers: Vec::new(),
            at: None,
        }
    }
}

fn parameters() -> Parameters {
    Parameters::from([("Flavor".to_owned(), json!("Debug"))])
}

/// An error as a person would see it, without the workspace's path.
fn shown(error: &Error) -> String {
    let report = error.report();
    let mut text = format!("{error}\n");
    for cause in &report.causes {
        text.push_str(&format!("  {cause}\n"));
    }
    for frame in &report.trace {
        let at = frame
            .at
            .as_ref()
            .map_or("-".to_owned(), ToString::to_string);
        text.push_str(&format!("  {at}: {}\n", frame.description));
    }
    if let Some(hint) = &report.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

#[test]
fn a_package_is_declared() {
    let space = Space::new()
        .file("src/a.cpp", "")
        .file("src/.hidden.cpp", "")
        .file("src/deep/b.cpp", "")
        .file("nested/PKG", "")
        .file("nested/c.cpp", "")
        .file(
            "PKG",
            "function(wake) wake.pkg(
               wake.pkgInfo('app', version='1.2.3', namespace='acme'),
               files=wake.dir('**/*.cpp'),
               pkgs={ base: wake.getPkg('acme/base@^2', from='../base'), off:: error 'hidden' },
               modules={ root: error 'not needed', lib(wake, pkg, config):: null },
             )",
        );
    let Answer::Declaration(declaration) = space.answer(&space.declare()) else {
        panic!("no declaration");
    };
    assert_eq!(declaration.info.label(), "acme/app");
    assert_eq!(declaration.files.unwrap(), ["src/a.cpp", "src/deep/b.cpp"]);
    assert_eq!(declaration.pkgs.len(), 1);
    assert_eq!(declaration.pkgs[0].0, "base");
    assert_eq!(declaration.modules, ["root"]);
    assert_eq!(declaration.at.unwrap().to_string(), "PKG:1:16");
}

#[test]
fn tasks_make_operations() {
    let space = Space::new()
        .file(
            "plugin/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=import 'plugin.libsonnet')",
        )
        .file(
            "plugin/plugin.libsonnet",
            "function(wake) {
               name: 'p',
               tasks: [
                 { name: 'Build', run(ctx):: {
                     operations: [wake.operation({
                       title: 'Compile', executable: ctx.findTool('sh'),
                       arguments: ctx.activeState.Flags, outputs: [ctx.targetDirectory + '/a.o'],
                     })],
                     sharedState: { Build+: { Object: ctx.activeState.Name } },
                 } },
                 { name: 'A', runBefore: ['Build', 'Nobody'], run(ctx):: {
                     activeState: { Flags+: ['-c'], Name: ctx.name, hidden:: function() 1 },
                     messages: [wake.info('hello')],
                 } },
                 { name: 'B', runBefore: ['Build'], runAfter: ['A'], run(ctx):: {
                     activeState: { Flags+: [ctx.parameters.Flavor] } } },
               ],
             }",
        );
    let plugins = vec![Plugin::Package(space.package("plugin"))];
    let input = space.generate(json!({}), plugins);
    let Answer::Generated(generated) = space.answer(&Request::Generate(Box::new(input))) else {
        panic!("nothing generated");
    };
    assert_eq!(generated.shared_state, json!({"Build": {"Object": "app"}}));
    let operation = serde_json::to_value(&generated.operations).unwrap();
    assert_eq!(
        operation[0]["action"]["Run"]["arguments"],
        json!(["-c", "Debug"])
    );
    assert_eq!(operation[0]["outputs"], json!(["$(target)/a.o"]));
    assert_eq!(generated.messages.len(), 1);
    assert_eq!(generated.tool_directories.len(), 1);
}

/// What evaluating a `PKG` with this text says.
fn complaint(text: &str) -> String {
    let space = Space::new().file("PKG", text);
    shown(&space.error(&space.declare()))
}

/// What the module `root` says if its function returns this expression.
fn module_complaint(expression: &str) -> String {
    let text = format!(
        "function(wake) wake.pkg(wake.pkgInfo('app'), modules={{\n  lib(wake):: 1, other(wake): 1,\n  root(wake, pkg, config): {expression},\n}})"
    );
    let space = Space::new().file("PKG", text);
    shown(&space.error(&space.module("root")))
}

#[test]
fn zz_show() {
    for text in [
        "function(wake) wake.pkg(wake.pkgInfo('app'),,)",
        "{ a: 1 }",
        "function(wake) 3",
        "function(wake) wake.pkg(wake.pkgInfo('app', verison='1.0.0'))",
        "function(wake) wake.pkg(wake.pkgInfo('app', version=1))",
        "function(wake) wake.pkg(wake.pkgInfo('app', version='1'))",
        "function(wake) wake.pgk(1)",
        "function(wake) wake.pkg()",
        "function(wake) wake.pkg('app')",
        "function(wake)\n  // äää\n  local x = wke; x",
        "function(wake) error 'ää no'",
        "local f(x) = f(x + 1) + 1; function(wake) f(1)",
        "local f(x) = f(x + 1); function(wake) f(1)",
        "local o(n) = { a: o(n + 1) }; function(wake) std.toString(o(1))",
        "local x = { a: [x] }, y = { a: [y] }; function(wake) if x == y then 1 else 2",
        "function(wake) wake.pkg(wake.pkgInfo('app'), files=wake.glob('../*.c'))",
        "function(wake) wake.pkg(wake.pkgInfo('app'), files=wake.glob('/etc/*'))",
        "function(wake) wake.pkg(wake.pkgInfo('app'), files=['src/{a'])",
        "function(wake) wake.pkg(wake.pkgInfo('app'), files=['nothing.c'])",
        "function(wake) wake.pkg(wake.pkgInfo('app'), files=['../x'])",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ a: wake.parameters })",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ a: wake.getPkg('x', from=wake.env('X')) })",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ a: wake.getPkg('x@1.2.3.4') })",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ a: 3 })",
        "function(wake) wake.pkg(wake.pkgInfo('../app'))",
        "function(wake) import '../x.libsonnet'",
        "function(wake) import 'x.libsonnet'",
        "function(wake) import 'wake/x.libsonnet'",
        "function(wake) import 'pkgs/x/y.libsonnet'",
        "function(wake) assert 1 == 2 : 'no'; 1",
        "function(wake) std.repeat('x', 4e9)",
        "function(wake) std.length(std.makeArray(1e9, function(i) i))",
        "function(wake, other) 1",
    ] {
        println!("=== {text}\n{}", complaint(text));
    }
    let brackets = "[".repeat(100_000);
    println!("=== brackets\n{}", complaint(&brackets));
    let minus = "-".repeat(1_000_000);
    println!("=== minus\n{}", complaint(&minus));
    for text in [
        "3",
        "wake.recipe('./Recipe.sml')",
        "wake.recipe({ Source: [wake.file('x')] })",
        "wake.recipe({ A: { B: function() 1 } })",
        "wake.recipe({ A: 9007199254740993 })",
        "wake.recipe({ Dependencies: { Runtime: [3] } })",
        "wake.recipe({ Dependencies: { Runtime: [wake.getModule(pkg, 'othr')] } })",
        "wake.recipe({ Dependencies: [] })",
        "wake.recipe(wake.getModule(pkg))",
        "wake.getModule('x')",
        "wake.recip({})",
        "wake.recipe({ a: self, b: 1 })",
        "wake.recipe({ a: config.foo })",
    ] {
        println!("=== {text}\n{}", module_complaint(text));
    }
}
