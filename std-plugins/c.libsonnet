// `Language: 'C'`: programs and libraries in C and assembly, with GCC or Clang.
//
// Recipe keys, parameters, tasks (InitializeDefaults, ResolveTools, RecipeBuild, ResolveDependencies, Build, Test) and
// shared state (`Build`): see lib/cc.libsonnet. Of C alone:
//   Source           *.c, *.s (assembly), *.S (assembly with preprocessor), *.asm (NASM); default `**/*.c`
//   LanguageVersion  C89, C90, C99, C11, C17, C23, or GNU89 … GNU23; default GNU17, as `C17` hides what POSIX adds to
//                    the headers: `strdup` would be an undeclared function that returns an `int`
//
//   wake.recipe({ Language: 'C', Type: 'Executable', Source: wake.glob('src/*.c'), PlatformLibraries: ['m'] })
local cc = import 'wake/cc.libsonnet';

// C23 has its final name only in newer compilers; all know this one.
local years = { '89': '89', '90': '90', '99': '99', '11': '11', '17': '17', '23': '2x' };

cc.plugin({
  name: 'C',
  sources: ['**/*.c'],
  extensions: ['c', 's', 'S', 'asm'],
  versions: { ['C' + year]: { C: 'c' + years[year] } for year in std.objectFields(years) }
            + { ['GNU' + year]: { C: 'gnu' + years[year] } for year in std.objectFields(years) },
  defaultVersion: 'GNU17',
  companions: {},
  hasModules: false,
})
