//! What packages and modules declare, and what was read for it.

use super::*;

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
    let Outcome { result, reads, .. } = space.ask(&request).unwrap();
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
            answers.push((
                requests[0].clone(),
                Answered {
                    info,
                    directory: space.package(""),
                    pkgs: Vec::new(),
                    exports,
                },
            ));
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
                 wake(wake, pkg, config): wake.recipe({ N: import 'wake/none' }),
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
    let Outcome { result, reads, .. } = space.ask(&ask("root")).unwrap();
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
    let error = shown(&space.error(&ask("wake")));
    assert!(error.contains("Cannot import `wake/none`"), "{error}");
    let error = shown(&space.error(&ask("other")));
    assert!(error.starts_with("app/PKG:7:"), "{error}");
    assert!(error.contains("did you mean `base`?"), "{error}");
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
