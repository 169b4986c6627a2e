// `Language: 'Python'`: packages and programs in Python, with Python 3.8 or later (`python3`).
//
// RECIPE KEYS, beside those of lib/hosted.libsonnet
//   Type            'Library': the modules, compiled, in lib/ | 'Executable': also those of its dependencies in deps/, and
//                   NAME, a script that starts it | 'Wheel': a 'Library' and a wheel (PEP 427) of it | 'Test': as
//                   'Library', runs its tests; default 'Library'
//   Source          *.py, *.pyi; default `src/**/*.py`, else `**/*.py`, but for tests, `setup.py`, `build/`, `dist/`, `venv/`
//                   and the sources of `Tests`; of a 'Test' `tests/**/*.py`, `test/**/*.py` and `**/test_*.py`
//   Root            the directory that names of modules begin below; default `src` if all sources lie there, else the
//                   package. What lies elsewhere has its path below its own root
//   Resources       list of paths and patterns of other files of the modules: data, extension modules
//   Main            of an 'Executable': 'acme.app', or 'acme.app:main', a function. Default `__main__` of the one package
//                   that has it, else `main`, else the one module
//   TestRunner      'unittest' | 'pytest', of a 'Test'; default 'unittest'
// Of a 'Wheel'; its name is `Name`, its version that of the package:
//   Summary         string
//   RequiresPython  '>=3.8'
//   Requires        list of requirements of other projects: 'attrs>=23'
//   EntryPoints     { console_scripts: { command: 'acme.app:main' } }
//   WheelTag        default 'py3-none-any'
//
// SHARED STATE
//   Python.Paths        directories for `sys.path`, transitively: its own first
//   Build.RunExecutable the script, of a program
//   outputs             the wheel, of a 'Wheel'
//
//   wake.recipe({ Language: 'Python', Type: 'Executable', Main: 'acme.app:main' })
local check = import 'wake/check.libsonnet';
local hosted = import 'wake/hosted.libsonnet';
local paths = import 'wake/paths.libsonnet';
local tool = importstr 'wake/tools/python_tool.py';

local toolPath = '$(target)/obj/python_tool.py';
local library = '$(target)/lib';
// What is compiled says the same in every run, and nothing is compiled beside anybody's sources.
local environment = { PYTHONDONTWRITEBYTECODE: '1', PYTHONHASHSEED: '0' };
local wheelKeys = {
  EntryPoints: 'any',
  Requires: 'strings',
  RequiresPython: 'string',
  Summary: 'string',
  WheelTag: 'string',
};

local startScript = |||
  # Made by wake: runs a module with what lies beside this file.
  import os
  import sys

  here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
  sys.path[0:1] = [os.path.join(here, name) for name in ("lib", "deps")]
  sys.dont_write_bytecode = True

|||;

local start(main) =
  local parts = std.split(main, ':');
  startScript + (
    if std.length(parts) == 2 then |||
      import importlib

      sys.exit(importlib.import_module("%s").%s())
    ||| % parts
    else |||
      import runpy

      runpy.run_module("%s", run_name="__main__", alter_sys=True)
    ||| % main
  );

// Where a file lies in lib/.
local placed(given) = function(file) hosted.below(given.Root, file);

// `acme.app` for `acme/app.py` and `acme/app/__init__.py`.
local moduleOf(path) =
  local name = path[:std.length(path) - std.length('.py')];
  std.strReplace(if std.endsWith(name, '/__init__') then name[:std.length(name) - std.length('/__init__')] else name, '/', '.');

local modules(given) = [
  moduleOf(placed(given)(source))
  for source in given.Source
  if paths.extension(source) == 'py'
];

// The candidates for what a program runs.
local mains(given) =
  local names = modules(given);
  local ends = std.length('.__main__');
  local packages = [name[:std.length(name) - ends] for name in names if std.endsWith(name, '.__main__')];
  if given.Main != null then [given.Main]
  else if packages != [] then packages
  else if std.member(names, 'main') then ['main']
  else if std.member(names, '__main__') then ['__main__']
  else names;

local isName(text) = text != '' && std.all([
  part != '' && std.all([
    std.member('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_', character)
    || std.codepoint(character) > 127
    for character in std.stringChars(part)
  ])
  for part in std.split(text, '.')
]);

local run(wake, fields) = wake.operation(fields {
  executable: 'python3',
  arguments: [toolPath] + super.arguments,
  inputs: [toolPath] + super.inputs,
  environment: environment,
  responseFile: 'never',
});

local compile(wake, given) =
  local files = paths.firsts(given.Source + given.Resources);
  local manifest = hosted.manifest(files, placed(given));
  [
    wake.writeFile(toolPath, std.strReplace(tool, '$', '$$')),
    wake.writeFile('$(target)/obj/files.json', manifest.content),
    run(wake, {
      title: 'Compile ' + given.Name,
      arguments: ['compile', library, '$(target)/obj/lib.digest', '$(target)/obj/files.json'] + manifest.roots,
      inputs: ['$(target)/obj/files.json'] + files,
      outputs: [library + '/', '$(target)/obj/lib.digest'],
    }),
  ];

local program(wake, ctx, given) =
  local inherited = given.Inherited;
  local digest = '$(target)/obj/deps.digest';
  local script = '$(target)/obj/start.py';
  local digests = ['$(target)/obj/lib.digest'] + (if inherited.Paths == [] then [] else [digest]);
  (if inherited.Paths == [] then [] else [
    run(wake, {
      title: 'Gather what %s uses' % given.Name,
      arguments: ['gather', '$(target)/deps', digest] + inherited.Paths,
      inputs: inherited.Paths,
      outputs: ['$(target)/deps/', digest],
    }),
  ])
  + [wake.writeFile(script, std.strReplace(start(mains(given)[0]), '$', '$$'))]
  + hosted.launcher(
    wake, given.Name, '%s "$here"/obj/start.py' % hosted.quote(ctx.findTool('python3')), [script] + digests
  );

local normalName(name) = std.asciiLower(std.join('_', [
  part
  for part in std.split(std.strReplace(std.strReplace(name, '-', '_'), '.', '_'), '_')
  if part != ''
]));

local wheelPath(ctx, given) =
  '$(target)/%s-%s-%s.whl' % [normalName(given.Name), ctx.version, given.Wheel.WheelTag];

local wheel(wake, ctx, given) =
  local keys = given.Wheel;
  local information = '%s-%s.dist-info' % [normalName(given.Name), ctx.version];
  local lines(list) = std.join('', [line + '\n' for line in list]);
  local option(name, key) = if keys[key] == null then [] else ['%s: %s' % [name, keys[key]]];
  local points = keys.EntryPoints;
  local isPure = std.endsWith(keys.WheelTag, '-none-any');
  local files = {
    METADATA: lines(
      ['Metadata-Version: 2.1', 'Name: ' + given.Name, 'Version: ' + ctx.version]
      + option('Summary', 'Summary')
      + option('Requires-Python', 'RequiresPython')
      + ['Requires-Dist: ' + requirement for requirement in keys.Requires]
    ),
    WHEEL: lines([
      'Wheel-Version: 1.0',
      'Generator: wake',
      'Root-Is-Purelib: ' + (if isPure then 'true' else 'false'),
      'Tag: ' + keys.WheelTag,
    ]),
    [if points != {} then 'entry_points.txt']: std.join('\n', [
      lines(['[%s]' % group] + ['%s = %s' % [name, points[group][name]] for name in std.objectFields(points[group])])
      for group in std.objectFields(points)
    ]),
  };
  [
    wake.writeFile(
      '$(target)/obj/wheel.json',
      std.strReplace(std.manifestJsonEx({ Information: information, Files: files }, '  '), '$', '$$') + '\n'
    ),
    run(wake, {
      title: 'Pack ' + paths.base(wheelPath(ctx, given)),
      arguments: ['wheel', wheelPath(ctx, given), library, '$(target)/obj/wheel.json'],
      inputs: ['$(target)/obj/wheel.json', library],
      outputs: [wheelPath(ctx, given)],
    }),
  ];

local build(wake, ctx, given) =
  local isProgram = given.Type == 'Executable';
  {
    active: { [if isProgram then 'Executable']: '$(target)/' + given.Name },
    shared: {
      Python+: { Paths+: [library] + given.Inherited.Paths },
      Build+: {
        RuntimeDependencies+: given.Inherited.RuntimeDependencies,
        [if isProgram then 'RunExecutable']: '$(target)/' + given.Name,
      },
      [if given.Type == 'Wheel' then 'outputs']: [wheelPath(ctx, given)],
    },
    operations: compile(wake, given)
                + (if isProgram then program(wake, ctx, given) else [])
                + (if given.Type == 'Wheel' then wheel(wake, ctx, given) else []),
  };

local test(ctx, given) =
  local all = [library] + given.Inherited.Paths;
  local tests = [
    source
    for source in given.Source
    if paths.extension(source) == 'py' && !std.member(['__init__.py', 'conftest.py'], paths.base(source))
  ];
  local command = {
    unittest: {
      executable: 'python3',
      arguments: [toolPath, 'test'] + all + ['-m'] + [moduleOf(placed(given)(one)) for one in tests] + ['--'],
    },
    pytest: {
      executable: 'pytest',
      arguments: ['-p', 'no:cacheprovider', '--rootdir', library, '--import-mode', 'importlib']
                 + [library + '/' + placed(given)(one) for one in tests],
    },
  }[given.TestRunner];
  command {
    environment: environment { PYTHONPATH: std.join(':', all) },
    inputs: (if given.TestRunner == 'unittest' then [toolPath] else []) + all,
  };

local entryPointMistakes(points, subject) =
  local isGroup(group) = std.isObject(group) && std.all([std.isString(one) for one in std.objectValues(group)]);
  if std.isObject(points) && std.all([isGroup(group) for group in std.objectValues(points)]) then []
  else ["`EntryPoints` of %s must be like { console_scripts: { command: 'package.module:function' } }" % subject];

local versionMistakes(ctx, subject) =
  if ctx.version == null then ['The wheel of `%s` needs a version: give the package one' % ctx.name]
  else if std.length(std.findSubstr('-', ctx.version)) > 0 then
    ["The wheel of `%s` cannot have the version `%s`: that is none of Python's, whose pre-releases are like `1.2.0a1`" % [
      ctx.name,
      ctx.version,
    ]]
  else [];

local mistakes(ctx, subject) =
  local recipe = ctx.recipe;
  local type = std.get(recipe, 'Type', 'Library');
  local main = std.get(recipe, 'Main', 'main');
  local tag = std.split(std.get(recipe, 'WheelTag', 'py3-none-any'), '-');
  std.flattenArrays([
    check.oneOf(std.get(recipe, 'TestRunner', 'unittest'), ['unittest', 'pytest'], '`TestRunner` of ' + subject),
    [
      '`%s` of %s has no use: it is for a `Wheel`' % [key, subject]
      for key in std.objectFields(wheelKeys)
      if std.objectHas(recipe, key) && type != 'Wheel'
    ],
    if !std.objectHas(recipe, 'Main') then []
    else if type != 'Executable' then ['`Main` of %s has no use: it is for an `Executable`' % subject]
    else if std.length(std.split(main, ':')) > 2 || !std.all(std.map(isName, std.split(main, ':'))) then
      ["`Main` of %s must be like 'acme.app' or 'acme.app:main', not `%s`" % [subject, main]]
    else [],
    if paths.leaves(std.get(recipe, 'Root', '')) then ['`Root` of %s lies outside the package' % subject] else [],
    entryPointMistakes(std.get(recipe, 'EntryPoints', {}), subject),
    if std.length(tag) == 3 && !std.member(tag, '') then []
    else ["`WheelTag` of %s must be like 'py3-none-any', not `%s`" % [subject, recipe.WheelTag]],
    [
      '`%s` of %s must be a single line' % [key, subject]
      for key in ['Summary', 'RequiresPython', 'Requires']
      if std.member(std.join('', local value = std.get(recipe, key, []); if std.isString(value) then [value] else value), '\n')
    ],
    if type == 'Wheel' then versionMistakes(ctx, subject) else [],
  ]);

local buildMistakes(ctx, given) =
  local places = std.sort([placed(given)(file) for file in paths.firsts(given.Source + given.Resources)]);
  local found = if given.Type == 'Executable' then mains(given) else [];
  local wanted = if found == [] then null else std.split(found[0], ':')[0];
  local isOwn = std.member(modules(given), wanted) || std.member(modules(given), '%s.__main__' % wanted);
  local strangers = [
    '`%s` is no source that the Python plugin compiles (those end in `.py` or `.pyi`); other files are `Resources`'
    % hosted.relative(source)
    for source in given.Source
    if !std.member(['py', 'pyi'], paths.extension(source))
  ];
  strangers + [
    '`%s` has two files that are both `%s`' % [ctx.name, places[index]]
    for index in std.range(1, std.length(places) - 1)
    if places[index] == places[index - 1]
  ] + (
    if std.length(found) > 1 then [
      'It is not clear what `%s` runs: name one of %s with `Main`' % [ctx.name, check.either(found)],
    ]
    else if wanted == null || isOwn || given.Inherited.Paths != [] then []
    else [
      '`%s` has no module `%s` to run%s' % [ctx.name, wanted, check.didYouMean(wanted, modules(given))],
    ]
  );

local notModules = [
  'setup.py', 'conftest.py', 'tests/**', 'test/**', '**/test_*.py', 'build/**', 'dist/**', 'venv/**',
];

// `Root`, without slashes at its ends; '' is the package.
local rootOf(ctx, sources) =
  local own = [source for source in sources if std.startsWith(source, '$(package)/')];
  local isBelowSource = own != [] && std.all([std.startsWith(source, '$(package)/src/') for source in own]);
  local given = paths.normal(std.get(ctx.recipe, 'Root', if isBelowSource then 'src' else '.'));
  if given == '.' then '' else given;

hosted.plugin({
  name: 'Python',
  plugin: 'python',
  share: 'Python',
  inherits: ['Paths'],
  keys: wheelKeys { Main: 'string', Resources: 'strings', Root: 'string', TestRunner: 'string' },
  testKeys: ['Environment', 'TestRunner'],
  packagePaths: ['Resources'],
  systemPaths: [],
  types: ['Library', 'Executable', 'Wheel', 'Test'],
  programs: ['Executable'],
  defaultType: 'Library',
  testSuffix: '',
  defaultSources: '`**/*.py`',
  testSources: '`tests/**/*.py`, `test/**/*.py` or `**/test_*.py`',
  mistakes:: mistakes,
  doubts(ctx):: [],
  sources(ctx):: hosted.sources(ctx, (
    if std.get(ctx.recipe, 'Type') == 'Test' then [{ include: ['tests/**/*.py', 'test/**/*.py', '**/test_*.py'] }]
    else [{ include: ['src/**/*.py'] }, { include: ['**/*.py'], exclude: notModules }]
  )),
  table(ctx)::
    local recipe = ctx.recipe;
    {
      Root: rootOf(ctx, self.Source),
      Resources+: hosted.files(ctx, std.get(recipe, 'Resources', [])),
      Main: std.get(recipe, 'Main'),
      TestRunner: std.get(recipe, 'TestRunner', 'unittest'),
      Wheel: {
        EntryPoints: std.get(recipe, 'EntryPoints', {}),
        Requires: std.get(recipe, 'Requires', []),
        RequiresPython: std.get(recipe, 'RequiresPython'),
        Summary: std.get(recipe, 'Summary'),
        WheelTag: std.get(recipe, 'WheelTag', 'py3-none-any'),
      },
    },
  buildMistakes:: buildMistakes,
  build:: build,
  test:: test,
})
