// What the plugins `c` and `cpp` share: the tasks that turn a C or C++ recipe into operations of GCC or Clang.
// Ignorant of everything that differs between the languages: that is in the `language` each plugin hands over. What a
// recipe may say is checked in cc-recipe, its headers are found in cc-headers, the operations are made in cc-operations.
//
// RECIPE KEYS
//   Name                    what the files are named after: `libNAME.a`, `libNAME.so`, `NAME`; default the name of the
//                           package for `root`, else that of the module
//   Type                    'Executable' | 'StaticLibrary' | 'DynamicLibrary' | 'HeaderLibrary' | 'Test';
//                           default 'StaticLibrary'
//   Source                  list of paths and patterns (with `*`); default: every source of the language in the package,
//                           but for those of `Tests`
//   IncludePaths            list of directories for this module alone
//   PublicIncludePaths      list of directories for this module and all that depend on it, directly or not
//   PublicHeaders           list of paths and patterns, or of { Root: '', Target: '', Files: [...] }: copied to
//                           `$(target)/include/<Target>`, which dependents include from. Strings have the Root
//                           `include` if all lie below it, else the package
//   Defines                 list of 'NAME' or 'NAME=value', for this module alone
//   PublicDefines           the same, for this module and all that depend on it, directly or not
//   LinkLibraries           list of paths of libraries
//   PlatformLibraries       list of names of libraries of the system: 'm', 'pthread'
//   RuntimeDependencies     list of paths of files that must lie beside an executable
//   CompilerFlags           list of strings, after all other flags of every compile
//   LinkerFlags             list of strings, before the libraries of a link. A file of the package that flags name (a
//                           version script, a profile) is an input
//   LanguageVersion         'C99', 'C++20', …, or with the compiler's extensions 'GNU99', 'GNU++20'; see c and cpp
//   EnableWarningsAsErrors  boolean, default false (the warnings themselves, `-Wall`, are always on)
//   Inputs                  list of paths and patterns of files that a 'Test' reads: it runs again when one changes
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
//   RecipeBuild          Type, Source, IncludePaths, PublicIncludePaths, HeaderCopies: [{ From, To }],
//                        GeneratedHeaders (what the module's own sources wait for),
//                        Defines, PublicDefines, LinkLibraries, PlatformLibraries, RuntimeDependencies, CompilerFlags,
//                        LinkerFlags, LanguageVersions: { C, Cpp }, EnableWarningsAsErrors
//   ResolveDependencies  Inherited: the `Build` tables that dependencies share, joined
//   Build                makes the operations and the shared state; adds Executable, the path, if it links one
//   Test                 makes the operation that runs a 'Test'
//
// SHARED STATE, in `Build`
//   PublicIncludePaths   directories to include from, transitively
//   PublicDefines        macros for all that depend on it, transitively
//   GeneratedHeaders     headers that operations make: what includes them is compiled after them
//   LinkLibraries        archives and shared libraries in link order: what needs a library comes before it
//   PlatformLibraries    names for `-l`, to be linked after those
//   RuntimeDependencies  files that must lie beside an executable; for an executable: the copies that lie there
//   LinkLanguage         'C++' if something in the archives needs the C++ linker, else 'C'
//   RunExecutable        the program, of an executable
local check = import 'wake/check.libsonnet';
local headers = import 'wake/cc-headers.libsonnet';
local operations = import 'wake/cc-operations.libsonnet';
local paths = import 'wake/paths.libsonnet';
local recipes = import 'wake/cc-recipe.libsonnet';

local compilerNames(compiler) =
  local parts = std.splitLimit(compiler, '-', 1);
  { family: parts[0], suffix: if std.length(parts) > 1 then '-' + parts[1] else '' };

local initializeDefaults(wake, language, ctx) =
  local flavor = std.toString(std.get(ctx.parameters, 'Flavor', 'Debug'));
  local wrong = check.oneOf(flavor, operations.flavors, 'The parameter `Flavor`');
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    activeState: {
      Build+: {
        Name: std.get(ctx.recipe, 'Name', ctx.name),
        Language: language.name,
        Flavor: flavor,
        Source+: [],
        IncludePaths+: [],
        PublicIncludePaths+: [],
        GeneratedHeaders+: [],
        Defines+: [],
        PublicDefines+: [],
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
  local compiler = compilerNames(std.toString(std.get(ctx.parameters, 'Compiler', 'GCC')));
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
  local wrong = recipes.mistakes(ctx, language);
  local list(key) = std.get(recipe, key, []);
  local files(list) = paths.firsts([paths.inPackage(paths.resolve(ctx, path)) for path in list]);
  local copies = headers.copies(ctx, list('PublicHeaders'));
  local headerPaths = headers.ownPaths(list('PublicHeaders'), copies);
  local type = std.get(recipe, 'Type', 'StaticLibrary');
  local version = language.versions[std.get(recipe, 'LanguageVersion', language.defaultVersion)];
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    messages: std.map(wake.warning, check.unused(ctx, recipes.keys)),
    activeState: {
      Build+: {
        Type: type,
        // A header library compiles nothing, so the sources of the package are not its own.
        Source+: if type == 'HeaderLibrary' && !std.objectHas(recipe, 'Source') then []
        else files(recipes.sources(ctx, language)),
        IncludePaths+: files(list('IncludePaths')) + headerPaths,
        PublicIncludePaths+: files(list('PublicIncludePaths')),
        HeaderCopies: copies,
        // The module's own sources wait for the copies only if it is those that they include.
        GeneratedHeaders+: if std.member(headerPaths, headers.directory) then [copy.To for copy in copies] else [],
        Defines+: list('Defines'),
        PublicDefines+: list('PublicDefines'),
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
          PublicDefines: paths.firsts(all('PublicDefines')),
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
    CompilerFiles: paths.filesInFlags(ctx, table.CompilerFlags),
    LinkerFiles: paths.filesInFlags(ctx, table.LinkerFlags),
  };
  local copies = given.HeaderCopies;
  local wrong = operations.sourceMistakes(ctx, given, language) + operations.nameMistakes(ctx, given);
  local settings = operations.compileSettings(given);
  local made = operations.products(wake, given, std.map(operations.objectOf, given.Source));
  local headersPath = if copies == [] then [] else [headers.directory];
  local inherited = given.Inherited;
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    [if std.objectHas(made.shared, 'RunExecutable') then 'activeState']: {
      Build+: { Executable: made.shared.RunExecutable, RuntimeDependencies: made.shared.RuntimeDependencies },
    },
    sharedState: {
      Build+: made.shared {
        PublicIncludePaths+: paths.firsts(given.PublicIncludePaths + headersPath + inherited.PublicIncludePaths),
        PublicDefines+: paths.firsts(given.PublicDefines + inherited.PublicDefines),
        GeneratedHeaders+: paths.firsts([copy.To for copy in copies] + inherited.GeneratedHeaders),
      },
    },
    operations: [wake.copyFile(copy.From, copy.To) for copy in copies]
                + [operations.compile(wake, given, settings, source) for source in given.Source]
                + made.operations,
  };

local test(wake, ctx) =
  local table = ctx.activeState.Build;
  if table.Type != 'Test' then {}
  else {
    operations: [wake.operation({
      title: ctx.name,
      executable: table.Executable,
      inputs: paths.firsts(
        [table.Executable] + table.RuntimeDependencies + paths.inputs(ctx, std.get(ctx.recipe, 'Inputs', []))
      ),
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
