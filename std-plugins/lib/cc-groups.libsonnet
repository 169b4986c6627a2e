// Conditional groups: what a list of a recipe holds only for some parameters. Ignorant of what the lists mean.
//
//   Source: ['main.c', { Filter: { System: 'Linux' }, Files: ['linux/*.c'] }]
//
// A group stands for the elements of its `Files` (or `Values`, the same) if every parameter of its `Filter` has the value,
// or one of the list of values, that stands there; else for nothing. `Compiler` may leave out its version. Soup's names of
// architectures are known beside wake's. A group with `Root` or `Target`, of `PublicHeaders`, is one element itself.
local check = import 'wake/check.libsonnet';

// Native: the names of the fields that are not of their kind.
local misfits = std.native('wake.misfits');

local filterNames = ['Architecture', 'Compiler', 'Flavor', 'System'];
local groupKeys = { Files: 'strings', Filter: 'any', Root: 'string', Target: 'string', Values: 'strings' };
// Soup's names and ours.
local architectures = { arm64: 'aarch64', x64: 'x86_64' };

local isGroup(element) = std.isObject(element) && std.objectHas(element, 'Filter');

local listOf(value) = if std.isArray(value) then value else [value];

// The values that a parameter counts as having.
local valuesOf(ctx, name) =
  local value = std.toString(std.get(ctx.parameters, name, ''));
  if name == 'Compiler' then [value, std.splitLimit(value, '-', 1)[0]] else [value];

local matches(ctx, filter) = std.all([
  std.any([
    std.member(valuesOf(ctx, name), if name == 'Architecture' then std.get(architectures, value, value) else value)
    for value in listOf(filter[name])
  ])
  for name in std.objectFields(filter)
]);

// What a group that counts stands for.
local content(group) =
  if std.objectHas(group, 'Root') || std.objectHas(group, 'Target') then
    [{ [name]: group[name] for name in std.objectFields(group) if name != 'Filter' }]
  else std.get(group, 'Files', []) + std.get(group, 'Values', []);

local expanded(ctx, list) = std.flatMap(
  function(element) if !isGroup(element) then [element] else if matches(ctx, element.Filter) then content(element) else [],
  list,
);

local isText(value) = std.isString(value) || std.isArray(value) && std.all(std.map(std.isString, value));

// Sentences about what is wrong with a group.
local mistakesOf(group, subject) =
  local filter = group.Filter;
  local wrong = check.unknown(group, groupKeys, subject) + check.types(group, groupKeys, subject);
  if wrong != [] then wrong
  else if !std.isObject(filter) then ["The `Filter` of %s must be an object, for example `{ System: 'Linux' }`" % subject]
  else if !std.objectHas(group, 'Files') && !std.objectHas(group, 'Values') then
    ['%s has a `Filter` but no `Files`' % subject]
  else std.flattenArrays([
    check.oneOf(name, filterNames, 'A parameter in the `Filter` of %s' % subject)
    + (if isText(filter[name]) then [] else ['`%s` in the `Filter` of %s must be a string or a list of strings' % [
      name,
      subject,
    ]])
    for name in std.objectFields(filter)
  ]);

{
  // The recipe without groups, and sentences about what is wrong with them. `keys` are those that may hold groups, each
  // with the kind 'strings', so that lists of nothing but strings are known in one call.
  resolve(ctx, keys, recipe, subject)::
    local holding = [
      key
      for key in misfits(recipe, keys)
      if std.isArray(recipe[key]) && std.any(std.map(isGroup, recipe[key]))
    ];
    {
      mistakes: [
        sentence
        for key in holding
        for index in std.range(0, std.length(recipe[key]) - 1)
        if isGroup(recipe[key][index])
        for sentence in mistakesOf(recipe[key][index], '`%s[%d]` of %s' % [key, index, subject])
      ],
      recipe: if holding == [] then recipe
      else recipe { [key]: expanded(ctx, recipe[key]) for key in holding },
    },
}
