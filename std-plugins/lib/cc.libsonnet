// What the plugins `c` and `cpp` share: the tasks that turn a C or C++ recipe into operations of GCC or Clang.
// Ignorant of everything that differs between the languages: that is in the `language` each plugin hands over. What a
// recipe may say is checked in cc-recipe, its headers are found in cc-headers, the operations are made in cc-operations,
// C++20 modules are put in order in cc-modules.
//
// RECIPE KEYS
//   Name                    what the files are named after: `libNAME.a`, `libNAME.so`, `NAME`; default the name of the
//                           package for `root`, else that of the module
//   Type                    'Executable' | 'StaticLibrary' | 'DynamicLibrary' | 'HeaderLibrary' | 'Test'; 'Windows' is as
//                           'Executable'; default 'StaticLibrary', or 'HeaderLibrary' if there are public headers and no
//                           sources
//   TargetSystems           list of systems that the package is for; for others nothing is built, which a note says
//   Source                  list of paths and patterns (with `*`); default: every source of the language in the package,
//                           but for those of `Tests`
//   Exclude                 list of paths and patterns of files that are no sources after all
//   AssemblySource          list of paths and patterns, as `Source`: *.s, *.S, and *.asm for NASM (x86 and x86_64)
//   Interface               C++: path of the source that exports the module (as `Source`, but checked)
//   Partitions              C++: list of paths, or of { Source: '', Imports: [...] }, of partitions of that module. What they
//                           import is found out; `Imports`, paths of other partitions, need not be given
//   Modules                 C++: boolean, whether sources may be units of C++20 modules or import some; see MODULES
//   IncludePaths            list of directories for this module alone
//   PublicIncludePaths      list of directories for this module and all that depend on it, directly or not
//   PublicHeaders           list of paths and patterns, or of { Root: '', Target: '', Files: [...] }: copied to
//                           `$(target)/include/<Target>`, which dependents include from. Without Files it is every
//                           header below the Root. Strings have the Root
//                           `include` if all lie below it, else the package
//   Defines                 list of 'NAME' or 'NAME=value', for this module alone
//   PublicDefines           the same, for this module and all that depend on it, directly or not
//   LinkLibraries           list of paths of libraries
//   PlatformLibraries       list of names of libraries of the system: 'm', 'pthread'
//   RuntimeDependencies     list of paths of files that must lie beside an executable: they are copied there
//   CompilerFlags           list of strings, after all other flags of every compile
//   LinkerFlags             list of strings, before the libraries of a link. A file of the package that flags name (a
//                           version script, a profile) is an input
//   LanguageVersion         'C99', 'C++20', …, or with the compiler's extensions 'GNU99', 'GNU++20'; see c and cpp
//   EnableWarningsAsErrors  boolean, default false (the warnings themselves, `-Wall`, are always on)
//   DisabledWarnings        list of names of warnings: 'unused-variable'. Numbers, which are MSVC's, are ignored with a note
//   Resources               Windows' resources: ignored with a note
//   Tests                   a recipe of the type 'Test' that depends on this module: { Source: ['test/…'] }
//   Inputs                  list of paths and patterns of files that a 'Test' reads: it runs again when one changes
//   Timeout                 seconds, of a 'Test'
// Paths are relative to the package, or begin with `$(target)`, or with `$(target NAME)`, `$(target :MODULE)`: the target
// directory of a dependency. In every list but TargetSystems an element may be a conditional group: `{ Filter: { System:
// 'Linux' }, Files: [...] }`; see cc-groups.
//
// MODULES
// C++ sources are scanned for what they export and import where modules are in play: an `Interface`, `Partitions`, a source
// named *.cppm, *.ixx, *.mpp, *.cxxm, *.c++m or *.ccm, a source of which a line begins with `export`, `import` or `module`, a
// dependency that shares modules, or `Modules: true`. `Modules: false` turns it off. There `SOUP_BUILD` is defined, as Soup does for sources that are modules there and headers elsewhere. Not
// supported: header units, `import std`, with Clang 14 partitions. A scan cannot read headers that another plugin makes in
// the same module. All that import a module have its LanguageVersion.
//
// PARAMETERS
//   Flavor    Debug: -O0 -g | DebugRelease: -O2 -g | Release: -O2 -DNDEBUG
//   Compiler  GCC (gcc, g++, ar) | Clang (clang, clang++, llvm-ar or ar); with a version behind a dash, as in GCC-13
//
// TASKS, in order, and the fields of `Build` in the active state that each adds; another plugin may extend any of the
// lists from a task of its own that runs before `Build`
//   InitializeDefaults   Name, Language, Flavor, and empty lists
//   ResolveTools         Compiler ('GCC' or 'Clang'), Tools: { C, Cpp, Archive, Nasm }, NasmFormat
//   RecipeBuild          Type, Source, IncludePaths, PublicIncludePaths, HeaderCopies: [{ From, To }],
//                        GeneratedHeaders (what the module's own sources wait for),
//                        Defines, PublicDefines, LinkLibraries, PlatformLibraries, RuntimeDependencies, CompilerFlags,
//                        LinkerFlags, LanguageVersions: { C, Cpp }, EnableWarningsAsErrors, WarningFlags,
//                        UnitRoles: { source: 'Interface' or 'Partitions' }
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
//   Modules              C++20 modules and partitions, transitively, if there are any: [{ Name, Path (of the compiled
//                        interface), Imports (names of all that it needs), Standard (the value of -std) }]
//   RunExecutable        the program, of an executable
local check = import 'wake/check.libsonnet';
local headers = import 'wake/cc-headers.libsonnet';
local linking = import 'wake/linking.libsonnet';
local modules = import 'wake/cc-modules.libsonnet';
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
        WarningFlags+: [],
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
  else {
    activeState: {
      Build+: {
        Compiler: compiler.family,
        Tools: tools[compiler.family] { Nasm: 'nasm' },
        NasmFormat: std.get({ x86_64: 'elf64', x86: 'elf32' }, std.toString(std.get(ctx.parameters, 'Architecture', ''))),
      },
    },
  };

// A package that is for other systems: nothing of it is built.
local elsewhere(wake, language, ctx, recipe) = {
  messages: [wake.info('`%s` is for %s, so nothing of it is built for `%s`' % [
    ctx.name,
    check.either(recipe.TargetSystems),
    std.get(ctx.parameters, 'System', ''),
  ])],
  activeState: {
    Build+: {
      Type: 'HeaderLibrary',
      HeaderCopies: [],
      LanguageVersions: language.companions + language.versions[language.defaultVersion],
      EnableWarningsAsErrors: false,
      UnitRoles: {},
    },
  },
};

local recipeBuild(wake, language, ctx) =
  local resolved = recipes.resolved(ctx, language);
  local recipe = resolved.recipe;
  local wrong = if resolved.mistakes != [] then resolved.mistakes else recipes.mistakes(ctx, language, recipe);
  local list(key) = std.get(recipe, key, []);
  local files(list) = paths.firsts([paths.inPackage(paths.resolve(ctx, path)) for path in list]);
  local copies = headers.copies(ctx, list('PublicHeaders'));
  local headerPaths = headers.ownPaths(list('PublicHeaders'), copies);
  local sources = files(recipes.sources(ctx, language, recipe));
  local hasHeaders = copies != [] || list('PublicIncludePaths') != [];
  local type = std.get(recipe, 'Type', if hasHeaders && sources == [] then 'HeaderLibrary' else 'StaticLibrary');
  local version = language.versions[std.get(recipe, 'LanguageVersion', language.defaultVersion)];
  local role(name, list) = { [source]: name for source in files(list) };
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else if !recipes.isForSystem(ctx, recipe) then elsewhere(wake, language, ctx, recipe)
  else {
    messages: std.map(wake.warning, check.unused(ctx, recipes.keys(language)))
              + std.map(wake.info, recipes.notes(ctx, recipe)),
    activeState: {
      Build+: {
        Type: type,
        // A header library compiles nothing, so the sources of the package are not its own.
        Source+: if type == 'HeaderLibrary' && !std.objectHas(recipe, 'Source') then [] else sources,
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
        WarningFlags+: recipes.warningFlags(recipe),
        UnitRoles: if !language.hasModules then {}
        else role('Partitions', recipes.partitionSources(recipe))
             + (if std.objectHas(recipe, 'Interface') then role('Interface', [recipe.Interface]) else {}),
      },
    },
  };

// The interfaces that a dependency lets its dependents import.
local sharedModules(dependency) = std.get(std.get(dependency.sharedState, 'Build', {}), 'Modules', []);

local resolveDependencies(ctx) = {
  activeState: {
    Build+: {
      Inherited: linking.inherited(ctx, {}) {
        // One that comes two ways is one.
        Modules: std.set(std.flatMap(sharedModules, linking.dependencies(ctx)), function(module) module.Path),
      },
    },
  },
};

// Whether a value of `-std` has modules.
local hasModules(standard) = std.member(['20', '2b', '2c'], standard[std.length(standard) - 2:]);

// Whether sources are scanned for modules (see MODULES above).
local isModular(build, language, ctx) =
  local said = std.get(ctx.recipe, 'Modules');
  language.hasModules && said != false && (
    said == true
    || build.UnitRoles != {}
    || std.any(std.map(operations.isUnit, build.Source))
    || hasModules(build.LanguageVersions.Cpp) && ctx.mentions(
      [source for source in build.Source if operations.isCpp(source) && std.startsWith(source, '$(package)/')],
      ['export', 'import', 'module'],
    )
    || build.Inherited.Modules != []
       && hasModules(build.LanguageVersions.Cpp)
       && std.any(std.map(operations.isCpp, build.Source))
  );

// Sentences about modules and a standard that has none.
local standardMistakes(build, language, ctx) =
  if !language.hasModules || hasModules(build.LanguageVersions.Cpp) then []
  else if isModular(build, language, ctx) then [
    '`%s` has modules, which need `LanguageVersion` C++20 or newer, not `%s`' % [
      ctx.name,
      modules.standardName(build.LanguageVersions.Cpp),
    ],
  ]
  else if !std.any(std.map(operations.isCpp, build.Source)) then []
  else [
    local module = own[0];
    "`%s` is compiled as %s, but the module `%s` of its dependency `%s` is %s; write `LanguageVersion: '%s'` in the recipe of `%s`" % [
      ctx.name,
      modules.standardName(build.LanguageVersions.Cpp),
      module.Name,
      dependency.reference,
      modules.standardName(module.Standard),
      modules.standardName(module.Standard),
      ctx.name,
    ]
    for dependency in if build.Inherited.Modules == [] then [] else linking.dependencies(ctx)
    for own in [[
      module
      for module in sharedModules(dependency)
      if std.startsWith(module.Path, dependency.targetDirectory + '/')
    ]]
    if own != []
  ];

// What `Build` returns without the operations that compile: they may not be known yet.
local outcome(build, made) =
  local copies = [copy.To for copy in build.HeaderCopies];
  local inherited = build.Inherited;
  {
    [if std.objectHas(made.shared, 'RunExecutable') then 'activeState']: {
      Build+: { Executable: made.shared.RunExecutable, RuntimeDependencies: made.shared.RuntimeDependencies },
    },
    sharedState: {
      Build+: made.shared {
        PublicIncludePaths+: paths.firsts(
          build.PublicIncludePaths + (if copies == [] then [] else [headers.directory]) + inherited.PublicIncludePaths
        ),
        PublicDefines+: paths.firsts(build.PublicDefines + inherited.PublicDefines),
        GeneratedHeaders+: paths.firsts(copies + inherited.GeneratedHeaders),
        [if inherited.Modules != [] then 'Modules']: inherited.Modules,
      },
    },
  };

// A module whose sources are scanned: until that is done, the scans are all that is known.
local buildModular(wake, ctx, given, made) =
  // The scans read the headers of the module, so these are made before.
  local isCopied(file) = std.member([copy.To for copy in given.HeaderCopies], file);
  local copies = [wake.copyFile(copy.From, copy.To) for copy in given.HeaderCopies];
  local areRead = std.any(std.map(isCopied, given.GeneratedHeaders));
  local build = given { Defines+: ['SOUP_BUILD'] };
  local settings = operations.compileSettings(build);
  local forScans = operations.compileSettings(build { GeneratedHeaders: std.filter(isCopied, super.GeneratedHeaders) });
  local scans = modules.scans(wake, build, forScans) + (if areRead then copies else []);
  local plan = modules.plan(ctx, build);
  // Scans run it by its name.
  local compiler = ctx.findTool(build.Tools.Cpp);
  if compiler == null then {}
  else if !modules.isScanned(ctx, build) then outcome(build, made) { preprocess: scans }
  else if plan.mistakes != [] then { messages: check.errors(wake, plan.mistakes), preprocess: scans }
  else outcome(build, made) {
    sharedState+: { Build+: { Modules: plan.shared } },
    preprocess: scans,
    operations: (if areRead then [] else copies)
                + std.flatMap(function(source) plan.compile(wake, settings, source), build.Source)
                + made.operations,
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
  local wrong = operations.sourceMistakes(ctx, given, language)
                + operations.nameMistakes(ctx, given)
                + standardMistakes(given, language, ctx);
  local settings = operations.compileSettings(given);
  local made = operations.products(wake, given, std.map(operations.objectOf, given.Source));
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else if isModular(given, language, ctx) && given.Source != [] then buildModular(wake, ctx, given, made)
  else outcome(given, made) {
    operations: [wake.copyFile(copy.From, copy.To) for copy in given.HeaderCopies]
                + [operations.compile(wake, given, settings, source) for source in given.Source]
                + made.operations,
  };

local test(wake, language, ctx) =
  local table = ctx.activeState.Build;
  local recipe = recipes.resolved(ctx, language).recipe;
  if table.Type != 'Test' then {}
  else {
    operations: [wake.operation({
      title: ctx.name,
      executable: table.Executable,
      inputs: paths.firsts(
        [table.Executable] + table.RuntimeDependencies + paths.inputs(ctx, std.get(recipe, 'Inputs', []))
      ),
      timeout: std.get(recipe, 'Timeout', null),
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
  //   hasModules       whether it knows C++20 modules
  //   companions       { C or Cpp: value of -std } for sources of the other language
  plugin(language):: function(wake) {
    name: 'wake.' + std.asciiLower(language.name),
    // What a recipe may say, for tests.
    keys:: recipes.keys(language),
    tasks: [
      { name: 'InitializeDefaults', run(ctx):: initializeDefaults(wake, language, ctx) },
      { name: 'ResolveTools', runAfter: ['InitializeDefaults'], run(ctx):: resolveTools(wake, ctx) },
      { name: 'RecipeBuild', runAfter: ['ResolveTools'], run(ctx):: recipeBuild(wake, language, ctx) },
      { name: 'ResolveDependencies', runAfter: ['RecipeBuild'], run(ctx):: resolveDependencies(ctx) },
      { name: 'Build', runAfter: ['ResolveDependencies'], run(ctx):: build(wake, language, ctx) },
      { name: 'Test', runAfter: ['Build'], run(ctx):: test(wake, language, ctx) },
    ],
  },
}
