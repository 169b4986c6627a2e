//! Wrong input: each case with what is said about it, as one snapshot to read through.

use super::*;

/// What evaluating a `PKG` with this text says.
pub(super) fn complaint(text: &str) -> String {
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
        "function(wake) import 'pkgs/x/y.libsonnet'",
        "function(wake) assert 1 == 2 : 'no'; 1",
        "function(wake, other) 1",
        "function(wake) 1 + null",
        "function(wake) '%d' % 'x'",
        "function(wake) wake.pkg(wake.pkgInfo('a'), {}, files=[])",
    ] {
        all.push_str(&format!("{text}\n----\n{}\n", complaint(text)));
    }
    insta::assert_snapshot!(all);
}

/// What a package says whose `pkgs` has `x: wake.getPkg(<arguments>)`.
fn request_complaint(arguments: &str) -> String {
    complaint(&format!(
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={{\n  r: wake.getPkg('r'), y: 1,\n  x: wake.getPkg({arguments}),\n}})"
    ))
}

#[test]
fn wrong_requests_are_told_what_is_wrong() {
    let mut all = String::new();
    for arguments in [
        "'a/b/c'",
        "'a b'",
        "'-a'",
        "''",
        "'wake.resolver'",
        "'x@^1 || two'",
        "'x@latest'",
        "wake.pkgInfo('x', version='1.x.y')",
        "wake.GLOBAL",
        "'x', from='/usr/share/x'",
        "'x', from=''",
        "'x', from=wake.std.crates",
        "'x', from=$.r",
        "'x', from=wake.resolver",
        "'x', from={}",
        "'x', from=wake.exec('./fetch.py')",
        "'x', from=wake.exec($.y)",
        "'x', from=wake.exec(wake.std.crate)",
        "'x', from=wake.exec(wake.getModule($.r))",
        "'x', from=wake.exec(wake.std.index, config={ path: [function() 1] })",
        "'x', from=wake.exec(wake.std.index, config={ from: $.r })",
        "'x', from=wake.exec(wake.std.index, config=9007199254740993)",
        "'x', from=wake.exec(wake.std.index, args='a', env={ A: true })",
        "'x', from=wake.exec(wake.std.index, args=['a', 1])",
        "'x', from=wake.exec(wake.std.index, args=['a\\u0000'])",
        "'x', from=wake.exec(wake.std.index, env={ A: 1.5 })",
        "'x', from=wake.exec(wake.std.index, env={ A: ['a', 1] })",
        "'x', from=wake.exec(wake.std.index, env={ A: std.repeat('a', 4097) })",
        "'x', from=wake.exec(wake.std.index, env={ 'A=B': 'c' })",
        "'x', from=wake.exec(wake.std.index, env={ A: wake.file('x') })",
        "'x', from=wake.exec($.x)",
        "'x', global='yes'",
        "'x', global={ override: 0 }",
        "'x', global={ override: 101 }",
        "'x', global={ override: 1.5 }",
        "'x', global={ override: true }",
        "'x', global={ overide: 1 }",
        "'x', global={}",
        "'x', permissions='network'",
        "'x', permissions=['netwrok']",
        "'x', permissions=['env']",
        "'x', permissions=['env:']",
        "'x', permissions=['env:A*']",
        "'x', permissions=[1]",
        "'x', versions='onePerMayor'",
        "'x', versions=1",
        "'x', when='Linux'",
        "'x', when=wake.GLOBAL",
        "'x', when={ System: 1 }",
        "'x', when={ System: ['Linux', 1] }",
        "'x', when={ System: [] }",
        "'x', when={ System: wake.parameters.System }",
        "'x', replace='yes', from='../x'",
        "'x', replace=true",
        "'x', replace=true, from=wake.exec(wake.std.crates)",
        "wake.resolver, from='../x'",
        "wake.resolver, from=wake.GLOBAL",
        "'x', permission=[]",
        "'x@' + $.r.inputs",
        "'x@' + $.r.modules",
    ] {
        all.push_str(&format!(
            "{arguments}\n----\n{}\n",
            request_complaint(arguments)
        ));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn wrong_executions_are_told_what_is_wrong() {
    let mut all = String::new();
    for exec in [
        "'./main.py'",
        "wake.std.git",
        "wake.exec('main.py')",
        "wake.exec('../main.py')",
        "wake.exec('/bin/sh')",
        "wake.exec('$(target)/main')",
        "wake.exec('src')",
        "wake.exec('')",
        "wake.exec('pkgs/python')",
        "wake.exec('pkgs/pyton/bin/python3')",
        "wake.exec('pkgs/hidden/x')",
        "wake.exec('pkgs/../x')",
        "wake.exec('src/a.py', config=function() 1)",
        "wake.exec('src/a.py', env={ F: wake.file('b.py') })",
        "wake.exec('src/a.py', env={ F: wake.file('b.py', from='src/a.py') })",
    ] {
        let space = Space::new().file("src/a.py", "").file(
            "PKG",
            format!(
                "function(wake) wake.pkg(wake.pkgInfo('app'),\n  pkgs={{ python: wake.getPkg('python'), hidden:: wake.getPkg('hidden') }},\n  exec={exec})"
            ),
        );
        let error = shown(&space.error(&space.declare()));
        all.push_str(&format!("{exec}\n----\n{error}\n"));
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
        .file("made/.wake-output", "")
        .file("made/deep/x", "")
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
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.readFile('/etc/passwd') } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.readFile('$(target)/x') } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.readFile('p') } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.readFile('.wake/state/log-1') } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.readFile('made/deep/x') } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: 1e308 * 10 } } }",
        "{ name: 'A', run(ctx):: { activeState: { local a = { a: a }, a: a } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: ctx.glob('../*') } } }",
        "{ name: 'A', run(ctx):: { activeState: { a: importstr '/etc/passwd' } } }",
        "{ name: 'A', run(ctx):: error 'my own words' }",
        "{ name: 'A', run(ctx):: assert ctx.recipe.Name == 'y' : 'the name must be y'; {} }",
        "{ name: 'A', run(ctx):: [] }",
        "{ name: 'A', run(ctx):: { activeState: { a: [function(x) x] } } }",
        "{ name: 'A', run(ctx):: { sharedState: { a: wake.info('x') } } }",
        "{ name: 'A', run(ctx):: { operations: wake.writeFile('$(target)/x', '') } }",
        "{ name: 'A', run(ctx):: { messages: ['hello'] } }",
        "{ name: 'A', run(ctx):: { preprocess: [{}] } }",
        "{ name: 'A', run(ctx, wake):: {} }",
        "{ name: 'A', run: {} }",
        "{ run(ctx):: {} }",
        "{ name: 'A', runAfter: 'B', run(ctx):: {} }",
        "{ name: 'A', runAfter: [1], run(ctx):: {} }",
        "{ name: 'A', run(ctx):: { local f(x) = f(x + 1), activeState: { a: f(1) } } }",
        "'A'",
    ] {
        all.push_str(&format!("{tasks}\n----\n{}\n", task_complaint(tasks)));
    }
    insta::assert_snapshot!(all);
}

/// Catches a function of `ctx` that looks where `ctx.readFile` may not, and with it at what wake itself makes.
#[test]
fn tasks_look_for_words_where_they_may_read() {
    for (path, expected) in [
        ("../x", "`../x` leaves the package"),
        ("/etc/passwd", "`/etc/passwd` leaves the package"),
        (
            ".wake/state/log-1",
            "`.wake/state/log-1` is what wake makes",
        ),
        ("made/deep/x", "`made/deep/x` is what wake makes"),
    ] {
        let state = format!("ctx.mentions(['{path}'], ['root'])");
        let said = task_complaint(&format!(
            "{{ name: 'A', run(ctx):: {{ activeState: {{ a: {state} }} }} }}"
        ));
        assert!(said.contains(expected), "{said}");
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
            granted: None,
            place: None,
            directory,
            top: space.path(""),
        },
        answers: Vec::new(),
    });
    assert!(shown(&error).contains("is not UTF-8"), "{}", shown(&error));
    let text = "function(wake) wake.pkg(wake.pkgInfo('app'), files=wake.glob('**/*.c'))";
    let space = space.file("PKG", text);
    let error = shown(&space.error(&space.declare()));
    assert!(error.contains("\\xFF\" is not UTF-8"), "{error}");
}
