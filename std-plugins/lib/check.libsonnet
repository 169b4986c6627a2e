// Checks of what people write in recipes: types, fields and near names. Knows no language and no path.
//
// A check returns a list of sentences, empty if all is well; a task hands them on as `wake.fail` messages, which lead the
// person to their declaration rather than to a line of a plugin.

// The number of single edits (insert, delete, replace) between two strings.
local distance(a, b) =
  local next(row, index) = std.foldl(
    function(done, j) done + [std.min(
      std.min(done[j] + 1, row[j + 1] + 1),
      row[j] + (if a[index] == b[j] then 0 else 1),
    )],
    std.range(0, std.length(b) - 1),
    [index + 1],
  );
  local rows = std.foldl(next, std.range(0, std.length(a) - 1), std.range(0, std.length(b)));
  rows[std.length(b)];

local quote(text) = '`%s`' % text;

// `a`, `b` or `c`.
local either(names) =
  local quoted = std.map(quote, names);
  local count = std.length(quoted);
  if count < 2 then std.join('', quoted)
  else std.join(', ', quoted[0:count - 1]) + ' or ' + quoted[count - 1];

local describe(value) = if std.isNumber(value) then '`%g`' % value else {
  array: 'a list',
  boolean: 'a boolean',
  'function': 'a function',
  'null': 'null',
  object: 'an object',
  string: 'a string',
}[std.type(value)];

// Natives: what is right is found out in one call.
local misfits = std.native('wake.misfits');
local strangers = std.native('wake.strangers');

// The kinds that a table of fields may name, as people read them.
local wanted = {
  string: 'a string',
  boolean: 'a boolean',
  seconds: 'a positive whole number',
  strings: 'a list of strings',
  objects: 'a list of objects',
  stringsOrObjects: 'a list of strings or a list of objects',
  stringTable: 'an object of strings',
  any: 'anything',
};

// The index of the first element that is none of what the list or object should hold; null if the value is neither.
local firstWrong(kind, value) =
  local tests = {
    strings: std.isString,
    objects: std.isObject,
    // Of a mixture, the first decides what the others should be.
    stringsOrObjects: if value != [] && std.isString(value[0]) then std.isString else std.isObject,
  };
  if kind == 'stringTable' && std.isObject(value) then
    [name for name in std.objectFields(value) if !std.isString(value[name])][0]
  else if !std.isArray(value) || !std.objectHas(tests, kind) then null
  else [index for index in std.range(0, std.length(value) - 1) if !tests[kind](value[index])][0];

{
  either:: either,

  // What a value is, for messages: `a list`.
  describe:: describe,

  // Messages that fail a task.
  errors(wake, sentences):: std.map(wake.fail, sentences),

  // The names among `known` that `name` was probably meant to be, nearest first, at most three.
  near(name, known)::
    local lower = std.asciiLower(name);
    local limit = std.max(1, std.floor(std.length(name) / 3));
    local scored = [
      { name: candidate, score: distance(lower, std.asciiLower(candidate)) }
      for candidate in known
      if std.abs(std.length(candidate) - std.length(name)) <= limit
    ];
    local best = std.sort([one for one in scored if one.score <= limit], function(one) one.score);
    [one.name for one in best[0:3]],

  // `; did you mean …?`, or nothing.
  didYouMean(name, known)::
    local names = $.near(name, known);
    if names == [] then '' else '; did you mean %s?' % either(names),

  // Types of the fields of `object` that `fields` ({name: a key of `wanted`}) knows. `subject` is as in
  // "`Source` of `acme/app`".
  types(object, fields, subject):: [
    local value = object[name];
    local wrong = firstWrong(fields[name], value);
    '`%s` of %s must be %s, not %s%s' % [
      name,
      subject,
      wanted[fields[name]],
      if wrong == null then describe(value) else describe(value[wrong]),
      if wrong == null then ''
      else if std.isString(wrong) then ' at `%s`' % wrong
      else ' at index %d' % wrong,
    ]
    for name in misfits(object, fields)
  ],

  // Fields of `object` that `fields` does not know.
  unknown(object, fields, subject):: [
    '`%s` is not a field of %s%s' % [name, subject, $.didYouMean(name, std.objectFields(fields))]
    for name in strangers(object, fields)
  ],

  // Keys of a recipe that its language does not read. Other plugins read keys of their own, so there is nothing to say
  // where there are others; nor of what all packages of a workspace share.
  unused(ctx, keys):: if std.length(std.get(ctx.dependencies, 'Build', [])) > 0 then [] else [
    '`%s` in the recipe of `%s` is not used%s' % [key, ctx.name, $.didYouMean(key, std.objectFields(keys))]
    for key in strangers(ctx.recipe, keys)
    if !std.member(ctx.sharedKeys, key)
  ],

  // Whether `value`, if it is a string, is one of `names`.
  oneOf(value, names, subject)::
    if !std.isString(value) || std.member(names, value) then []
    else ['%s must be %s, not `%s`%s' % [subject, either(names), value, $.didYouMean(value, names)]],
}
