// The operations of a C or C++ module: compile, archive, link, as its `Build` table (see cc.libsonnet) says.
// Ignorant of recipes and of where the table comes from.
local check = import 'wake/check.libsonnet';
local paths = import 'wake/paths.libsonnet';

local flavors = {
  Debug: ['-O0', '-g'],
  DebugRelease: ['-O2', '-g'],
  Release: ['-O2', '-DNDEBUG'],
};

// Which tool a file is for, by its extension. `isUnit`: as a rule it is the interface of a C++20 module, and compilers
// have to be told that it is C++.
local kinds = {
  c: { tool: 'C', flags: 'c', preprocessed: true },
  s: { tool: 'C', flags: 'assembly', preprocessed: false },
  S: { tool: 'C', flags: 'preprocessedAssembly', preprocessed: true },
  asm: { tool: 'Nasm' },
} + {
  [extension]: { tool: 'Cpp', flags: 'cpp', preprocessed: true }
  for extension in ['cpp', 'cc', 'cxx', 'C', 'c++']
} + {
  [extension]: { tool: 'Cpp', flags: 'cpp', preprocessed: true, isUnit: true }
  for extension in ['cppm', 'ixx', 'mpp', 'cxxm', 'c++m', 'ccm']
};

local kindOf(source) = kinds[paths.extension(source)];
local isCpp(source) = std.get(kinds, paths.extension(source), kinds.c).tool == 'Cpp';
local isUnit(source) = std.objectHas(std.get(kinds, paths.extension(source), {}), 'isUnit');

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
  local flavor = flavors[build.Flavor];
  local includes = paths.firsts(
    build.IncludePaths + build.PublicIncludePaths + build.Inherited.PublicIncludePaths
  );
  local defines = paths.firsts(build.Inherited.PublicDefines + build.PublicDefines) + build.Defines;
  local maps = prefixMaps(includes + build.Source);
  local general = flavor
                  + ['-Wall']
                  + build.WarningFlags
                  + (if build.EnableWarningsAsErrors then ['-Werror'] else [])
                  + (if std.member(['StaticLibrary', 'DynamicLibrary'], build.Type) then ['-fPIC'] else [])
                  + ['-D' + define for define in defines]
                  + ['-I' + path for path in includes]
                  + maps
                  + build.CompilerFlags;
  {
    flags: {
      c: ['-c', '-std=' + build.LanguageVersions.C] + general,
      cpp: ['-c', '-std=' + build.LanguageVersions.Cpp] + general,
      preprocessedAssembly: ['-c'] + general,
      // Without what the assembler has no use for: Clang warns of every flag that it does not use.
      assembly: ['-c'] + std.filter(function(flag) flag == '-g', flavor) + maps + build.CompilerFlags,
      nasm: ['-f', build.NasmFormat]
            + ['-D' + define for define in defines]
            + std.flatMap(function(path)['-I', path + '/'], includes),
    },
    inputs: build.CompilerFiles,
    orderOnly: paths.firsts(build.GeneratedHeaders + build.Inherited.GeneratedHeaders),
  };

// `src/main.cpp` for `src/main$$.cpp`: as people read it.
local shown(path) = std.strReplace(nameOf(path), '$$', '$');

// `x.d` for `x.o`. It lies beside the output, in a directory that is there.
local depfileOf(output) = output[0:std.length(output) - std.length(paths.extension(output))] + 'd';

// While it assembles, NASM 2.16 finds nothing but the source itself to be read: what it includes is asked for before.
local nasmScript = 'depfile=$1 object=$2; shift 2; "$0" -M -MF "$depfile" -MT "$object" "$@" && exec "$0" -o "$object" "$@"';

local assemble(wake, build, settings, source) =
  local object = objectOf(source);
  local depfile = depfileOf(object);
  wake.operation({
    title: 'Assemble ' + shown(source),
    executable: 'sh',
    arguments: ['-ec', nasmScript, build.Tools.Nasm, depfile, object]
               + settings.flags.nasm
               // The object has the path of the source as it is given: one that is the same on all machines.
               + [if std.startsWith(source, '$(package)/') then nameOf(source) else source],
    inputs: [source],
    orderOnly: settings.orderOnly,
    outputs: [object],
    depfile: depfile,
  });

local compile(wake, build, settings, source) =
  local kind = kindOf(source);
  local object = objectOf(source);
  local depfile = depfileOf(object);
  if kind.tool == 'Nasm' then assemble(wake, build, settings, source)
  else wake.operation({
    title: 'Compile ' + shown(source),
    executable: build.Tools[kind.tool],
    arguments: settings.flags[kind.flags]
               + (if kind.preprocessed then ['-MD', '-MF', depfile] else [])
               + ['-o', object]
               + (if std.objectHas(kind, 'isUnit') then ['-x', 'c++'] else [])
               + [source],
    inputs: if settings.inputs == [] then [source] else paths.firsts([source] + settings.inputs),
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
    inputs: objects + paths.firsts(build.LinkerFiles + libraries + besides),
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
    Windows():: program(),
  }[build.Type]();

// Sentences about sources that cannot be compiled.
local sourceMistakes(ctx, build, language) =
  local known(source) = std.member(language.extensions, paths.extension(source));
  local strangers = [
    '`%s` is no source that the %s plugin compiles (those end in %s)%s' % [
      nameOf(source),
      language.name,
      check.either(['.' + extension for extension in language.extensions]),
      if std.objectHas(kinds, paths.extension(source)) then "; `Language: 'C++'` compiles it" else '',
    ]
    for source in build.Source
    if !known(source)
  ];
  local objects = std.sort(
    [{ source: source, object: objectOf(source) } for source in build.Source],
    function(one) one.object,
  );
  local twins = [
    '`%s` and `%s` are compiled to one object, `%s`; rename one of them' % [
      objects[index - 1].source,
      objects[index].source,
      objects[index].object,
    ]
    for index in std.range(1, std.length(objects) - 1)
    if objects[index - 1].object == objects[index].object
  ];
  local isNasm(source) = paths.extension(source) == 'asm';
  local assembled = [source for source in build.Source if isNasm(source)];
  local withoutNasm = if assembled == [] then []
  else if build.NasmFormat == null then
    ['`%s` is assembly for NASM, which knows only x86 and x86_64' % nameOf(assembled[0])]
  else if ctx.findTool(build.Tools.Nasm, false) == null then
    ['`%s` is assembled by NASM, but `nasm` is not installed; the C compiler assembles `.s` and `.S`' % nameOf(assembled[0])]
  else [];
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
  else strangers + twins + withoutNasm;

// Sentences about names that are taken: by a directory beside the program, or by two shared libraries.
local nameMistakes(ctx, build) =
  local files = std.sort(runtimeDependencies(build), paths.base);
  local twins = [
    '`%s` and `%s` would both be `%s` beside the program of `%s`; give the module of one of them another `Name`' % [
      nameOf(files[index - 1]),
      nameOf(files[index]),
      paths.base(files[index]),
      ctx.name,
    ]
    for index in std.range(1, std.length(files) - 1)
    if paths.base(files[index - 1]) == paths.base(files[index])
  ];
  if !std.member(['Executable', 'Test', 'Windows'], build.Type) then []
  else twins + [
    'The program of `%s` cannot be named `%s`: that is a directory beside it' % [ctx.name, build.Name]
    for name in ['include', 'obj']
    if build.Name == name
  ];

{
  flavors:: std.objectFields(flavors),
  nameOf:: nameOf,
  shown:: shown,
  isCpp:: isCpp,
  isUnit:: isUnit,
  objectOf:: objectOf,
  depfileOf:: depfileOf,
  compileSettings:: compileSettings,
  compile:: compile,
  products:: products,
  sourceMistakes:: sourceMistakes,
  nameMistakes:: nameMistakes,
}
