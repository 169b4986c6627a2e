// The operations of a Go module: the go command, as the state `Go` (see go.libsonnet) says. Ignorant of recipes.
local linking = import 'wake/linking.libsonnet';
local paths = import 'wake/paths.libsonnet';
local user = import 'wake/user.libsonnet';

local modes = { StaticLibrary: 'c-archive', DynamicLibrary: 'c-shared' };
local workspace = '$(target)/go.work';

// `1.21.3` as numbers: [1, 21, 3].
local numbers(version) = [
  // `22rc1` is 22.
  local rest = std.lstripChars(part, '0123456789');
  local digits = part[0:std.length(part) - std.length(rest)];
  if digits == '' then 0 else std.parseInt(digits)
  for part in std.split(version, '.')
];

local newest(versions) = std.foldl(function(a, b) if numbers(b) > numbers(a) then b else a, versions[1:], versions[0]);

// A string of a `go.work`.
local quoted(path) = '"%s"' % path;

// What makes the modules of other packages known.
local workspaceFile(wake, go) =
  local directories = ['$(package)'] + [module.Directory for module in go.Modules];
  // From 1.21 on a workspace must not be older than its modules.
  local version = newest([go.Version] + [module.Version for module in go.Modules] + ['1.18']);
  wake.writeFile(
    workspace,
    'go %s\n\nuse (\n%s)\n' % [version, std.join('', ['\t%s\n' % quoted(path) for path in directories])]
  );

// The go command has one cache for everything, keyed by content. That of the user is used only if it is named: what
// `wake` builds can be removed with `.wake`. One for each module would compile the standard library for each.
local cache(wake) =
  local named = user.variable(wake, 'GOCACHE');
  if named != null then named else '$(cache)/../../../.go-build';

// Where fetched modules lie: those of the user. The go command checks them against `go.sum`.
local moduleCache(wake) =
  local named = user.variable(wake, 'GOMODCACHE');
  local path = user.directory(wake, 'GOPATH', 'go');
  if named != null then named
  else if path != null then std.split(path, ':')[0] + '/pkg/mod'
  else '$(cache)/go-modules';

// A list in one variable: the go command splits it at spaces, but for quotes. A root may have spaces.
local words(list) = std.join(' ', [if std.member(word, '(') then "'%s'" % word else word for word in list]);

local environment(wake, ctx, go, link) =
  local inherited = go.Inherited;
  user.network(wake)
  + user.variables(wake, [
    'GOAUTH',
    'GOENV',
    'GOINSECURE',
    'GONOPROXY',
    'GONOSUMDB',
    'GOPRIVATE',
    'GOPROXY',
    'GOSUMDB',
    'GOTOOLCHAIN',
    'GOVCS',
  ])
  + {
    GOCACHE: cache(wake),
    GOMODCACHE: moduleCache(wake),
    // What is not there is not written either.
    GOPATH: '$(cache)/go',
    GOFLAGS: '-mod=' + (if go.IsVendored then 'vendor' else 'readonly'),
    GOWORK: if go.Modules == [] then 'off' else workspace,
    CGO_ENABLED: if go.Cgo then '1' else '0',
  }
  + (if !go.Cgo then {} else {
    CC: 'gcc',
    CXX: 'g++',
    CGO_CFLAGS: words(
      ['-g', '-O2', '-ffile-prefix-map=$(package)=.']
      + ['-I' + path for path in inherited.PublicIncludePaths]
      + ['-D' + define for define in inherited.PublicDefines]
    ),
    CGO_CXXFLAGS: self.CGO_CFLAGS,
    CGO_LDFLAGS: words(
      ['-g', '-O2'] + link.arguments + (if inherited.LinkLanguage == 'C++' then ['-lstdc++'] else [])
    ),
  })
  + go.Environment;

// What the C compiler needs to be there: nothing without cgo.
local tools(ctx, go) = if go.Cgo then [ctx.findTool('gcc')] else [];

local inputs(ctx, go, link) = paths.firsts(
  go.Source
  + std.flatMap(function(module) module.Sources, go.Modules)
  + (if go.Modules == [] then [] else [workspace])
  + (if go.Cgo then link.inputs + std.map(paths.literal, tools(ctx, go)) else [])
);

// One run of the go command.
local run(wake, ctx, go, link, fields) = wake.operation({
  executable: 'go',
  environment: environment(wake, ctx, go, link),
  inputs: inputs(ctx, go, link),
  orderOnly: go.Inherited.GeneratedHeaders,
  caches: [cache(wake), moduleCache(wake)],
  network: !go.IsVendored,
} + fields);

// A flag with a list: the go command splits it at spaces, but for quotes.
local listFlag(name, list) =
  local quote(word) =
    if !std.member(word, ' ') && !std.member(word, '"') && !std.member(word, "'") then word
    else if std.member(word, "'") then '"%s"' % word
    else "'%s'" % word;
  if list == [] then [] else ['-%s=%s' % [name, std.join(' ', std.map(quote, list))]];

// What building and testing have in common.
local flags(go) =
  local variables = std.flatMap(
    function(name)['-X', '%s=%s' % [name, go.Variables[name]]],
    std.objectFields(go.Variables)
  );
  local stripped = if go.Flavor == 'Release' then ['-s', '-w'] else [];
  // What version control says is no input.
  ['-trimpath', '-buildvcs=false']
  + (if go.Tags == [] then [] else ['-tags=' + std.join(',', go.Tags)])
  + listFlag('gcflags', go.CompilerFlags)
  + listFlag('ldflags', stripped + variables + go.LinkerFlags);

local build(wake, ctx) =
  local go = ctx.activeState.Go;
  local file = {
    Executable: '$(target)/' + go.Name,
    StaticLibrary: '$(target)/lib%s.a' % go.Name,
    DynamicLibrary: '$(target)/lib%s.so' % go.Name,
  };
  local header = '$(target)/lib%s.h' % go.Name;
  local isForC = std.objectHas(modes, go.Type);
  local link = if go.Type == 'Executable' then linking.program(wake, go.Inherited)
  else linking.library(go.Inherited, 'lib%s.so' % go.Name) + { operations: [], besides: [] };
  local made = run(wake, ctx, go, link, {
    title: if go.Type == 'Library' then 'Compile ' + go.Name else 'Build ' + paths.base(file[go.Type]),
    arguments: ['build']
               + flags(go)
               + (if isForC then ['-buildmode=' + modes[go.Type]] else [])
               + (if go.Type == 'Library' then [] else ['-o', file[go.Type]])
               + go.Packages,
    outputs: if go.Type == 'Library' then [] else [file[go.Type]] + (if isForC then [header] else []),
  });
  local besidesC = { PublicIncludePaths+: ['$(target)'], GeneratedHeaders+: [header] };
  local products = {
    Executable: { RunExecutable: file.Executable, RuntimeDependencies: link.besides },
    // What it is linked with, the program that uses it is linked with.
    Library: go.Inherited,
    StaticLibrary: besidesC {
      LinkLibraries: [file.StaticLibrary] + go.Inherited.LinkLibraries,
      PlatformLibraries: paths.lasts(go.Inherited.PlatformLibraries + ['pthread']),
      RuntimeDependencies: go.Inherited.RuntimeDependencies,
      LinkLanguage: go.Inherited.LinkLanguage,
    },
    DynamicLibrary: besidesC {
      LinkLibraries: [file.DynamicLibrary],
      RuntimeDependencies: [file.DynamicLibrary] + go.Inherited.RuntimeDependencies,
    },
  };
  if go.Type == 'Test' then {}
  else {
    operations: (if go.Modules == [] then [] else [workspaceFile(wake, go)])
                + link.operations
                + [made],
    sharedState: {
      Go: {
        Modules: [{ Directory: '$(package)', Sources: go.Source, Version: go.Version }] + go.Modules,
      },
      Build+: products[go.Type],
    },
  };

local test(wake, ctx) =
  local go = ctx.activeState.Go;
  // A test runs where its package lies, so what it loads is found where it was made.
  local link = linking.library(go.Inherited, '') + {
    arguments: std.flatMap(
      function(file) if std.length(std.findSubstr('.so', paths.base(file))) == 0 then [] else
        ['-Wl,-rpath,' + std.join('/', std.split(file, '/')[:std.length(std.split(file, '/')) - 1])],
      go.Inherited.RuntimeDependencies
    ) + go.Inherited.LinkLibraries + ['-l' + name for name in go.Inherited.PlatformLibraries],
  };
  if go.Type != 'Test' then {}
  else {
    operations: (if go.Modules == [] then [] else [workspaceFile(wake, go)]) + [run(wake, ctx, go, link, {
      title: ctx.name,
      // What the go command remembers of tests, wake does.
      arguments: ['test', '-count=1'] + flags(go) + go.Packages,
      inputs: paths.firsts(super.inputs + go.Inputs),
      timeout: std.get(ctx.recipe, 'Timeout', null),
      test: true,
    })],
  };

{
  build:: build,
  test:: test,
}
