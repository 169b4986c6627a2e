//! What tasks and modules of one operation make.

use super::*;

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
