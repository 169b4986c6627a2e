// Writes `version.h`, which defines VERSION as the `Version` of the recipe, before anything is compiled.
function(wake) {
  name: 'example.version-header',
  tasks: [{
    name: 'VersionHeader',
    runAfter: ['ResolveDependencies'],
    runBefore: ['Build'],
    run(ctx)::
      local header = ctx.targetDirectory + '/version.h';
      {
        // The C and C++ tasks compile after `GeneratedHeaders` are made.
        activeState: { Build+: { IncludePaths+: [ctx.targetDirectory], GeneratedHeaders+: [header] } },
        operations: [wake.writeFile(header, '#define VERSION "%s"\n' % ctx.recipe.Version)],
        messages: [wake.info('version ' + ctx.recipe.Version)],
      },
  }],
}
