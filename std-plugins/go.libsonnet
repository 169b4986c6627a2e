// `Language: 'Go'`: a Go module (a directory with `go.mod`) built by the go command.
//
// RECIPE KEYS
//   Name                 what the files are named after; default the name of the package for `root`, else of the module
//   Type                 'Executable' | 'Library' (Go packages for other modules; the default) | 'Test'
//                        | 'StaticLibrary' | 'DynamicLibrary' (for C and C++, with the header that cgo writes)
//   Packages             list of directories or patterns of Go packages: './cmd/tool', './...'. Default '.' of a program
//                        and a library for C, './...' of a library (they are compiled, to find errors) and a test
//   Source               list of paths and patterns of all that the go command reads, embedded files too; default
//                        everything in the package
//   Tags                 list of build tags
//   Variables            object of strings, for `-X`: { 'main.version': '1.2.3' }
//   Cgo                  boolean; default true if a dependency is a C library or the module is a library for C, else false
//   CompilerFlags        list of strings, for `-gcflags`
//   LinkerFlags          list of strings, for `-ldflags`
//   PlatformLibraries    list of names of libraries of the system, for cgo
//   Environment          object of strings: variables of the go command, with tokens
//   Inputs               list of paths and patterns of files that a test reads: it runs again when one changes
//   Timeout              seconds, of a test
//   Tests                object: the keys of a 'Test'
// Paths are relative to the package, or begin with `$(target)`, or with `$(target NAME)`, `$(target :MODULE)`: the target
// directory of a dependency.
//
// Modules of other wake packages are found through a workspace (`go.work`) that is written into the target directory: a
// dependency on a package whose `go.mod` says `module acme.org/text` makes `import "acme.org/text"` mean that package.
// Other modules are what `go.mod` and `go.sum` say, from the user's module cache and proxy, or from `vendor/`, with which
// there are no modules of other packages.
//
// PARAMETERS
//   Flavor    Debug, DebugRelease: as the go command does by itself | Release: without symbols and debug information
//
// TASKS, in order, and the fields of `Go` in the active state that each adds; another plugin may extend any of the lists
// from a task of its own that runs before `Build`
//   RecipeBuild          Name, Type, Flavor, Packages, Source, Tags, Variables, CompilerFlags, LinkerFlags, Environment,
//                        Inputs, Version (of the language, from `go.mod`), IsVendored
//   ResolveDependencies  Modules: [{ Directory, Sources, Version }], what dependencies share; Inherited: what they share
//                        in `Build`, joined; Cgo
//   Build                makes the operations and the shared state
//   Test                 makes the operation that runs the tests
//
// SHARED STATE
//   Go     { Modules: this one and those that it needs }
//   Build  as in C and C++ (see cc.libsonnet): LinkLibraries, PlatformLibraries, RuntimeDependencies, LinkLanguage,
//          PublicIncludePaths, GeneratedHeaders, RunExecutable
//
//   wake.recipe({ Language: 'Go', Type: 'Executable', Packages: ['./cmd/hello'] })
local operations = import 'wake/go-operations.libsonnet';
local recipes = import 'wake/go-recipe.libsonnet';

function(wake) {
  name: 'wake.go',
  tasks: [
    { name: 'RecipeBuild', run(ctx):: recipes.state(wake, ctx) },
    { name: 'ResolveDependencies', runAfter: ['RecipeBuild'], run(ctx):: recipes.dependencies(wake, ctx) },
    { name: 'Build', runAfter: ['ResolveDependencies'], run(ctx):: operations.build(wake, ctx) },
    { name: 'Test', runAfter: ['Build'], run(ctx):: operations.test(wake, ctx) },
  ],
  keys:: recipes.keys,
}
