// `Language: 'Command'`: raw operations, for generators and tools that no other plugin knows.
//
// RECIPE KEYS
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
//   What dependents in C and C++ get; all paths relative to the target directory:
//   PublicIncludePaths  list of directories to include from (also under the name IncludePaths)
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
// SHARED STATE: outputs, the list of all; Build: { PublicIncludePaths, GeneratedHeaders, LinkLibraries, RunExecutable }
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
  Depfile: 'string',
  Environment: 'stringTable',
  Executable: 'string',
  Inputs: 'strings',
  OrderOnly: 'strings',
  Outputs: 'strings',
  Stdin: 'string',
  Stdout: 'string',
  Title: 'string',
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
  PublicIncludePaths: 'strings',
  RunExecutable: 'string',
  Version: 'any',
};

local headerExtensions = ['h', 'hh', 'hpp', 'hxx', 'inc', 'inl', 'ipp', 'tpp'];

// ---------------------------------------------------------------------------------------------- tokens of this plugin

// The value of the token `inside` in an argument; null if it is not one of these. `lists` has `input` and `output`.
local valueOf(inside, lists, tools) =
  local words = std.splitLimit(inside, ' ', 1);
  local list = std.get(lists, words[0]);
  if inside == 'inputs' then std.join(' ', lists.input)
  else if inside == 'outputs' then std.join(' ', lists.output)
  else if std.length(words) < 2 then null
  else if words[0] == 'tool' then
    local found = paths.named(words[1], tools);
    if found == [] then null else found[0].executable
  else if list == null then null
  else
    local isIndex = words[1] != '' && std.all([std.member('0123456789', digit) for digit in std.stringChars(words[1])]);
    local index = if isIndex then std.parseInt(words[1]) else std.length(list);
    if index < std.length(list) then list[index] else null;

// The text between two `$$`: every `$(…)` that `valueOf` knows is replaced, once.
local expandPiece(piece, lists, tools) =
  local parts = std.split(piece, '$(');
  local expandPart(part) =
    local ends = std.findSubstr(')', part);
    local value = if ends == [] then null else valueOf(part[0:ends[0]], lists, tools);
    if value == null then '$(' + part else value + part[ends[0] + 1:];
  parts[0] + std.join('', std.map(expandPart, parts[1:]));

local expandText(text, lists, tools) =
  if std.findSubstr('$(', text) == [] then text
  else std.join('$$', [expandPiece(piece, lists, tools) for piece in std.split(text, '$$')]);

local expandArguments(arguments, lists, tools) = std.flatMap(
  function(argument)
    if argument == '$(inputs)' then lists.input
    else if argument == '$(outputs)' then lists.output
    else [expandText(argument, lists, tools)],
  arguments,
);

// Tokens that are this plugin's by their first word and mean nothing here.
local strayTokens(arguments, lists, tools) = [
  '$(%s)' % inside
  for argument in arguments
  for piece in std.split(argument, '$$')
  for part in std.split(piece, '$(')[1:]
  for inside in [std.split(part, ')')[0]]
  if std.member(['input', 'output', 'tool'], std.split(inside, ' ')[0])
     && valueOf(inside, lists, tools) == null
];

// -------------------------------------------------------------------------------------------------------- the operations

local executableOf(ctx, text) =
  if std.length(std.findSubstr('/', text)) == 0 then text else paths.inPackage(paths.resolve(ctx, text));

local optional(table, key, place) = if std.objectHas(table, key) then place(table[key]) else null;

// One object of `Operations` with its paths in their places.
local placed(ctx, declared) =
  local inPackage(path) = paths.inPackage(paths.resolve(ctx, path));
  {
    inputs: paths.firsts(std.map(inPackage, paths.expand(ctx, std.get(declared, 'Inputs', [])))),
    orderOnly: paths.firsts(std.map(inPackage, paths.expand(ctx, std.get(declared, 'OrderOnly', [])))),
    outputs: std.map(paths.inTarget, std.get(declared, 'Outputs', [])),
    workingDirectory: inPackage(std.get(declared, 'WorkingDirectory', '.')),
    stdin: optional(declared, 'Stdin', inPackage),
    stdout: optional(declared, 'Stdout', paths.inTarget),
    depfile: optional(declared, 'Depfile', paths.inTarget),
    local place = self,
    lists: { input: place.inputs, output: place.outputs },
  };

local defaultTitle(declared) =
  local outputs = std.get(declared, 'Outputs', []) + [declared[key] for key in ['Stdout'] if std.objectHas(declared, key)];
  if outputs == [] then 'Run ' + paths.base(declared.Executable) else 'Make ' + outputs[0];

local operation(wake, ctx, declared, tools) =
  local place = placed(ctx, declared);
  local made(path) = if path == null then [] else [path];
  wake.operation({
    title: std.get(declared, 'Title', defaultTitle(declared)),
    executable: executableOf(ctx, expandText(declared.Executable, place.lists, tools)),
    arguments: expandArguments(std.get(declared, 'Arguments', []), place.lists, tools),
    workingDirectory: place.workingDirectory,
    environment: std.get(declared, 'Environment', {}),
    inputs: paths.firsts(place.inputs + made(place.stdin)),
    orderOnly: place.orderOnly,
    outputs: paths.firsts(place.outputs + made(place.stdout)),
    stdin: place.stdin,
    stdout: place.stdout,
    depfile: place.depfile,
  });

// Sentences about what is wrong with one object of `Operations`.
local mistakes(ctx, declared, index, tools) =
  local subject = '`Operations[%d]` of `%s`' % [index, ctx.name];
  local wrong = check.unknown(declared, fields, subject) + check.types(declared, fields, subject);
  if wrong != [] then wrong
  else if std.get(declared, 'Executable', '') == '' then ['%s has no `Executable`' % subject]
  else [
    '`%s` in %s stands for nothing (%d inputs, %d outputs, tools: %s)' % [
      token,
      subject,
      std.length(std.get(declared, 'Inputs', [])),
      std.length(std.get(declared, 'Outputs', [])),
      if tools == [] then 'none' else std.join(', ', [tool.name + ':' + tool.module for tool in tools]),
    ]
    for token in strayTokens(
      std.get(declared, 'Arguments', []) + [declared.Executable],
      placed(ctx, declared).lists,
      tools,
    )
  ];

// What dependents get.
local shared(ctx, outputs) =
  local recipe = ctx.recipe;
  local list(key) = [paths.inTarget(paths.resolve(ctx, path)) for path in std.get(recipe, key, [])];
  {
    outputs: outputs,
    Build+: {
      PublicIncludePaths+: paths.firsts(list('PublicIncludePaths') + list('IncludePaths')),
      GeneratedHeaders+: if std.objectHas(recipe, 'GeneratedHeaders') then list('GeneratedHeaders')
      else [output for output in outputs if std.member(headerExtensions, paths.extension(output))],
      LinkLibraries+: list('LinkLibraries'),
      [if std.objectHas(recipe, 'RunExecutable') then 'RunExecutable']: paths.inTarget(recipe.RunExecutable),
    },
  };

local build(wake, ctx) =
  local wrongTypes = check.types(ctx.recipe, keys, 'the recipe of `%s`' % ctx.name);
  local declared = std.get(ctx.recipe, 'Operations', []);
  local tools = std.get(ctx.dependencies, 'Tool', []);
  local wrong = if wrongTypes != [] then wrongTypes
  // An empty list is fine: such a module only gathers its dependencies.
  else if !std.objectHas(ctx.recipe, 'Operations') then ['`%s` has no `Operations`' % ctx.name]
  else std.flattenArrays(std.mapWithIndex(function(index, one) mistakes(ctx, one, index, tools), declared));
  local outputs(one) =
    local place = placed(ctx, one);
    place.outputs + (if place.stdout == null then [] else [place.stdout]);
  local doubts = std.map(wake.warning, check.unused(ctx, keys));
  if wrong != [] then { messages: doubts + check.errors(wake, wrong) }
  else {
    messages: doubts,
    sharedState: shared(ctx, paths.firsts(std.flatMap(outputs, declared))),
    operations: [operation(wake, ctx, one, tools) for one in declared],
  };

function(wake) {
  name: 'wake.command',
  tasks: [{ name: 'Build', run(ctx):: build(wake, ctx) }],
}
