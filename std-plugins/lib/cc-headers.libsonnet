// The `PublicHeaders` of a C or C++ recipe: which files are copied where, and where the module itself finds them.
// Ignorant of compilers.
local paths = import 'wake/paths.libsonnet';

// What dependents include copied headers from.
local copiesDirectory = '$(target)/include';

// What a group means that names no files.
local everyHeader = ['**/*.{h,hh,hpp,hxx,h++,inc,inl,ipp,tpp}'];

// Every public header with where it is copied to, below `include/`.
local headerGroup(ctx, group) =
  local root = std.get(group, 'Root', '');
  local target = paths.normal(std.get(group, 'Target', ''));
  local prefix = if paths.normal(root) == '' then '' else paths.normal(root) + '/';
  [
    { From: paths.inPackage(file), To: paths.inTarget(std.join('/', ['include', target, file[std.length(prefix):]])) }
    for file in paths.firsts(
      paths.expand(ctx, [prefix + paths.normal(file) for file in std.get(group, 'Files', everyHeader)])
    )
  ];

local withoutToken(path) =
  if paths.isToken(path) then std.lstripChars(paths.split(path).rest, '/') else paths.normal(path);

local headerList(ctx, list) =
  local files = paths.firsts([paths.resolve(ctx, file) for file in paths.expand(ctx, list)]);
  local isBelowInclude = std.all([std.startsWith(withoutToken(file), 'include/') for file in files]);
  [
    { From: paths.inPackage(file), To: copiesDirectory + '/' + literal }
    for file in files
    for literal in [
      local relative = withoutToken(file);
      local name = if isBelowInclude then relative[std.length('include/'):] else relative;
      if paths.isToken(file) then name else paths.literal(name),
    ]
  ];

local isGroups(headers) = std.length(headers) > 0 && std.isObject(headers[0]);

local headerCopies(ctx, headers) =
  if isGroups(headers) then std.flatMap(function(group) headerGroup(ctx, group), headers)
  else headerList(ctx, headers);

// Where the module's own sources find its public headers: as they lie in the package where that gives them the same
// names, so that messages of the compiler lead to the files people edit.
local ownHeaderPaths(headers, copies) =
  local isRenamed(copy) =
    local name = withoutToken(copy.To)[std.length('include/'):];
    !std.endsWith(copy.From, '/' + name) || paths.split(copy.From).token != 'package';
  if copies == [] then []
  else if std.any(std.map(isRenamed, copies)) || isGroups(headers) && std.any([
    std.get(group, 'Target', '') != ''
    for group in headers
  ]) then [copiesDirectory]
  else paths.firsts([
    copy.From[0:std.length(copy.From) - (std.length(copy.To) - std.length(copiesDirectory))]
    for copy in copies
  ]);

{
  directory:: copiesDirectory,

  // Every public header: [{ From, To }].
  copies:: headerCopies,

  // The directories that the module's own sources include them from.
  ownPaths:: ownHeaderPaths,
}
