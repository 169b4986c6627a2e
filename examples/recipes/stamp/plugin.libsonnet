// Makes `stamp.hpp`, which says what is built in which version: the text is the output of the tool `Shout`.
function(wake) {
  name: 'stamp',
  tasks: [{
    name: 'Stamp',
    runBefore: ['Build'],
    run(ctx):: {
      local header = '$(target)/stamp/stamp.hpp',
      local shout = [tool for tool in ctx.dependencies.Tool if tool.name == 'Shout'][0],
      activeState: { Build+: { IncludePaths+: ['$(target)/stamp'], GeneratedHeaders+: [header] } },
      operations: [wake.operation({
        title: 'Make stamp.hpp',
        executable: shout.executable,
        arguments: ['%s %s' % [ctx.recipe.Name, ctx.version]],
        outputs: [header],
        stdout: header,
      })],
    },
  }],
}
