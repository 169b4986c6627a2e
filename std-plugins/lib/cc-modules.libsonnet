// C++20 modules: which sources are units of modules and what they import, found by a scan that runs before the build,
// and how they are compiled in the order that follows from it. Ignorant of recipes.
//
// A scan preprocesses one source and writes a line for everything that the compiler would take for a module's: `interface
// NAME`, `unit NAME` (not exported), `import NAME`, `header <NAME>`, where a NAME with a colon is a partition's. It is read
// by the second pass. Where a source has none of these, it is compiled as any other.
//
// What an importer needs of a module is its compiled interface: `$(target)/modules/NAME.gcm` (GCC), `NAME.pcm` (Clang).
// It makes these wherever they are imported, directly or not: GCC is told their paths in a file, Clang by its arguments.
local check = import 'wake/check.libsonnet';
local operations = import 'wake/cc-operations.libsonnet';
local paths = import 'wake/paths.libsonnet';

// Skips raw strings, which may hold lines that look like imports.
local scanner = |||
  raw == "" && $0 !~ /module|import|R"/ { next }
  {
    if (raw != "") {
      at = index($0, raw)
      if (!at) next
      $0 = substr($0, at + length(raw))
      raw = ""
    }
    rest = $0
    while (match(rest, /R"[^ ()\\]*\(/)) {
      end = ")" substr(rest, RSTART + 2, RLENGTH - 3) "\""
      rest = substr(rest, RSTART + RLENGTH)
      at = index(rest, end)
      if (!at) { raw = end; break }
      rest = substr(rest, at + length(end))
    }
    text = $0
    gsub(/[ \t]+/, " ", text)
    sub(/^ /, "", text)
    exported = sub(/^export /, "", text)
    if (text !~ /^(module|import) ?[A-Za-z_:<" ].*;/) next
    word = substr(text, 1, 6)
    name = substr(text, 7)
    sub(/ *(\[\[.*)?;.*$/, "", name)
    gsub(/ /, "", name)
    if (word == "import" && name ~ /^[<"]/) print "header " name
    else if (substr(text, 7, 1) !~ /[ :]/ || name !~ /^:?[A-Za-z_][A-Za-z_0-9.]*(:[A-Za-z_][A-Za-z_0-9.]*)?$/) next
    else if (word == "import") print "import " name
    else if (name !~ /^:/) print (exported ? "interface " : "unit ") name
  }
|||;

// In a file, so that the command of a scan that fails can be read.
local scannerPath = '$(target)/scan/modules.awk';

// The preprocessed text is not kept: only what the scanner finds in it counts.
local script = '"$@" >"$TMPDIR/source" && exec awk -f "$0" "$TMPDIR/source"';

// With these, the preprocessor leaves imports as they are.
local plainImports = { GCC: ['-D__cpp_modules=201810L'], Clang: ['-Xclang', '-fno-cxx-modules'] };

local scanOf(source) = '$(target)/scan/%s.txt' % operations.nameOf(source);

local scan(wake, build, settings, source) =
  local result = scanOf(source);
  local depfile = '$(target)/scan/%s.d' % operations.nameOf(source);
  wake.operation({
    title: 'Scan ' + operations.shown(source),
    executable: 'sh',
    // Not `-c`, by which compile_commands.json knows what compiles.
    arguments: ['-ec', script, scannerPath, build.Tools.Cpp, '-E', '-w']
               + settings.flags.cpp[1:]
               + plainImports[build.Compiler]
               + ['-MD', '-MF', depfile, '-x', 'c++', source],
    inputs: paths.firsts([source] + settings.inputs + [scannerPath]),
    orderOnly: settings.orderOnly,
    outputs: [result],
    stdout: result,
    depfile: depfile,
  });

// What a scan says of a source:
//   declares    the module or partition that it is a unit of, or null
//   provides    the same, if others can import it
//   imports     full names of what it imports, or implements
//   headers     header units that it imports
local unitOf(source, text) =
  local lines = [std.splitLimit(line, ' ', 1) for line in std.split(text, '\n') if line != ''];
  local declared = [line for line in lines if std.member(['interface', 'unit'], line[0])];
  local name = if declared == [] then null else declared[0][1];
  local base = if name == null then '' else std.split(name, ':')[0];
  local isImportable = name != null && (declared[0][0] == 'interface' || std.member(name, ':'));
  {
    source: source,
    declares: name,
    provides: if isImportable then name else null,
    imports: paths.firsts(
      [if std.startsWith(line[1], ':') then base + line[1] else line[1] for line in lines if line[0] == 'import']
      + (if name != null && !isImportable then [base] else [])
    ),
    headers: [line[1] for line in lines if line[0] == 'header'],
  };

local extensions = { GCC: 'gcm', Clang: 'pcm' };
local ownInterface(build, name) =
  '$(target)/modules/%s.%s' % [std.strReplace(name, ':', '-'), extensions[build.Compiler]];

// Pairs of neighbours in a sorted list that have the same key.
local twins(list, key) =
  local sorted = std.sort(list, key);
  [
    [sorted[index - 1], sorted[index]]
    for index in std.range(1, std.length(sorted) - 1)
    if key(sorted[index - 1]) == key(sorted[index])
  ];

// Which modules each importable unit needs, directly or not; `stuck` are units that need each other.
local closuresOf(units, inherited) =
  local own = { [unit.provides]: true for unit in units };
  local ready(unit, known) = std.all([
    !std.objectHas(own, name) || std.objectHas(known, name)
    for name in unit.imports
  ]);
  local closure(unit, known) = paths.firsts(unit.imports + std.flatMap(
    function(name) if std.objectHas(own, name) then known[name] else inherited[name].Imports,
    unit.imports,
  ));
  local next(state, _) =
    if state.left == [] then state
    else
      local now = [unit for unit in state.left if ready(unit, state.known)];
      if now == [] then state
      else {
        known: state.known { [unit.provides]: closure(unit, state.known) for unit in now },
        left: [unit for unit in state.left if !ready(unit, state.known)],
      };
  local end = std.foldl(next, units, { known: {}, left: units });
  { known: end.known, stuck: end.left };

// A circle among units that need each other: `a`, `b`, `a`.
local circle(stuck) =
  local imports = { [unit.provides]: [name for name in unit.imports if std.objectHas(imports, name)][0] for unit in stuck };
  local walked = std.foldl(function(way, _) way + [imports[way[std.length(way) - 1]]], stuck, [stuck[0].provides]);
  local last = walked[std.length(walked) - 1];
  local places = std.find(last, walked);
  walked[places[std.length(places) - 2]:];

// `C++23` for `c++2b`: as recipes write it.
local standardName(flag) = std.strReplace(std.strReplace(std.asciiUpper(flag), '2B', '23'), '2C', '26');

local quote(name) = '`%s`' % name;

local unknownImport(unit, name, known) =
  local source = operations.shown(unit.source);
  if name == 'std' || name == 'std.compat' then
    '`%s` imports `%s`: modules of the standard library are not supported; include its headers' % [source, name]
  else '`%s` %s the module `%s`, which neither its module nor a dependency provides%s' % [
    source,
    if unit.provides == null && unit.declares == name then 'implements' else 'imports',
    name,
    check.didYouMean(name, known),
  ];

// Sentences about sources whose scans do not fit together.
local mistakes(ctx, build, units, inheritedList) =
  local importable = [unit for unit in units if unit.provides != null];
  local provided = [{ name: unit.provides, by: operations.shown(unit.source) } for unit in importable]
                   + [{ name: one.Name, by: std.split(operations.nameOf(one.Path), '/modules/')[0] } for one in inheritedList];
  local inherited = { [one.Name]: one for one in inheritedList };
  local known = std.set([one.name for one in provided]);
  local wrongImports = std.flattenArrays([
    [
      '`%s` imports %s as a header unit, which is not supported; write `#include %s`' % [
        operations.shown(unit.source),
        quote(header),
        header,
      ]
      for header in unit.headers
    ] + [
      unknownImport(unit, name, known)
      for name in unit.imports
      if !std.setMember(name, known)
    ] + [
      local standard = inherited[name].Standard;
      '`%s` of `%s` is compiled as %s, but imports `%s`, which is %s; an interface is read by one standard only: give both modules the same `LanguageVersion`' % [
        operations.shown(unit.source),
        ctx.name,
        standardName(build.LanguageVersions.Cpp),
        name,
        standardName(standard),
      ]
      for name in unit.imports
      if std.objectHas(inherited, name) && inherited[name].Standard != build.LanguageVersions.Cpp
    ]
    for unit in units
  ]);
  local wrongRoles = [
    '`%s` is listed in `%s` of `%s`, but %s' % [
      operations.shown(unit.source),
      role,
      ctx.name,
      if unit.declares == null then 'declares no module'
      else 'declares `%s`, which is %s' % [
        unit.declares,
        if role == 'Partitions' then 'no partition'
        else if std.member(unit.declares, ':') then 'a partition'
        else 'not exported',
      ],
    ]
    for unit in units
    for role in [std.get(build.UnitRoles, unit.source)]
    if role == 'Interface' && (unit.provides == null || std.member(unit.provides, ':'))
       || role == 'Partitions' && (unit.provides == null || !std.member(unit.provides, ':'))
  ];
  local wrongNames = [
    'The module `%s` is provided twice, by `%s` and by `%s`' % [pair[0].name, pair[0].by, pair[1].by]
    for pair in twins(provided, function(one) one.name)
  ];
  if wrongNames + wrongImports + wrongRoles != [] then wrongNames + wrongImports + wrongRoles
  else
    local stuck = closuresOf(importable, inherited).stuck;
    if stuck == [] then []
    else ['The modules of `%s` import each other in a circle: %s' % [
      ctx.name,
      std.join(' → ', std.map(quote, circle(stuck))),
    ]];

// What compiles of units have in common: `all` are the compiled interfaces to be found, by name.
local importing(build, unit, closures, all) =
  local needed = paths.firsts(unit.imports + std.flatMap(function(name) closures[name], unit.imports));
  {
    names: needed,
    files: [all[name] for name in needed],
    made: if unit.provides == null then [] else [all[unit.provides]],
  };

local compileWithGcc(wake, build, settings, unit, use, all) =
  local source = unit.source;
  local object = operations.objectOf(source);
  local depfile = operations.depfileOf(object);
  local map = '$(target)/obj/%s.modules' % operations.nameOf(source);
  local mapped = use.names + (if unit.provides == null then [] else [unit.provides]);
  [
    wake.writeFile(map, std.join('', ['%s %s\n' % [name, all[name]] for name in std.sort(mapped)])),
    wake.operation({
      title: 'Compile ' + operations.shown(source),
      executable: build.Tools.Cpp,
      arguments: settings.flags.cpp
                 + ['-fmodules-ts', '-fmodule-mapper=' + map, '-Mno-modules', '-MD', '-MF', depfile]
                 + ['-o', object, '-x', 'c++', source],
      inputs: paths.firsts([source] + settings.inputs + [map] + use.files),
      orderOnly: settings.orderOnly,
      outputs: [object] + use.made,
      depfile: depfile,
      // Else the compiled interface says when it was made, and all that import it are compiled again.
      [if use.made != [] then 'environment']: { SOURCE_DATE_EPOCH: '0' },
    }),
  ];

local compileWithClang(wake, build, settings, unit, use, all) =
  local source = unit.source;
  local object = operations.objectOf(source);
  local depfile = operations.depfileOf(object);
  local files = ['-fmodule-file=%s=%s' % [name, all[name]] for name in use.names]
                // Clang 14 finds the module that a source implements only by this, which newer ones warn of.
                + (if unit.declares == null || unit.provides != null then [] else [
                  '-fmodule-file=' + all[unit.declares],
                  '-Wno-unknown-warning-option',
                  '-Wno-eager-load-cxx-named-modules',
                ]);
  local inputs = paths.firsts([source] + settings.inputs + use.files);
  local compiler = { executable: build.Tools.Cpp, orderOnly: settings.orderOnly };
  if use.made == [] then [
    wake.operation(compiler {
      title: 'Compile ' + operations.shown(source),
      arguments: settings.flags.cpp + files + ['-MD', '-MF', depfile, '-o', object, '-x', 'c++', source],
      inputs: inputs,
      outputs: [object],
      depfile: depfile,
    }),
  ] else [
    wake.operation(compiler {
      title: 'Precompile ' + operations.shown(source),
      arguments: ['--precompile']
                 + settings.flags.cpp[1:]
                 + files
                 + ['-MD', '-MF', operations.depfileOf(use.made[0]), '-o', use.made[0], '-x', 'c++-module', source],
      inputs: inputs,
      outputs: use.made,
      depfile: operations.depfileOf(use.made[0]),
    }),
    // Some flags have done their work already.
    wake.operation(compiler {
      title: 'Compile ' + operations.shown(source),
      arguments: settings.flags.cpp
                 + files
                 + ['-Wno-unused-command-line-argument', '-o', object, use.made[0]],
      inputs: use.made + inputs,
      outputs: [object],
    }),
  ];

local compilers = { GCC: compileWithGcc, Clang: compileWithClang };

{
  standardName:: standardName,

  // The operations that scan the C++ sources of a module.
  scans(wake, build, settings):: [wake.writeFile(scannerPath, scanner)] + [
    scan(wake, build, settings, source)
    for source in build.Source
    if operations.isCpp(source)
  ],

  // Whether all scans have been read.
  isScanned(ctx, build):: std.all([
    std.objectHas(ctx.preprocessors, scanOf(source))
    for source in build.Source
    if operations.isCpp(source)
  ]),

  // What the scans come to:
  //   mistakes   sentences about what does not fit together; if there are any, the others must not be read
  //   compile    function(wake, settings, source): the operations of one source
  //   shared     the interfaces that dependents may import: [{ Name, Path, Imports, Standard }]
  plan(ctx, build)::
    local units = [
      unitOf(source, ctx.preprocessors[scanOf(source)])
      for source in build.Source
      if operations.isCpp(source)
    ];
    local importable = [unit for unit in units if unit.provides != null];
    local inherited = { [one.Name]: one for one in build.Inherited.Modules };
    local known = closuresOf(importable, inherited).known;
    local closures = known { [one.Name]: one.Imports for one in build.Inherited.Modules };
    local all = { [one.Name]: one.Path for one in build.Inherited.Modules }
                + { [unit.provides]: ownInterface(build, unit.provides) for unit in importable };
    local bySource = { [unit.source]: unit for unit in units };
    {
      mistakes: mistakes(ctx, build, units, build.Inherited.Modules),
      compile(wake, settings, source)::
        local unit = std.get(bySource, source);
        if unit == null || unit.declares == null && unit.imports == [] then
          [operations.compile(wake, build, settings, source)]
        else compilers[build.Compiler](
          wake, build, settings, unit, importing(build, unit, closures, all), all
        ),
      shared: build.Inherited.Modules + [
        { Name: unit.provides, Path: all[unit.provides], Imports: known[unit.provides], Standard: build.LanguageVersions.Cpp }
        for unit in importable
      ],
    },
}
