// The operations of a package of cargo, as its recipe and the state `Rust` (see rust.libsonnet) say.
//
// Cargo works in `$(cache)`, which a build and its tests share, and puts what it has made into the target directory:
// `CARGO_BUILD_BUILD_DIR` and `CARGO_TARGET_DIR`. A cargo that does not know the former (before 1.91) works in the target
// directory, too.
local check = import 'wake/check.libsonnet';
local linking = import 'wake/linking.libsonnet';
local paths = import 'wake/paths.libsonnet';
local user = import 'wake/user.libsonnet';

local profiles = { Debug: 'dev', DebugRelease: 'release', Release: 'release' };
// Where cargo puts what it makes with a profile: for historical reasons not always its name.
local directories = { bench: 'release', dev: 'debug', test: 'debug' };

local made = '$(target)/cargo';

local profileOf(ctx) = std.get(ctx.recipe, 'Profile', profiles[ctx.activeState.Rust.Flavor]);

local isVendored(ctx) = std.any([
  std.length(std.findSubstr('vendored-sources', ctx.readFile(file))) > 0
  for file in ctx.glob(['.cargo/config.toml', '.cargo/config'])
]);

// Where cargo finds what it has fetched, and how it fetches.
local environment(wake, ctx) =
  local rust = ctx.activeState.Rust;
  local home = user.directory(wake, 'CARGO_HOME', '.cargo');
  user.network(wake)
  + user.variables(wake, ['CARGO_HTTP_CAINFO', 'CARGO_HTTP_PROXY', 'CARGO_NET_GIT_FETCH_WITH_CLI', 'CARGO_NET_OFFLINE'])
  + rust.Toolchain.Environment
  + {
    [if home != null then 'CARGO_HOME']: home,
    CARGO_TARGET_DIR: made,
    CARGO_BUILD_BUILD_DIR: '$(cache)/cargo',
    [if rust.Flavor == 'DebugRelease' then 'CARGO_PROFILE_RELEASE_DEBUG']: 'true',
  }
  + rust.Environment;

local flags(ctx) =
  local recipe = ctx.recipe;
  local list(key) = std.get(recipe, key, []);
  (if isVendored(ctx) then ['--frozen'] else ['--locked'])
  + ['--profile=' + profileOf(ctx)]
  + ['--package=' + name for name in list('Packages')]
  + (if list('Features') == [] then [] else ['--features=' + std.join(',', list('Features'))])
  + (if std.get(recipe, 'DefaultFeatures', true) then [] else ['--no-default-features']);

// One run of cargo. All at the same time would only wait for each other's lock.
local run(wake, ctx, fields) = wake.operation({
  executable: 'cargo',
  environment: environment(wake, ctx),
  caches: [environment(wake, ctx).CARGO_BUILD_BUILD_DIR] + [
    '%s/%s' % [home, name]
    for home in [user.directory(wake, 'CARGO_HOME', '.cargo')]
    if home != null
    // Its settings count.
    for name in ['registry', 'git', '.global-cache', '.global-cache-journal', '.package-cache', '.package-cache-mutate']
  ],
  network: !isVendored(ctx),
} + fields);

local sources(ctx) =
  local named = std.get(ctx.recipe, 'Source');
  if named != null then paths.inputs(ctx, named)
  else std.map(paths.inPackage, ctx.glob(['**', '.cargo/**'], ['target/**']));

local withoutExtension(name) =
  local extension = paths.extension(name);
  if std.member(['a', 'so'], extension) then name[0:std.length(name) - std.length(extension) - 1] else name;

local build(wake, ctx) =
  local rust = ctx.activeState.Rust;
  local profile = profileOf(ctx);
  local crate = std.strReplace(rust.Name, '-', '_');
  local library = { StaticLibrary: 'lib%s.a' % crate, DynamicLibrary: 'lib%s.so' % crate };
  local names = if rust.Type == 'Executable' then std.get(ctx.recipe, 'Binaries', [rust.Name]) else [library[rust.Type]];
  local from(name) = '%s/%s/%s' % [made, std.get(directories, profile, profile), name];
  local to(name) = '$(target)/' + name;
  local which = if rust.Type == 'Executable' then ['--bin=' + name for name in names] else ['--lib'];
  local read = sources(ctx);
  local products = {
    Executable: { RunExecutable: to(names[0]) },
    StaticLibrary: {
      LinkLibraries: [to(names[0])],
      PlatformLibraries: paths.lasts(rust.Inherited.PlatformLibraries + ['gcc_s', 'util', 'rt', 'pthread', 'm', 'dl', 'c']),
    },
    DynamicLibrary: { LinkLibraries: [to(names[0])], RuntimeDependencies: [to(names[0])] },
  };
  if rust.Type == 'Test' then {}
  else {
    operations: [run(wake, ctx, {
      title: 'Cargo ' + std.join(' ', names),
      arguments: ['build', '--quiet'] + flags(ctx) + which,
      inputs: paths.firsts(read + std.flatMap(function(one) std.get(one, 'Sources', []), rust.Crates) + rust.Toolchain.Inputs),
      outputs: std.map(from, names),
      // What it reads in other packages; cargo writes one for each program.
      depfile: from(withoutExtension(names[0])) + '.d',
    })] + [wake.copyFile(from(name), to(name)) for name in names],
    sharedState: {
      Rust: { Type: rust.Type, Sources: read },
      Build+: products[rust.Type] { PublicIncludePaths+: rust.Inherited.PublicIncludePaths },
    },
  };

local test(wake, ctx) =
  local rust = ctx.activeState.Rust;
  local read = if std.objectHas(ctx.recipe, 'Source') || rust.Crates == [] then sources(ctx) else [];
  local programs = [crate.Executable for crate in rust.Crates if crate.Executable != null];
  if rust.Type != 'Test' then {}
  else {
    operations: [run(wake, ctx, {
      title: ctx.name,
      // The profile of tests is that of the module, or what is compiled for one is of no use for the other.
      arguments: ['test', '--quiet'] + flags(ctx) + ['--'],
      inputs: paths.firsts(
        read
        + std.flatMap(function(one) std.get(one, 'Sources', []), rust.Crates)
        + programs
        + rust.Inputs
        + rust.Toolchain.Inputs
      ),
      timeout: std.get(ctx.recipe, 'Timeout', null),
      test: true,
    })],
  };

{
  build:: build,
  test:: test,
}
