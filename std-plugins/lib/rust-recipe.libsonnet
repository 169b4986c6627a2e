// The keys of a Rust recipe: which there are, what is wrong with them, and the state that the operations are made from.
// Ignorant of the command lines of rustc and cargo.
local check = import 'wake/check.libsonnet';
local linking = import 'wake/linking.libsonnet';
local paths = import 'wake/paths.libsonnet';
local user = import 'wake/user.libsonnet';

local common = {
  Cargo: 'boolean',
  Dependencies: 'any',
  Environment: 'stringTable',
  Features: 'strings',
  Inputs: 'strings',
  Language: 'any',
  Name: 'string',
  PlatformLibraries: 'strings',
  PublicIncludePaths: 'strings',
  Source: 'strings',
  Tests: 'any',
  Timeout: 'seconds',
  Type: 'string',
  Version: 'any',
};
local ofCrates = {
  Cfg: 'strings',
  CompilerFlags: 'strings',
  CrateName: 'string',
  Edition: 'string',
  EnableWarningsAsErrors: 'boolean',
  LinkerFlags: 'strings',
  LinkLibraries: 'strings',
  RuntimeDependencies: 'strings',
};
local ofCargo = {
  Binaries: 'strings',
  DefaultFeatures: 'boolean',
  Packages: 'strings',
  Profile: 'string',
};

local crateTypes = ['Executable', 'Library', 'ProcMacro', 'StaticLibrary', 'DynamicLibrary', 'Test'];
local cargoTypes = ['Executable', 'StaticLibrary', 'DynamicLibrary', 'Test'];
local editions = ['2015', '2018', '2021', '2024'];
local flavors = ['Debug', 'DebugRelease', 'Release'];
local defaultRoots = { Executable: 'src/main.rs', Test: 'tests/*.rs' };

local isCargo(recipe) = std.get(recipe, 'Cargo') == true;

// What a crate can be called: letters, digits and `_`, not beginning with a digit.
local isCrateName(name) =
  local isLetter(c) = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_';
  name != '' && isLetter(name[0]) && std.all([isLetter(c) || c >= '0' && c <= '9' for c in std.stringChars(name)]);

// `my-tool.x` → `my_tool_x`.
local crateName(name) =
  local word = std.join('', [if isCrateName('_' + c) then c else '_' for c in std.stringChars(name)]);
  if isCrateName(word) then word else '_' + word;

local stem(path) = std.splitLimitR(paths.base(path), '.', 1)[0];

// The module that a recipe's `Tests` are for, among its dependencies; null if it is no such recipe.
local tested(ctx) =
  local package = std.split(ctx.label, ':')[0];
  local found = [
    one
    for one in ctx.dependencies.Runtime
    if one.reference == package && one.module == ctx.module
  ];
  if std.endsWith(ctx.label, '.tests') && found != [] then found[std.length(found) - 1] else null;

local typeOf(ctx) =
  std.get(ctx.recipe, 'Type', if isCargo(ctx.recipe) then 'Executable' else 'Library');

// The crates of a module: [{ File, Crate, IsUnit }].
local roots(ctx) =
  local recipe = ctx.recipe;
  local type = typeOf(ctx);
  local base = tested(ctx);
  local named = std.get(recipe, 'Source', [std.get(defaultRoots, type, 'src/lib.rs')]);
  local files = std.map(paths.inPackage, paths.resolved(ctx, named));
  local crate = std.get(recipe, 'CrateName', crateName(std.get(recipe, 'Name', ctx.name)));
  local share = if base == null then {} else std.get(base.sharedState, 'Rust', {});
  local unit(file) = { File: file, Crate: share.Crate, IsUnit: true };
  local ofTest(file) = { File: file, Crate: crateName(stem(file)), IsUnit: false };
  local isTested(file) = std.objectHas(share, 'Root') && paths.split(share.Root).rest == paths.split(file).rest
                         && std.startsWith(file, '$(package)');
  if type != 'Test' then [{ File: file, Crate: crate, IsUnit: false } for file in paths.firsts(files)]
  else
    (if !std.objectHas(recipe, 'Source') && std.objectHas(share, 'Root') then [unit(share.Root)] else [])
    + [if isTested(file) then unit(file) else ofTest(file) for file in paths.firsts(files)];

local rootMistakes(ctx, subject) =
  local all = roots(ctx);
  local type = typeOf(ctx);
  local crates = std.sort([root.Crate for root in all if !root.IsUnit]);
  local nameOf(root) = std.strReplace(std.strReplace(root.File, '$(package)/', ''), '$$', '$');
  if all == [] then [
    'There is no crate in %s: %s' % [
      subject,
      if std.objectHas(ctx.recipe, 'Source') then '`Source` is empty or its patterns match no file'
      else 'no file of the package matches `tests/*.rs`',
    ],
  ]
  else if type != 'Test' && std.length(all) > 1 then [
    '`Source` of %s names %d files, but a crate begins in one; name that one, the compiler finds its modules'
    % [subject, std.length(all)],
  ]
  else [
    '`%s` in `Source` of %s is no Rust source (those end in `.rs`)' % [nameOf(root), subject]
    for root in all
    if paths.extension(root.File) != 'rs'
  ] + [
    'Two tests of %s are called `%s`; rename the file of one of them' % [subject, crates[index]]
    for index in std.range(1, std.length(crates) - 1)
    if crates[index] == crates[index - 1]
  ];

local crateMistakes(ctx, subject) =
  local recipe = ctx.recipe;
  check.oneOf(std.get(recipe, 'Type', 'Library'), crateTypes, '`Type` of ' + subject)
  + check.oneOf(std.get(recipe, 'Edition', '2024'), editions, '`Edition` of ' + subject)
  + [
    '`CrateName` of %s must be letters, digits and `_`, not `%s`' % [subject, name]
    for name in [std.get(recipe, 'CrateName')]
    if name != null && !isCrateName(name)
  ];

local cargoMistakes(ctx, subject) =
  local recipe = ctx.recipe;
  check.oneOf(std.get(recipe, 'Type', 'Executable'), cargoTypes, '`Type` of %s, which is built by cargo,' % subject)
  + (if std.get(recipe, 'Binaries') == [] then ['`Binaries` of %s is empty' % subject] else [])
  + [
    'There is no `%s` beside the declaration of %s; %s' % [file, subject, hint]
    for file in ['Cargo.toml', 'Cargo.lock']
    for hint in [if file == 'Cargo.lock' then 'make it with `cargo generate-lockfile`' else 'cargo needs it']
    if ctx.glob(file) == []
  ];

local isFileName(name) =
  !std.member(['', '.', '..'], name) && !std.member(name, '/') && !std.member(name, '$') && !std.member(name, ' ');

// Sentences about what is wrong with the recipe.
local mistakes(ctx) =
  local recipe = ctx.recipe;
  local subject = 'the Rust recipe of `%s`' % ctx.name;
  local keys = common + ofCrates + ofCargo;
  local wrongTypes = check.types(recipe, keys, subject);
  local misplaced = if isCargo(recipe) then ofCrates else ofCargo;
  local list(key) = std.get(recipe, key, []);
  local general = check.oneOf(
    std.toString(std.get(ctx.parameters, 'Flavor', 'Debug')), flavors, 'The parameter `Flavor`'
  ) + [
    '`%s` of %s is a key of %s' % [
      key,
      subject,
      if isCargo(recipe) then 'crates; what cargo builds is said in `Cargo.toml`' else 'packages of cargo (`Cargo: true`)',
    ]
    for key in std.objectFields(misplaced)
    // A test inherits keys of its module.
    if std.objectHas(recipe, key) && !(typeOf(ctx) == 'Test')
  ] + [
    '`%s` of %s must be a name of a file without `/`, `$` and spaces, not `%s`' % [name.key, subject, name.value]
    for name in [{ key: 'Name', value: std.get(recipe, 'Name', 'x') }]
                + [{ key: 'Binaries', value: value } for value in list('Binaries')]
    if !isFileName(name.value)
  ] + [
    '`%s` in `%s` of %s lies outside the package' % [path, key, subject]
    for key in ['Source', 'Inputs', 'PublicIncludePaths', 'LinkLibraries', 'RuntimeDependencies']
    for path in list(key)
    if paths.leaves(path) && !(std.member(['LinkLibraries', 'RuntimeDependencies'], key) && paths.isAbsolute(path))
  ];
  if wrongTypes != [] then wrongTypes
  else
    local wrong = general + (if isCargo(recipe) then cargoMistakes else crateMistakes)(ctx, subject);
    if wrong != [] || isCargo(recipe) then wrong else rootMistakes(ctx, subject);

// The compiler as the user has installed it: { Inputs, Environment }. What is in PATH may be rustup, which starts the
// compiler that its settings name. Then these settings and the compilers that it updates count, not only rustup itself.
local toolchain(wake, ctx, tool) =
  local found = ctx.findTool(tool);
  local rustup = ctx.findTool('rustup', false);
  local directory(path) = std.splitLimitR(path, '/', 1)[0];
  local home = user.directory(wake, 'RUSTUP_HOME', '.rustup');
  local chosen = wake.env('RUSTUP_TOOLCHAIN');
  local host = '-%s-unknown-linux-gnu' % ctx.host.architecture;
  local plain(text) = std.strReplace(text, '$$', '$');
  local compilers = [
    ctx.findTool('%s/toolchains/%s/bin/rustc' % [plain(home), name], false)
    for name in (if chosen != null then [chosen, chosen + host] else ['stable' + host, 'beta' + host, 'nightly' + host])
  ];
  local choice = std.map(paths.inPackage, ctx.glob(['rust-toolchain', 'rust-toolchain.toml']));
  if rustup == null || directory(rustup) != directory(found) || home == null then { Inputs: choice, Environment: {} }
  else {
    Inputs: choice
            + (if chosen == null then [home + '/settings.toml'] else [])
            + [paths.literal(compiler) for compiler in compilers if compiler != null],
    Environment: user.variables(wake, ['RUSTUP_TOOLCHAIN', 'RUSTUP_AUTO_INSTALL']) { RUSTUP_HOME: home },
  };

local state(wake, ctx) =
  local recipe = ctx.recipe;
  local wrong = mistakes(ctx);
  local list(key) = std.get(recipe, key, []);
  local environment = std.get(recipe, 'Environment', {});
  local both = {
    Name: std.get(recipe, 'Name', ctx.name),
    Type: typeOf(ctx),
    Cargo: isCargo(recipe),
    Flavor: std.toString(std.get(ctx.parameters, 'Flavor', 'Debug')),
    Features: list('Features'),
    Inputs: paths.inputs(ctx, list('Inputs')),
    Environment: { [name]: paths.resolve(ctx, environment[name]) for name in std.objectFields(environment) },
    Toolchain: toolchain(wake, ctx, if isCargo(recipe) then 'cargo' else 'rustc'),
  };
  local crate = {
    Crate: std.get(recipe, 'CrateName', crateName(std.get(recipe, 'Name', ctx.name))),
    Roots: roots(ctx),
    Edition: std.get(recipe, 'Edition', '2024'),
    Cfg: list('Cfg'),
    CompilerFlags: list('CompilerFlags') + (if std.get(recipe, 'EnableWarningsAsErrors', false) then ['-Dwarnings'] else []),
    LinkerFlags: list('LinkerFlags'),
  };
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else {
    messages: std.map(wake.warning, check.unused(ctx, common + ofCrates + ofCargo)),
    activeState: { Rust: both + (if isCargo(recipe) then {} else crate) },
  };

// What is wrong with the crates that a crate depends on.
local dependencyMistakes(ctx, crates) =
  local names = std.sort([one.Crate for one in crates if std.objectHas(one, 'File')]);
  [
    '`%s` is a `StaticLibrary`, which is for C and C++; make it a `Library` for `%s` to use' % [one.Name, ctx.name]
    for one in crates
    if std.get(one, 'Type') == 'StaticLibrary'
  ] + [
    'Two dependencies of `%s` are crates called `%s`; give one of them another `CrateName`' % [ctx.name, names[index]]
    for index in std.range(1, std.length(names) - 1)
    if names[index] == names[index - 1]
  ];

local dependencies(wake, ctx) =
  local recipe = ctx.recipe;
  local files(key) = std.map(paths.inPackage, paths.resolved(ctx, std.get(recipe, key, [])));
  local own = {
    PublicIncludePaths: files('PublicIncludePaths'),
    LinkLibraries: files('LinkLibraries'),
    PlatformLibraries: std.get(recipe, 'PlatformLibraries', []),
    RuntimeDependencies: files('RuntimeDependencies'),
  };
  local base = tested(ctx);
  local crates = [
    one.sharedState.Rust { Name: one.name, IsTested: one == base, Executable: one.executable }
    for one in linking.dependencies(ctx)
    if std.objectHas(one.sharedState, 'Rust')
  ];
  local wrong = if ctx.activeState.Rust.Cargo || base != null then [] else dependencyMistakes(ctx, crates);
  if wrong != [] then { messages: check.errors(wake, wrong) }
  else { activeState: { Rust+: { Crates: crates, Inherited: linking.inherited(ctx, own) } } };

{
  keys:: common + ofCrates + ofCargo,
  state:: state,
  dependencies:: dependencies,
}
