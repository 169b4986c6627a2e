// What modules in other languages take from modules in C and C++, and how their programs are linked with it: the table
// `Build` of shared state, see cc.libsonnet. Knows flags of GCC and Clang as linkers, no recipes.
local paths = import 'wake/paths.libsonnet';

local directory(path) =
  local parts = std.split(path, '/');
  std.join('/', parts[0:std.length(parts) - 1]);

local isShared(path) = std.length(std.findSubstr('.so', paths.base(path))) > 0;

// Shared libraries that are not linked but loaded by linked ones must be findable while linking.
local searchPaths(libraries, loaded) = [
  '-Wl,-rpath-link,' + path
  for path in std.set([directory(file) for file in loaded if isShared(file) && !std.member(libraries, file)])
];

local linked(table, libraries, loaded) = {
  arguments: (if loaded == [] then [] else ['-Wl,-rpath,$$ORIGIN'])
             + searchPaths(libraries, loaded)
             + libraries
             + ['-l' + name for name in table.PlatformLibraries],
  inputs: paths.firsts(libraries + std.filter(isShared, loaded)),
};

{
  // The dependencies whose shared state flows to the module.
  dependencies(ctx):: std.flatMap(
    function(kind) if std.member(['Build', 'Tool'], kind) then [] else ctx.dependencies[kind],
    std.objectFields(ctx.dependencies),
  ),

  // The `Build` tables of dependencies joined, after what the module's own recipe says.
  inherited(ctx, own)::
    local tables = [own] + [std.get(one.sharedState, 'Build', {}) for one in $.dependencies(ctx)];
    local all(key) = std.flatMap(function(table) std.get(table, key, []), tables);
    // A program needs its files beside itself, not beside those that depend on it.
    local loaded = std.flatMap(
      function(table) if std.objectHas(table, 'RunExecutable') then [] else std.get(table, 'RuntimeDependencies', []),
      tables,
    );
    {
      PublicIncludePaths: paths.firsts(all('PublicIncludePaths')),
      PublicDefines: paths.firsts(all('PublicDefines')),
      GeneratedHeaders: paths.firsts(all('GeneratedHeaders')),
      LinkLibraries: paths.lasts(all('LinkLibraries')),
      PlatformLibraries: paths.lasts(all('PlatformLibraries')),
      RuntimeDependencies: paths.firsts(loaded),
      LinkLanguage: if std.any([std.get(table, 'LinkLanguage', 'C') == 'C++' for table in tables]) then 'C++' else 'C',
    },

  // How a program in `directory` is linked with all that must lie beside it:
  // { arguments, inputs, besides, operations that put it there }.
  program(wake, table, directory='$(target)')::
    local copies = { [file]: directory + '/' + paths.base(file) for file in table.RuntimeDependencies };
    local besides = [copies[file] for file in table.RuntimeDependencies];
    linked(table, [std.get(copies, library, library) for library in table.LinkLibraries], besides) {
      inputs: paths.firsts(super.inputs + besides),
      besides: besides,
      operations: [wake.copyFile(file, copies[file]) for file in std.objectFields(copies)],
    },

  // How a shared library is linked: { arguments, inputs }.
  library(table, name)::
    linked(table, table.LinkLibraries, table.RuntimeDependencies) {
      arguments: ['-Wl,-soname,' + name] + super.arguments,
    },
}
