// `Language: 'C#'`: programs and libraries in C# for the framework of Mono, with `csc` or, where there is none, `mcs`.
//
// RECIPE KEYS, beside those of lib/hosted.libsonnet
//   Type                   'Executable': NAME.exe, all that it loads beside it, and NAME, a script that starts it with
//                          `mono` | 'Library': NAME.dll | 'Test': as 'Executable'; exit code 0 passes; default 'Library'
//   Source                 *.cs; default `**/*.cs` but for `bin/`, `obj/` and the sources of `Tests`
//   Defines                list of names for `#if`. Flavors define DEBUG (Debug) and TRACE (all)
//   LanguageVersion        what `-langversion` takes: '7.3'
//   TargetFramework        'net45' … 'net481'; any other is a warning, as it is compiled for Mono's all the same
//   Nullable               'Enabled' | 'Disabled' | 'Annotations' | 'Warnings'; `csc` only
//   TreatWarningsAsErrors  boolean, default false
//   AllowUnsafeBlocks      boolean, default false
//   CompilerFlags          list of strings, after all other flags
//   LinkLibraries          list of paths of assemblies: referred to by this module and by all that depend on it
//   RuntimeDependencies    list of paths of files that must lie beside a program
//   Nuget                  is an error: wake finds packages by retrievers; name assemblies with `LinkLibraries`
//
// SHARED STATE
//   CSharp.References          assemblies, transitively: its own first
//   Build.RuntimeDependencies  the assemblies and all other files that must lie beside a program; C and C++ add their
//                              shared libraries
//   Build.RunExecutable        the script, of a program
//
//   wake.recipe({ Language: 'C#', Type: 'Executable', Source: wake.glob('src/*.cs') })
local check = import 'wake/check.libsonnet';
local hosted = import 'wake/hosted.libsonnet';
local paths = import 'wake/paths.libsonnet';

local flavorFlags = {
  Debug: ['-debug', '-optimize-', '-define:DEBUG;TRACE'],
  DebugRelease: ['-debug', '-optimize+', '-define:TRACE'],
  Release: ['-optimize+', '-define:TRACE'],
};
local nullables = { Enabled: 'enable', Disabled: 'disable', Annotations: 'annotations', Warnings: 'warnings' };
local isProgram(type) = std.member(['Executable', 'Test'], type);
local assemblyOf(given) = '$(target)/%s.%s' % [given.Name, if isProgram(given.Type) then 'exe' else 'dll'];

local references(given) = paths.firsts(given.LinkLibraries + given.Inherited.References);
// What a program loads that is none of its own.
local loaded(given) = paths.firsts(references(given) + given.RuntimeDependencies + given.Inherited.RuntimeDependencies);

local compile(wake, given) =
  local assembly = assemblyOf(given);
  local isDebug = given.Flavor != 'Release';
  local symbols = if given.Compiler == 'csc' then '$(target)/%s.pdb' % given.Name else assembly + '.mdb';
  wake.operation({
    title: 'Compile ' + paths.base(assembly),
    executable: given.Compiler,
    arguments: [
      '-nologo',
      '-target:' + (if isProgram(given.Type) then 'exe' else 'library'),
      '-out:' + assembly,
      '-deterministic',
      '-pathmap:$(package)=/_',
    ]
               + flavorFlags[given.Flavor]
               + (if given.Defines == [] then [] else ['-define:' + std.join(';', given.Defines)])
               + (if given.LanguageVersion == null then [] else ['-langversion:' + given.LanguageVersion])
               + (if given.Nullable == null || given.Compiler != 'csc' then []
                  else ['-nullable:' + nullables[given.Nullable]])
               + (if given.TreatWarningsAsErrors then ['-warnaserror+'] else [])
               + (if given.AllowUnsafeBlocks then ['-unsafe+'] else [])
               + ['-reference:' + file for file in references(given)]
               + given.CompilerFlags
               + given.Source,
    inputs: given.Source + references(given),
    outputs: [assembly] + (if isDebug then [symbols] else []),
  });

local program(wake, ctx, given) =
  local assembly = assemblyOf(given);
  local others = hosted.beside(wake, ctx, '$(target)', loaded(given));
  local copies = [others.copies[file] for file in loaded(given)];
  local mono = hosted.quote(ctx.findTool('mono'));
  {
    operations: others.operations + hosted.launcher(
      wake,
      given.Name,
      '%s "$here"/%s' % [mono, hosted.quote(paths.base(assembly))],
      [assembly] + copies,
    ),
    active: { Executable: '$(target)/' + given.Name, Assembly: assembly, Beside: copies },
  };

local build(wake, ctx, given) =
  local made = if isProgram(given.Type) then program(wake, ctx, given) else { operations: [], active: {} };
  local own = assemblyOf(given);
  {
    active: made.active,
    shared: {
      CSharp+: { References+: [own] + references(given) },
      Build+: {
        RuntimeDependencies+: if isProgram(given.Type) then made.active.Beside else [own] + loaded(given),
        [if isProgram(given.Type) then 'RunExecutable']: made.active.Executable,
      },
    },
    operations: [compile(wake, given)] + made.operations,
  };

local test(ctx, given) = {
  executable: 'mono',
  arguments: [given.Assembly],
  inputs: [given.Assembly] + given.Beside,
};

local nugetMistakes(recipe, subject) =
  local nuget = std.get(recipe, 'Nuget', {});
  local dependencies = std.get(nuget, 'Dependencies', {});
  if !std.isObject(dependencies) then []
  else
    local lists = std.flattenArrays([
      one
      for one in std.objectValues(dependencies)
      if std.isArray(one)
    ]);
    local names = ['`%s`' % std.get(one, 'Name', '?') for one in lists if std.isObject(one)];
    if names == [] then []
    else [
      ('`Nuget` of %s asks for %s, which the C# plugin does not fetch; name the assemblies with `LinkLibraries`, or write '
       + 'a retriever for them') % [subject, std.join(', ', names)],
    ];

local mistakes(ctx, subject) =
  local recipe = ctx.recipe;
  check.oneOf(std.get(recipe, 'Nullable', 'Disabled'), std.objectFields(nullables), '`Nullable` of ' + subject)
  + nugetMistakes(recipe, subject)
  + [
    '`Defines` of %s has `%s`: C# defines names, without values' % [subject, name]
    for name in std.get(recipe, 'Defines', [])
    if std.setInter(std.set(std.stringChars(name)), std.set(['=', ';', ',', ' '])) != [] || name == ''
  ];

local compiler(ctx) = if ctx.findTool('csc', false) != null then 'csc' else 'mcs';

local doubts(ctx) =
  local recipe = ctx.recipe;
  local framework = std.get(recipe, 'TargetFramework', 'net48');
  (
    if std.startsWith(framework, 'net4') then []
    else ['`%s` is compiled for the framework of Mono, not for `%s`' % [ctx.name, framework]]
  ) + (
    if std.get(recipe, 'Nullable', 'Disabled') == 'Disabled' || compiler(ctx) == 'csc' then []
    else ['`Nullable` of `%s` has no effect: `csc` knows it, and only `mcs` is installed' % ctx.name]
  );

hosted.plugin({
  name: 'C#',
  plugin: 'csharp',
  share: 'CSharp',
  inherits: ['References'],
  keys: {
    AllowUnsafeBlocks: 'boolean',
    CompilerFlags: 'strings',
    Defines: 'strings',
    LanguageVersion: 'any',
    LinkLibraries: 'strings',
    Nuget: 'any',
    Nullable: 'string',
    RuntimeDependencies: 'strings',
    TargetFramework: 'string',
    TreatWarningsAsErrors: 'boolean',
  },
  testKeys: ['Environment'],
  packagePaths: [],
  systemPaths: ['LinkLibraries', 'RuntimeDependencies'],
  types: ['Executable', 'Library', 'Test'],
  programs: ['Executable', 'Test'],
  defaultType: 'Library',
  testSuffix: '.tests',
  defaultSources: '`**/*.cs`',
  testSources: '`**/*.cs`',
  mistakes:: mistakes,
  doubts:: doubts,
  sources(ctx):: hosted.sources(ctx, [{ include: ['**/*.cs'], exclude: ['**/bin/**', '**/obj/**'] }]),
  table(ctx)::
    local recipe = ctx.recipe;
    local version = std.get(recipe, 'LanguageVersion');
    {
      Compiler: compiler(ctx),
      Defines+: std.get(recipe, 'Defines', []),
      LanguageVersion: if version == null then null else std.toString(version),
      Nullable: std.get(recipe, 'Nullable'),
      TreatWarningsAsErrors: std.get(recipe, 'TreatWarningsAsErrors', false),
      AllowUnsafeBlocks: std.get(recipe, 'AllowUnsafeBlocks', false),
      CompilerFlags+: std.get(recipe, 'CompilerFlags', []),
      LinkLibraries+: hosted.files(ctx, std.get(recipe, 'LinkLibraries', [])),
      RuntimeDependencies+: hosted.files(ctx, std.get(recipe, 'RuntimeDependencies', [])),
    },
  buildMistakes(ctx, given)::
    local strangers = [
      '`%s` is no source that the C# plugin compiles (those end in `.cs`)' % hosted.relative(source)
      for source in given.Source
      if paths.extension(source) != 'cs'
    ];
    // Mono tells assemblies apart by their names, in which case does not count.
    local assembly(path) =
      local parts = std.split(std.asciiLower(paths.base(path)), '.');
      std.join('.', parts[:std.length(parts) - 1]);
    local twins = [
      '`%s` and `%s`, which it refers to, are both assemblies of the name `%s`; give one of them another `Name`' % [
        ctx.name,
        hosted.relative(reference),
        given.Name,
      ]
      for reference in references(given)
      if assembly(reference) == std.asciiLower(given.Name)
    ];
    if strangers + twins != [] || !isProgram(given.Type) then strangers + twins
    else hosted.beside(null, ctx, '', loaded(given)).mistakes,
  build:: build,
  test:: test,
})
