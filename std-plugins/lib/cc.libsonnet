// What the plugins `c` and `cpp` share: the tasks that turn a C or C++ recipe into operations of GCC or Clang.
// Ignorant of everything that differs between the languages: that is in the `language` each plugin hands over.
//
// RECIPE KEYS
//   Type                    'Executable' | 'StaticLibrary' | 'DynamicLibrary' | 'HeaderLibrary' | 'Test';
//                           default 'StaticLibrary'
//   Source                  list of paths and patterns (with `*`); default: every source of the language in the package,
//                           but for those of `Tests`
//   IncludePaths            list of directories for this module alone
//   PublicIncludePaths      list of directories for this module and all that depend on it, directly or not
//   PublicHeaders           list of paths and patterns, or of { Root: '', Target: '', Files: [...] }: copied to
//                           `$(target)/include/<Target>`, which dependents include from. Strings have the Root
//                           `include` if all lie below it, else the package
//   Defines                 list of 'NAME' or 'NAME=value'
//   LinkLibraries           list of paths of libraries
//   PlatformLibraries       list of names of libraries of the system: 'm', 'pthread'
//   RuntimeDependencies     list of paths of files that must lie beside an executable
//   CompilerFlags           list of strings, after all other flags of every compile
//   LinkerFlags             list of strings, before the libraries of a link
//   LanguageVersion         'C99', 'C++20', …, or with the compiler's extensions 'GNU99', 'GNU++20'; see c and cpp
//   EnableWarningsAsErrors  boolean, default false (the warnings themselves, `-Wall`, are always on)
//   Timeout                 seconds, of a 'Test'
// Paths are relative to the package, or begin with `$(target)`, or with `$(target NAME)`, `$(target :MODULE)`: the target
// directory of a dependency.
//
// PARAMETERS
//   Flavor    Debug: -O0 -g | DebugRelease: -O2 -g | Release: -O2 -DNDEBUG
//   Compiler  GCC (gcc, g++, ar) | Clang (clang, clang++, llvm-ar or ar); with a version behind a dash, as in GCC-13
//
// TASKS, in order, and the fields of `Build` in the active state that each adds; another plugin may extend any of the
// lists from a task of its own that runs before `Build`
//   InitializeDefaults   Name, Language, Flavor, and empty lists
//   ResolveTools         Tools: { C, Cpp, Archive }
//   RecipeBuild          Type, Source, IncludePaths, PublicIncludePaths, HeaderCopies: [{ From, To }], GeneratedHeaders,
//                        Defines, LinkLibraries, PlatformLibraries, RuntimeDependencies, CompilerFlags, LinkerFlags,
//                        LanguageVersions: { C, Cpp }, EnableWarningsAsErrors
//   ResolveDependencies  Inherited: the `Build` tables that dependencies share, joined
//   Build                makes the operations and the shared state; adds Executable, the path, if it links one
//   Test                 makes the operation that runs a 'Test'
//
// SHARED STATE, in `Build`
//   PublicIncludePaths   directories to include from, transitively
//   GeneratedHeaders     headers that operations make: what includes them is compiled after them
//   LinkLibraries        archives and shared libraries in link order: what needs a library comes before it
//   PlatformLibraries    names for `-l`, to be linked after those
//   RuntimeDependencies  files that must lie beside an executable; for an executable: the copies that lie there
//   LinkLanguage         'C++' if something in the archives needs the C++ linker, else 'C'
//   RunExecutable        the program, of an executable
local check = import 'wake/check.libsonnet';
local paths = import 'wake/paths.libsonnet';

local flavors = {
  Debug: ['-O0', '-g'],
  DebugRelease: ['-O2', '-g'],
  Release: ['-O2', '-DNDEBUG'],
};

local recipeTypes = ['Executable', 'StaticLibrary', 'DynamicLibrary', 'HeaderLibrary', 'Test'];

local keys = {
  CompilerFlags: 'strings',
  Defines: 'strings',
  Dependencies: 'any',
  EnableWarningsAsErrors: 'boolean',
  IncludePaths: 'strings',
  Language: 'any',
  LanguageVersion: 'string',
  LinkerFlags: 'strings',
  LinkLibraries: 'strings',
  Name: 'any',
  PlatformLibraries: 'strings',
  PublicHeaders: 'stringsOrObjects',
  PublicIncludePaths: 'strings',
  RuntimeDependencies: 'strings',
  Source: 'strings',
  Tests: 'any',
  Timeout: 'seconds',
  Type: 'string',
  Version: 'any',
};
local headerKeys = { Files: 'strings', Root: 'string', Target: 'string' };
// Keys that name files and directories of the package; those that may also name what the system has.
local ownPathKeys = ['Source', 'PublicHeaders'];
local systemPathKeys = ['IncludePaths', 'PublicIncludePaths', 'LinkLibraries', 'RuntimeDependencies'];

// Which compiler a file is for, by its extension.
local kinds = {
  c: { tool: 'C', flags: 'c', preprocessed: true },
  s: { tool: 'C', flags: 'assembly', preprocessed: false },
  S: { tool: 'C', flags: 'preprocessedAssembly', preprocessed: true },
} + {
  [extension]: { tool: 'Cpp', flags: 'cpp', preprocessed: true }
  for extension in ['cpp', 'cc', 'cxx', 'C', 'c++']
};

local kindOf(source) = kinds[paths.extension(source)];

// ---------------------------------------------------------------------------------------------- the recipe, checked

// What dependents include copied headers from.
local copiesDirectory = '$(target)/include';

// Every public header with where it is copied to, below `include/`.
local headerGroup(ctx, group) =
  local root = std.get(group, 'Root', '');
  local target = paths.normal(std.get(group, 'Target', ''));
  local prefix = if paths.normal(root) == '' then '' else paths.normal(root) + '/';
  [
    { From: paths.inPackage(file), To: paths.inTarget(std.join('/', ['include', target, file[std.length(prefix):]])) }
    for file in paths.expand(ctx, [prefix + paths.normal(file) for file in std.get(group, 'Files', [])])
  ];

local withoutToken(path) =
  if paths.isToken(path) then std.lstripChars(paths.split(path).rest, '/') else paths.normal(path);

local headerList(ctx, list) =
  local files = [paths.resolve(ctx, file) for file in paths.expand(ctx, list)];
  local isBelowInclude = std.all([std.startsWith(withoutToken(file), 'include/') for file in files]);
  [
    { From: paths.inPackage(file), To: copiesDirectory + '/' + literal }
    for file in files
    for literal in [
      local relative = withoutToken(file);
      local name = if isBelowInclude then relative[std.length('include/'):] else relative;
      if paths.isToken(file) then name else paths.literal(name),
    ]
  ];

local isGroups(headers) = std.length(headers) > 0 && std.isObject(headers[0]);

local headerCopies(ctx, headers) =
  if isGroups(headers) then std.flatMap(function(group) headerGroup(ctx, group), headers)
  else headerList(ctx, headers);

// Where the module's own sources find its public headers: as they lie in the package where that gives them the same
// names, so that messages of the compiler lead to the files people edit.
local ownHeaderPaths(headers, copies) =
  local isRenamed(copy) =
    local name = withoutToken(copy.To)[std.length('include/'):];
    !std.endsWith(copy.From, '/' + name) || paths.split(copy.From).token != 'package';
  if copies == [] then []
  else if std.any(std.map(isRenamed, copies)) || isGroups(headers) && std.any([
    std.get(group, 'Target', '') != ''
    for group in headers
  ]) then [copiesDirectory]
  else paths.firsts([
    copy.From[0:std.length(copy.From) - (std.length(copy.To) - std.length(copiesDirectory))]
    for copy in copies
  ]);

local sources(ctx, language) =
  local tests = std.get(ctx.recipe, 'Tests', {});
  local ofTests = if std.isObject(tests) then paths.expand(ctx, std.get(tests, 'Source', [])) else [];
  if std.objectHas(ctx.recipe, 'Source') then paths.expand(ctx, ctx.recipe.Source)
  else std.setDiff(std.set(ctx.glob(language.sources)), std.set(std.map(paths.normal, ofTests)));

// The paths in one element of a list of paths, or of `PublicHeaders`.
local pathsIn(element) =
  if std.isString(element) then [element]
  else
    local root = std.get(element, 'Root', '');
    [if root == '' then file else root + '/' + file for file in std.get(element, 'Files', [])];

// Sentences about what is wrong with the recipe, as far as it can be said without looking at files.
local mistakes(ctx, language) =
  local recipe = ctx.recipe;
  local subject = 'the %s recipe of `%s`' % [language.name, ctx.name];
  local wrongTypes = check.types(recipe, keys, subject);
  local headers = std.get(recipe, 'PublicHeaders', []);
  local wrongGroups = std.flattenArrays([
    check.unknown(group, headerKeys, '`PublicHeaders` of ' + subject)
    + check.types(group, headerKeys, '`PublicHeaders` of ' + subject)
    for group in if std.isArray(headers) then headers else []
    if std.isObject(group)
  ]);
  if wrongTypes + wrongGroups != [] then wrongTypes + wrongGroups else std.flattenArrays([
    check.oneOf(std.get(recipe, 'Type', 'StaticLibrary'), recipeTypes, '`Type` of ' + subject),
    check.oneOf(
      std.get(recipe, 'LanguageVersion', language.defaultVersion),
      std.objectFields(language.versions),
      '`LanguageVersion` of ' + subject
    ),
    [
      '`%s` in `%s` of %s lies outside the package' % [path, key, subject]
      for key in ownPathKeys + systemPathKeys
      for path in std.flatMap(pathsIn, std.get(recipe, key, []))
      if paths.leaves(path) && !(std.member(systemPathKeys, key) && paths.isAbsolute(path))
    ],
  ]);

local compilerNames(compiler) =
  local parts = std.splitLimit(compiler, '-', 1);
  { family: parts[0], suffix: if std.length(parts) > 1 then '-' + parts[1] else '' };

// ------------------------------------------------------------------------------------------------------ the operations

// `src/main.cpp` for `$(package)/src/main.cpp`; what lies elsewhere says where. Still text with tokens' escapes.
local nameOf(path) =
  if !paths.isToken(path) then paths.normal(path)
  else
    local parts = paths.split(path);
    local words = std.splitLimit(parts.token, ' ', 1);
    local owner =
      if parts.token == 'package' then ''
      else if std.length(words) < 2 then parts.token
      else std.strReplace(std.split(words[1], '#')[0], ':', '/');
    std.join('/', [part for part in [owner, paths.normal(parts.rest)] if part != '']);

local objectOf(source) = '$(target)/obj/%s.o' % nameOf(source);

// Takes the roots out of what the compiler writes (debug information, `__FILE__`, assertions), so that it is the same
// on every machine. The compiler uses the last that fits: the module's own package has the last word over other
// names of the same directory (a sibling module's); and a target directory lies within a package.
local prefixMaps(usedPaths) =
  local tokens = std.set([paths.split(path).token for path in usedPaths if paths.isToken(path)]);
  local short(token) = nameOf('$(' + token + ')');
  local others(word) = [
    '-ffile-prefix-map=$(%s)=%s' % [token, short(token)]
    for token in tokens
    if std.startsWith(token, word + ' ')
  ];
  others('package')
  + ['-ffile-prefix-map=$(package)=.', '-ffile-prefix-map=$(package)/=']
  + others('target')
  + ['-ffile-prefix-map=$(target)=target'];

// What all compiles of a module have in common, worked out once.
local compileSettings(build) =
  local includes = paths.firsts(
    build.IncludePaths + build.PublicIncludePaths + build.Inherited.PublicIncludePaths
  );
  local maps = prefixMaps(includes + build.Source);
  local general = flavors[build.Flavor]
                  + ['-Wall']
                  + (if build.EnableWarningsAsErrors then ['-Werror'] else [])
                  + (if std.member(['StaticLibrary', 'DynamicLibrary'], build.Type) then ['-fPIC'] else [])
                  + ['-D' + define for define in build.Defines]
                  + ['-I' + path for path in includes]
                  + maps
                  + build.CompilerFlags;
  {
    flags: {
      c: ['-c', '-std=' + build.LanguageVersions.C] + general,
      cpp: ['-c', '-std=' + build.LanguageVersions.Cpp] + general,
      preprocessedAssembly: ['-c'] + general,
      // Without what the assembler has no use for: Clang warns of every flag that it does not use.
      assembly: ['-c'] + std.filter(function(flag) flag == '-g', flavors[build.Flavor]) + maps + build.CompilerFlags,
    },
    orderOnly: paths.firsts(build.GeneratedHeaders + build.Inherited.GeneratedHeaders),
  };

local compile(wake, build, settings, source) =
  local kind = kindOf(source);
  local object = objectOf(source);
  local depfile = std.substr(object, 0, std.length(object) - 1) + 'd';
  wake.operation({
    title: 'Compile ' + std.strReplace(nameOf(source), '$$', '$'),
    executable: build.Tools[kind.tool],
    arguments: settings.flags[kind.flags]
               + (if kind.preprocessed then ['-MD', '-MF', depfile] else [])
               + ['-o', object, source],
    inputs: [source],
    orderOnly: settings.orderOnly,
    outputs: [object],
    [if kind.preprocessed then 'depfile']: depfile,
  });

local archivePath(build) = '$(target)/lib%s.a' % build.Name;
local sharedPath(build) = '$(target)/lib%s.so' % build.Name;

local archive(wake, build, objects) =
  local library = archivePath(build);
  wake.operation({
    title: 'Archive ' + paths.base(library),
    executable: build.Tools.Archive,
    arguments: ['rcsD', library] + objects,
    inputs: objects,
    outputs: [library],
  });

local directory(path) =
  local parts = std.split(path, '/');
  std.join('/', parts[0:std.length(parts) - 1]);

// The language to link with: C++ as soon as anything that goes in is C++.
local linkLanguage(build) =
  local hasCpp = std.any([kindOf(source).tool == 'Cpp' for source in build.Source]);
  if hasCpp || build.Inherited.LinkLanguage == 'C++' then 'C++' else 'C';

// Links objects to `output`. `libraries` and `besides` are paths: what is linked, and what those libraries load
// themselves.
local link(wake, build, output, flags, objects, libraries, besides) =
  wake.operation({
    title: 'Link ' + paths.base(output),
    executable: build.Tools[if linkLanguage(build) == 'C++' then 'Cpp' else 'C'],
    arguments: flags
               + ['-o', output]
               + objects
               + build.LinkerFlags
               + libraries
               + ['-l' + name for name in paths.lasts(build.PlatformLibraries + build.Inherited.PlatformLibraries)],
    inputs: objects + paths.firsts(libraries + besides),
    outputs: [output],
  });

local isShared(path) = std.length(std.findSubstr('.so', paths.base(path))) > 0;

// Shared libraries that are not linked but loaded by linked ones must be findable while linking.
local searchPaths(libraries, besides) = [
  '-Wl,-rpath-link,' + path
  for path in std.set([directory(file) for file in besides if isShared(file) && !std.member(libraries, file)])
];

local libraries(build) = paths.lasts(build.LinkLibraries + build.Inherited.LinkLibraries);
local runtimeDependencies(build) = paths.firsts(build.RuntimeDependencies + build.Inherited.RuntimeDependencies);

local linkDynamic(wake, build, objects) =
  local needed = runtimeDependencies(build);
  local flags = ['-shared', '-Wl,-soname,' + paths.base(sharedPath(build))]
                // `$$` is a dollar: the loader, not wake, expands it.
                + (if needed == [] then [] else ['-Wl,-rpath,$$ORIGIN'])
                + searchPaths(libraries(build), needed);
  link(wake, build, sharedPath(build), flags, objects, libraries(build), std.filter(isShared, needed));

// An executable with all that must lie beside it.
local linkExecutable(wake, build, objects) =
  local copies = { [file]: '$(target)/' + paths.base(file) for file in runtimeDependencies(build) };
  local moved = [std.get(copies, library, library) for library in libraries(build)];
  local besides = [copies[file] for file in runtimeDependencies(build)];
  local flags = (if besides == [] then [] else ['-Wl,-rpath,$$ORIGIN']) + searchPaths(moved, besides);
  {
    output: '$(target)/' + build.Name,
    besides: besides,
    operations: [wake.copyFile(file, copies[file]) for file in std.objectFields(copies)]
                + [link(wake, build, self.output, flags, objects, moved, besides)],
  };

// What each type of module makes of its objects: operations and what is special in its shared state.
local products(wake, build, objects) =
  local inherited = build.Inherited;
  local passedOn = {
    LinkLibraries: libraries(build),
    PlatformLibraries: paths.lasts(build.PlatformLibraries + inherited.PlatformLibraries),
    RuntimeDependencies: runtimeDependencies(build),
    LinkLanguage: linkLanguage(build),
  };
  local program() =
    local linked = linkExecutable(wake, build, objects);
    {
      operations: linked.operations,
      shared: { RunExecutable: linked.output, RuntimeDependencies: linked.besides },
    };
  {
    HeaderLibrary():: { operations: [], shared: passedOn },
    StaticLibrary():: {
      operations: [archive(wake, build, objects)],
      shared: passedOn { LinkLibraries: [archivePath(build)] + super.LinkLibraries },
    },
    DynamicLibrary()::
      local library = sharedPath(build);
      {
        operations: [linkDynamic(wake, build, objects)],
        shared: { LinkLibraries: [library], RuntimeDependencies: [library] + passedOn.RuntimeDependencies },
      },
    Executable():: program(),
    Test():: program(),
  }[build.Type]();

// Sentences about sources that cannot be compiled.
local sourceMistakes(ctx, build, language) =
  local known(source) = std.member(language.extensions, paths.extension(source));
  local strangers = [
    '`%s` is no source that the %s plugin compiles (those end in %s)%s' % [
      nameOf(source),
      language.name,
      check.either(['.' + extension for extension in language.extensions]),
      if std.objectHas(kinds, paths.extension(source)) then "; hint: `Language: 'C++'` compiles C too" else '',
    ]
    for source in build.Source
    if !known(source)
  ];
  local objects = std.sort(build.Source, objectOf);
  local twins = [
    '`%s` and `%s` are compiled to one object, `%s`; rename one of them' % [
      objects[index - 1],
      objects[index],
      objectOf(objects[index]),
    ]
    for index in std.range(1, std.length(objects) - 1)
    if objectOf(objects[index - 1]) == objectOf(objects[index])
  ];
  local takenNames = [
    'The program of `%s` cannot be named `%s`: that is a directory beside it' % [ctx.name, build.Name]
    for name in ['include', 'obj']
    if build.Name == name && std.member(['Executable', 'Test'], build.Type)
  ];
  if build.Type == 'HeaderLibrary' then
    if std.objectHas(ctx.recipe, 'Source') && build.Source != [] then
      ["`%s` is a `HeaderLibrary`, which compiles nothing, but has a `Source`" % ctx.name]
    else []
  else if build.Source == [] then [
    '`%s` has no sources: %s' % [
      ctx.name,
      if std.objectHas(ctx.recipe, 'Source') then '`Source` is empty or its patterns match no file'
      else 'no file of the package matches %s' % check.either(language.sources),
    ],
  ]
  else strangers + twins + takenNames;

// ------------------------------------------------------------------------------------------------------------ the tasks

local initializeDefaults(wake, language, ctx) =
  local flavor = std.get(ctx.parameters, 'Flavor', 'Debug');
  local wrong = check.oneOf(flavor, std.objectFields(flavors), 'The parameter `Flavor`');
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    activeState: {
      Build+: {
        Name: ctx.name,
        Language: language.name,
        Flavor: flavor,
        Source+: [],
        IncludePaths+: [],
        PublicIncludePaths+: [],
        GeneratedHeaders+: [],
        Defines+: [],
        CompilerFlags+: [],
        LinkerFlags+: [],
        LinkLibraries+: [],
        PlatformLibraries+: [],
        RuntimeDependencies+: [],
      },
    },
  };

// Names only: a tool that is missing is an error when an operation needs it, so a header library needs none.
local resolveTools(wake, ctx) =
  local compiler = compilerNames(std.get(ctx.parameters, 'Compiler', 'GCC'));
  local suffix = compiler.suffix;
  local wrong = check.oneOf(compiler.family, ['GCC', 'Clang'], 'The parameter `Compiler`');
  local archiver = 'llvm-ar' + suffix;
  local tools = {
    GCC: { C: 'gcc' + suffix, Cpp: 'g++' + suffix, Archive: 'ar' },
    Clang: {
      C: 'clang' + suffix,
      Cpp: 'clang++' + suffix,
      Archive: if ctx.findTool(archiver, false) == null then 'ar' else archiver,
    },
  };
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else { activeState: { Build+: { Tools: tools[compiler.family] } } };

local recipeBuild(wake, language, ctx) =
  local recipe = ctx.recipe;
  local wrong = mistakes(ctx, language);
  local list(key) = std.get(recipe, key, []);
  local files(list) = paths.firsts([paths.inPackage(paths.resolve(ctx, path)) for path in list]);
  local copies = headerCopies(ctx, list('PublicHeaders'));
  local headerPaths = ownHeaderPaths(list('PublicHeaders'), copies);
  local type = std.get(recipe, 'Type', 'StaticLibrary');
  local version = language.versions[std.get(recipe, 'LanguageVersion', language.defaultVersion)];
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    messages: std.map(wake.warning, check.unused(ctx, keys)),
    activeState: {
      Build+: {
        Type: type,
        // A header library compiles nothing, so the sources of the package are not its own.
        Source+: if type == 'HeaderLibrary' && !std.objectHas(recipe, 'Source') then []
        else files(sources(ctx, language)),
        IncludePaths+: files(list('IncludePaths')) + headerPaths,
        PublicIncludePaths+: files(list('PublicIncludePaths')),
        HeaderCopies: copies,
        // The module's own sources wait for the copies only if it is those that they include.
        GeneratedHeaders+: if std.member(headerPaths, copiesDirectory) then [copy.To for copy in copies] else [],
        Defines+: list('Defines'),
        CompilerFlags+: list('CompilerFlags'),
        LinkerFlags+: list('LinkerFlags'),
        LinkLibraries+: files(list('LinkLibraries')),
        PlatformLibraries+: list('PlatformLibraries'),
        RuntimeDependencies+: files(list('RuntimeDependencies')),
        LanguageVersions: language.companions + version,
        EnableWarningsAsErrors: std.get(recipe, 'EnableWarningsAsErrors', false),
      },
    },
  };

local resolveDependencies(ctx) =
  local linked = std.flatMap(
    function(kind) if std.member(['Build', 'Tool'], kind) then [] else ctx.dependencies[kind],
    std.objectFields(ctx.dependencies),
  );
  local shared = [std.get(dependency.sharedState, 'Build', {}) for dependency in linked];
  local all(key) = std.flatMap(function(table) std.get(table, key, []), shared);
  // An executable needs its files beside itself, not beside those that depend on it.
  local loaded = std.flatMap(
    function(table) if std.objectHas(table, 'RunExecutable') then [] else std.get(table, 'RuntimeDependencies', []),
    shared,
  );
  {
    activeState: {
      Build+: {
        Inherited: {
          PublicIncludePaths: paths.firsts(all('PublicIncludePaths')),
          GeneratedHeaders: paths.firsts(all('GeneratedHeaders')),
          LinkLibraries: paths.lasts(all('LinkLibraries')),
          PlatformLibraries: paths.lasts(all('PlatformLibraries')),
          RuntimeDependencies: paths.firsts(loaded),
          LinkLanguage: if std.any([std.get(table, 'LinkLanguage', 'C') == 'C++' for table in shared])
          then 'C++' else 'C',
        },
      },
    },
  };

local build(wake, language, ctx) =
  local table = ctx.activeState.Build;
  local given = table {
    Source: paths.firsts(std.map(paths.inPackage, table.Source)),
    IncludePaths: std.map(paths.inPackage, table.IncludePaths),
    PublicIncludePaths: std.map(paths.inPackage, table.PublicIncludePaths),
  };
  local copies = given.HeaderCopies;
  local wrong = sourceMistakes(ctx, given, language);
  local settings = compileSettings(given);
  local made = products(wake, given, std.map(objectOf, given.Source));
  local headersPath = if copies == [] then [] else [copiesDirectory];
  local inherited = given.Inherited;
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    [if std.objectHas(made.shared, 'RunExecutable') then 'activeState']: {
      Build+: { Executable: made.shared.RunExecutable, RuntimeDependencies: made.shared.RuntimeDependencies },
    },
    sharedState: {
      Build+: made.shared {
        PublicIncludePaths+: paths.firsts(given.PublicIncludePaths + headersPath + inherited.PublicIncludePaths),
        GeneratedHeaders+: paths.firsts([copy.To for copy in copies] + inherited.GeneratedHeaders),
      },
    },
    operations: [wake.copyFile(copy.From, copy.To) for copy in copies]
                + [compile(wake, given, settings, source) for source in given.Source]
                + made.operations,
  };

local test(wake, ctx) =
  local table = ctx.activeState.Build;
  if table.Type != 'Test' then {}
  else {
    operations: [wake.operation({
      title: ctx.name,
      executable: table.Executable,
      inputs: [table.Executable] + table.RuntimeDependencies,
      timeout: std.get(ctx.recipe, 'Timeout', null),
      test: true,
    })],
  };

{
  // The plugin of a language:
  //   name             'C', 'C++'
  //   sources          patterns of the files that are its sources by default
  //   extensions       of all files that it compiles
  //   versions         { LanguageVersion: { C or Cpp: value of -std } }
  //   defaultVersion   one of these
  //   companions       { C or Cpp: value of -std } for sources of the other language
  plugin(language):: function(wake) {
    name: 'wake.' + std.asciiLower(language.name),
    tasks: [
      { name: 'InitializeDefaults', run(ctx):: initializeDefaults(wake, language, ctx) },
      { name: 'ResolveTools', runAfter: ['InitializeDefaults'], run(ctx):: resolveTools(wake, ctx) },
      { name: 'RecipeBuild', runAfter: ['ResolveTools'], run(ctx):: recipeBuild(wake, language, ctx) },
      { name: 'ResolveDependencies', runAfter: ['RecipeBuild'], run(ctx):: resolveDependencies(ctx) },
      { name: 'Build', runAfter: ['ResolveDependencies'], run(ctx):: build(wake, language, ctx) },
      { name: 'Test', runAfter: ['Build'], run(ctx):: test(wake, ctx) },
    ],
  },
}
