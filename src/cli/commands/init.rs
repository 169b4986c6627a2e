//! `wake init`: writes a package that builds, and overwrites nothing.

use std::process::ExitCode;

use std::path::Path;

use crate::cli::options::{Init, Language};
use crate::error::{Error, Result};
use crate::event::shell;
use crate::fs;
use crate::report::{self, ConsoleOptions, Verbosity};
use crate::workspace::discover;

pub(super) fn run(options: &Init, console: ConsoleOptions) -> Result<ExitCode> {
    let name = name(&options.directory)?;
    let files = match options.is_plugin {
        true => super::init_plugin::files(&name),
        false => files(&name, options),
    };
    for (path, _) in &files {
        let path = options.directory.join(path);
        if fs::is_occupied(&path) {
            return Err(Error::user(format!("`{}` exists already", shown(&path)))
                .hint("name another directory: `wake init DIR`"));
        }
    }
    for (path, content) in &files {
        let path = options.directory.join(path);
        if let Some(directory) = path.parent() {
            fs::create_directories(directory)?;
        }
        fs::write(&path, content.as_bytes())?;
    }
    if console.verbosity != Verbosity::Quiet {
        report::say(&next(&name, options));
    }
    Ok(ExitCode::SUCCESS)
}

/// What was made, and the commands that come next.
fn next(name: &str, options: &Init) -> String {
    let directory = options.directory.as_path();
    let place = if directory == Path::new(".") {
        String::new()
    } else {
        format!(" -C {}", shell::quote(&shown(directory)))
    };
    if options.is_plugin {
        return format!("Made the plugin `{name}`. Next:\n  wake{place} plugin test\n");
    }
    format!("Made the package `{name}`. Next:\n  wake{place} run\n  wake{place} test\n")
}

fn shown(path: &Path) -> String {
    let path = fs::path::clean(path);
    if path.as_os_str().is_empty() {
        return ".".to_owned();
    }
    path.display().to_string()
}

/// The directory's name as a package name: what a name cannot have becomes `-`.
fn name(directory: &Path) -> Result<String> {
    let absolute = fs::path::clean(&crate::cli::working_directory()?.join(directory));
    let directory = absolute.file_name().unwrap_or_default().to_string_lossy();
    let replaced: String = directory
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '+' | '-' => character,
            _ => '-',
        })
        .collect();
    let name = replaced.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    Ok(if name.is_empty() { "app" } else { name }.to_owned())
}

/// Paths and contents, the declaration first.
fn files(name: &str, options: &Init) -> Vec<(&'static str, String)> {
    let language = options.language;
    let (extension, template) = match language {
        Language::Cpp => ("cpp", &CPP),
        Language::C => ("c", &C),
    };
    let fill = |text: &str| text.replace("{name}", name);
    let (file, declaration) = match options.is_recipe {
        true => (discover::RECIPE, RECIPE),
        false => (discover::PKG, PKG),
    };
    let declaration = declaration
        .replace("{language}", template.language)
        .replace("{extension}", extension);
    let (greeting, header, main, test) = match language {
        Language::Cpp => (
            "src/greeting.cpp",
            "src/greeting.hpp",
            "src/main.cpp",
            "tests/greeting.cpp",
        ),
        Language::C => (
            "src/greeting.c",
            "src/greeting.h",
            "src/main.c",
            "tests/greeting.c",
        ),
    };
    vec![
        (file, fill(&declaration)),
        (header, fill(template.header)),
        (greeting, fill(template.greeting)),
        (main, fill(template.main)),
        (test, fill(template.test)),
        (".gitignore", ".wake/\ncompile_commands.json\n".to_owned()),
    ]
}

const PKG: &str = "\
// What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
function(wake)
  wake.pkg(
    wake.pkgInfo('{name}', version='0.1.0'),
    modules={
      // The program.
      root: function(wake, pkg, config) wake.recipe({
        Language: '{language}',
        Type: 'Executable',
        Source: ['src/main.{extension}'],
        Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] },
      }),
      // What the program and its tests share.
      lib: function(wake, pkg, config) wake.recipe({
        Language: '{language}',
        Type: 'StaticLibrary',
        Source: ['src/greeting.{extension}'],
        PublicIncludePaths: ['src'],
      }),
      // Exit code 0 passes.
      test: function(wake, pkg, config) wake.recipe({
        Language: '{language}',
        Type: 'Test',
        Source: wake.glob('tests/*.{extension}'),
        Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] },
      }),
    },
  )
";

const RECIPE: &str = "\
# What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
Name: '{name}'
Language: '{language}|0'
Version: 0.1.0
Type: 'Executable'
Source: [
  'src/greeting.{extension}'
  'src/main.{extension}'
]
IncludePaths: [ 'src' ]

# Exit code 0 passes.
Tests: {
  Source: [
    'src/greeting.{extension}'
    'tests/greeting.{extension}'
  ]
}

# Packages that it needs: paths such as '../library/', or names such as 'User|Library@1.2'.
Dependencies: {
  Runtime: [
  ]
}
";

struct Template {
    language: &'static str,
    header: &'static str,
    greeting: &'static str,
    main: &'static str,
    test: &'static str,
}

const CPP: Template = Template {
    language: "C++",
    header: "#pragma once\n\n#include <string>\n\nstd::string greeting(const std::string& name);\n",
    greeting: "\
#include \"greeting.hpp\"

std::string greeting(const std::string& name) {
  return \"Hello, \" + name + \"!\";
}
",
    main: "\
#include <iostream>

#include \"greeting.hpp\"

int main(int argc, char** argv) {
  std::cout << greeting(argc > 1 ? argv[1] : \"world\") << '\\n';
}
",
    test: "\
#include <iostream>

#include \"greeting.hpp\"

int main() {
  const std::string got = greeting(\"you\");
  if (got != \"Hello, you!\") {
    std::cerr << \"greeting(\\\"you\\\") is \\\"\" << got << \"\\\"\\n\";
    return 1;
  }
}
",
};

const C: Template = Template {
    language: "C",
    header: "\
#ifndef GREETING_H
#define GREETING_H

#include <stddef.h>

/* Writes a greeting for `name` to `text`, at most `size` bytes with the final zero. */
void greeting(char *text, size_t size, const char *name);

#endif
",
    greeting: "\
#include \"greeting.h\"

#include <stdio.h>

void greeting(char *text, size_t size, const char *name) {
  snprintf(text, size, \"Hello, %s!\", name);
}
",
    main: "\
#include <stdio.h>

#include \"greeting.h\"

int main(int argc, char **argv) {
  char text[100];
  greeting(text, sizeof text, argc > 1 ? argv[1] : \"world\");
  puts(text);
  return 0;
}
",
    test: "\
#include <stdio.h>
#include <string.h>

#include \"greeting.h\"

int main(void) {
  char text[100];
  greeting(text, sizeof text, \"you\");
  if (strcmp(text, \"Hello, you!\") != 0) {
    fprintf(stderr, \"greeting(\\\"you\\\") is \\\"%s\\\"\\n\", text);
    return 1;
  }
  return 0;
}
",
};
