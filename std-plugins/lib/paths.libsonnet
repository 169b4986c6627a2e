// Paths as plugins handle them: text that begins with a root token (`$(package)`, `$(target)`, …), and how what
// people write in a recipe becomes one. Knows no language.
//
// A path in a recipe is the name of a file, relative to a root that its key implies, unless it begins with a token.
// Besides wake's own tokens a recipe may say `$(target NAME)`, `$(target NAME:MODULE)` or `$(target :MODULE)`: the
// target directory of a direct dependency.

// Natives (see the host's `natives.rs`): they do in one call what jsonnet would do a character at a time.
local below = std.native('wake.below');
local firsts = std.native('wake.firsts');
local isPlain = std.native('wake.isPlain');
local normal = std.native('wake.normal');

local isToken(path) = std.startsWith(path, '$(');
local isAbsolute(path) = std.startsWith(path, '/');

{
  isToken:: isToken,
  isAbsolute:: isAbsolute,
  // A name as text in which tokens are expanded: a dollar of the name stays a dollar.
  literal(path):: std.strReplace(path, '$', '$$'),
  // The path without `.`, `//` and inner `..`; `..` at its start stays.
  normal:: normal,

  // `list` where only the first, or only the last, of equal elements is left.
  firsts:: firsts,
  lasts:: std.native('wake.lasts'),

  // A path, or every path of a list, below a root, as text in which tokens are expanded.
  inPackage(path):: below('$(package)', path),
  inTarget(path):: below('$(target)', path),
  inCache(path):: below('$(cache)', path),

  // The paths and patterns that a recipe lists, each once: patterns expanded, dependencies resolved, in their places.
  inputs(ctx, list):: firsts(below('$(package)', $.resolved(ctx, list))),
  resolved(ctx, list):: if isPlain(list) then list else [$.resolve(ctx, path) for path in $.expand(ctx, list)],

  // Whether a path that a recipe names of its own package lies elsewhere.
  leaves(path):: !isToken(path) && (isAbsolute(path) || std.startsWith(normal(path), '..')
                                    && (normal(path) == '..' || std.startsWith(normal(path), '../'))),

  // The last part of a path.
  base(path):: local parts = std.split(path, '/'); parts[std.length(parts) - 1],

  // What is behind the last dot of the last part, or ''.
  extension:: std.native('wake.extension'),

  // The token at the start of a path and the rest: `$(target a:b)/c` → { token: 'target a:b', rest: '/c' }.
  split(path)::
    local end = std.findSubstr(')', path)[0];
    { token: path[2:end], rest: path[end + 1:] },

  // The patterns (`*`) of a list replaced by what they match.
  expand(ctx, paths):: if isPlain(paths) then paths else std.flatMap(
    function(path)
      if isToken(path) || std.findSubstr('*', path) == [] then [path] else ctx.glob(path),
    paths,
  ),

  // The files of the package that words of a command line name, as in `-Wl,--version-script=api.map` and `-Tboot.ld`:
  // the tool reads them, and does not say so. Directories are none, nor are names without an extension.
  filesInFlags(ctx, flags):: std.flatMap(
    function(word)
      local path = normal(if std.startsWith(word, '-T') then word[2:] else std.strReplace(word, '$(package)/', ''));
      local isName = std.setInter(std.set(std.stringChars(path)), std.set(std.stringChars('"$*?[]{}'))) == [];
      if isName && std.member(path, '.') && !std.startsWith(path, '-') && !$.leaves(path)
      then std.map($.inPackage, ctx.glob(path))
      else [],
    std.flatMap(
      function(flag) if std.startsWith(flag, '-D') then [] else std.split(std.strReplace(flag, '=', ','), ','),
      flags
    ),
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
         && (package == '' || dependency.reference == package || std.endsWith(dependency.reference, '/' + package))
    ],

  // Replaces a `$(target NAME)` at the start of a path; a token that names no dependency stays, for wake to judge.
  resolve(ctx, path)::
    if !std.startsWith(path, '$(target ') then path
    else
      local parts = $.split(path);
      local found = $.named(parts.token[std.length('target '):], $.dependencies(ctx));
      if found == [] then path else found[0].targetDirectory + parts.rest,
}
