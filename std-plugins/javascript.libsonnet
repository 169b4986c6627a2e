// `Language: 'JavaScript'`: packages and programs for Node 18 or later (`node`), with npm only where a package asks for it.
//
// A package is copied to `$(target)/package`, and everything happens there: nothing is written beside its sources.
//
// RECIPE KEYS, beside those of lib/hosted.libsonnet
//   Type           'Library': the package, for others to import | 'Executable': also NAME, a script that starts it |
//                  'Bundle': what its `Scripts` make | 'Test': runs `node --test`; default 'Library'
//   Source         what is copied; default every file of the package but for `node_modules/`, those with a leading dot,
//                  declarations of wake and the sources of `Tests`. Of a 'Test' the files to run, beside everything else
//                  of the package; default `**/*.test.{js,mjs,cjs}` and `test/**/*.{js,mjs,cjs}`
//   PackageName    the name by which others import it; default the `name` of package.json, else `Name`
//   Main           of an 'Executable': its file; default `bin` or `main` of package.json, else the first of
//                  `{index,main,src/index,src/main}.{js,mjs,cjs}`
//   Scripts        list of scripts of package.json: run by npm, in this order, in the copy
//   Outputs        list of files and directories that the scripts must make; default `dist` of a 'Bundle', else none
//   InstallLocked  boolean: whether what package-lock.json names is fetched (`npm ci`, without the scripts of packages, through
//                  the cache of npm in `$(cache)`); default true if the package has such a file. Settings of npm:
//                  `.npmrc` of the package, and `Environment`
//   NodeFlags      list of strings: what `node` gets before the file of a program or a test
//
// Dependencies are linked into the `node_modules` of the copy under their package names; what they import themselves they
// find from where they are.
//
// SHARED STATE
//   JavaScript.Name       by which it is imported
//   JavaScript.Directory  where it is
//   JavaScript.Inputs     what is read when it is imported, transitively: files and directories
//   JavaScript.Digests    files that change when any of these does
//   Build.RunExecutable   the script, of a program
//   outputs               what the scripts make
//
//   wake.recipe({ Language: 'JavaScript', Type: 'Executable', Main: 'src/main.js' })
local check = import 'wake/check.libsonnet';
local hosted = import 'wake/hosted.libsonnet';
local paths = import 'wake/paths.libsonnet';
local tool = importstr 'wake/tools/javascript_tool.mjs';

local toolPath = '$(target)/obj/javascript_tool.mjs';
local copy = '$(target)/package';
local extensions = ['js', 'mjs', 'cjs'];
local isCode(path) = std.member(extensions, paths.extension(path));
local text(content) = std.strReplace(content, '$', '$$');

local everything = {
  include: ['**/*'],
  exclude: ['**/node_modules/**', '**/PKG', '**/{Recipe,recipe,RootRecipe,root-recipe,PackageLock,package-lock}.sml', 'wake.lock'],
};
local testPatterns = ['**/*.test.{js,mjs,cjs}', 'test/**/*.{js,mjs,cjs}'];

// A JSON file of the package as an object, `{}` if there is none.
local readJson(ctx, name) =
  if ctx.glob(name) == [] then {}
  else
    local value = std.parseJson(ctx.readFile(name));
    if std.isObject(value) then value else {};

local field(object, key, kind) =
  local value = std.get(object, key);
  if std.type(value) == kind then value else null;

local packageName(ctx) =
  local declared = field(readJson(ctx, 'package.json'), 'name', 'string');
  std.get(ctx.recipe, 'PackageName', if declared != null then declared else std.get(ctx.recipe, 'Name', ctx.name));

local isPackageName(name) =
  local parts = std.split(name, '/');
  local bare = if std.startsWith(name, '@') then [parts[0][1:]] + parts[1:] else parts;
  std.length(bare) == (if std.startsWith(name, '@') then 2 else 1)
  && std.all([part != '' && !std.startsWith(part, '.') && !std.member(part, '$') for part in bare]);

// Below package/.
local placed(file) = hosted.relative(file);
local copyOf(file) = copy + '/' + placed(file);

// What package.json says is run, or null.
local declaredMain(ctx) =
  local package = readJson(ctx, 'package.json');
  local bins = field(package, 'bin', 'object');
  local named = if bins == null || std.length(bins) == 0 then field(package, 'bin', 'string')
  else field(bins, std.objectFields(bins)[0], 'string');
  if named != null then named else field(package, 'main', 'string');

local usualMains = [
  '%s.%s' % [name, extension]
  for name in ['index', 'main', 'src/index', 'src/main']
  for extension in extensions
];

// The file of a program, below package/; null if there is none.
local mainOf(ctx, given) =
  local declared = if given.Main != null then given.Main else declaredMain(ctx);
  local files = std.map(placed, given.Files);
  local usual = [name for name in usualMains if std.member(files, name)];
  if declared != null then paths.normal(declared) else if usual == [] then null else usual[0];

// The packages that a module may import: its direct dependencies, each once.
local packages(ctx) =
  local shared = [
    dependency.sharedState.JavaScript
    for dependency in hosted.linked(ctx)
    if std.objectHas(dependency.sharedState, 'JavaScript')
  ];
  std.set([{ Name: one.Name, Directory: one.Directory } for one in shared], function(one)[one.Name, one.Directory]);

// With `Files`, what is copied: of a 'Test' more than what it runs.
local complete(ctx, given) = given {
  Files: if given.Type != 'Test' then given.Source
  else paths.firsts(
    std.map(paths.inPackage, ctx.glob(everything.include, everything.exclude))
    // Scripts may make the others.
    + (if given.Scripts == [] then given.Source else [])
  ),
};

local run(wake, given, fields) = wake.operation(fields {
  executable: 'node',
  arguments: [toolPath] + super.arguments,
  inputs: [toolPath] + super.inputs,
  environment: { npm_config_update_notifier: 'false', npm_config_logs_max: '0' } + given.Environment,
  responseFile: 'never',
});

// `NAME DIRECTORY` of every direct dependency.
local linkArguments(given) = std.flatMap(
  function(package)[package.Name, package.Directory],
  given.Packages,
);

// What package-lock.json says, in `$(target)/node_modules`, where modules in `package` find it.
local install(wake, ctx, given) =
  if !given.InstallLocked then { operations: [], inputs: [], digests: [] }
  else
    local lock = readJson(ctx, 'package-lock.json');
    local packages = std.get(lock, 'packages', {});
    // Archives that lie in the package itself.
    local archives = std.set([
      paths.normal(packages[key].resolved[std.length('file:'):])
      for key in std.objectFields(packages)
      if std.startsWith(std.get(packages[key], 'resolved', ''), 'file:')
    ]);
    local names = std.map(paths.literal, ['package.json', 'package-lock.json'] + ctx.glob('.npmrc') + archives);
    local copies = ['$(target)/' + name for name in names];
    local digest = '$(target)/obj/node_modules.digest';
    {
      operations: [wake.copyFile('$(package)/' + name, '$(target)/' + name) for name in names] + [
        run(wake, given { Environment+: { npm_config_cache: '$(cache)/npm' } }, {
          title: 'Install the npm packages of ' + given.Name,
          arguments: ['install', '$(target)', digest, ctx.findTool('npm')],
          inputs: copies,
          outputs: ['$(target)/node_modules/', digest],
          caches: ['$(cache)/npm'],
          network: true,
        }),
      ],
      inputs: ['$(target)/node_modules'],
      digests: [digest],
    };

// The package in `package`: copied file by file, or, with scripts, made by one operation.
local place(wake, ctx, given, installed) =
  local inherited = given.Inherited;
  local links = linkArguments(given);
  local modules = copy + '/node_modules';
  local digest = '$(target)/obj/package.digest';
  local manifest = hosted.manifest(given.Files, placed);
  if given.Scripts == [] then {
    operations: [wake.copyFile(file, copyOf(file)) for file in given.Files] + (
      if links == [] then [] else [
        run(wake, given, {
          title: 'Link the packages of ' + given.Name,
          arguments: ['link', modules] + links,
          inputs: [],
          outputs: [modules + '/'],
        }),
      ]
    ),
    inputs: std.map(copyOf, given.Files) + (if links == [] then [] else [modules]),
    digests: std.map(copyOf, given.Files),
  }
  else {
    operations: [
      wake.writeFile('$(target)/obj/files.json', manifest.content),
      run(wake, given, {
        title: 'Build %s (%s)' % [given.Name, std.join(', ', given.Scripts)],
        arguments: ['build', copy, digest, ctx.findTool('npm'), '$(target)/obj/files.json']
                   + [
                     text(std.manifestJsonMinified(list))
                     for list in [given.Scripts, given.Outputs]
                   ]
                   + [std.manifestJsonMinified(manifest.roots)]
                   + links,
        inputs: ['$(target)/obj/files.json'] + given.Files + inherited.Inputs + installed.inputs,
        outputs: [copy + '/', digest],
      }),
    ],
    inputs: [copy],
    digests: [digest],
  };

local build(wake, ctx, given) =
  local installed = install(wake, ctx, given);
  local made = place(wake, ctx, given, installed);
  local inputs = paths.firsts(made.inputs + installed.inputs + given.Inherited.Inputs);
  local digests = paths.firsts(made.digests + installed.digests + given.Inherited.Digests);
  local isProgram = given.Type == 'Executable';
  local needsTool = given.Scripts != [] || given.InstallLocked || given.Packages != [];
  {
    active: { Inputs: inputs, [if isProgram then 'Executable']: '$(target)/' + given.Name },
    shared: {
      JavaScript+: {
        Name: given.PackageName,
        Directory: copy,
        Inputs+: inputs,
        Digests+: digests,
      },
      Build+: { [if isProgram then 'RunExecutable']: '$(target)/' + given.Name },
      [if given.Outputs != [] then 'outputs']: [copy + '/' + text(paths.normal(path)) for path in given.Outputs],
    },
    operations: (if needsTool then [wake.writeFile(toolPath, text(tool))] else [])
                + installed.operations
                + made.operations
                + (
                  if !isProgram then []
                  else hosted.launcher(
                    wake,
                    given.Name,
                    std.join(' ', std.map(hosted.quote, [ctx.findTool('node')] + given.NodeFlags)
                                  + ['"$here"/package/' + hosted.quote(mainOf(ctx, given))]),
                    digests,
                    inputs,
                  )
                ),
  };

local test(ctx, given) = {
  executable: 'node',
  arguments: given.NodeFlags + ['--test'] + [copyOf(file) for file in given.Source if isCode(file)],
  inputs: given.Inputs,
};

local packageMistakes(ctx, subject) =
  local recipe = ctx.recipe;
  local name = packageName(ctx);
  local scripts = std.get(readJson(ctx, 'package.json'), 'scripts', {});
  std.flattenArrays([
    if isPackageName(name) then [] else ['`%s` is no name of a package, which %s should have' % [name, subject]],
    if std.get(recipe, 'InstallLocked', false) && ctx.glob('package-lock.json') == [] then
      ['`InstallLocked` of %s needs a `package-lock.json`' % subject]
    else [],
    [
      '`Scripts` of %s names `%s`, which is no script of package.json%s' % [
        subject,
        script,
        check.didYouMean(script, std.objectFields(scripts)),
      ]
      for script in std.get(recipe, 'Scripts', [])
      if !std.objectHas(scripts, script)
    ],
    [
      '`%s` in `Outputs` of %s lies outside the package' % [path, subject]
      for path in std.get(recipe, 'Outputs', [])
      if paths.isToken(path) || paths.isAbsolute(path) || paths.leaves(path)
    ],
  ]);

local mistakes(ctx, subject) =
  local recipe = ctx.recipe;
  local type = std.get(recipe, 'Type', 'Library');
  local scripts = std.get(recipe, 'Scripts', []);
  local main = std.get(recipe, 'Main', 'main.js');
  packageMistakes(ctx, subject) + std.flattenArrays([
    if type == 'Bundle' && scripts == [] then ['%s is a `Bundle`, but has no `Scripts` that make it' % subject] else [],
    if std.objectHas(recipe, 'Outputs') && scripts == [] then
      ['`Outputs` of %s has no use: they are what `Scripts` make' % subject]
    else [],
    if std.objectHas(recipe, 'Main') && type != 'Executable' then
      ['`Main` of %s has no use: it is for an `Executable`' % subject]
    else if paths.isToken(main) || paths.isAbsolute(main) || paths.leaves(main) then
      ['`Main` of %s must be a file of the package, not `%s`' % [subject, main]]
    else [],
  ]);

local buildMistakes(ctx, given) =
  local main = if given.Type == 'Executable' then mainOf(ctx, given) else null;
  local places = std.sort(std.map(placed, given.Files));
  local names = std.sort([package.Name for package in given.Packages]);
  [
    '`%s` has two files that are both `%s`' % [ctx.name, places[index]]
    for index in std.range(1, std.length(places) - 1)
    if places[index] == places[index - 1]
  ] + [
    '`%s` depends on two packages that are both called `%s`' % [ctx.name, names[index]]
    for index in std.range(1, std.length(names) - 1)
    if names[index] == names[index - 1]
  ] + (
    if given.Type != 'Executable' then []
    else if main == null then
      ['`%s` has no file to run: name one with `Main`' % ctx.name]
    // Scripts may make it.
    else if given.Scripts == [] && !std.member(places, paths.literal(main)) then
      ['`%s` has no file `%s` to run%s' % [ctx.name, main, check.didYouMean(main, places)]]
    else []
  );

local sources(ctx) =
  if std.get(ctx.recipe, 'Type') == 'Test' then
    hosted.sources(ctx, [{ include: testPatterns, exclude: everything.exclude }])
  else hosted.sources(ctx, [everything]);

hosted.plugin({
  name: 'JavaScript',
  plugin: 'javascript',
  share: 'JavaScript',
  inherits: ['Inputs', 'Digests'],
  keys: {
    InstallLocked: 'boolean',
    Main: 'string',
    NodeFlags: 'strings',
    Outputs: 'strings',
    PackageName: 'string',
    Scripts: 'strings',
  },
  testKeys: [],
  packagePaths: [],
  systemPaths: [],
  types: ['Library', 'Executable', 'Bundle', 'Test'],
  programs: ['Executable'],
  defaultType: 'Library',
  testSuffix: '',
  defaultSources: '`**/*`',
  testSources: '`**/*.test.{js,mjs,cjs}` or `test/**/*.{js,mjs,cjs}`',
  mistakes:: mistakes,
  doubts(ctx):: [],
  sources:: sources,
  table(ctx)::
    local recipe = ctx.recipe;
    local type = std.get(recipe, 'Type', 'Library');
    {
      PackageName: packageName(ctx),
      Main: std.get(recipe, 'Main'),
      Scripts: std.get(recipe, 'Scripts', []),
      Outputs: std.get(recipe, 'Outputs', if type == 'Bundle' then ['dist'] else []),
      InstallLocked: std.get(recipe, 'InstallLocked', ctx.glob('package-lock.json') != []),
      NodeFlags+: std.get(recipe, 'NodeFlags', []),
      Environment: std.get(recipe, 'Environment', {}),
      Packages: packages(ctx),
    },
  buildMistakes(ctx, given):: buildMistakes(ctx, complete(ctx, given)),
  build(wake, ctx, given):: build(wake, ctx, complete(ctx, given)),
  test:: test,
})
