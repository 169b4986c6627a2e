// The operations of a crate: rustc, as the state `Rust` (see rust.libsonnet) says. Ignorant of recipes.
local linking = import 'wake/linking.libsonnet';
local paths = import 'wake/paths.libsonnet';

local flavors = {
  Debug: ['-Copt-level=0', '-Cdebuginfo=2'],
  DebugRelease: ['-Copt-level=2', '-Cdebuginfo=2'],
  Release: ['-Copt-level=3', '-Cstrip=debuginfo'],
};

local crateTypes = {
  Executable: 'bin',
  Library: 'rlib',
  ProcMacro: 'proc-macro',
  StaticLibrary: 'staticlib',
  DynamicLibrary: 'cdylib',
};

// What the standard library needs of the system, for programs that are not linked by rustc.
local systemLibraries = ['gcc_s', 'util', 'rt', 'pthread', 'm', 'dl', 'c'];

local fileOf(rust) = {
  Executable: '$(target)/' + rust.Name,
  Library: '$(target)/lib%s.rlib' % rust.Crate,
  ProcMacro: '$(target)/lib%s.so' % rust.Crate,
  StaticLibrary: '$(target)/lib%s.a' % rust.Name,
  DynamicLibrary: '$(target)/lib%s.so' % rust.Name,
}[rust.Type];

local directory(path) =
  local parts = std.split(path, '/');
  std.join('/', parts[0:std.length(parts) - 1]);

// Takes the roots out of what the compiler writes, so that it is the same on every machine.
local prefixMaps = ['--remap-path-prefix=$(package)=', '--remap-path-prefix=$(target)=target'];

// The crates that can be named in the sources, and where those lie that they need.
local externs(crates) =
  local named = [crate for crate in crates if std.objectHas(crate, 'File')];
  local closure = paths.firsts(std.flatMap(function(crate) crate.Closure, named));
  {
    arguments: ['--extern=%s=%s' % [crate.Crate, crate.File] for crate in named]
               + ['-Ldependency=' + path for path in paths.firsts(std.map(directory, closure))],
    inputs: closure,
  };

// One run of rustc. `kind` is the flag that says what it makes, `link` how that is linked ({ arguments, inputs }).
local compile(wake, ctx, rust, root, output, kind, crates, link) =
  local known = externs(crates);
  local depfile = output + '.d';
  // Only C++ needs another linker than the one of the system.
  local linker = if rust.Inherited.LinkLanguage == 'C++' then 'g++' else 'cc';
  wake.operation({
    title: 'Compile ' + paths.base(output),
    executable: 'rustc',
    arguments: ['--crate-name=' + root.Crate, kind, '--edition=' + rust.Edition]
               + flavors[rust.Flavor]
               // Tells crates of one name apart.
               + ['-Cmetadata=%s@%s' % [ctx.label, if ctx.version == null then '0.0.0' else ctx.version]]
               + ['--cfg=feature="%s"' % feature for feature in rust.Features]
               + ['--cfg=' + cfg for cfg in rust.Cfg]
               + prefixMaps
               + known.arguments
               + (if link == null then []
                  else ['-Clinker=' + linker] + ['-Clink-arg=' + argument for argument in rust.LinkerFlags + link.arguments])
               + rust.CompilerFlags
               + ['--emit=link=%s,dep-info=%s' % [output, depfile], root.File],
    environment: rust.Toolchain.Environment
                 + { CARGO_PKG_NAME: ctx.name, [if ctx.version != null then 'CARGO_PKG_VERSION']: ctx.version }
                 + rust.Environment,
    inputs: paths.firsts(
      [root.File]
      + known.inputs
      + (if link == null then [] else link.inputs + [paths.literal(ctx.findTool(linker))])
      + rust.Inputs
      + rust.Toolchain.Inputs
    ),
    orderOnly: rust.Inherited.GeneratedHeaders,
    outputs: [output],
    depfile: depfile,
    // rustc reads its own kind of them.
    responseFile: 'never',
  });

local build(wake, ctx) =
  local rust = ctx.activeState.Rust;
  local inherited = rust.Inherited;
  local file = fileOf(rust);
  local linked = {
    Executable: linking.program(wake, inherited),
    DynamicLibrary: linking.library(inherited, paths.base(file)),
    ProcMacro: linking.library(inherited { RuntimeDependencies: [] }, paths.base(file)),
    Library: null,
    StaticLibrary: null,
  }[rust.Type];
  local closure = paths.firsts([file] + std.flatMap(
    function(crate) if std.objectHas(crate, 'File') then crate.Closure else [],
    rust.Crates
  ));
  // What dependents link and load; what a program or a shared library has linked, they need not.
  local passedOn = {
    LinkLibraries: inherited.LinkLibraries,
    PlatformLibraries: inherited.PlatformLibraries,
    RuntimeDependencies: inherited.RuntimeDependencies,
    LinkLanguage: inherited.LinkLanguage,
  };
  local products = {
    Executable: { RunExecutable: file, RuntimeDependencies: linked.besides },
    Library: passedOn,
    ProcMacro: {},
    StaticLibrary: passedOn {
      LinkLibraries: [file] + super.LinkLibraries,
      PlatformLibraries: paths.lasts(super.PlatformLibraries + systemLibraries),
    },
    DynamicLibrary: { LinkLibraries: [file], RuntimeDependencies: [file] + passedOn.RuntimeDependencies },
  };
  if rust.Type == 'Test' then {}
  else {
    operations: (if rust.Type == 'Executable' then linked.operations else [])
                + [compile(wake, ctx, rust, rust.Roots[0], file, '--crate-type=' + crateTypes[rust.Type], rust.Crates, linked)],
    sharedState: {
      Rust: { Crate: rust.Crate, Root: rust.Roots[0].File, Type: rust.Type } + std.get({
        Library: { File: file, Closure: closure },
        // The compiler loads it, with all that it needs inside.
        ProcMacro: { File: file, Closure: [file] },
      }, rust.Type, {}),
      Build+: products[rust.Type] { PublicIncludePaths+: inherited.PublicIncludePaths },
    },
  };

// A program that runs the tests of one crate, and the operation that runs it.
local testOf(wake, ctx, rust, root) =
  local output = '$(target)/tests/' + root.Crate + (if root.IsUnit then '.unit' else '');
  local link = linking.program(wake, rust.Inherited, '$(target)/tests');
  local crates = [crate for crate in rust.Crates if !(root.IsUnit && crate.IsTested)];
  local programs = [crate for crate in rust.Crates if crate.Executable != null];
  // As cargo tells tests where the programs of their package are.
  local names = { ['CARGO_BIN_EXE_' + paths.base(crate.Executable)]: crate.Executable for crate in programs };
  [
    compile(wake, ctx, rust { Environment: names + super.Environment }, root, output, '--test', crates, link),
    wake.operation({
      title: if std.length(rust.Roots) == 1 then ctx.name
      else '%s: %s' % [ctx.name, if root.IsUnit then 'unit tests' else root.Crate],
      executable: output,
      environment: names + rust.Environment,
      inputs: paths.firsts([output] + link.besides + [crate.Executable for crate in programs] + rust.Inputs),
      timeout: std.get(ctx.recipe, 'Timeout', null),
      test: true,
    }),
  ];

local test(wake, ctx) =
  local rust = ctx.activeState.Rust;
  if rust.Type != 'Test' then {}
  else {
    operations: linking.program(wake, rust.Inherited, '$(target)/tests').operations
                + std.flatMap(function(root) testOf(wake, ctx, rust, root), rust.Roots),
  };

{
  build:: build,
  test:: test,
}
