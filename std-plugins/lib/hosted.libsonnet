// What the plugins of languages with a runtime of their own share (csharp, java, javascript, python): their common keys,
// which files a recipe means, what dependencies share, launchers, and the order of tasks.
// Ignorant of compilers and of every key that only one of them has.
//
// KEYS OF ALL FOUR
//   Name          what the files are named after; default the name of the package for `root`, else that of the module, in
//                 C# with `.tests` behind it for a 'Test'
//   Type          what is made; each language says which there are
//   Source        list of paths and patterns (with `*`), relative to the package; a path may begin with `$(target)` (made
//                 by another operation of the module) or with `$(target NAME)`, `$(target :MODULE)` (by a dependency)
//   Tests         a recipe of the type 'Test' that depends on this module: { Source: ['test/…'] }
//   Inputs        list of paths and patterns of files that a 'Test' reads: it runs again when one changes
//   Environment   object of strings: variables of a 'Test'; in JavaScript also of npm and its scripts
//   Timeout       seconds, of a 'Test'
//
// PARAMETERS: Flavor: Debug | DebugRelease | Release
//
// TASKS, in order, and the fields of `Build` in the active state that each adds
//   RecipeBuild          Name, Type, Flavor, Source, and what the language adds; another plugin may extend the lists from
//                        a task that runs before `Build`
//   ResolveDependencies  Inherited: what dependencies share in `Build` and in the table of the language
//   Build                makes the operations and the shared state; adds Executable, the path, if it makes a program
//   Test                 makes the operation that runs a 'Test'
local check = import 'wake/check.libsonnet';
local linking = import 'wake/linking.libsonnet';
local paths = import 'wake/paths.libsonnet';

local flavors = ['Debug', 'DebugRelease', 'Release'];

local flavorOf(ctx) = std.toString(std.get(ctx.parameters, 'Flavor', 'Debug'));

local keys = {
  Dependencies: 'any',
  Environment: 'stringTable',
  Inputs: 'strings',
  Language: 'any',
  Name: 'string',
  Source: 'strings',
  Tests: 'any',
  Timeout: 'seconds',
  Type: 'string',
  Version: 'any',
};

// Directories that the plugins make beside a program.
local taken = ['classes', 'deps', 'lib', 'node_modules', 'obj', 'package'];

local list(recipe, key) = std.get(recipe, key, []);

// The files of the package, or of elsewhere, that a list of paths and patterns means.
local files(ctx, list) = paths.firsts([paths.inPackage(paths.resolve(ctx, path)) for path in paths.expand(ctx, list)]);

// The sources of the recipe's `Tests`, which are not those of the module itself.
local sourcesOfTests(ctx) =
  local tests = std.get(ctx.recipe, 'Tests', {});
  local named = if std.isObject(tests) then std.get(tests, 'Source', []) else [];
  // What is wrong with `Tests` is said where they are built.
  if std.isArray(named) then paths.expand(ctx, std.filter(std.isString, named)) else [];

// The sources of a module: what it says, or the first of `groups` ({ include, exclude }) that matches anything.
local sources(ctx, groups) =
  if std.objectHas(ctx.recipe, 'Source') then files(ctx, ctx.recipe.Source)
  else
    local tests = std.set(std.map(paths.normal, sourcesOfTests(ctx)));
    local first(index) =
      if index == std.length(groups) then []
      else
        local found = std.setDiff(
          std.set(ctx.glob(groups[index].include, std.get(groups[index], 'exclude', []))), tests
        );
        if found == [] then first(index + 1) else found;
    std.map(paths.inPackage, first(0));

// A path below its root: `src/a.py` for `$(package)/src/a.py`.
local relative(path) =
  if paths.isToken(path) then std.lstripChars(paths.split(path).rest, '/') else std.lstripChars(path, '/');

// What is below the directory `root` of the package, without it; else as it is.
local below(root, path) =
  local name = relative(path);
  local start = if root == '' then '' else root + '/';
  if std.startsWith(path, '$(package)/') && std.startsWith(name, start) then name[std.length(start):] else name;

local strayPaths(ctx, language, subject) = [
  '`%s` in `%s` of %s lies outside the package' % [path, key, subject]
  for key in ['Source', 'Inputs'] + language.packagePaths + language.systemPaths
  for path in list(ctx.recipe, key)
  if paths.leaves(path) && !(std.member(language.systemPaths, key) && paths.isAbsolute(path))
];

local nameOf(language, ctx) =
  local isTest = std.get(ctx.recipe, 'Type', language.defaultType) == 'Test';
  // A module `lib` is usual, and so are its `Tests`.
  local suffix = if std.member(taken, ctx.name) then '.tests' else language.testSuffix;
  std.get(ctx.recipe, 'Name', ctx.name + (if isTest then suffix else ''));

// Sentences about what is wrong with the recipe.
local mistakes(ctx, language) =
  local recipe = ctx.recipe;
  local subject = 'the %s recipe of `%s`' % [language.name, ctx.name];
  local wrongTypes = check.types(recipe, keys + language.keys, subject);
  local type = std.get(recipe, 'Type', language.defaultType);
  local name = nameOf(language, ctx);
  if wrongTypes != [] then wrongTypes else std.flattenArrays([
    check.oneOf(flavorOf(ctx), flavors, 'The parameter `Flavor`'),
    check.oneOf(type, language.types, '`Type` of ' + subject),
    if std.member(['', '.', '..'], name) || std.member(name, '/') || std.member(name, '$') then
      ['`Name` of %s must be a name of a file without `/` and `$`, not `%s`' % [subject, name]]
    else if std.member(language.programs, type) && std.member(taken, name) then
      ['The program of `%s` cannot be named `%s`: that is a directory beside it' % [ctx.name, name]]
    else [],
    [
      '`%s` of %s has no use: it is for a `Test`' % [key, subject]
      for key in ['Inputs', 'Timeout'] + language.testKeys
      if std.objectHas(recipe, key) && type != 'Test'
    ],
    strayPaths(ctx, language, subject),
    language.mistakes(ctx, subject),
  ]);

local recipeBuild(wake, language, ctx) =
  local wrong = mistakes(ctx, language);
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    messages: std.map(wake.warning, check.unused(ctx, keys + language.keys) + language.doubts(ctx)),
    activeState: {
      Build+: {
        Name: nameOf(language, ctx),
        Type: std.get(ctx.recipe, 'Type', language.defaultType),
        Flavor: flavorOf(ctx),
        Source+: language.sources(ctx),
      } + language.table(ctx),
    },
  };

local resolveDependencies(language, ctx) =
  local tables = [std.get(dependency.sharedState, language.share, {}) for dependency in linking.dependencies(ctx)];
  {
    activeState: {
      Build+: {
        Inherited: { RuntimeDependencies: linking.inherited(ctx, {}).RuntimeDependencies } + {
          [key]: paths.firsts(std.flatMap(function(table) list(table, key), tables))
          for key in language.inherits
        },
      },
    },
  };

local build(wake, language, ctx) =
  local given = ctx.activeState.Build { Source: paths.firsts(std.map(paths.inPackage, super.Source)) };
  local wrong = (
    if given.Source == [] then [
      '`%s` has no sources: %s' % [
        ctx.name,
        if std.objectHas(ctx.recipe, 'Source') then '`Source` is empty or its patterns match no file'
        else 'no file of the package matches %s' % (
          if given.Type == 'Test' then language.testSources else language.defaultSources
        ),
      ],
    ]
    else language.buildMistakes(ctx, given)
  );
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else
    local made = language.build(wake, ctx, given);
    {
      activeState: { Build+: std.get(made, 'active', {}) },
      sharedState: { Build+: {} } + made.shared,
      operations: made.operations,
    };

local test(wake, language, ctx) =
  if ctx.activeState.Build.Type != 'Test' then {}
  else
    local run = language.test(ctx, ctx.activeState.Build);
    {
      operations: [wake.operation(run {
        title: ctx.name,
        environment: std.get(run, 'environment', {}) + std.get(ctx.recipe, 'Environment', {}),
        inputs: paths.firsts(run.inputs + paths.inputs(ctx, list(ctx.recipe, 'Inputs'))),
        responseFile: 'never',
        timeout: std.get(ctx.recipe, 'Timeout', null),
        test: true,
      })],
    };

// A word of a shell command.
local quote(word) = "'%s'" % std.strReplace(word, "'", "'\\''");

// A program starts as its file changes only if that says what lies beside it: else nobody who runs it would run it again.
local linkScript = |||
  out=$1 from=$2; shift 2
  { cat "$from"; for file; do printf '# '; sha256sum < "$file"; done; } > "$out" && chmod +x "$out"
|||;

{
  files:: files,
  sources:: sources,
  relative:: relative,
  below:: below,
  linked:: linking.dependencies,
  quote:: quote,

  // Copies of `files` side by side in `directory`: { copies: { file: copy }, operations, mistakes }.
  beside(wake, ctx, directory, files)::
    local sorted = std.sort(files, paths.base);
    {
      copies: { [file]: '%s/%s' % [directory, paths.base(file)] for file in files },
      operations: [wake.copyFile(file, self.copies[file]) for file in files],
      mistakes: [
        '`%s` and `%s` would both be `%s` beside the program of `%s`; give the module of one of them another `Name`' % [
          relative(sorted[index - 1]),
          relative(sorted[index]),
          paths.base(sorted[index]),
          ctx.name,
        ]
        for index in std.range(1, std.length(sorted) - 1)
        if paths.base(sorted[index - 1]) == paths.base(sorted[index])
      ],
    },

  // The operations that make `$(target)/NAME`: a script that runs `command`, a line of shell in which `$here` is the
  // directory of the script. `files` lie beside it and are what it runs; `besides`, what must be there when it runs.
  launcher(wake, name, command, files, besides=[])::
    local script = '$(target)/obj/%s.sh' % name;
    local program = '$(target)/' + name;
    local lines = [
      '#!/bin/sh',
      'here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P) || exit',
      'exec %s "$@"' % command,
      '# Made of:',
      '',
    ];
    [
      wake.writeFile(script, std.strReplace(std.join('\n', lines), '$', '$$')),
      wake.operation({
        title: 'Link ' + name,
        executable: 'sh',
        arguments: ['-c', std.strReplace(linkScript, '$', '$$'), 'sh', program, script] + files,
        inputs: [script] + files,
        orderOnly: paths.firsts(besides),
        outputs: [program],
        responseFile: 'never',
      }),
    ],

  // Files for a script that gets them as a list: JSON of [[index in roots, path below it, path to copy to]], as the
  // content of a file that says the same on every machine, and the roots, which are arguments.
  manifest(files, to)::
    local tokens = std.set([paths.split(file).token for file in files if paths.isToken(file)]);
    local roots = ['/'] + ['$(%s)' % token for token in tokens];
    local index(file) =
      if paths.isToken(file) then 1 + std.find(paths.split(file).token, tokens)[0] else 0;
    {
      roots: roots,
      content: std.manifestJsonEx([[index(file), relative(file), to(file)] for file in files], ' ', '\n') + '\n',
    },

  // The plugin of a language:
  //   name            'Java'
  //   share           the table of the shared state in which its modules find each other; `inherits` are its lists
  //   keys            { Key: kind }, beside those of all; testKeys: the ones that only a 'Test' has
  //   packagePaths    the keys that name files of the package; systemPaths: those that may also name what the system has
  //   types, defaultType, defaultSources and testSources (patterns, for people); programs: the types that make NAME, a script
  //   testSuffix      what is behind the default name of a 'Test'
  //   mistakes(ctx, subject), doubts(ctx)     sentences about the recipe: errors and warnings
  //   sources(ctx), table(ctx)                what `RecipeBuild` adds to the table `Build`
  //   buildMistakes(ctx, given)               sentences about that table
  //   build(wake, ctx, given)                 { active, shared, operations }
  //   test(ctx, given)                        the fields of an operation
  plugin(language):: function(wake) {
    name: 'wake.' + language.plugin,
    // What a recipe may say, for tests.
    keys:: keys + language.keys,
    tasks: [
      { name: 'RecipeBuild', run(ctx):: recipeBuild(wake, language, ctx) },
      { name: 'ResolveDependencies', runAfter: ['RecipeBuild'], run(ctx):: resolveDependencies(language, ctx) },
      { name: 'Build', runAfter: ['ResolveDependencies'], run(ctx):: build(wake, language, ctx) },
      { name: 'Test', runAfter: ['Build'], run(ctx):: test(wake, language, ctx) },
    ],
  },
}
