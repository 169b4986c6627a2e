// The keys of a Go recipe: which there are, what is wrong with them, and the state that the operations are made from.
// Ignorant of the command line of the go command.
local check = import 'wake/check.libsonnet';
local linking = import 'wake/linking.libsonnet';
local paths = import 'wake/paths.libsonnet';

local keys = {
  Cgo: 'boolean',
  CompilerFlags: 'strings',
  Dependencies: 'any',
  Environment: 'stringTable',
  Inputs: 'strings',
  Language: 'any',
  LinkerFlags: 'strings',
  Name: 'string',
  Packages: 'strings',
  PlatformLibraries: 'strings',
  Source: 'strings',
  Tags: 'strings',
  Tests: 'any',
  Timeout: 'seconds',
  Type: 'string',
  Variables: 'stringTable',
  Version: 'any',
};

local types = ['Executable', 'Library', 'StaticLibrary', 'DynamicLibrary', 'Test'];
local flavors = ['Debug', 'DebugRelease', 'Release'];
local forC = ['StaticLibrary', 'DynamicLibrary'];
// What the go command makes of one package only.
local ofOne = ['Executable'] + forC;

local typeOf(ctx) = std.get(ctx.recipe, 'Type', 'Library');

local packagesOf(ctx) =
  std.get(ctx.recipe, 'Packages', if std.member(ofOne, typeOf(ctx)) then ['.'] else ['./...']);

local isFileName(name) = !std.member(['', '.', '..'], name) && !std.member(name, '/') && !std.member(name, '$');

local mistakes(ctx) =
  local recipe = ctx.recipe;
  local subject = 'the Go recipe of `%s`' % ctx.name;
  local wrongTypes = check.types(recipe, keys, subject);
  local packages = packagesOf(ctx);
  local variables = std.get(recipe, 'Variables', {});
  if wrongTypes != [] then wrongTypes
  else std.flattenArrays([
    check.oneOf(std.toString(std.get(ctx.parameters, 'Flavor', 'Debug')), flavors, 'The parameter `Flavor`'),
    check.oneOf(typeOf(ctx), types, '`Type` of ' + subject),
    if ctx.glob('go.mod') == [] then [
      'There is no `go.mod` beside the declaration of %s; make it with `go mod init`' % subject,
    ] else [],
    [
      '`Name` of %s must be a name of a file without `/` and `$`, not `%s`' % [subject, name]
      for name in [std.get(recipe, 'Name', 'x')]
      if !isFileName(name)
    ],
    if std.member(ofOne, typeOf(ctx)) && std.length(packages) != 1 then [
      '`Packages` of %s names %d packages, but a program or a library is made of one' % [subject, std.length(packages)],
    ] else if packages == [] then ['`Packages` of %s is empty' % subject] else [],
    [
      '`%s` in `Packages` of %s must be a directory of the package: `.` or `./…`' % [package, subject]
      for package in packages
      if package != '.' && !std.startsWith(package, './') || paths.leaves(package)
    ],
    if std.get(recipe, 'Cgo') == false && std.member(forC, typeOf(ctx)) then [
      '`Cgo` of %s is false, but a `%s` needs cgo' % [subject, typeOf(ctx)],
    ] else [],
    [
      'The variable `%s` of %s must be called as in `main.version`, and have no quotes of both kinds' % [name, subject]
      for name in std.objectFields(variables)
      if !std.member(name, '.') || std.member(name, ' ') || std.member(variables[name], '"') && std.member(variables[name], "'")
    ],
    [
      '`%s` in `%s` of %s lies outside the package' % [path, key, subject]
      for key in ['Source', 'Inputs']
      for path in std.get(recipe, key, [])
      if paths.leaves(path)
    ],
  ]);

// The version of the language in `go.mod`: what stands behind `go`.
local versionOf(text) =
  local words(line) = [word for word in std.split(std.strReplace(std.strReplace(line, '\t', ' '), '\r', ''), ' ') if word != ''];
  local found = [
    words(line)[1]
    for line in std.split(text, '\n')
    if std.length(words(line)) > 1 && words(line)[0] == 'go'
  ];
  if found == [] then '1.16' else found[0];

local state(wake, ctx) =
  local recipe = ctx.recipe;
  local wrong = mistakes(ctx);
  local list(key) = std.get(recipe, key, []);
  local environment = std.get(recipe, 'Environment', {});
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    messages: std.map(wake.warning, check.unused(ctx, keys)),
    activeState: {
      Go: {
        Name: std.get(recipe, 'Name', ctx.name),
        Type: typeOf(ctx),
        Flavor: std.toString(std.get(ctx.parameters, 'Flavor', 'Debug')),
        Packages: packagesOf(ctx),
        Source: if std.objectHas(recipe, 'Source') then paths.inputs(ctx, list('Source') + ['go.mod', 'go.sum*'])
        else std.map(paths.inPackage, ctx.glob('**')),
        Tags: list('Tags'),
        Variables: std.get(recipe, 'Variables', {}),
        CompilerFlags: list('CompilerFlags'),
        LinkerFlags: list('LinkerFlags'),
        Environment: { [name]: paths.resolve(ctx, environment[name]) for name in std.objectFields(environment) },
        Inputs: paths.inputs(ctx, list('Inputs')),
        Version: versionOf(ctx.readFile('go.mod')),
        IsVendored: ctx.glob('vendor/modules.txt') != [],
      },
    },
  };

local dependencies(wake, ctx) =
  local go = ctx.activeState.Go;
  local inherited = linking.inherited(ctx, { PlatformLibraries: std.get(ctx.recipe, 'PlatformLibraries', []) });
  local shared = std.flatMap(
    function(one) std.get(std.get(one.sharedState, 'Go', {}), 'Modules', []),
    linking.dependencies(ctx)
  );
  // Of several modules of one package one is enough; the package's own is there anyway.
  local directories = paths.firsts([module.Directory for module in shared]);
  local own = '$(package %s)' % std.split(ctx.label, ':')[0];
  local modules = [
    [module for module in shared if module.Directory == directory][0]
    for directory in directories
    if directory != own
  ];
  local needsCgo = inherited.LinkLibraries != [] || std.member(forC, go.Type) || inherited.PlatformLibraries != [];
  local cgo = std.get(ctx.recipe, 'Cgo', needsCgo);
  local wrong = (if go.IsVendored && modules != [] then [
    '`%s` has a `vendor` directory, with which the go command takes no modules of other packages; remove one of them'
    % ctx.name,
  ] else [])
                + (if !cgo && inherited.LinkLibraries != [] then [
                  '`%s` depends on C libraries, but has `Cgo: false`' % ctx.name,
                ] else []);
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else { activeState: { Go+: { Modules: modules, Inherited: inherited, Cgo: cgo } } };

{
  keys:: keys,
  state:: state,
  dependencies:: dependencies,
}
