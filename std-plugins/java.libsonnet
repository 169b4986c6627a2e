// `Language: 'Java'`: programs and libraries in Java, with a JDK of version 17 or later (`javac`, `jar`, `java`).
//
// RECIPE KEYS, beside those of lib/hosted.libsonnet
//   Type                    'Executable': NAME.jar, its class path in lib/, and NAME, a script that starts it |
//                           'Library': NAME.jar | 'Test': as 'Executable'; exit code 0 passes; default 'Library'
//   Source                  *.java; default `src/main/java/**/*.java`, else `src/**/*.java`, else `**/*.java`; of a 'Test'
//                           `src/test/java/**/*.java`, else `test/**/*.java` and `tests/**/*.java`
//   Resources               list of paths and patterns of files that go into the jar, below the first of
//                           `src/main/resources/`, `src/test/resources/`, `resources/` and `src/` that they lie in
//   MainClass               'com.acme.Main'; default the one class of the sources that has a `main`
//   LanguageVersion         '17': the release whose language and library it is compiled for (`--release`)
//   CompilerFlags           list of strings, after all other flags of `javac`
//   EnableWarningsAsErrors  boolean, default false
//   LinkLibraries           list of paths of jars: on the class path of this module and of all that depend on it
//   RuntimeDependencies     list of paths of files (libraries of JNI) that must lie beside a program
//   RuntimeFlags            list of strings: what the virtual machine of a program gets, as in '-Xmx1g'
//   TestRunner              path of the JUnit console (junit-platform-console-standalone.jar): it runs all tests of a
//                           'Test', which then needs no `main`; also on its class path
// A `module-info.java` among the sources puts the jars on the module path of the compiler.
//
// SHARED STATE
//   Java.ClassPath             jars, transitively: its own first
//   Build.RuntimeDependencies  files that must lie beside a program; C and C++ add their shared libraries, which
//                              a program finds (`java.library.path`)
//   Build.RunExecutable        the script, of a program
//
//   wake.recipe({ Language: 'Java', Type: 'Executable', LanguageVersion: '17', MainClass: 'com.acme.Main' })
local hosted = import 'wake/hosted.libsonnet';
local paths = import 'wake/paths.libsonnet';

// All jars say so of all entries: when they were made is nobody's business. No archive knows an earlier time.
local date = '1980-01-01T00:00:02Z';
// Else the virtual machine leaves files in the directory for temporary files.
local quiet = '-XX:-UsePerfData';

local debugFlags = { Debug: ['-g'], DebugRelease: ['-g'], Release: ['-g:source,lines'] };
local resourceRoots = ['src/main/resources', 'src/test/resources', 'resources', 'src'];
local isProgram(type) = std.member(['Executable', 'Test'], type);
local join(jars) = std.join(':', jars);
local jarOf(given) = '$(target)/%s.jar' % given.Name;

// What the class path is, beside the module's own jar.
local jars(given) = paths.firsts(given.LinkLibraries + given.Inherited.ClassPath);
local runtimeFiles(given) = paths.firsts(given.RuntimeDependencies + given.Inherited.RuntimeDependencies);

local words(text) = [word for word in std.split(text, ' ') if word != ''];

// The class that a source declares with a `main`, or null.
local mainClass(ctx, source) =
  local text = ctx.readFile(std.strReplace(hosted.relative(source), '$$', '$'));
  local packages = [
    std.stripChars(std.strReplace(std.split(line, ';')[0], 'package ', ''), ' ')
    for line in std.map(function(line) std.stripChars(line, ' \t\r'), std.split(text, '\n'))
    if std.startsWith(line, 'package ')
  ];
  local class = std.split(paths.base(source), '.')[0];
  if std.length(std.findSubstr('void main(', std.join(' ', words(std.strReplace(text, ' (', '('))))) == 0 then null
  else paths.literal(if packages == [] then class else packages[0] + '.' + class);

// The classes that could be the main class, without looking at files if there is nothing to find out.
local mainClasses(ctx, given) =
  if given.MainClass != null then [given.MainClass]
  else if !isProgram(given.Type) || given.TestRunner != null then []
  else [
    class
    for class in [
      mainClass(ctx, source)
      for source in given.Source
      if std.startsWith(source, '$(package)/')
    ]
    if class != null
  ];

local resourceArguments(resource) =
  local name = hosted.relative(resource);
  local roots = [
    root
    for root in resourceRoots
    if std.startsWith(resource, '$(package)/') && std.startsWith(name, root + '/')
  ];
  if roots != [] then ['-C', '$(package)/' + roots[0], hosted.below(roots[0], resource)]
  else if paths.isToken(resource) then ['-C', '$(%s)' % paths.split(resource).token, name]
  else ['-C', '/', name];

// The package's own sources go into a file that `javac` reads: there may be more than a command line holds. Their names
// are relative, so it says the same on every machine.
local compile(wake, given) =
  local own = [source for source in given.Source if std.startsWith(source, '$(package)/')];
  local line(source) = '"%s"\n' % std.strReplace(std.strReplace(hosted.relative(source), '\\', '\\\\'), '"', '\\"');
  local isModular = std.any([paths.base(source) == 'module-info.java' for source in given.Source]);
  local used = jars(given) + (if given.TestRunner == null then [] else [given.TestRunner]);
  local classes = '$(target)/classes';
  local list = '$(target)/obj/sources.txt';
  [
    wake.writeFile(list, std.join('', std.map(line, own))),
    wake.operation({
      title: 'Compile ' + given.Name,
      executable: 'javac',
      arguments: ['-J' + quiet, '-d', classes, '-encoding', 'UTF-8', '-implicit:none', '-sourcepath', classes]
                 + (if given.LanguageVersion == null then [] else ['--release', given.LanguageVersion])
                 + debugFlags[given.Flavor]
                 + ['-Xlint:all,-path,-processing,-serial']
                 + (if given.EnableWarningsAsErrors then ['-Werror'] else [])
                 + (if used == [] then ['-classpath', classes]
                    else [if isModular then '--module-path' else '-classpath', join(used)])
                 + given.CompilerFlags
                 + ['@' + list]
                 + [source for source in given.Source if !std.member(own, source)],
      inputs: [list] + given.Source + used,
      outputs: [classes + '/'],
      responseFile: 'never',
    }),
  ];

local archive(wake, given, main) =
  local jar = jarOf(given);
  wake.operation({
    title: 'Archive %s.jar' % given.Name,
    executable: 'jar',
    arguments: ['-J' + quiet, '--create', '--file', jar, '--date=' + date]
               + (if main == null then [] else ['--main-class', main])
               + ['-C', '$(target)/classes', '.']
               + std.flatMap(resourceArguments, given.Resources),
    inputs: ['$(target)/classes'] + given.Resources,
    outputs: [jar],
    responseFile: 'never',
  });

// The program: copies of all jars in `lib`, of other files beside it, and the script.
local program(wake, ctx, given, main) =
  local libraries = hosted.beside(wake, ctx, '$(target)/lib', jars(given));
  local others = hosted.beside(wake, ctx, '$(target)', runtimeFiles(given));
  local own = jarOf(given);
  local classPath = [own] + [libraries.copies[jar] for jar in jars(given)];
  local inHere(file) = '"$here"/' + hosted.quote(hosted.relative(file));
  local copies = [others.copies[file] for file in runtimeFiles(given)];
  local java = ctx.findTool('java');
  local flags = std.map(paths.literal, given.RuntimeFlags) + (if copies == [] then [] else ['-Djava.library.path=$(target)']);
  {
    operations: libraries.operations + others.operations + (
      if main == null then []
      else hosted.launcher(
        wake,
        given.Name,
        std.join(' ', [hosted.quote(java)]
                      + std.map(hosted.quote, given.RuntimeFlags)
                      + (if copies == [] then [] else ['-Djava.library.path="$here"'])
                      + ['-cp', std.join(':', std.map(inHere, classPath)), hosted.quote(std.strReplace(main, '$$', '$'))]),
        classPath + copies,
      )
    ),
    active: {
      ClassPath: classPath,
      Main: main,
      Flags: flags,
      Beside: copies,
      [if main != null then 'Executable']: '$(target)/' + given.Name,
    },
  };

local build(wake, ctx, given) =
  local found = mainClasses(ctx, given);
  local main = if found == [] then null else found[0];
  local made = if isProgram(given.Type) then program(wake, ctx, given, main) else { operations: [], active: {} };
  {
    active: made.active,
    shared: {
      Java+: { ClassPath+: [jarOf(given)] + jars(given) },
      Build+: {
        RuntimeDependencies+: if isProgram(given.Type) then made.active.Beside else runtimeFiles(given),
        [if std.objectHas(made.active, 'Executable') then 'RunExecutable']: made.active.Executable,
      },
    },
    operations: compile(wake, given) + [archive(wake, given, main)] + made.operations,
  };

local test(ctx, given) = {
  executable: 'java',
  arguments: given.Flags + [quiet] + (
    if given.TestRunner == null then ['-cp', join(given.ClassPath), given.Main]
    else [
      '-cp',
      join([given.TestRunner] + given.ClassPath),
      'org.junit.platform.console.ConsoleLauncher',
      'execute',
      '--disable-banner',
      '--disable-ansi-colors',
      '--fail-if-no-tests',
      '--scan-classpath=' + given.ClassPath[0],
    ]
  ),
  inputs: given.ClassPath + given.Beside + (if given.TestRunner == null then [] else [given.TestRunner]),
};

local buildMistakes(ctx, given) =
  local found = mainClasses(ctx, given);
  local strangers = [
    '`%s` is no source that the Java plugin compiles (those end in `.java`)' % hosted.relative(source)
    for source in given.Source
    if paths.extension(source) != 'java'
  ];
  if strangers != [] then strangers
  else if !isProgram(given.Type) then []
  else (
    if std.length(found) > 1 then [
      '`%s` has several main classes, %s: name one with `MainClass`' % [
        ctx.name,
        std.join(', ', ['`%s`' % class for class in found]),
      ],
    ]
    else if found == [] && given.TestRunner == null then
      ['`%s` has no class with a `main`: name one with `MainClass`' % ctx.name]
    else []
  ) + hosted.beside(null, ctx, '', jars(given)).mistakes + hosted.beside(null, ctx, '', runtimeFiles(given)).mistakes;

hosted.plugin({
  name: 'Java',
  plugin: 'java',
  share: 'Java',
  inherits: ['ClassPath'],
  keys: {
    CompilerFlags: 'strings',
    EnableWarningsAsErrors: 'boolean',
    LanguageVersion: 'any',
    LinkLibraries: 'strings',
    MainClass: 'string',
    Resources: 'strings',
    RuntimeDependencies: 'strings',
    RuntimeFlags: 'strings',
    TestRunner: 'string',
  },
  testKeys: ['Environment', 'TestRunner'],
  packagePaths: ['Resources'],
  systemPaths: ['LinkLibraries', 'RuntimeDependencies'],
  types: ['Executable', 'Library', 'Test'],
  programs: ['Executable', 'Test'],
  defaultType: 'Library',
  testSuffix: '',
  defaultSources: '`**/*.java`',
  testSources: '`src/test/java/**/*.java` or `{test,tests}/**/*.java`',
  mistakes(ctx, subject)::
    local version = std.toString(std.get(ctx.recipe, 'LanguageVersion', '17'));
    local isNumber = version != '' && std.all([std.member('0123456789', digit) for digit in std.stringChars(version)]);
    if isNumber then []
    else ["`LanguageVersion` of %s must be the number of a release, like '17', not `%s`" % [subject, version]],
  doubts(ctx):: [],
  sources(ctx):: hosted.sources(ctx, (
    if std.get(ctx.recipe, 'Type') == 'Test' then
      [{ include: ['src/test/java/**/*.java'] }, { include: ['test/**/*.java', 'tests/**/*.java'] }]
    else
      [{ include: ['src/main/java/**/*.java'] }, { include: ['src/**/*.java'] }, { include: ['**/*.java'] }]
  )),
  table(ctx)::
    local recipe = ctx.recipe;
    local files(key) = hosted.files(ctx, std.get(recipe, key, []));
    local version = std.get(recipe, 'LanguageVersion');
    {
      Resources+: files('Resources'),
      LinkLibraries+: files('LinkLibraries'),
      RuntimeDependencies+: files('RuntimeDependencies'),
      CompilerFlags+: std.get(recipe, 'CompilerFlags', []),
      RuntimeFlags+: std.get(recipe, 'RuntimeFlags', []),
      EnableWarningsAsErrors: std.get(recipe, 'EnableWarningsAsErrors', false),
      LanguageVersion: if version == null then null else std.toString(version),
      MainClass: if std.objectHas(recipe, 'MainClass') then paths.literal(recipe.MainClass) else null,
      TestRunner: if std.objectHas(recipe, 'TestRunner') then hosted.files(ctx, [recipe.TestRunner])[0] else null,
    },
  buildMistakes:: buildMistakes,
  build:: build,
  test:: test,
})
