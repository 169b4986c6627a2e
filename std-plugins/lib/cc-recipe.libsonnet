// The keys of a C or C++ recipe: which there are, what is wrong with them, and which sources they mean.
// Ignorant of compilers and of what is made of the sources.
local check = import 'wake/check.libsonnet';
local paths = import 'wake/paths.libsonnet';

local recipeTypes = ['Executable', 'StaticLibrary', 'DynamicLibrary', 'HeaderLibrary', 'Test'];

local keys = {
  CompilerFlags: 'strings',
  Defines: 'strings',
  Dependencies: 'any',
  EnableWarningsAsErrors: 'boolean',
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
  RuntimeDependencies: 'strings',
  Source: 'strings',
  Tests: 'any',
  Timeout: 'seconds',
  Type: 'string',
  Version: 'any',
};
local headerKeys = { Files: 'strings', Root: 'string', Target: 'string' };
// Keys that name files and directories of the package; those that may also name what the system has.
local ownPathKeys = ['Source', 'PublicHeaders', 'Inputs'];
local systemPathKeys = ['IncludePaths', 'PublicIncludePaths', 'LinkLibraries', 'RuntimeDependencies'];

local sources(ctx, language) =
  local tests = std.get(ctx.recipe, 'Tests', {});
  local named = if std.isObject(tests) then std.get(tests, 'Source', []) else [];
  // What is wrong with `Tests` is said where they are built.
  local ofTests = if std.isArray(named) then paths.expand(ctx, std.filter(std.isString, named)) else [];
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
      '`Name` of %s must be a name of a file without `/` and `$`, not `%s`' % [subject, recipe.Name]
      for name in [std.get(recipe, 'Name')]
      if name != null && (std.member(['', '.', '..'], name) || std.member(name, '/') || std.member(name, '$'))
    ],
    if std.objectHas(recipe, 'Inputs') && std.get(recipe, 'Type') != 'Test' then
      ['`Inputs` of %s has no use: they are what a `Test` reads' % subject]
    else [],
    [
      '`%s` in `%s` of %s lies outside the package' % [path, key, subject]
      for key in ownPathKeys + systemPathKeys
      for path in std.flatMap(pathsIn, std.get(recipe, key, []))
      if paths.leaves(path) && !(std.member(systemPathKeys, key) && paths.isAbsolute(path))
    ],
    [
      // A depfile has no way to write it, so what such a source includes could not be known.
      '`%s` in `%s` of %s has a line break in its name' % [std.strReplace(path, '\n', '\\n'), key, subject]
      for key in ownPathKeys
      for path in std.flatMap(pathsIn, std.get(recipe, key, []))
      if std.length(std.findSubstr('\n', path)) > 0
    ],
  ]);

{
  keys:: keys,
  mistakes:: mistakes,
  sources:: sources,
}
