// `Language: 'Command'`: raw operations, for generators and tools that no other plugin knows.
//
// RECIPE KEYS
//   Type                'Test': operations without outputs are tests, which only `wake test` runs: exit code 0 passes, 77 skips
//   Timeout             seconds, of each test
//   Operations          list of objects with the fields
//     Title             string; default `Make <first output>` or `Run <executable>`
//     Executable        string, required: a bare name is found in PATH, a relative path (with `/`) is a file of the package
//     Arguments         list of strings
//     Inputs            list of paths and patterns (with `*`), relative to the package
//     OrderOnly         list of paths, relative to the package: made before, count only if they are read
//     Outputs           list of paths, relative to the target directory; with `/` at the end: a directory
//     Environment       object of strings
//     WorkingDirectory  path relative to the package; default the package
//     Stdin             path relative to the package: the file that is standard input
//     Stdout            path relative to the target directory: the output that standard output becomes
//     Depfile           path relative to the target directory
//     Weight            how many jobs it counts as; default 1
//     Pool              string: operations of one pool run one after the other, or as `Pools` and `--pool` say
//     Caches            list of directories that it keeps things in between builds, absolute or relative to `$(cache)`
//     Console           boolean: it gets the terminal for itself, and nothing runs beside it
//   What dependents in C and C++ get; paths are relative to the target directory:
//   PublicIncludePaths  list of directories to include from
//   IncludePaths        the same
//   PublicDefines       list of 'NAME' or 'NAME=value'
//   GeneratedHeaders    list of headers; default: all outputs with the extension of a header
//   LinkLibraries       list of archives and shared libraries, in link order
//   RunExecutable       path of the program that `wake run` starts and that dependents run as a `Tool`
// A path may begin with a token instead: `$(target)/a.o` is an input that another operation of the module makes,
// `$(target NAME)/x`, `$(target NAME:MODULE)/x` and `$(target :MODULE)/x` lie in the target directory of a dependency.
//
// In arguments `$(inputs)` and `$(outputs)` are all of them (an argument that is nothing else becomes one argument each,
// else they are joined by spaces), `$(input 0)` and `$(output 0)` one; and in arguments and `Executable` `$(tool NAME)`,
// `$(tool NAME:MODULE)` and `$(tool :MODULE)` are the executable of a `Tool` dependency. `$$` is a dollar.
//
// TASKS: Build
// SHARED STATE: outputs, the list of all; Build: { PublicIncludePaths, PublicDefines, GeneratedHeaders, LinkLibraries,
// RunExecutable }
//
//   wake.recipe({
//     Language: 'Command',
//     Operations: [{
//       Executable: './embed.sh', Arguments: ['$(input 0)', '$(output 0)'], Inputs: ['logo.txt'], Outputs: ['logo.h'],
//     }],
//     PublicIncludePaths: ['.'],
//   })
local check = import 'wake/check.libsonnet';
local paths = import 'wake/paths.libsonnet';

local fields = {
  Arguments: 'strings',
  Caches: 'strings',
  Console: 'boolean',
  Depfile: 'string',
  Environment: 'stringTable',
  Executable: 'string',
  Inputs: 'strings',
  OrderOnly: 'strings',
  Outputs: 'strings',
  Pool: 'string',
  Stdin: 'string',
  Stdout: 'string',
  Title: 'string',
  Weight: 'seconds',
  WorkingDirectory: 'string',
};

local keys = {
  Dependencies: 'any',
  GeneratedHeaders: 'strings',
  IncludePaths: 'strings',
  Language: 'any',
  LinkLibraries: 'strings',
  Name: 'any',
  Operations: 'objects',
  PublicDefines: 'strings',
  PublicIncludePaths: 'strings',
  RunExecutable: 'string',
  Timeout: 'seconds',
  Type: 'string',
  Version: 'any',
};

local headerExtensions = ['h', 'hh', 'hpp', 'hxx', 'inc', 'inl', 'ipp', 'tpp'];

local substitute = std.native('wake.substitute');

// What `$(tool …)` may name: every dependency under all its names, the first of two with one name.
local toolTable(tools) =
  // `name`, and behind each slash of it.
  local tails(name) = local parts = std.split(name, '/'); [
    std.join('/', parts[index:])
    for index in std.range(0, std.length(parts) - 1)
  ];
  local entries(tool) = [
    { [name + (if tool.module == 'root' then '' else ':' + tool.module)]: tool.executable }
    + { [name + ':' + tool.module]: tool.executable }
    for name in tails(tool.reference) + ['']
  ];
  local table = std.foldl(function(table, entry) entry + table, std.flatMap(entries, tools), {});
  // Without the layers: every operation looks at it.
  { [name]: table[name] for name in std.objectFields(table) };

local defaultTitle(declared, outputs) =
  local named = outputs + (if std.objectHas(declared, 'Stdout') then [declared.Stdout] else []);
  if named == [] then 'Run ' + paths.base(declared.Executable) else 'Make ' + named[0];

local executableOf(ctx, text) =
  if std.length(std.findSubstr('/', text)) == 0 then text else paths.inPackage(paths.resolve(ctx, text));

local isIn(part, text) = std.length(std.findSubstr(part, text)) > 0;

local listOf(path) = if path == null then [] else [path];

// One object of `Operations`, as far as it is needed: what is wrong with it, its outputs, its operation.
// `tools` are { list, table }.
local prepared(wake, ctx, declared, index, tools) =
  local subject = '`Operations[%d]` of `%s`' % [index, ctx.name];
  local list(key) = std.get(declared, key, []);
  local inPackage(key) =
    if std.objectHas(declared, key) then paths.inPackage(paths.resolve(ctx, declared[key])) else null;
  local inTarget(key) = if std.objectHas(declared, key) then paths.inTarget(declared[key]) else null;
  local inputs = paths.inputs(ctx, list('Inputs'));
  local outputs = paths.inTarget(list('Outputs'));
  local stdin = inPackage('Stdin');
  local stdout = inTarget('Stdout');
  local allOutputs = outputs + listOf(stdout);
  local isTest = std.get(ctx.recipe, 'Type') == 'Test' && allOutputs == [];
  local values = { input: inputs, output: outputs };
  local arguments = substitute(list('Arguments'), values, { tool: tools.table });
  local executable = substitute([declared.Executable], values, { tool: tools.table });
  // A tool that is passed on is read, too.
  local passedOn = [
    tool.executable
    for tool in tools.list
    if tool.executable != null && std.length([text for text in arguments.texts if isIn(tool.executable, text)]) > 0
  ];
  local wrong = check.unknown(declared, fields, subject) + check.types(declared, fields, subject);
  {
    mistakes: if wrong != [] then wrong
    else if std.get(declared, 'Executable', '') == '' then ['%s has no `Executable`' % subject]
    else [
      '`%s` in %s stands for nothing (%d inputs, %d outputs, tools: %s)' % [
        token,
        subject,
        std.length(list('Inputs')),
        std.length(list('Outputs')),
        if tools.list == [] then 'none' else std.join(', ', [tool.reference + ':' + tool.module for tool in tools.list]),
      ]
      for token in arguments.strays + executable.strays
    ],
    outputs: allOutputs,
    operation: wake.operation({
      title: if std.objectHas(declared, 'Title') then declared.Title else defaultTitle(declared, list('Outputs')),
      executable: executableOf(ctx, std.join(' ', executable.texts)),
      arguments: arguments.texts,
      [if std.objectHas(declared, 'WorkingDirectory') then 'workingDirectory']: inPackage('WorkingDirectory'),
      environment: std.get(declared, 'Environment'),
      inputs: if stdin == null && passedOn == [] then inputs else paths.firsts(inputs + listOf(stdin) + passedOn),
      orderOnly: paths.inputs(ctx, list('OrderOnly')),
      outputs: paths.firsts(allOutputs),
      stdin: stdin,
      stdout: stdout,
      depfile: inTarget('Depfile'),
      timeout: if isTest then std.get(ctx.recipe, 'Timeout'),
      console: std.get(declared, 'Console', false),
      [if std.objectHas(declared, 'Caches') then 'caches']: std.map(paths.inCache, declared.Caches),
      [if std.objectHas(declared, 'Pool') then 'pool']: declared.Pool,
      weight: std.get(declared, 'Weight', 1),
      test: isTest,
    }),
  };

// What dependents get.
local shared(ctx, outputs) =
  local recipe = ctx.recipe;
  local list(key) = [paths.inTarget(paths.resolve(ctx, path)) for path in std.get(recipe, key, [])];
  {
    outputs: outputs,
    Build+: {
      PublicIncludePaths+: paths.firsts(list('PublicIncludePaths') + list('IncludePaths')),
      PublicDefines+: std.get(recipe, 'PublicDefines', []),
      GeneratedHeaders+: if std.objectHas(recipe, 'GeneratedHeaders') then list('GeneratedHeaders')
      else [output for output in outputs if std.member(headerExtensions, paths.extension(output))],
      LinkLibraries+: list('LinkLibraries'),
      [if std.objectHas(recipe, 'RunExecutable') then 'RunExecutable']: paths.inTarget(recipe.RunExecutable),
    },
  };

// `Type` is for tests alone, and so is what only they have.
local wrongUses(ctx) =
  local subject = 'the recipe of `%s`' % ctx.name;
  local type = std.get(ctx.recipe, 'Type', 'Test');
  check.oneOf(type, ['Test'], '`Type` of ' + subject)
  + (
    if std.objectHas(ctx.recipe, 'Timeout') && !std.objectHas(ctx.recipe, 'Type') then
      ['`Timeout` of %s has no use: it is for `Type: \'Test\'`' % subject]
    else []
  );

local build(wake, ctx) =
  local wrongTypes = check.types(ctx.recipe, keys, 'the recipe of `%s`' % ctx.name);
  local tools = std.get(ctx.dependencies, 'Tool', []);
  local given = { list: tools, table: toolTable(tools) };
  local all = std.mapWithIndex(
    function(index, one) prepared(wake, ctx, one, index, given),
    std.get(ctx.recipe, 'Operations', []),
  );
  local wrong = if wrongTypes != [] then wrongTypes
  // An empty list is fine: such a module only gathers its dependencies.
  else if !std.objectHas(ctx.recipe, 'Operations') then ['`%s` has no `Operations`' % ctx.name]
  else wrongUses(ctx) + std.flatMap(function(one) one.mistakes, all);
  local doubts = std.map(wake.warning, check.unused(ctx, keys));
  if wrong != [] then { messages: doubts + check.errors(wake, wrong) }
  else {
    messages: doubts,
    sharedState: shared(ctx, paths.firsts(std.flatMap(function(one) one.outputs, all))),
    operations: [one.operation for one in all],
  };

function(wake) {
  name: 'wake.command',
  // What a recipe and one of its operations may say, for tests.
  keys:: keys,
  operationKeys:: fields,
  tasks: [{ name: 'Build', run(ctx):: build(wake, ctx) }],
}
