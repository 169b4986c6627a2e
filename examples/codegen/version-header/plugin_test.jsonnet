// What the plugin makes of recipes. `wake plugin test` tries it; nothing is compiled.
{
  'the header defines the version of the recipe': {
    recipe: { Version: '1.2.3' },
    expect: {
      activeState: { Build: { GeneratedHeaders: ['$(target)/version.h'] } },
      operations: [{ writeFile: '$(target)/version.h', content: '#define VERSION "1.2.3"\n' }],
      messages: ['info: version 1.2.3'],
    },
  },

  'sources are compiled after it is made': {
    plugins: ['cpp'],
    recipe: { Type: 'Executable', Version: '1.2.3', Source: ['main.cpp'] },
    files: { 'main.cpp': '' },
    tools: ['g++'],
    expect: {
      operations: { 'Compile main.cpp': { orderOnly: ['$(target)/version.h'] } },
    },
  },

  'a version is needed': {
    expect: { failure: 'There is no field `Version`' },
  },
}
