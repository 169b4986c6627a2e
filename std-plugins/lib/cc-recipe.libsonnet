// The keys of a C or C++ recipe: which there are, what is wrong with them, and which sources they mean.
// Ignorant of compilers and of what is made of the sources.
local check = import 'wake/check.libsonnet';
local groups = import 'wake/cc-groups.libsonnet';
local paths = import 'wake/paths.libsonnet';

local recipeTypes = ['Executable', 'StaticLibrary', 'DynamicLibrary', 'HeaderLibrary', 'Test', 'Windows'];

local commonKeys = {
  AssemblySource: 'strings',
  CompilerFlags: 'strings',
  Defines: 'strings',
  Dependencies: 'any',
  // Names or, of another compiler, numbers.
  DisabledWarnings: 'any',
  EnableWarningsAsErrors: 'boolean',
  Exclude: 'strings',
  IncludePaths: 'strings',
  Inputs: 'strings',
  Language: 'any',
  LanguageVersion: 'string',
  LinkerFlags: 'strings',
  LinkLibraries: 'strings',
  Name: 'string',
  PlatformLibraries: 'strings',
  PublicDefines: 'strings',
  PublicHeaders: 'stringsOrObjects',
  PublicIncludePaths: 'strings',
  Resources: 'any',
  RuntimeDependencies: 'strings',
  Source: 'strings',
  TargetSystems: 'strings',
  Tests: 'any',
  Timeout: 'seconds',
  Type: 'string',
  Version: 'any',
};
local moduleKeys = {
  Interface: 'string',
  Modules: 'boolean',
  // Strings and objects, mixed.
  Partitions: 'any',
};
local keysOf = { C: commonKeys, 'C++': commonKeys + moduleKeys };
// The keys that may hold conditional groups, as `cc-groups` wants them.
local groupableKeys = {
  [key]: 'strings'
  for key in std.objectFields(commonKeys)
  if std.member(['strings', 'stringsOrObjects'], commonKeys[key]) && key != 'TargetSystems'
} + { DisabledWarnings: 'strings', Partitions: 'strings' };
local headerKeys = { Files: 'strings', Root: 'string', Target: 'string' };
local partitionKeys = { Imports: 'strings', Source: 'string' };
// Keys that name files and directories of the package; those that may also name what the system has.
local ownPathKeys = ['Source', 'AssemblySource', 'Exclude', 'Interface', 'Partitions', 'PublicHeaders', 'Inputs'];
local systemPathKeys = ['IncludePaths', 'PublicIncludePaths', 'LinkLibraries', 'RuntimeDependencies'];

local subjectOf(ctx, language) = 'the %s recipe of `%s`' % [language.name, ctx.name];

// The recipe as it is for the parameters: `{ recipe, mistakes }`.
local resolved(ctx, language) = groups.resolve(ctx, groupableKeys, ctx.recipe, subjectOf(ctx, language));

local listOf(value) = if std.isArray(value) then value else [value];

// The files of a key of partitions or of the interface.
local partitionSources(recipe) = [
  if std.isObject(partition) then partition.Source else partition
  for partition in std.get(recipe, 'Partitions', [])
];
local unitSources(recipe) =
  (if std.objectHas(recipe, 'Interface') then [recipe.Interface] else []) + partitionSources(recipe);

// What the sources of the tests are named by; what is wrong with `Tests` is said where they are built.
local testPatterns(ctx, language) =
  local tests = std.get(ctx.recipe, 'Tests', {});
  local named = if std.isObject(tests) then groups.resolve(ctx, { Source: 'strings' }, tests, '').recipe else {};
  std.filter(std.isString, listOf(std.get(named, 'Source', [])));

local without(ctx, sources, patterns) =
  if patterns == [] then sources
  else
    local excluded = std.set(std.map(paths.normal, paths.expand(ctx, patterns)));
    [source for source in sources if !std.setMember(paths.normal(source), excluded)];

local sources(ctx, language, recipe) =
  local listed = if std.objectHas(recipe, 'Source') then paths.expand(ctx, recipe.Source)
  else without(ctx, ctx.glob(language.sources), testPatterns(ctx, language));
  without(ctx, listed, std.get(recipe, 'Exclude', []))
  + (if language.hasModules then unitSources(recipe) else [])
  + (if std.objectHas(recipe, 'AssemblySource') then paths.expand(ctx, recipe.AssemblySource) else []);

// The paths in one element of a list of paths, of `PublicHeaders` or of `Partitions`.
local pathsIn(element) =
  if std.isString(element) then [element]
  else if std.objectHas(element, 'Source') then [element.Source] + std.get(element, 'Imports', [])
  else
    local root = std.get(element, 'Root', '');
    [if root == '' then file else root + '/' + file for file in std.get(element, 'Files', [])];

// The paths that a key names. One that a language does not know is not looked at.
local pathsOf(language, recipe, key) =
  if std.objectHas(recipe, key) && std.objectHas(keysOf[language.name], key) then std.flatMap(pathsIn, listOf(recipe[key]))
  else [];

// `m` for `libm.so`, `m.lib`, `/usr/lib/libm.a`.
local libraryName(path) =
  local base = std.split(paths.base(path), '.')[0];
  if std.startsWith(base, 'lib') && base != 'lib' then base[3:] else base;
local isFileOfLibrary(name) =
  std.member(name, '/') || std.member(['so', 'a', 'lib', 'dll', 'dylib'], paths.extension(name));

local libraryMistakes(recipe, subject) = [
  '`%s` in `PlatformLibraries` of %s is the name of a file: %s' % [
    name,
    subject,
    if std.member(name, '/') then 'libraries at a path belong in `LinkLibraries`'
    else "write the name that `-l` takes, `'%s'`" % libraryName(name),
  ]
  for name in std.get(recipe, 'PlatformLibraries', [])
  if isFileOfLibrary(name)
] + [
  "`%s` in `LinkLibraries` of %s is no path of a library; for one of the system, write `PlatformLibraries: ['%s']`" % [
    name,
    subject,
    libraryName(name),
  ]
  for name in std.get(recipe, 'LinkLibraries', [])
  if !std.member(name, '/') && !std.member(name, '.') && !paths.isToken(name)
];

local partitionMistakes(recipe, subject) =
  local list = std.get(recipe, 'Partitions', []);
  local shape = '`Partitions` of %s must be a list of paths or of `{ Source, Imports }`' % subject;
  local wrong = if !std.isArray(list) then [shape] else std.flattenArrays([
    if std.isString(partition) then []
    else if !std.isObject(partition) then [shape]
    else check.unknown(partition, partitionKeys, 'a partition of ' + subject)
         + check.types(partition, partitionKeys, 'a partition of ' + subject)
         + (if std.objectHas(partition, 'Source') then [] else ['A partition of %s has no `Source`' % subject])
    for partition in list
  ]);
  local known = std.map(paths.normal, partitionSources(recipe));
  if wrong != [] then wrong
  else [
    '`Imports` of the partition `%s` of %s names `%s`, which is no partition of it%s' % [
      partition.Source,
      subject,
      path,
      check.didYouMean(path, known),
    ]
    for partition in list
    if std.isObject(partition)
    for path in std.get(partition, 'Imports', [])
    if !std.member(known, paths.normal(path))
  ];

local warningMistakes(recipe, subject) =
  local list = std.get(recipe, 'DisabledWarnings', []);
  if !std.isArray(list) then ['`DisabledWarnings` of %s must be a list of names of warnings' % subject]
  else [
    '`DisabledWarnings` of %s must be a list of names of warnings, not %s at index %d' % [
      subject,
      check.describe(list[index]),
      index,
    ]
    for index in std.range(0, std.length(list) - 1)
    if !std.isString(list[index]) && !std.isNumber(list[index])
  ];

// Sentences about what is wrong with the recipe, as far as it can be said without looking at files. `recipe` is the one
// without groups.
local mistakes(ctx, language, recipe) =
  local subject = subjectOf(ctx, language);
  local wrongTypes = check.types(recipe, keysOf[language.name], subject)
                     + (if language.hasModules then partitionMistakes(recipe, subject) else [])
                     + warningMistakes(recipe, subject);
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
      '`Name` of %s must be a name of a file without `/` and `$`, not `%s`' % [subject, recipe.Name]
      for name in [std.get(recipe, 'Name')]
      if name != null && (std.member(['', '.', '..'], name) || std.member(name, '/') || std.member(name, '$'))
    ],
    libraryMistakes(recipe, subject),
    if std.objectHas(recipe, 'Inputs') && std.get(recipe, 'Type') != 'Test' then
      ['`Inputs` of %s has no use: they are what a `Test` reads' % subject]
    else [],
    [
      '`%s` in `%s` of %s lies outside the package' % [path, key, subject]
      for key in ownPathKeys + systemPathKeys
      for path in pathsOf(language, recipe, key)
      if paths.leaves(path) && !(std.member(systemPathKeys, key) && paths.isAbsolute(path))
    ],
    [
      // A depfile has no way to write it, so what such a source includes could not be known.
      '`%s` in `%s` of %s has a line break in its name' % [std.strReplace(path, '\n', '\\n'), key, subject]
      for key in ownPathKeys
      for path in pathsOf(language, recipe, key)
      if std.length(std.findSubstr('\n', path)) > 0
    ],
  ]);

// `-Wno-…` for a warning: `unused-variable`, `-Wunused-variable` and `-Wno-unused-variable` are the same. Null for those
// that have a number, which GCC and Clang do not know.
local warningFlag(warning) =
  local text = std.toString(warning);
  local name = std.foldl(
    function(name, prefix) if std.startsWith(name, prefix) then name[std.length(prefix):] else name,
    ['-W', 'no-'],
    text,
  );
  local digits = std.lstripChars(text, 'Cc');
  if digits != '' && std.all([std.member('0123456789', digit) for digit in std.stringChars(digits)]) then null
  else '-Wno-' + name;

local warningFlags(recipe) = [
  flag
  for flag in std.map(warningFlag, std.get(recipe, 'DisabledWarnings', []))
  if flag != null
];

// What a person should know of keys that have no meaning here.
local notes(ctx, recipe) =
  local numbers = [
    std.toString(warning)
    for warning in std.get(recipe, 'DisabledWarnings', [])
    if warningFlag(warning) == null
  ];
  (if std.objectHas(recipe, 'Resources') then
     ['`Resources` of `%s` are for Windows and ignored' % ctx.name]
   else [])
  + (if numbers == [] then [] else [
    '`DisabledWarnings` of `%s`: %s are numbers of another compiler and ignored' % [ctx.name, std.join(', ', numbers)],
  ])
  + (if std.get(recipe, 'Type') != 'Windows' then [] else ['`%s` is built as an `Executable`' % ctx.name]);

// Whether the package is for the system that is built for.
local isForSystem(ctx, recipe) =
  !std.objectHas(recipe, 'TargetSystems')
  || std.member(recipe.TargetSystems, std.toString(std.get(ctx.parameters, 'System', '')));

{
  // `{ key: kind }`.
  keys(language):: keysOf[language.name],
  resolved:: resolved,
  mistakes:: mistakes,
  sources:: sources,
  unitSources:: unitSources,
  partitionSources:: partitionSources,
  warningFlags:: warningFlags,
  notes:: notes,
  isForSystem:: isForSystem,
}
