//! Every form of reference and what it means; locks of Soup.

use std::path::PathBuf;

use super::document::Document;
use super::package_lock::PackageLock;
use super::reference::{Malformed, Reference, Target};
use super::{Recipes, dependencies, properties};
use crate::declare::model::{Declaration, PackageDirectory, Source};
use crate::jsonnet::protocol::{Answer, Read, Request};
use crate::workspace::Workspace;

/// `language | user | name | version`, or `language | path`.
fn shown(reference: &Reference) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    match &reference.target {
        Target::Path(path) => format!("{} path {path}", or_none(&reference.language)),
        Target::Name {
            user,
            name,
            version,
        } => format!(
            "{} {} {name} {}",
            or_none(&reference.language),
            or_none(user),
            or_none(version)
        ),
    }
}

/// Catches a form of reference that is taken for another one.
#[test]
fn references_are_read_in_every_form() {
    let forms = [
        ("Name", "- - Name -"),
        ("Name.Part_2", "- - Name.Part_2 -"),
        ("lua-src", "- - lua-src -"),
        ("Name@1.2.3", "- - Name 1.2.3"),
        ("Name@1.2", "- - Name 1.2"),
        ("Name@2", "- - Name 2"),
        ("Name@0", "- - Name 0"),
        ("[C#]Name", "C# - Name -"),
        ("[C#]Name@1.2.3", "C# - Name 1.2.3"),
        ("User|Name", "- User Name -"),
        ("User|Name@1", "- User Name 1"),
        ("User|Name@1.2.3", "- User Name 1.2.3"),
        ("[C#]User|Name", "C# User Name -"),
        ("[C++]User|Name@1.2.3", "C++ User Name 1.2.3"),
        ("C++|X", "C++ Soup X -"),
        ("C#|X@1", "C# Soup X 1"),
        ("C|X", "- C X -"),
        ("[C++]C++|X", "C++ C++ X -"),
        ("../library/", "- path ../library/"),
        ("./x", "- path ./x"),
        ("x/", "- path x/"),
        ("a/b.c@2", "- path a/b.c@2"),
        ("..", "- path .."),
        (".", "- path ."),
        ("/opt/x", "- path /opt/x"),
        ("../with space|and bar/", "- path ../with space|and bar/"),
        ("[C#]../library/", "C# path ../library/"),
    ];
    for (text, expected) in forms {
        let reference = Reference::parse(text).unwrap();
        assert_eq!(shown(&reference), expected, "{text}");
        let again = Reference::parse(&reference.to_string());
        assert_eq!(again, Ok(reference), "{text}");
    }
}

/// Catches text that passes for a reference, and a cause that leads elsewhere.
#[test]
fn what_is_no_reference_says_why() {
    let forms = [
        ("", "it is empty"),
        ("\n", "it contains `\\n`"),
        ("a\0b/", "it contains `\\u{0}`"),
        ("a b", "`a b` cannot be a name"),
        ("ä", "`ä` cannot be a name"),
        ("-x", "`-x` cannot be a name"),
        ("|Name", "its user is empty"),
        ("User|", "its name is empty"),
        ("@1", "its name is empty"),
        ("A|B|C", "`B|C` cannot be a name"),
        ("a b|Name", "`a b` cannot be a user"),
        ("Name@", "its version is empty"),
        ("Name@1.", "`1.` is no version"),
        ("Name@x", "`x` is no version"),
        ("Name@1.2.3.4", "`1.2.3.4` is no version"),
        ("Name@01", "`01` is no version"),
        ("Name@-1", "`-1` is no version"),
        (
            "Name@99999999999999999999",
            "`99999999999999999999` is no version",
        ),
        ("Name@1@2", "`1@2` is no version"),
        ("[C#Name", "its `[` has no `]`"),
        ("[]Name", "its language is empty"),
        ("[C #]Name", "`C #` cannot be a language"),
        ("[C#]", "nothing follows the language"),
        ("..\\x", "it contains `\\`"),
    ];
    for (text, expected) in forms {
        let cause = Reference::parse(text).map_err(|Malformed { cause, .. }| cause);
        assert_eq!(cause, Err(expected.to_owned()), "{text:?}");
    }
}

/// Catches a build that looks for what wake brings itself.
#[test]
fn what_wake_brings_itself_is_known_in_any_case() {
    let is_built_in = |text| Reference::parse(text).unwrap().is_built_in();
    for text in [
        "Soup|C",
        "Soup|Cpp@0.8",
        "soup|cpp",
        "[Wren]Soup|CSharp@1",
        "Soup|Build.Utils@0",
        "Soup|Test.Cpp",
        "soup|build-utils@0",
        "soup|csharp-nuget@0",
        "mwasplund|soup-test-cpp@0",
        "mwasplund|Soup.Test.Cpp@0.14",
        "Wren|Wren",
    ] {
        assert_eq!(is_built_in(text), text != "Wren|Wren", "{text}");
    }
    assert!(!is_built_in("Cpp") && !is_built_in("Soup|Cppx") && !is_built_in("Soup/Cpp"));
    assert!(!is_built_in("mwasplund|cpp") && !is_built_in("mwasplund|soup-test-assert"));
}

const LOCK_5: &str = "Version: 5
Closures: {
  Root: {
    'C++': {
      Application: { Version: './', Build: 'Build0', Tool: 'Tool0' }
      Library: { Version: '../library/', Build: 'Build0', Tool: 'Tool0' }
      'user|Json': { Version: 1.2.3, Build: 'Build0' }
      'user|Log': { Version: '../log' }
    }
    C: { Library: { Version: '../c-library/' } }
  }
  Build0: { Wren: { Extension: { Version: '../extension/' }, 'Soup|Cpp': { Version: '0.13.1' } } }
  Tool0: { 'C++': { Library: { Version: '../tool/' } } }
}";

const LOCK_6: &str = "Version: 6
Closure: {
  'C++': {
    Library: { Version: '../library/', Digest: 'sha256:00', Artifacts: { Linux: 'sha256:01' } }
    'user|Json': { Version: 1.2.3 }
    'user|Log': { Version: '../log' }
  }
  C: { Library: { Version: '../c-library/' } }
}
Builds: { Build0: { Wren: { Extension: { Version: '../extension/' } } } }
Tools: { Tool0: { 'C++': { Library: { Version: '../tool/' } } } }";

/// Catches a lock whose paths are not found, or those of another closure.
#[test]
fn locks_of_soup_say_which_names_are_directories() {
    for text in [LOCK_5, LOCK_6] {
        let lock = PackageLock::parse("PackageLock.sml", text.as_bytes()).unwrap();
        let path = |user, name, language, is_host| lock.path(user, name, language, is_host);
        assert_eq!(path(None, "Library", None, false), Some("../library/"));
        assert_eq!(
            path(None, "Library", Some("C"), false),
            Some("../c-library/")
        );
        assert_eq!(path(None, "Library", None, true), Some("../tool/"));
        assert_eq!(path(None, "Extension", None, true), Some("../extension/"));
        assert_eq!(path(None, "Extension", None, false), None);
        assert_eq!(path(Some("user"), "Json", None, false), None);
        assert_eq!(path(Some("user"), "Log", None, false), Some("../log"));
        assert_eq!(path(None, "Log", None, false), None);
    }
}

/// Catches a lock that is half read.
#[test]
fn broken_locks_are_errors() {
    let wrong = [
        ("", "`PackageLock.sml` has no `Version`"),
        ("Version: 4", "`PackageLock.sml` has the version `4`"),
        (
            "Version: 1.2.3",
            "`PackageLock.sml` has the version `1.2.3`",
        ),
        (
            "Version: 5\nClosures: []",
            "`Closures` takes a table of closures, not an array",
        ),
        (
            "Version: 5\nClosures: { Root: { C: { X: {} } } }",
            "`X` is locked without a `Version`",
        ),
        (
            "Version: 6\nClosure: { C: { X: { Version: [] } } }",
            "`Version` takes a version or a path, not an array",
        ),
        (
            "Version: 6\nBuilds: { Build0: 1 }",
            "`a closure` takes a table of languages, not an integer",
        ),
        (
            "Version: 5\nClosures: {",
            "The table that begins here has no end",
        ),
    ];
    for (text, expected) in wrong {
        let error = PackageLock::parse("PackageLock.sml", text.as_bytes()).unwrap_err();
        assert_eq!(error.report().message, expected);
        assert!(error.report().hint.is_some(), "{text}");
    }
}

/// What a package in a temporary workspace declares, and what was read.
fn declared(files: &[(&str, &str)], place: Option<&str>) -> (Declaration, Vec<Read>) {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path().canonicalize().unwrap();
    for (path, content) in files {
        crate::fs::write(&top.join(path), content.as_bytes()).unwrap();
    }
    let workspace = Workspace::discover(&top).unwrap();
    let request = Request::Declare {
        package: PackageDirectory {
            directory: top.clone(),
            top,
            granted: place.map(|_| Vec::new()),
            place: place.map(PathBuf::from),
        },
        answers: Vec::new(),
    };
    let outcome = Recipes::new(&workspace).answer(&request).unwrap();
    match outcome.result {
        Ok(Answer::Declaration(declaration)) => (declaration, outcome.reads),
        other => panic!("{other:?}"),
    }
}

const RECIPE: &str = "Name: 'App'
Language: 'C++|0'
Version: 1.2
Dependencies: {
  Runtime: [ '../library/', 'Log@1.2', 'User|Json@1', 'Soup|Cpp' ]
  Build: [ '../library/', <User|Json@1> ]
  Tool: [ 'User|Json@1' ]
  Test: [ 'Check' ]
}";

/// One line for each request.
fn asked(declaration: &Declaration) -> Vec<String> {
    let pkgs = declaration.pkgs.iter();
    pkgs.map(|(key, request)| {
        let from = match &request.from {
            Source::Path(path) => path.as_str(),
            _ => "global",
        };
        let host = if request.is_host { " host" } else { "" };
        format!("{key} = {} from {from}{host}", request.wanted)
    })
    .collect()
}

/// Catches a dependency that is asked for in the wrong scope, under the wrong name, or not at all.
#[test]
fn dependencies_become_requests() {
    let (declaration, _) = declared(&[("Recipe.sml", RECIPE)], None);
    assert_eq!(declaration.info.to_string(), "App@1.2.0");
    assert_eq!(declaration.language.as_deref(), Some("C++"));
    assert_eq!(
        asked(&declaration),
        [
            "../library/ =  from ../library/",
            "../library/ (Build) =  from ../library/ host",
            "Check = Check from global",
            "Log@1.2 = Log@^1.2 from global",
            "User|Json@1 = User/Json@^1 from global",
            "User|Json@1 (Build) = User/Json@^1 from global host",
        ]
    );
}

/// Catches a fetched package whose names lead nowhere, or that needs what it is tested with.
#[test]
fn a_fetched_package_has_the_namespace_under_which_it_was_asked_for() {
    let place = Some(".wake/pkgs/Acme/App@1.2.0");
    let lock = "Version: 5\nClosures: { Root: { 'C++': { Log: { Version: '../log' } } } }";
    let files = [("Recipe.sml", RECIPE), ("PackageLock.sml", lock)];
    let (declaration, _) = declared(&files, place);
    assert_eq!(declaration.info.label(), "Acme/App");
    let asked = asked(&declaration);
    assert!(asked.contains(&"Log@1.2 = Acme/Log@^1.2 from global".to_owned()));
    assert!(asked.iter().all(|one| !one.starts_with("Check")));
}

/// Catches a declaration that holds although something that it was made from has changed.
#[test]
fn what_a_declaration_is_made_from_is_noted() {
    let lock = "Version: 5\nClosures: { Root: { 'C++': { Log: { Version: '../log' } } } }";
    let files = [
        ("Recipe.sml", RECIPE),
        ("PackageLock.sml", lock),
        ("RootRecipe.sml", ""),
    ];
    let (declaration, reads) = declared(&files, None);
    assert!(asked(&declaration).contains(&"Log@1.2 = Log from ../log".to_owned()));
    let mut read: Vec<String> = reads
        .iter()
        .map(|read| match read {
            Read::File { path, hash } => {
                let name = path.file_name().unwrap().to_string_lossy();
                format!("{name} {}", hash.is_some())
            }
            Read::Existence { path, exists } => {
                format!("{} {exists}", path.file_name().unwrap().to_string_lossy())
            }
            other => format!("{other:?}"),
        })
        .collect();
    read.sort();
    assert_eq!(
        read,
        [
            "PKG false",
            "PackageLock.sml true",
            "Recipe.sml true",
            "RootRecipe.sml true"
        ]
    );
}

proptest::proptest! {
    /// Catches text that makes the parser panic, and a reference that is another one when it is written and read again.
    #[test]
    fn references_survive_being_written(text in "(\\[[^\\]]{0,4}\\])?[a-zA-Z0-9+#_.|@/ äé-]{0,16}") {
        if let Ok(reference) = Reference::parse(&text) {
            let again = Reference::parse(&reference.to_string());
            proptest::prop_assert_eq!(again, Ok(reference));
        }
    }

    /// Catches a recipe or lock that makes wake panic.
    #[test]
    fn damaged_recipes_and_locks_are_errors_at_most(at in 0..RECIPE.len(), with in "[\\PC\n]{0,3}", length in 0..8_usize) {
        let damaged = |text: &str| {
            let at = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((at + length).min(text.len()));
            format!("{}{with}{}", &text[..at], &text[end..])
        };
        if let Ok(document) = Document::parse("Recipe.sml", damaged(RECIPE).as_bytes()) {
            drop(properties::of_document(&document));
            drop(dependencies::of_document(&document));
        }
        drop(PackageLock::parse("PackageLock.sml", damaged(LOCK_5).as_bytes()));
        drop(PackageLock::parse("PackageLock.sml", damaged(LOCK_6).as_bytes()));
    }
}
