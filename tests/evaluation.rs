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
use wake::declare::model::{
    Host, ModuleBody, PackageDirectory, PackageInfo, PackageRef, Parameters,
};
use wake::error::{Error, Kind};
use wake::jsonnet::client::{Evaluators, Options};
use wake::jsonnet::protocol::{
    ActionSpec, Answer, Answered, Argument, DependencyState, GenerateInput, Outcome, Plugin, Read,
    Request, Setup,
};

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
                     activeState: { Flags+: ['-c'], Name: ctx.name, hidden:: 1, call: function() 1 },
                     messages: [wake.info('hello')],
                 } },
                 { name: 'B', runBefore: ['Build'], runAfter: ['A'],
                   run(ctx):: assert std.objectFieldsAll(ctx.activeState) == ['Flags', 'Name']; {
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
fn wrong_packages_are_told_what_is_wrong() {
    let mut all = String::new();
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
        "function(wake, other) 1",
    ] {
        all.push_str(&format!("{text}\n----\n{}\n", complaint(text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn wrong_modules_are_told_what_is_wrong() {
    let mut all = String::new();
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
        all.push_str(&format!("{text}\n----\n{}\n", module_complaint(text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn nesting_without_end_is_an_error() {
    let brackets = complaint(&"[".repeat(100_000));
    assert!(
        brackets.starts_with("PKG:1:1001: `PKG` nests brackets"),
        "{brackets}"
    );
    // What no guard sees in time ends the process, not wake.
    let minus = complaint(&format!("{}1", "-".repeat(2_000_000)));
    assert!(
        minus.starts_with("Cannot evaluate `PKG`\n  it recurses"),
        "{minus}"
    );
    // Fields that read fields: calls that the library does not count.
    let fields = complaint("local o(n) = { a: o(n + 1).a }; function(wake) o(1).a");
    assert!(
        fields.starts_with("Cannot evaluate `PKG`\n  it recurses"),
        "{fields}"
    );
}

#[test]
fn a_value_compared_with_itself_ends_only_its_process() {
    let space = Space::new().file(
        "PKG",
        "local x = { a: [x] }, y = { a: [y] };
         function(wake) wake.pkg(wake.pkgInfo('app'), modules={
           bad(wake, pkg, config): assert x == y; 1,
           good(wake, pkg, config): wake.recipe({}),
         })",
    );
    let error = space.error(&space.module("bad"));
    assert_eq!(error.kind(), Kind::User);
    assert_eq!(
        error.report().message,
        "Cannot evaluate the module `app:bad`"
    );
    // The next request gets a new process.
    space.answer(&space.module("good"));
}

#[test]
fn time_and_memory_are_limited() {
    let endless = "function(wake) std.foldl(function(a, b) a + b, std.range(0, 2e9), 0)";
    let space =
        Space::with(|options| options.timeout = Duration::from_millis(300)).file("PKG", endless);
    let error = shown(&space.error(&space.declare()));
    assert!(error.contains("it takes longer than 0.3 s"), "{error}");
    assert!(error.contains("--eval-timeout"), "{error}");

    let growing = "function(wake) std.length(std.makeArray(1e9, function(i) i))";
    let space = Space::with(|options| options.memory = 256 << 20).file("PKG", growing);
    let error = shown(&space.error(&space.declare()));
    assert!(
        error.contains("it needs more than 256 MiB of memory"),
        "{error}"
    );
    assert!(error.contains("--eval-memory"), "{error}");
}

#[test]
fn a_module_depends_on_others() {
    let space = Space::new().file(
        "PKG",
        "function(wake) wake.pkg(
           wake.pkgInfo('app'),
           pkgs={ base: wake.getPkg('acme/base', from='../base') },
           modules={
             lib: null,
             root(wake, pkg, config): wake.recipe({
               Type: wake.parameters.Flavor, Size: 2.5, Count: 3, Home: wake.env('NOBODY', 'none'),
               Dependencies: { Runtime: [
                 wake.getModule(pkg, 'lib', config={ a: 1 }),
                 wake.getModule(pkg.pkgs.base, config=function(config) config { b: 2 }),
               ] },
             }),
           },
         )",
    );
    let mut request = space.module("root");
    if let Request::Module { config, .. } = &mut request {
        *config = json!({"mine": true});
    }
    let Outcome { result, reads } = space.ask(&request).unwrap();
    let Ok(Answer::Module(module)) = result else {
        panic!("no module");
    };
    let properties = json!({"Count": 3, "Home": "none", "Size": 2.5, "Type": "Debug"});
    assert_eq!(module.body, ModuleBody::Recipe(properties));
    let [lib, base] = &module.dependencies[..] else {
        panic!("two dependencies");
    };
    assert_eq!(
        (&lib.package, lib.config["a"].as_i64()),
        (&PackageRef::Own, Some(1))
    );
    assert_eq!(base.config, json!({"mine": true, "b": 2}));
    assert!(
        matches!(&base.package, PackageRef::Requested(request) if request.wanted.name == "base")
    );
    let environment = Read::Environment {
        name: "NOBODY".into(),
        value: None,
    };
    assert!(reads.contains(&environment), "{reads:?}");
}

#[test]
fn what_is_not_resolved_is_waited_for() {
    let space = Space::new().file(
        "PKG",
        "function(wake) wake.pkg(
           wake.pkgInfo('app'),
           pkgs={ base: wake.getPkg('base', from='../base') },
           exports(wake, pkg)=3,
           modules={ root(wake, pkg, config): wake.recipe({
             Name: pkg.pkgs.base.version + pkg.pkgs.base.exports.flag }) },
         )"
        .replace(
            "exports(wake, pkg)=3",
            "exports=function(wake, pkg) { own: pkg.name }",
        ),
    );
    let Answer::Waiting(requests) = space.answer(&space.module("root")) else {
        panic!("does not wait");
    };
    let ask = |exports| {
        let mut request = space.module("root");
        if let Request::Module { answers, .. } = &mut request {
            let info = PackageInfo {
                name: "base".into(),
                namespace: None,
                version: Some("2.0.0".into()),
            };
            answers.push((requests[0].clone(), Answered { info, exports }));
        }
        space.answer(&request)
    };
    // The version is known now, the exports are not.
    assert!(matches!(ask(None), Answer::Waiting(again) if again == requests));
    let Answer::Module(module) = ask(Some(json!({"flag": "-x"}))) else {
        panic!("no module");
    };
    assert_eq!(module.body, ModuleBody::Recipe(json!({"Name": "2.0.0-x"})));
    let exports = Request::Exports {
        package: space.package(""),
        answers: Vec::new(),
    };
    assert!(
        matches!(space.answer(&exports), Answer::Value(value) if value == json!({"own": "app"}))
    );
}

#[test]
fn imports_are_recorded_and_stay_inside() {
    let space = Space::new()
        .file("outside/secret.libsonnet", "1")
        .file("app/lib/names.libsonnet", "\u{feff}{ name: import '../name.json' }")
        .file("app/name.json", "\"app\"")
        .file("base/PKG", "function(wake) wake.pkg(wake.pkgInfo('base'))")
        .file("base/shared.libsonnet", "{ n: importstr 'n.txt' }")
        .file("base/n.txt", "[[[")
        .file(
            "app/PKG",
            "local names = import 'lib/names.libsonnet';
             function(wake) wake.pkg(
               wake.pkgInfo(names.name), pkgs={ base: wake.getPkg('base', from='../base') },
               modules={
                 root(wake, pkg, config): wake.recipe({ N: (import 'pkgs/base/shared.libsonnet').n }),
                 link(wake, pkg, config): wake.recipe({ N: import 'link.libsonnet' }),
                 other(wake, pkg, config): wake.recipe({ N: import 'pkgs/bse/x' }),
               })",
        );
    std::os::unix::fs::symlink(
        space.path("outside/secret.libsonnet"),
        space.path("app/link.libsonnet"),
    )
    .unwrap();
    let ask = |module: &str| Request::Module {
        package: space.package("app"),
        module: module.to_owned(),
        config: json!({}),
        parameters: parameters(),
        answers: Vec::new(),
    };
    let Outcome { result, reads } = space.ask(&ask("root")).unwrap();
    assert!(
        matches!(result, Ok(Answer::Module(module)) if module.body == ModuleBody::Recipe(json!({"N": "[[["})))
    );
    let mut read: Vec<PathBuf> = (reads.into_iter())
        .filter_map(|read| match read {
            Read::File {
                path,
                hash: Some(_),
            } => Some(path),
            _ => None,
        })
        .collect();
    read.sort();
    let expected = [
        "app/PKG",
        "app/lib/names.libsonnet",
        "app/name.json",
        "base/PKG",
        "base/n.txt",
        "base/shared.libsonnet",
    ];
    let expected: Vec<PathBuf> = (expected.iter())
        .filter(|path| **path != "base/PKG")
        .map(|path| space.path(path))
        .collect();
    assert_eq!(read, expected);
    let error = shown(&space.error(&ask("link")));
    assert!(
        error.contains("The import `link.libsonnet` leaves the package `app`"),
        "{error}"
    );
    let error = shown(&space.error(&ask("other")));
    assert!(error.starts_with("app/PKG:7:"), "{error}");
    assert!(error.contains("did you mean `base`?"), "{error}");
}

#[test]
fn patterns_refuse_what_no_path_can_say() {
    use std::os::unix::ffi::OsStrExt;
    let text = "function(wake) wake.pkg(wake.pkgInfo('app'), files=wake.glob('src/*'))";
    let space = Space::new().file("PKG", text).file("src/a", "");
    let name = Path::new(std::ffi::OsStr::from_bytes(b"src/\xff.c")).to_owned();
    std::fs::write(space.path("").join(&name), "").unwrap();
    let error = shown(&space.error(&space.declare()));
    assert!(error.contains("\\xFF.c\" is not UTF-8"), "{error}");
    std::fs::remove_file(space.path("").join(&name)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", space.path("src/b")).unwrap();
    let error = shown(&space.error(&space.declare()));
    assert!(
        error.contains("`src/b` is a link that leaves the package"),
        "{error}"
    );
}

/// What generating with these tasks says.
fn task_complaint(tasks: &str) -> String {
    let space = Space::new()
        .file(
            "p/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=import 'plugin.libsonnet')",
        )
        .file(
            "p/plugin.libsonnet",
            format!("function(wake) {{ name: 'p', tasks: [\n{tasks}\n] }}"),
        );
    let plugins = vec![Plugin::Package(space.package("p"))];
    let input = space.generate(json!({"Name": "x"}), plugins);
    shown(&space.error(&Request::Generate(Box::new(input))))
}

#[test]
fn wrong_tasks_are_told_what_is_wrong() {
    let mut all = String::new();
    for tasks in [
        "{ name: 'A', runBefore: ['B'], run(ctx):: {} }, { name: 'B', runBefore: ['C'], run(ctx):: {} }, { name: 'C', runBefore: ['A'], run(ctx):: {} }",
        "{ name: 'A', run(ctx):: {} }, { name: 'A', run(ctx):: {} }",
        "{ name: 'A', runbefore: ['B'], run(ctx):: {} }",
        "{ name: 'A', run(ctx):: { operation: [] } }",
        "{ name: 'A', run(ctx):: { operations: [3] } }",
        "{ name: 'A', run(ctx):: { activeState: [] } }",
        "{ name: 'A', run(ctx):: { messages: [wake.fail('no sources')] } }",
        "{ name: 'A', run(ctx):: { activeState: { tool: ctx.findTool('no-such-tool') } } }",
        "{ name: 'A', run(ctx):: { operations: [wake.operation({ title: 'x', executable: 'no-such-tool' })] } }",
        "{ name: 'A', run(ctx):: { operations: [wake.operation({ title: 'x', executable: '/bin/sh', input: [] })] } }",
        "{ name: 'A', run(ctx):: { operations: [wake.operation({ title: 'x', executable: '/bin/sh', inputs: ['a', 3] })] } }",
        "{ name: 'A', run(ctx):: { operations: [wake.operation({ executable: 'tools/x.sh' })] } }",
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.recipe.Nam } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.readFile('../x') } } }",
    ] {
        all.push_str(&format!("{tasks}\n----\n{}\n", task_complaint(tasks)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_module_of_one_operation_is_generated() {
    let space = Space::new().file("tools/docs.sh", "").file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app', namespace='acme'), modules={
           docs(wake, pkg, config): wake.module(
             modules={ app: wake.getModule(pkg, 'docs') },
             files=function(wake, module) [
               wake.file('config.json', from={ app: module.modules.app.outputs.bin }, dump=true), wake.file('a.txt', from='b.txt'),
             ],
             outputs=function(wake, module) { html: 'html/' },
             exec=function(wake, module) wake.exec('./tools/docs.sh',
               args=['--out', module.outputs.html, module.modules.app.outputs.bin],
               env={ N: 3, L: ['a', 'b'], F: wake.file('config.json') }),
           ),
         })",
    );
    let mut input = space.generate(json!({}), Vec::new());
    input.module = "docs".into();
    input.label = "acme/app:docs".into();
    input.body = ModuleBody::Operation;
    input.files = vec!["b.txt".into()];
    input.dependencies.push(DependencyState {
        kind: "Runtime".into(),
        key: Some("app".into()),
        name: "acme/app".into(),
        module: "docs".into(),
        reference: String::new(),
        target_directory: "$(target acme/app:docs#1)".into(),
        executable: None,
        shared_state: json!({"outputs": {"bin": "$(target acme/app:docs#1)/bin"}}),
    });
    let Answer::Generated(mut generated) = space.answer(&Request::Generate(Box::new(input))) else {
        panic!("nothing generated");
    };
    for operation in &mut generated.operations {
        assert!(operation.at.take().is_some());
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&generated).unwrap());
}

#[test]
fn a_script_is_evaluated_with_arguments() {
    let space = Space::new()
        .file("lib/x.libsonnet", "{ x: std.extVar('e') }")
        .file(
            "a.jsonnet",
            "function(wake, n) (import 'x.libsonnet') { n: n, g: wake.glob('*.jsonnet') }",
        );
    let argument = |is_top_level, is_code, name: &str, value: &str| Argument {
        is_top_level,
        is_code,
        name: name.into(),
        value: value.into(),
    };
    let answer = space.answer(&Request::Eval {
        file: space.path("a.jsonnet"),
        library_path: vec![space.path("lib")],
        arguments: vec![
            argument(true, true, "n", "1 + 1"),
            argument(false, false, "e", "ext"),
        ],
        top: space.path(""),
    });
    assert!(
        matches!(answer, Answer::Value(value) if value == json!({"n": 2, "x": "ext", "g": ["a.jsonnet"]}))
    );
}

#[test]
fn operations_carry_what_they_say_and_the_defaults() {
    let space = Space::new()
        .file(
            "p/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=import 'plugin.libsonnet')",
        )
        .file(
            "p/plugin.libsonnet",
            "function(wake) { tasks: [{ name: 'A', run(ctx):: { operations: [
               wake.operation({ title: 'plain', executable: '/bin/true' }),
               wake.operation({
                 title: 'full', executable: 'sh', arguments: ['-c', 'x'], workingDirectory: '$(target)',
                 environment: { A: 'b' }, inputs: ['$(package)/a'], orderOnly: ['$(target)/o'],
                 outputs: ['$(target)/x'], depfile: '$(target)/x.d', stdin: '$(package)/a',
                 stdout: '$(target)/x', responseFile: 'never', console: true, caches: ['$(cache)/c'],
                 network: true, timeout: 7, weight: 2, pool: 'link', test: true,
               }),
               wake.writeFile('$(target)/sub/f', 'text', executable=true),
               wake.copyFile('$(package)/a', '$(target)/a'),
               wake.makeDirectory('$(target)/d/'),
             ] } }] }",
        );
    let plugins = vec![Plugin::Package(space.package("p"))];
    let input = space.generate(json!({}), plugins);
    let Answer::Generated(mut generated) = space.answer(&Request::Generate(Box::new(input))) else {
        panic!("nothing generated");
    };
    for operation in &mut generated.operations {
        assert_eq!(operation.at.take().unwrap().file, "p/plugin.libsonnet");
        if let ActionSpec::Run { tool, .. } = &mut operation.action
            && let Some(found) = tool.take()
        {
            assert!(found.ends_with("sh"), "{found:?}");
        }
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&generated.operations).unwrap());
}

#[test]
fn several_threads_share_few_processes() {
    let space = Space::new().file("PKG", "function(wake) wake.pkg(wake.pkgInfo('app'))");
    let request = space.declare();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    space.answer(&request);
                }
            });
        }
    });
}

#[test]
fn a_program_that_is_not_wake_is_not_believed() {
    for program in ["/bin/true", "/bin/cat", "/nowhere/wake"] {
        let space =
            Space::with(|options| options.program = PathBuf::from(program)).file("PKG", "1");
        let error = space.error(&space.declare());
        assert_ne!(error.kind(), Kind::User, "{program}: {}", shown(&error));
    }
}

#[test]
fn directories_without_a_name_in_utf8_are_named() {
    use std::os::unix::ffi::OsStrExt;
    let space = Space::new();
    let directory = space.path("").join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(&directory).unwrap();
    let error = space.error(&Request::Declare {
        package: PackageDirectory {
            directory,
            top: space.path(""),
        },
    });
    assert!(shown(&error).contains("is not UTF-8"), "{}", shown(&error));
    let text = "function(wake) wake.pkg(wake.pkgInfo('app'), files=wake.glob('**/*.c'))";
    let space = space.file("PKG", text);
    let error = shown(&space.error(&space.declare()));
    assert!(error.contains("\\xFF\" is not UTF-8"), "{error}");
}
