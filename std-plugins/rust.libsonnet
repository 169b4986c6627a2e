// `Language: 'Rust'`: crates built by rustc, or a package of cargo built by cargo.
//
// RECIPE KEYS of both
//   Name                    what the files are named after; default the name of the package for `root`, else of the module
//   Features                list of features to switch on
//   Environment             object of strings: variables of the compiler (`env!`) or of cargo, with tokens
//   Inputs                  list of paths and patterns of files that a test reads: it runs again when one changes
//   Timeout                 seconds, of a test
//   PublicIncludePaths      list of directories from which C and C++ include the headers of this library
//   PlatformLibraries       list of names of libraries of the system
//
// RECIPE KEYS of a crate
//   Type                    'Executable' | 'Library' (an rlib, for Rust; the default) | 'ProcMacro' | 'Test'
//                           | 'StaticLibrary' | 'DynamicLibrary' (for C and C++)
//   Source                  the file where the crate begins; the compiler finds its modules. Default `src/main.rs` of an
//                           executable, `src/lib.rs` of a library. Of a 'Test' each file is a crate and a test of its own,
//                           by default `tests/*.rs`
//   CrateName               default `Name` with `_` for what a crate cannot be called
//   Edition                 '2015', '2018', '2021' or '2024'; default '2024'
//   Cfg                     list for `--cfg`: 'NAME' or 'NAME="value"'
//   CompilerFlags           list of strings, behind all other flags of rustc
//   LinkerFlags             list of strings, before the libraries of a link
//   LinkLibraries           list of paths of C libraries
//   RuntimeDependencies     list of paths of files that must lie beside an executable
//   EnableWarningsAsErrors  boolean, default false
//   Tests                   object: the keys of a 'Test'. Without `Source` it is the unit tests of the crate and
//                           `tests/*.rs`, as cargo has it
// Paths are relative to the package, or begin with `$(target)`, or with `$(target NAME)`, `$(target :MODULE)`: the target
// directory of a dependency. `Inputs` of a crate are files that are made or there before it is compiled: sources that
// another module generates.
//
// RECIPE KEYS of a package of cargo (`Cargo.toml` and `Cargo.lock` in the package)
//   Cargo                   true
//   Type                    'Executable' (the default) | 'StaticLibrary' | 'DynamicLibrary' (a `staticlib`, a `cdylib`)
//   Packages                list of names, for `--package`
//   Binaries                list of names of programs; default `Name`. `wake run` starts the first
//   DefaultFeatures         boolean, default true
//   Profile                 the profile of cargo; default that of the flavor
//   Source                  list of paths and patterns of all that cargo reads; default everything in the package but
//                           `target/`. What it reads in other packages is found out by itself
//   Tests                   object: `cargo test`
// Dependencies are what `Cargo.lock` says. Cargo uses the registry, mirrors and credentials of the user (`CARGO_HOME`),
// and no network if the package configures `vendored-sources`. It works in `$(cache)`.
//
// PARAMETERS
//   Flavor    Debug: opt-level 0, debug information | DebugRelease: opt-level 2, debug information
//             | Release: opt-level 3, stripped. In cargo: `dev` | `release` with debug information | `release`
//
// TASKS, in order, and the fields of `Rust` in the active state that each adds; another plugin may extend any of the
// lists from a task of its own that runs before `Build`
//   RecipeBuild          Name, Type, Cargo, Flavor, Features, Inputs, Environment, Toolchain: { Inputs, Environment };
//                        of a crate: Crate, Edition, Roots: [{ File, Crate, IsUnit }], Cfg, CompilerFlags, LinkerFlags
//   ResolveDependencies  Crates: what dependencies share in `Rust`; Inherited: what they share in `Build`, joined
//   Build                makes the operations and the shared state
//   Test                 makes the operations that run tests
//
// SHARED STATE
//   Rust   of a crate: { Crate, Root, Type }; of a 'Library' and 'ProcMacro' also File, and Closure, the files that a
//          dependent loads. Of a package of cargo: Sources
//   Build  as in C and C++ (see cc.libsonnet): LinkLibraries, PlatformLibraries, RuntimeDependencies, LinkLanguage,
//          PublicIncludePaths, RunExecutable. A `Library` passes on what it needs itself
//
//   wake.recipe({ Language: 'Rust', Type: 'Executable' })
//   wake.recipe({ Language: 'Rust', Cargo: true, Tests: {} })
local cargo = import 'wake/rust-cargo.libsonnet';
local crates = import 'wake/rust-crate.libsonnet';
local recipes = import 'wake/rust-recipe.libsonnet';

local maker(ctx) = if ctx.activeState.Rust.Cargo then cargo else crates;

function(wake) {
  name: 'wake.rust',
  tasks: [
    { name: 'RecipeBuild', run(ctx):: recipes.state(wake, ctx) },
    { name: 'ResolveDependencies', runAfter: ['RecipeBuild'], run(ctx):: recipes.dependencies(wake, ctx) },
    { name: 'Build', runAfter: ['ResolveDependencies'], run(ctx):: maker(ctx).build(wake, ctx) },
    { name: 'Test', runAfter: ['Build'], run(ctx):: maker(ctx).test(wake, ctx) },
  ],
  keys:: recipes.keys,
}
