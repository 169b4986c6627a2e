//! What packages ask of each other: requests, what is executed, what is known and what is waited for.

use super::*;

use wake::declare::model::{
    Declaration, Exec, PackageRequest, Permission, Program, Source, Versions,
};

fn declaration(answer: Answer) -> Declaration {
    match answer {
        Answer::Declaration(declaration) => declaration,
        other => panic!("no declaration but {other:?}"),
    }
}

fn waiting(answer: Answer) -> Vec<PackageRequest> {
    match answer {
        Answer::Waiting(requests) => requests,
        other => panic!("does not wait but {other:?}"),
    }
}

fn named(requests: &[PackageRequest]) -> Vec<&str> {
    (requests.iter())
        .map(|request| request.wanted.name.as_str())
        .collect()
}

/// What is known of a package in a directory of the workspace.
fn known(space: &Space, directory: &str, name: &str, exports: Option<Value>) -> Answered {
    Answered {
        info: PackageInfo {
            name: name.into(),
            namespace: None,
            version: Some("2.0.0".into()),
        },
        directory: space.package(directory),
        pkgs: Vec::new(),
        exports,
    }
}

/// Declares with answers until nothing is waited for any more. `answer` says what is known of a request.
fn declared_with(
    space: &Space,
    directory: &str,
    answer: impl Fn(&PackageRequest) -> Answered,
) -> (Declaration, Vec<PackageRequest>) {
    let mut answers: Vec<(PackageRequest, Answered)> = Vec::new();
    for _ in 0..10 {
        let request = Request::Declare {
            package: space.package(directory),
            answers: answers.clone(),
        };
        match space.answer(&request) {
            Answer::Waiting(requests) => {
                for request in requests {
                    assert!(!answers.iter().any(|(known, _)| known.is_same(&request)));
                    let answered = answer(&request);
                    answers.push((request, answered));
                }
            }
            other => {
                let asked = answers.into_iter().map(|(request, _)| request);
                return (declaration(other), asked.collect());
            }
        }
    }
    panic!("waits for ever");
}

#[test]
fn a_request_carries_what_it_says() {
    let space = Space::new().file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={
           local pkgs = self,
           all: wake.getPkg('acme/all@^1 || ^2', from='../all', global={ override: 7 }, replace=true, versions='any',
             permissions=['network', 'env:B', 'env:A', 'home', 'network', 'defineGlobal'],
             when={ System: ['Windows', 'Linux'], Fast: 'yes' }),
           least: wake.getPkg('least', global=false),
           first: wake.getPkg('first', from=wake.GLOBAL, global=true),
           std: wake.getPkg('crates/lua@5', from=wake.exec(wake.std.crates)),
           own: wake.getPkg('own', from=wake.exec(pkgs.least, config={ a: [1, null], hidden:: 2 }, args=['-x'],
             env={ N: 3, L: ['a', 'b'], T: 'text' })),
           again: wake.getPkg('again', from=wake.exec(pkgs.own)),
           off:: wake.getPkg('off'),
           resolver: wake.getPkg(wake.resolver, from=wake.exec(pkgs.off), global={ override: 5 }),
           builtin: wake.getPkg(wake.resolver, from=null),
         })",
    );
    let pkgs = BTreeMap::from_iter(declaration(space.answer(&space.declare())).pkgs);
    let all = &pkgs["all"];
    assert_eq!(all.wanted.version.as_deref(), Some("^1 || ^2"));
    assert_eq!((all.global, all.replace), (Some(7), true));
    assert_eq!(all.versions, Some(Versions::Any));
    let environment = |name: &str| Permission::Environment(name.to_owned());
    let permissions = [
        Permission::Network,
        Permission::Home,
        Permission::DefineGlobal,
        environment("A"),
        environment("B"),
    ];
    assert_eq!(all.permissions, permissions);
    let when = BTreeMap::from([
        ("Fast".to_owned(), vec!["yes".to_owned()]),
        ("System".to_owned(), vec!["Linux".into(), "Windows".into()]),
    ]);
    assert_eq!(all.when, when);
    assert_eq!(
        (&pkgs["least"].from, pkgs["least"].global),
        (&Source::Global, None)
    );
    assert_eq!(pkgs["first"].global, Some(0));
    let exec = |key: &str| match &pkgs[key].from {
        Source::Retriever(exec) => (**exec).clone(),
        other => panic!("{key} is from {other:?}"),
    };
    assert_eq!(exec("std").program, Program::Std("crates".into()));
    assert_eq!(exec("std").config, Value::Null);
    let env = [("L", "a b"), ("N", "3"), ("T", "text")];
    let own = Exec {
        program: Program::Package(Box::new(pkgs["least"].clone())),
        config: json!({"a": [1, null]}),
        args: vec!["-x".into()],
        env: env.map(|(name, value)| (name.into(), value.into())).into(),
    };
    assert_eq!(exec("own"), own);
    assert!(matches!(exec("again").program, Program::Package(own) if own.is_same(&pkgs["own"])));
    assert!(!pkgs.contains_key("off"));
    assert_eq!(pkgs["resolver"].wanted.name, "wake.resolver");
    assert!(matches!(exec("resolver").program, Program::Package(off) if off.wanted.name == "off"));
    assert_eq!(pkgs["builtin"].from, Source::Global);
}

#[test]
fn a_package_says_what_executes_it() {
    let exec = |exec: &str| {
        let text = format!(
            "local pkgs(wake) = {{ python: wake.getPkg('python') }};
             function(wake) wake.pkg(wake.pkgInfo('app'), pkgs=pkgs(wake), exec={exec})"
        );
        let space = Space::new()
            .file("PKG", text)
            .file("main.py", "")
            .file("tools/x y.py", "");
        declaration(space.answer(&space.declare()))
            .exec
            .map(|exec| (exec.program, exec.env))
    };
    let file = |path: &str| Program::File(path.to_owned());
    assert_eq!(exec("null"), None);
    assert_eq!(exec("wake.exec('main.py')").unwrap().0, file("main.py"));
    assert_eq!(
        exec("wake.exec('./tools/../main.py')").unwrap().0,
        file("main.py")
    );
    assert_eq!(
        exec("wake.exec('pkgs/python/bin//python3', args=['main.py'])")
            .unwrap()
            .0,
        file("pkgs/python/bin/python3")
    );
    assert_eq!(
        exec("wake.exec(wake.std.git)").unwrap().0,
        Program::Std("git".into())
    );
    let (program, env) =
        exec("wake.exec(pkgs(wake).python, env={ F: wake.file('tools/x y.py') })").unwrap();
    assert!(matches!(program, Program::Package(python) if python.wanted.name == "python"));
    assert_eq!(env["F"], "tools/x y.py");
}

/// Catches a package whose store directory lacks a file that only another platform imports.
#[test]
fn imports_count_whether_or_not_they_are_evaluated() {
    let space = Space::new()
        .file("a/never.libsonnet", "local f(x=import 'deep.libsonnet') = x; { [importstr 'key.txt']: f }")
        .file("a/deep.libsonnet", "{ local l = importbin '../data.bin', x: [importstr 'none.txt' for y in [import '../loop.libsonnet']] }")
        .file("a/key.txt", "import 'nothing'")
        .file("loop.libsonnet", "import 'PKG'")
        .file("data.bin", b"\xff")
        .file("broken.libsonnet", "import 'odd\\u0020na\\'me' ((").file("odd na'me", "")
        .file("unseen.libsonnet", "")
        .file("string.libsonnet", "'import \"unseen.libsonnet\"' // import 'unseen.libsonnet'")
        .file("real/linked.libsonnet", "import '../unseen2.libsonnet'")
        .file("unseen2.libsonnet", "1")
        .file("unrelated.libsonnet", "1")
        .file("other/x.libsonnet", "import 'y.libsonnet'")
        .file(
            "PKG",
            "local unused = import 'a/never.libsonnet';
             function(wake) if true then wake.pkg(wake.pkgInfo('app'), pkgs={ o: wake.getPkg('o', from='other') })
             else [import 'broken.libsonnet', import 'string.libsonnet', import 'link.libsonnet', import '../escape',
               import 'pkgs/o/x.libsonnet', import 'wake/paths.libsonnet', import 'missing.libsonnet']",
        );
    std::os::unix::fs::symlink("hop.libsonnet", space.path("link.libsonnet")).unwrap();
    std::os::unix::fs::symlink("real/linked.libsonnet", space.path("hop.libsonnet")).unwrap();
    let Outcome { result, reads, .. } = space.ask(&space.declare()).unwrap();
    let expected = [
        "a/deep.libsonnet",
        "a/key.txt",
        "a/never.libsonnet",
        "broken.libsonnet",
        "data.bin",
        "hop.libsonnet",
        "link.libsonnet",
        "loop.libsonnet",
        "odd na'me",
        "real/linked.libsonnet",
        "string.libsonnet",
        "unseen2.libsonnet",
    ];
    assert_eq!(declaration(result.unwrap()).imports, expected);
    // When it appears, the list is another one.
    let absent = Read::Existence {
        path: space.path("missing.libsonnet"),
        exists: false,
    };
    assert!(reads.contains(&absent), "{reads:?}");
}

#[test]
fn a_declaration_waits_for_all_that_it_reads_at_once() {
    let space = Space::new().file("a.txt", "").file("b/PKG", "").file(
        "PKG",
        "function(wake)
           local tool = wake.getPkg('tool'), early = wake.getPkg('early', from='b'), late = wake.getPkg('late');
           wake.pkg(wake.pkgInfo('app'),
             pkgs={
               one: wake.getPkg('one@' + tool.version),
               two: wake.getPkg('two', from=wake.exec(tool, config={ url: early.exports.url })),
               three: wake.getPkg('three@' + tool.version),
               four: late.pkgs.below.pkgs.deeper,
             },
             files=[late.exports.file],
             exec=wake.exec(late.exports.file))",
    );
    let asked = waiting(space.answer(&space.declare()));
    assert_eq!(named(&asked), ["late", "tool", "early"]);
    let answer = |request: &PackageRequest| {
        let exports = json!({"url": "u", "file": "a.txt"});
        let mut answered = known(&space, "b", &request.wanted.name, Some(exports));
        if request.wanted.name == "late" || request.wanted.name == "below" {
            let name = if request.wanted.name == "late" {
                "below"
            } else {
                "deeper"
            };
            let mut inner = asked[1].clone();
            inner.wanted.name = name.into();
            answered.pkgs.push((name.into(), inner));
        }
        answered
    };
    let (declaration, all) = declared_with(&space, "", answer);
    assert_eq!(named(&all), ["late", "tool", "early", "below"]);
    let late = all[0].clone();
    assert!(matches!(&all[3].from, Source::Of(outer, key) if **outer == late && key == "below"));
    let pkgs = BTreeMap::from_iter(declaration.pkgs);
    assert_eq!(pkgs["one"].wanted.version.as_deref(), Some("2.0.0"));
    assert!(
        matches!(&pkgs["two"].from, Source::Retriever(exec) if exec.config == json!({"url": "u"}))
    );
    assert_eq!(pkgs["four"].wanted.name, "deeper");
    assert!(
        matches!(&pkgs["four"].from, Source::Of(below, key) if **below == all[3] && key == "deeper")
    );
    assert_eq!(declaration.files.unwrap(), ["a.txt"]);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_waited_for() {
    let space = Space::new().file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={
           a: wake.getPkg(wake.getPkg('b').exports.name), z: wake.getPkg('z', versions='some') })",
    );
    let error = shown(&space.error(&space.declare()));
    assert!(error.contains("cannot be `some`"), "{error}");
}

#[test]
fn imports_of_packages_wait_for_their_files() {
    let space = Space::new()
        .file(
            "fetched/lib.libsonnet",
            "{ name: import 'name.libsonnet', other: import 'pkgs/other/o.libsonnet' }",
        )
        .file("fetched/name.libsonnet", "'app'")
        .file("other/o.libsonnet", "'o.txt'")
        .file("fetched/PKG", "error 'its declaration is known'")
        .file("app/o.txt", "")
        .file(
            "app/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('app'),
               pkgs={ lib:: wake.getPkg('lib@1') },
               files=[(import 'pkgs/lib/lib.libsonnet').other])",
        );
    let answer = |request: &PackageRequest| match request.wanted.name.as_str() {
        "lib" => {
            let mut answered = known(&space, "fetched", "lib", None);
            let mut other = request.clone();
            other.wanted.name = "other".into();
            answered.pkgs.push(("other".into(), other));
            answered
        }
        _ => known(&space, "other", "other", None),
    };
    let (declaration, asked) = declared_with(&space, "app", answer);
    assert_eq!(named(&asked), ["lib", "other"]);
    assert!(matches!(&asked[1].from, Source::Of(lib, key) if **lib == asked[0] && key == "other"));
    assert_eq!(declaration.files.unwrap(), ["o.txt"]);
    assert_eq!(declaration.imports, Vec::<String>::new());
    assert_eq!(declaration.pkgs, Vec::new());
}

/// The package that is found by path is evaluated here; what it asks for is asked for in the words of the one that is
/// declared.
#[test]
fn what_a_package_by_path_needs_is_asked_for_through_it() {
    let space = Space::new()
        .file("near/lib.libsonnet", "import 'pkgs/far/far.libsonnet'")
        .file(
            "near/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('near', namespace='acme'), pkgs={ far: wake.getPkg('far') })",
        )
        .file("store/far.libsonnet", "'o.txt'")
        .file("app/o.txt", "")
        .file(
            "app/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ near: wake.getPkg('near', from='../near') },
               files=[import 'pkgs/near/lib.libsonnet'])",
        );
    let (declaration, asked) =
        declared_with(&space, "app", |_| known(&space, "store", "far", None));
    let [
        PackageRequest {
            from: Source::Of(near, key),
            ..
        },
    ] = &asked[..]
    else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (near.wanted.label(), key.as_str()),
        ("acme/near".into(), "far")
    );
    let directory = space.path("near").display().to_string();
    assert_eq!(near.from, Source::Path(directory));
    assert_eq!(declaration.files.unwrap(), ["o.txt"]);
}

/// A path package of a workspace may be another one: `replace` and `wake.lock` say so.
#[test]
fn a_package_by_path_is_where_its_answer_says() {
    let space = Space::new().file("near/x", "near").file("there/x", "there").file(
        "app/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ near: wake.getPkg('near', from='../near') },
           exports=function(wake, pkg) importstr 'pkgs/near/x')",
    );
    let ask = |answers| {
        let package = space.package("app");
        match space.answer(&Request::Exports { package, answers }) {
            Answer::Value(value) => value,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(Vec::new()), json!("near"));
    let pkgs = declaration(space.answer(&Request::Declare {
        package: space.package("app"),
        answers: Vec::new(),
    }))
    .pkgs;
    let answered = known(&space, "there", "near", None);
    assert_eq!(ask(vec![(pkgs[0].1.clone(), answered)]), json!("there"));
}

#[test]
fn a_fetched_package_sees_only_variables_that_are_granted() {
    let space = Space::new().file("sub/x.libsonnet", "1").file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), modules={
               good(wake, pkg, config): wake.recipe({ V: wake.env('GREETING') }),
               bad(wake, pkg, config): wake.recipe({ V: wake.env('PATH', 'none') }),
             })",
    );
    let ask = |module: &str| {
        let mut request = space.module(module);
        if let Request::Module { package, .. } = &mut request {
            package.granted = Some(vec!["GREETING".into()]);
        }
        request
    };
    let Answer::Module(module) = space.answer(&ask("good")) else {
        panic!("no module");
    };
    assert_eq!(module.body, ModuleBody::Recipe(json!({"V": "hello"})));
    let error = shown(&space.error(&ask("bad")));
    assert!(error.starts_with("PKG:3:"), "{error}");
    assert!(error.contains("permissions=['env:PATH']"), "{error}");
}

/// Catches a fetched plugin that reads the environment of the package that it works for.
#[test]
fn a_fetched_plugin_sees_only_variables_that_are_granted() {
    let space = Space::new().file(
        "p/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=function(wake) { name: 'p', tasks: [
               { name: 'A', run(ctx):: { activeState: { V: wake.env('GREETING') } } }] })",
    );
    let generate = |granted: &[&str]| {
        let plugin = PackageDirectory {
            granted: Some(granted.iter().map(ToString::to_string).collect()),
            ..space.package("p")
        };
        let input = space.generate(json!({}), vec![Plugin::Package(plugin)]);
        space
            .ask(&Request::Generate(Box::new(input)))
            .unwrap()
            .result
    };
    assert!(generate(&["GREETING"]).is_ok());
    let error = shown(&generate(&[]).unwrap_err());
    assert!(
        error.contains("may not read the variable `GREETING`"),
        "{error}"
    );
}

/// Catches two packages that import each other's files and take the process down.
#[test]
fn packages_that_import_each_other_end() {
    let space = Space::new()
        .file("a/x.libsonnet", "import 'pkgs/b/y.libsonnet'")
        .file("b/y.libsonnet", "import 'pkgs/a/x.libsonnet'")
        .file(
            "b/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('b'), pkgs={ a: wake.getPkg('a', from='../a') })",
        )
        .file(
            "a/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('a'), pkgs={ b: wake.getPkg('b', from='../b') },
               files=import 'x.libsonnet')",
        );
    let error = shown(&space.error(&Request::Declare {
        package: space.package("a"),
        answers: Vec::new(),
    }));
    assert!(error.contains("Files import each other"), "{error}");
    assert!(error.contains("a/x.libsonnet:1:1"), "{error}");
}

#[test]
fn a_package_inside_another_is_used_like_any() {
    let space = Space::new().file("b/PKG", "").file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ a: wake.getPkg('a') },
           modules={ root(wake, pkg, config): wake.recipe({
             V: pkg.pkgs.a.pkgs.inner.version,
             Dependencies: { Runtime: [wake.getModule(pkg.pkgs.a.pkgs.inner)] },
           }) })",
    );
    let mut answers: Vec<(PackageRequest, Answered)> = Vec::new();
    for expected in ["a", "inner"] {
        let mut request = space.module("root");
        if let Request::Module { answers: given, .. } = &mut request {
            given.clone_from(&answers);
        }
        let asked = waiting(space.answer(&request));
        assert_eq!(named(&asked), [expected]);
        let mut answered = known(&space, "b", expected, None);
        let mut inner = asked[0].clone();
        inner.wanted.name = "inner".into();
        inner.when = BTreeMap::from([("System".to_owned(), vec!["Linux".to_owned()])]);
        answered.pkgs.push(("inner".into(), inner));
        answers.push((asked[0].clone(), answered));
    }
    let mut request = space.module("root");
    if let Request::Module { answers: given, .. } = &mut request {
        given.clone_from(&answers);
    }
    let Answer::Module(module) = space.answer(&request) else {
        panic!("no module");
    };
    assert_eq!(module.body, ModuleBody::Recipe(json!({"V": "2.0.0"})));
    let PackageRef::Requested(inner) = &module.dependencies[0].package else {
        panic!("its own");
    };
    assert!(inner.is_same(&answers[1].0));
    assert_eq!(inner.when["System"], ["Linux"]);
}

/// Catches requests within requests that wake cannot read any more.
#[test]
fn retrievers_of_retrievers_end_somewhere() {
    let text = |count: u32| {
        format!(
            "function(wake)
               local chain(n) = if n == 0 then wake.getPkg('r') else wake.getPkg('r', from=wake.exec(chain(n - 1)));
               wake.pkg(wake.pkgInfo('app'), pkgs={{ a: chain({count}) }})"
        )
    };
    let space = Space::new().file("PKG", text(20));
    let pkgs = declaration(space.answer(&space.declare())).pkgs;
    let mut answered = known(&space, "", "r", None);
    answered.pkgs.clone_from(&pkgs);
    let mut request = space.module("root");
    if let Request::Module { answers, .. } = &mut request {
        answers.push((pkgs[0].1.clone(), answered));
    }
    assert_eq!(space.error(&request).kind(), Kind::User);
    for count in [30, 500] {
        let space = space_with(text(count));
        let error = shown(&space.error(&space.declare()));
        assert!(error.contains("nested too deeply"), "{error}");
        assert!(error.starts_with("PKG:2:"), "{error}");
    }
    let config = "std.foldl(function(deep, i) [deep], std.range(1, 99), 0)";
    let space = space_with(format!(
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={{ a: wake.getPkg('a', from=wake.exec(wake.std.git, config={config})) }})"
    ));
    let error = shown(&space.error(&space.declare()));
    assert!(error.contains("nested too deeply"), "{error}");
}

fn space_with(text: String) -> Space {
    Space::new().file("PKG", text)
}

/// The plugin is known by its directory alone; what it asks for is asked for through that.
#[test]
fn what_a_plugin_imports_of_others_is_asked_for_through_it() {
    let space = Space::new()
        .file(
            "p/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ lib: wake.getPkg('lib') }, plugin=import 'plugin.libsonnet')",
        )
        .file(
            "p/plugin.libsonnet",
            "function(wake) { name: 'p', tasks: [
               { name: 'A', run(ctx):: { sharedState: { V: import 'pkgs/lib/v.libsonnet' } } }] }",
        )
        .file("lib/v.libsonnet", "7");
    let plugins = vec![Plugin::Package(space.package("p"))];
    let mut input = space.generate(json!({}), plugins);
    let asked = waiting(space.answer(&Request::Generate(Box::new(input.clone()))));
    let [
        PackageRequest {
            from: Source::Of(plugin, key),
            ..
        },
    ] = &asked[..]
    else {
        panic!("{asked:?}");
    };
    assert_eq!((plugin.wanted.name.as_str(), key.as_str()), ("p", "lib"));
    assert_eq!(
        plugin.from,
        Source::Path(space.path("p").display().to_string())
    );
    let answered = known(&space, "lib", "lib", None);
    input.answers.push((asked[0].clone(), answered));
    let Answer::Generated(generated) = space.answer(&Request::Generate(Box::new(input))) else {
        panic!("nothing generated");
    };
    assert_eq!(generated.shared_state, json!({"V": 7}));
}

#[test]
fn a_script_waits_for_no_package() {
    let space = Space::new().file("a.jsonnet", "function(wake) wake.getPkg('x').version");
    let error = space.error(&Request::Eval {
        file: space.path("a.jsonnet"),
        library_path: Vec::new(),
        arguments: Vec::new(),
        top: space.path(""),
    });
    assert_eq!(error.kind(), Kind::User);
    assert!(
        shown(&error).starts_with("a.jsonnet:1:"),
        "{}",
        shown(&error)
    );
}
