// Paths as plugins handle them: text that begins with a root token (`$(package)`, `$(target)`, …), and how what
// people write in a recipe becomes one. Knows no language.
//
// A path in a recipe is the name of a file, relative to a root that its key implies, unless it begins with a token.
// Besides wake's own tokens a recipe may say `$(target NAME)`, `$(target NAME:MODULE)` or `$(target :MODULE)`: the
// target directory of a direct dependency.

// Elements without their later (or, from the end, earlier) repetitions. Sorts, so that long lists are no burden: a
// list of n elements costs n log n. No path has a NUL.
local firsts(list) =
  local keys = std.sort([
    list[index] + '\u0000%09d' % index
    for index in std.range(0, std.length(list) - 1)
  ]);
  local value(key) = key[0:std.length(key) - 10];
  local kept = [
    std.parseInt(keys[index][std.length(keys[index]) - 9:])
    for index in std.range(0, std.length(keys) - 1)
    if index == 0 || value(keys[index]) != value(keys[index - 1])
  ];
  [list[index] for index in std.sort(kept)];

local isToken(path) = std.startsWith(path, '$(');
local isAbsolute(path) = std.startsWith(path, '/');

// A name as text in which tokens are expanded: a dollar of the name stays a dollar.
local literal(path) = std.strReplace(path, '$', '$$');

// The path without `.`, `//` and inner `..`; `..` at its start stays.
local normal(path) =
  local step(done, part) =
    if part == '' || part == '.' then done
    else if part == '..' && std.length(done) > 0 && done[std.length(done) - 1] != '..'
    then done[0:std.length(done) - 1]
    else done + [part];
  local parts = std.split(path, '/');
  // Only few paths need the walk.
  if std.all([part != '' && part != '.' && part != '..' for part in parts]) then path
  else std.join('/', std.foldl(step, parts, []));

local below(root, path) =
  if isToken(path) || isAbsolute(path) then path
  else
    local relative = normal(path);
    local slash = if std.endsWith(path, '/') && relative != '' then '/' else '';
    if relative == '' then root else root + '/' + literal(relative) + slash;

{
  isToken:: isToken,
  isAbsolute:: isAbsolute,
  literal:: literal,
  normal:: normal,

  // `list` where only the first, or only the last, of equal elements is left.
  firsts(list):: if std.length(std.set(list)) == std.length(list) then list else firsts(list),
  lasts(list):: std.reverse($.firsts(std.reverse(list))),

  inPackage(path):: below('$(package)', path),
  inTarget(path):: below('$(target)', path),

  // Whether a path that a recipe names of its own package lies elsewhere.
  leaves(path):: !isToken(path) && (isAbsolute(path) || std.startsWith(normal(path), '..')
                                    && (normal(path) == '..' || std.startsWith(normal(path), '../'))),

  // The last part of a path.
  base(path):: local parts = std.split(path, '/'); parts[std.length(parts) - 1],

  // What is behind the last dot of the last part, or ''.
  extension(path)::
    local parts = std.split($.base(path), '.');
    if std.length(parts) < 2 then '' else parts[std.length(parts) - 1],

  // The token at the start of a path and the rest: `$(target a:b)/c` → { token: 'target a:b', rest: '/c' }.
  split(path)::
    local end = std.findSubstr(')', path)[0];
    { token: path[2:end], rest: path[end + 1:] },

  // The patterns (`*`) of a list replaced by what they match.
  expand(ctx, paths):: std.flatMap(
    function(path)
      if isToken(path) || std.findSubstr('*', path) == [] then [path] else ctx.glob(path),
    paths,
  ),

  // All dependencies of an instance, of any kind.
  dependencies(ctx):: std.flatMap(
    function(kind) ctx.dependencies[kind],
    std.objectFields(ctx.dependencies),
  ),

  // The dependencies that a recipe means by `NAME`, `NAME:MODULE` or `:MODULE`; the namespace may be left out.
  named(name, dependencies)::
    local parts = std.split(name, ':');
    local package = parts[0];
    local module = if std.length(parts) > 1 then parts[1] else 'root';
    [
      dependency
      for dependency in dependencies
      if dependency.module == module
         && (package == '' || dependency.name == package || std.endsWith(dependency.name, '/' + package))
    ],

  // Replaces a `$(target NAME)` at the start of a path; a token that names no dependency stays, for wake to judge.
  resolve(ctx, path)::
    if !std.startsWith(path, '$(target ') then path
    else
      local parts = $.split(path);
      local found = $.named(parts.token[std.length('target '):], $.dependencies(ctx));
      if found == [] then path else found[0].targetDirectory + parts.rest,
}
