// `Language: 'C++'`: programs and libraries in C++, C and assembly, with GCC or Clang.
//
// Recipe keys, parameters, tasks (InitializeDefaults, ResolveTools, RecipeBuild, ResolveDependencies, Build, Test) and
// shared state (`Build`): see lib/cc.libsonnet. Of C++ alone:
//   Source           *.cpp, *.cc, *.cxx, *.C, *.c++, and for interfaces of modules *.cppm, *.ixx, *.mpp, *.cxxm, *.c++m,
//                    *.ccm; also *.c (as GNU17), *.s, *.S, which the C compiler compiles, and *.asm (NASM);
//                    default: every C++ source
//   LanguageVersion  C++98, C++03, C++11, C++14, C++17, C++20, C++23, C++26, or GNU++98 … GNU++26; default C++20
//
//   wake.recipe({ Language: 'C++', Type: 'Executable', Source: ['main.cpp'], Defines: ['GREETING="hello"'] })
local cc = import 'wake/cc.libsonnet';

// The newest have their final names only in newer compilers; all that know them know these.
local years = {
  '98': '98',
  '03': '03',
  '11': '11',
  '14': '14',
  '17': '17',
  '20': '20',
  '23': '2b',
  '26': '2c',
};

local extensions = ['cpp', 'cc', 'cxx', 'C', 'c++', 'cppm', 'ixx', 'mpp', 'cxxm', 'c++m', 'ccm'];

cc.plugin({
  name: 'C++',
  sources: ['**/*.' + extension for extension in extensions],
  extensions: extensions + ['c', 's', 'S', 'asm'],
  versions: { ['C++' + year]: { Cpp: 'c++' + years[year] } for year in std.objectFields(years) }
            + { ['GNU++' + year]: { Cpp: 'gnu++' + years[year] } for year in std.objectFields(years) },
  defaultVersion: 'C++20',
  companions: { C: 'gnu17' },
  hasModules: true,
})
