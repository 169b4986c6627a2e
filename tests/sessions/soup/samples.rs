//! Workspaces in the shapes of Soup's samples: written as its users write them, built unchanged, built again for nothing, and
//! after an edit built as little as may be.

use super::{SPELLINGS, Spelling, build, written};
use crate::support::{Space, skipped};

/// A workspace and what is to happen there.
struct Sample<'a> {
    files: &'a [(&'a str, &'a str)],
    /// The directory of the program.
    program: &'a str,
    output: &'a str,
    /// The file, what is replaced in it, and by what.
    edit: [&'a str; 3],
    edited_output: &'a str,
    /// What runs after the edit.
    ran: &'a [&'a str],
}

impl Sample<'_> {
    /// Catches a recipe of Soup that does not build as it is, a second build that does something, and an edit that builds
    /// too much or too little.
    fn check(&self) {
        for spelling in SPELLINGS {
            self.check_in(&written(spelling, self.files));
        }
    }

    fn check_in(&self, space: &Space) {
        let output = || {
            space
                .wake(["-C", self.program, "run", "-q"])
                .success()
                .stdout
        };
        assert_eq!(output(), self.output);
        let again = build(space, self.program).success();
        again.demand(again.ran().is_empty(), "nothing to do");
        let [path, old, new] = self.edit;
        space.edit(path, old, new);
        let edited = build(space, self.program).success();
        edited.demand(
            edited.ran() == self.ran,
            &format!("that {:?} ran, not {:?}", self.ran, edited.ran()),
        );
        assert_eq!(output(), self.edited_output);
    }
}

#[test]
fn console_application() {
    for (language, source) in [("C", "main.c"), ("C++", "main.cpp")] {
        let recipe =
            format!("Name: 'hello'\nLanguage: '{language}|0'\nType: 'Executable'\nVersion: 1.0.0");
        let sample = Sample {
            files: &[
                ("recipe.sml", &recipe),
                (
                    source,
                    "#include <stdio.h>\nint main() { puts(\"Hello\"); return 0; }\n",
                ),
            ],
            program: ".",
            output: "Hello\n",
            edit: [source, "Hello", "Bye"],
            edited_output: "Bye\n",
            ran: &[&format!("Compile {source}"), "Link hello"],
        };
        sample.check();
    }
}

const APPLICATION: &str = "Name: 'application'
Language: 'C++|0'
Type: 'Executable'
Version: 1.0.0
Dependencies: {
	Runtime: [
		'../library/'
	]
}";
const MAIN: &str = "#include <library.h>\n#include <stdio.h>\nint main() { printf(\"%d\\n\", answer()); return 0; }\n";

#[test]
fn static_library() {
    let sample = Sample {
        files: &[
            ("application/recipe.sml", APPLICATION),
            (
                "application/main.cpp",
                "#include <stdio.h>\nint answer();\nint main() { printf(\"%d\\n\", answer()); }\n",
            ),
            (
                "library/recipe.sml",
                "Name: 'library'\nLanguage: 'C++|0'\nVersion: 1.0.0\nType: 'StaticLibrary'",
            ),
            ("library/library.cpp", "int answer() { return 41; }\n"),
            ("library/other.cpp", "int other() { return 0; }\n"),
        ],
        program: "application",
        output: "41\n",
        edit: ["library/library.cpp", "41", "42"],
        edited_output: "42\n",
        ran: &[
            "Archive liblibrary.a",
            "Compile library.cpp",
            "Link application",
        ],
    };
    sample.check();
}

const DYNAMIC: &str = "Name: 'library'
Language: 'C|0'
Version: 1.0.0
Type: 'DynamicLibrary'
Defines: [
	'EXPORT_LIBRARY'
]
IncludePaths: [
	'public/'
]
PublicHeaders: [
	{ Root: 'public/' }
]";
const HEADER: &str = "#ifdef __cplusplus\nextern \"C\"\n#endif\nint answer(void);\n";
const SOURCE: &str =
    "#include \"library.h\"\n#ifdef EXPORT_LIBRARY\nint answer(void) { return 41; }\n#endif\n";

#[test]
fn dynamic_library() {
    let sample = Sample {
        files: &[
            ("application/recipe.sml", &APPLICATION.replace("C++", "C")),
            ("application/main.c", MAIN),
            ("library/recipe.sml", DYNAMIC),
            ("library/library.c", SOURCE),
            ("library/public/library.h", HEADER),
        ],
        program: "application",
        output: "41\n",
        edit: ["library/library.c", "41", "42"],
        edited_output: "42\n",
        ran: &[
            "Compile library.c",
            "Copy liblibrary.so",
            "Link application",
            "Link liblibrary.so",
        ],
    };
    sample.check();
}

/// A program in C++ that uses a library in C.
#[test]
fn interop_of_cpp_and_c() {
    let sample = Sample {
        files: &[
            ("application/recipe.sml", APPLICATION),
            ("application/main.cpp", MAIN),
            ("library/recipe.sml", DYNAMIC),
            ("library/library.c", SOURCE),
            ("library/public/library.h", HEADER),
        ],
        program: "application",
        output: "41\n",
        edit: ["application/main.cpp", "%d", "<%d>"],
        edited_output: "<41>\n",
        ran: &["Compile main.cpp", "Link application"],
    };
    sample.check();
}

#[test]
fn header_library() {
    let library = "Name: 'library'
Language: 'C++|0'
Version: 1.0.0
PublicHeaders: [
	{
		Root: './'
		Files: [
			'library.h'
		]
	}
]";
    let sample = Sample {
        files: &[
            ("application/recipe.sml", APPLICATION),
            ("application/main.cpp", MAIN),
            ("application/other.cpp", "int other() { return 0; }\n"),
            ("library/recipe.sml", library),
            ("library/library.h", "inline int answer() { return 41; }\n"),
        ],
        program: "application",
        output: "41\n",
        edit: ["library/library.h", "41", "42"],
        edited_output: "42\n",
        ran: &[
            "Compile main.cpp",
            "Copy include/library.h",
            "Link application",
        ],
    };
    sample.check();
}

/// Whether the compiler knows C++20 modules; says which test cannot run where it does not.
fn has_modules(test: &str) -> bool {
    let mut command = std::process::Command::new("g++");
    let arguments = [
        "-std=c++20",
        "-fmodules-ts",
        "-fsyntax-only",
        "-x",
        "c++",
        "/dev/null",
    ];
    let output = command.args(arguments).output();
    let is_so = output.is_ok_and(|output| output.status.success());
    if !is_so {
        skipped(&format!("{test}: g++ knows no C++20 modules"));
    }
    is_so
}

const HELLO: &str = "Name: 'hello'\nLanguage: 'C++|0'\nType: 'Executable'\nVersion: 1.0.0";

/// With keys that say what is a module, as recipes had them first, and without.
#[test]
fn module_interface() {
    if !has_modules("module_interface") {
        return;
    }
    let keys = "\nSource: [\n\t'main.cpp'\n]\nInterface: 'helper.cpp'";
    for keys in [keys, ""] {
        let recipe = format!("{HELLO}{keys}");
        let sample = Sample {
            files: &[
                ("recipe.sml", &recipe),
                (
                    "main.cpp",
                    "#include <stdio.h>\nimport Sample.Helper;\nint main() { printf(\"%d\\n\", answer()); }\n",
                ),
                (
                    "helper.cpp",
                    "export module Sample.Helper;\nexport int answer() { return 41; }\n",
                ),
            ],
            program: ".",
            output: "41\n",
            edit: ["main.cpp", "%d", "<%d>"],
            edited_output: "<41>\n",
            ran: &["Compile main.cpp", "Link hello", "Scan main.cpp"],
        };
        sample.check();
    }
}

#[test]
fn module_partitions() {
    if !has_modules("module_partitions") {
        return;
    }
    let keys = "
Source: [
	'main.cpp'
]
Interface: 'helper.cpp'
Partitions: [
	{ Source: 'one.cpp' }
	{ Source: 'two.cpp', Imports: [ 'one.cpp' ] }
]";
    for keys in [keys, ""] {
        let recipe = format!("{HELLO}{keys}");
        let sample = Sample {
            files: &[
                ("recipe.sml", &recipe),
                (
                    "main.cpp",
                    "#include <stdio.h>\nimport Sample.Helper;\nint main() { printf(\"%d\\n\", answer()); }\n",
                ),
                (
                    "helper.cpp",
                    "export module Sample.Helper;\nexport import :One;\nexport import :Two;\nexport int answer() { return two(); }\n",
                ),
                (
                    "one.cpp",
                    "export module Sample.Helper:One;\nexport int one() { return 20; }\n",
                ),
                (
                    "two.cpp",
                    "export module Sample.Helper:Two;\nimport :One;\nexport int two() { return one() * 2; }\n",
                ),
            ],
            program: ".",
            output: "40\n",
            edit: ["helper.cpp", "two()", "two() + 1"],
            edited_output: "41\n",
            // What it exports is as it was.
            ran: &["Compile helper.cpp", "Link hello", "Scan helper.cpp"],
        };
        sample.check();
    }
}

#[test]
fn module_dynamic_library() {
    if !has_modules("module_dynamic_library") {
        return;
    }
    let library = "Name: 'library'\nLanguage: 'C++|0'\nVersion: 1.0.0\nType: 'DynamicLibrary'";
    for keys in ["\nInterface: 'library.cpp'", ""] {
        let library = format!("{library}{keys}");
        let sample = Sample {
            files: &[
                ("application/recipe.sml", APPLICATION),
                (
                    "application/main.cpp",
                    "#include <stdio.h>\nimport Library;\nint main() { printf(\"%d\\n\", answer()); }\n",
                ),
                ("library/recipe.sml", &library),
                (
                    "library/library.cpp",
                    "export module Library;\nexport int answer() { return 41; }\n",
                ),
            ],
            program: "application",
            output: "41\n",
            edit: ["application/main.cpp", "%d", "<%d>"],
            edited_output: "<41>\n",
            ran: &["Compile main.cpp", "Link application", "Scan main.cpp"],
        };
        sample.check();
    }
}

/// A plugin stands where Soup has an extension in Wren; its tool writes a header and a source.
#[test]
fn build_extension_with_a_tool() {
    let application = "Name: 'application'
Language: 'C++|0'
Type: 'Executable'
Version: 1.0.0
Dependencies: {
	Build: [
		'../extension/'
	]
}";
    let extension = "Name: 'extension'
Language: 'Jsonnet|0'
Version: 1.0.0
Source: [
	'extension.libsonnet'
]
Dependencies: {
	Runtime: [
		'soup|build-utils@0'
	]
	Tool: [
		'../tool/'
	]
}";
    let plugin = "function(wake) { name: 'extension', tasks: [{
  name: 'Generate', runBefore: ['Build'], runAfter: ['RecipeBuild'],
  run(ctx):: {
    local tool = [one for one in ctx.dependencies.Tool if one.name == 'tool'][0],
    local made(name) = wake.operation({
      title: 'Make ' + name, executable: tool.executable, arguments: [name],
      outputs: ['$(target)/gen/' + name], stdout: '$(target)/gen/' + name,
    }),
    operations: [made('helper.h'), made('helper.cpp')],
    activeState: { Build+: {
      Source+: ['$(target)/gen/helper.cpp'], IncludePaths+: ['$(target)/gen'], GeneratedHeaders+: ['$(target)/gen/helper.h'],
    } },
  },
}] }";
    let tool = "#include <cstdio>\n#include <cstring>\nint main(int, char **words) {
  if (std::strcmp(words[1], \"helper.h\") == 0) std::puts(\"int answer();\");
  else std::puts(\"#include <helper.h>\\nint answer() { return 41; }\");
}\n";
    let sample = Sample {
        files: &[
            ("application/recipe.sml", application),
            (
                "application/main.cpp",
                "#include <helper.h>\n#include <stdio.h>\nint main() { printf(\"%d\\n\", answer()); }\n",
            ),
            ("extension/recipe.sml", extension),
            ("extension/extension.libsonnet", plugin),
            (
                "tool/recipe.sml",
                "Name: 'tool'\nLanguage: 'C++|0'\nType: 'Executable'\nVersion: 1.0.0",
            ),
            ("tool/tool.cpp", tool),
        ],
        program: "application",
        output: "41\n",
        edit: ["tool/tool.cpp", "41", "42"],
        edited_output: "42\n",
        // The header is made again, and is as it was.
        ran: &[
            "Compile target/gen/helper.cpp",
            "Compile tool.cpp",
            "Link application",
            "Link tool",
            "Make helper.cpp",
            "Make helper.h",
        ],
    };
    sample.check();
}

/// An extension that looks at the sources first: what Soup calls a preprocessor operation.
#[test]
fn preprocessor() {
    let plugin = "function(wake) { name: 'extension', tasks: [{
  name: 'Scan', runBefore: ['Build'], runAfter: ['RecipeBuild'],
  run(ctx):: {
    local said = '$(target)/scan/features',
    preprocess: [wake.operation({
      title: 'Scan features', executable: 'grep', arguments: ['-v', '#', '$(package)/features.txt'],
      inputs: ['$(package)/features.txt'], outputs: [said], stdout: said,
    })],
    activeState: if !std.objectHas(ctx.preprocessors, said) then {} else { Build+: {
      Defines+: ['FEATURE=' + std.stripChars(ctx.preprocessors[said], '\\n')],
    } },
  },
}] }";
    let sample = Sample {
        files: &[
            (
                "application/recipe.sml",
                "Name: 'application'\nLanguage: 'C|0'\nType: 'Executable'\nVersion: 1.0.0\nDependencies: {\n\tBuild: [\n\t\t'../extension/'\n\t]\n}",
            ),
            (
                "application/main.c",
                "#include <stdio.h>\nint main(void) { printf(\"%d\\n\", FEATURE); }\n",
            ),
            ("application/features.txt", "# one a line\n41\n"),
            (
                "extension/recipe.sml",
                "Name: 'extension'\nLanguage: 'Jsonnet|0'\nVersion: 1.0.0\nSource: [\n\t'extension.libsonnet'\n]",
            ),
            ("extension/extension.libsonnet", plugin),
        ],
        program: "application",
        output: "41\n",
        edit: ["application/features.txt", "41", "42"],
        edited_output: "42\n",
        ran: &["Compile main.c", "Link application", "Scan features"],
    };
    sample.check();
}

/// Whether all tools are installed; says which test cannot run where one is not.
fn has(test: &str, tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &str| std::env::split_paths(&path).any(|one| one.join(tool).is_file());
    let missing = tools.iter().find(|tool| !is_there(tool));
    if let Some(tool) = missing {
        skipped(&format!("{test}: {tool} is not installed"));
    }
    missing.is_none()
}

#[test]
fn csharp_library() {
    if !has("csharp_library", &["mcs", "mono"]) {
        return;
    }
    let application = "Name: 'application'
Language: 'C#|0'
TargetFramework: 'net48'
Type: 'Executable'
Version: 1.0.0
Dependencies: {
	Runtime: [
		'../library/'
	]
}";
    let sample = Sample {
        files: &[
            ("application/recipe.sml", application),
            (
                "application/program.cs",
                "class Program { static void Main() { System.Console.WriteLine(Helper.Answer()); } }\n",
            ),
            (
                "library/recipe.sml",
                "Name: 'library'\nLanguage: 'C#|0'\nTargetFramework: 'net48'\nVersion: 1.0.0",
            ),
            (
                "library/helper.cs",
                "public class Helper { public static int Answer() { return 41; } }\n",
            ),
        ],
        program: "application",
        output: "41\n",
        edit: ["application/program.cs", "(Helper", "(\"is \" + Helper"],
        edited_output: "is 41\n",
        ran: &["Compile application.exe", "Link application"],
    };
    sample.check();
}

#[test]
fn interop_of_csharp_and_c() {
    if !has("interop_of_csharp_and_c", &["mcs", "mono"]) {
        return;
    }
    let application = "Name: 'application'
Language: 'C#|0'
Version: 1.0.0
TargetFramework: 'net48'
Type: 'Executable'
AllowUnsafeBlocks: true
Dependencies: {
	Runtime: [
		'../library/'
	]
}";
    let program = "using System.Runtime.InteropServices;
class Program {
  [DllImport(\"answers\")] static extern int answer();
  static void Main() { System.Console.WriteLine(answer()); }
}\n";
    let sample = Sample {
        files: &[
            ("application/recipe.sml", application),
            ("application/program.cs", program),
            (
                "library/recipe.sml",
                &DYNAMIC.replace("'library'", "'answers'"),
            ),
            ("library/library.c", SOURCE),
            ("library/public/library.h", HEADER),
        ],
        program: "application",
        output: "41\n",
        edit: ["library/library.c", "41", "42"],
        edited_output: "42\n",
        ran: &[
            "Compile library.c",
            "Copy libanswers.so",
            "Link application",
            "Link libanswers.so",
        ],
    };
    sample.check();
}

/// Tests as `Soup|Test.Cpp` has them: what brings them is named, and is wake itself.
#[test]
fn unit_tests() {
    let recipe = "Name: 'sum'
Language: 'C++|0'
Version: 1.0.0
Source: [
	'source/**/*.cpp'
]
IncludePaths: [
	'source/'
]
Dependencies: {
	Build: [
		'mwasplund|soup-test-cpp@0'
	]
	Test: [
		'../assert/'
	]
}
Tests: {
	Source: [
		'tests/**/*.cpp'
	]
	IncludePaths: [
		'source/'
		'tests/'
	]
}";
    for spelling in SPELLINGS {
        let space = written(
            spelling,
            &[
                ("sum/recipe.sml", recipe),
                ("sum/source/sum.h", "int sum(int one, int other);\n"),
                (
                    "sum/source/sum.cpp",
                    "#include \"sum.h\"\nint sum(int one, int other) { return one + other; }\n",
                ),
                ("sum/tests/helper.h", "#include <assert.h>\n"),
                (
                    "sum/tests/deep/main.cpp",
                    "#include \"helper.h\"\n#include \"sum.h\"\nint main() { is(sum(1, 2) == 3); }\n",
                ),
                (
                    "assert/recipe.sml",
                    "Name: 'assert'\nLanguage: 'C++|0'\nVersion: 1.0.0\nPublicHeaders: [\n\t{ Root: './', Files: [ 'assert.hpp' ] }\n]",
                ),
                (
                    "assert/assert.hpp",
                    "#include <cstdlib>\ninline void is(bool so) { if (!so) std::exit(1); }\n",
                ),
            ],
        );
        space.edit("sum/tests/helper.h", "assert.h", "assert.hpp");
        let built = build(&space, "sum").success();
        assert_eq!(
            built.ran(),
            ["Archive libsum.a", "Compile source/sum.cpp"],
            "{spelling:?}"
        );
        space
            .wake(["-C", "sum", "test"])
            .success()
            .says("1 test passed");
        space.edit("sum/source/sum.cpp", "one + other", "one - other");
        space.wake(["-C", "sum", "test"]).code(1).says("failed");
    }
}

/// Catches a program for Windows that is not built here, and one that is without a word.
#[test]
fn windows_application() {
    let recipe = "Name: 'app'\nLanguage: 'C++|0'\nType: 'Windows'\nVersion: 1.0.0\nResources: 'app.rc'\nDisabledWarnings: [ 4100 ]";
    let space = written(
        Spelling::New,
        &[
            ("recipe.sml", recipe),
            ("main.cpp", "int main() {}\n"),
            ("app.rc", ""),
        ],
    );
    let built = space.wake(["build", "-v"]).success();
    for said in [
        "`Resources` of `app` are for Windows",
        "built as an `Executable`",
    ] {
        built.demand(built.stderr.contains(said), said);
    }
    space.wake(["run"]).success();
}
