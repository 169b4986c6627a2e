//! SML as it is written by wake: whole, laid out anew, or changed in one place.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::tests::{values, write as write_styled};
use super::*;

const FILE: &str = "Recipe.sml";

fn read(text: &str) -> Table {
    match parse(FILE, text.as_bytes()) {
        Ok(table) => table,
        Err(error) => panic!("{text:?}: {error:?}"),
    }
}

fn formatted(text: &str) -> String {
    format(FILE, text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

/// The comments of a document, found without the help of the code under test: no string of these tests has a `#`.
fn comments(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines
        .filter_map(|line| line.split_once('#'))
        .map(|(_, comment)| comment.trim_end())
        .collect()
}

fn value(kind: ValueKind) -> Value {
    Value {
        kind,
        span: Span::default(),
    }
}

fn table(entries: impl IntoIterator<Item = (String, Value)>) -> Table {
    let entry = |(key, value)| Entry {
        key,
        key_span: Span::default(),
        value,
    };
    Table {
        entries: entries.into_iter().map(entry).collect(),
    }
}

/// Values of every type.
fn typed() -> impl Strategy<Value = Value> {
    let version = "[0-9]{1,3}(\\.[0-9]{1,3}){0,2}";
    let name = "[A-Za-z][A-Za-z0-9_.]{0,5}";
    let language = "[A-Za-z0-9_+#]{1,4}";
    let leaf = prop_oneof![
        any::<bool>().prop_map(ValueKind::Boolean),
        any::<i64>().prop_map(ValueKind::Integer),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(ValueKind::Decimal),
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}".prop_map(ValueKind::Version),
        "[\\PC\t\n\r\0\u{c}\u{1b}'\\\\#]{0,12}".prop_map(ValueKind::String),
        (language, version).prop_map(|(name, version)| ValueKind::Language(Box::new(
            LanguageReference { name, version }
        ))),
        (prop::option::of(language), name, name, version).prop_map(
            |(language, user, name, version)| ValueKind::Package(Box::new(PackageReference {
                language,
                user,
                name,
                version,
            }))
        ),
    ];
    leaf.prop_map(value).prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| value(ValueKind::Array(items))),
            prop::collection::btree_map("[a-zA-Z][a-z0-9]{0,4}|\\PC{0,4}", inner, 0..6)
                .prop_map(|entries| value(ValueKind::Table(table(entries)))),
        ]
    })
}

#[test]
fn layout_is_the_usual_one_and_comments_stay() {
    let text = "\u{feff}

# Head


Name : 'a'   # behind
Language:(  C++ @ 0 )
Flags: [ -O2 ]"
        .replace("-O2", "1 ,2")
        + "
Dependencies:{  # of the table

  Runtime:[
\t'../b/' # b


    # above
    < ( C# ) u|n@1 >

  ]
  Test: []
  Tool: [
  ]
  Build: [ # none
  ]
}
Row: [
 1,2
]
Inline: {a:1,b:{ }}


# End  ";
    assert_eq!(
        formatted(&text),
        "\
# Head

Name: 'a' # behind
Language: (C++@0)
Flags: [1, 2]
Dependencies: { # of the table
    Runtime: [
        '../b/' # b

        # above
        <(C#)u|n@1>
    ]
    Test: []
    Tool: []
    Build: [ # none
    ]
}
Row: [
    1, 2
]
Inline: { a: 1, b: {} }

# End
"
    );
    assert_eq!(formatted("a:1\r\nb:2"), "a: 1\r\nb: 2\r\n");
    assert_eq!(formatted(" \n\n"), "");
    assert_eq!(formatted("# only"), "# only\n");
    assert_eq!(formatted("a: 1,b: 2"), "a: 1, b: 2\n");
}

/// Every shape that an array of dependencies may have, before and after something is added to it.
#[test]
fn what_is_added_is_written_like_what_is_there() {
    let path = ["Dependencies", "Runtime"];
    let append = |text: &str| edit::append(FILE, text, &path, "'new'").unwrap();
    for (before, after) in [
        (
            "",
            "Dependencies: {\n    Runtime: [\n        'new'\n    ]\n}\n",
        ),
        (
            "Name: 'a'",
            "Name: 'a'\nDependencies: {\n    Runtime: [\n        'new'\n    ]\n}",
        ),
        (
            "Name: 'a' # c\n\n# End\n",
            "Name: 'a' # c\nDependencies: {\n    Runtime: [\n        'new'\n    ]\n}\n\n# End\n",
        ),
        (
            "# c",
            "# c\nDependencies: {\n    Runtime: [\n        'new'\n    ]\n}\n",
        ),
        (
            "a: 1, b: 2",
            "a: 1, b: 2, Dependencies: { Runtime: ['new'] }",
        ),
        (
            "Source: [\n\t'a'\n]\nDependencies: {\n\tTest: []\n}\n",
            "Source: [\n\t'a'\n]\nDependencies: {\n\tTest: []\n\tRuntime: [\n\t\t'new'\n\t]\n}\n",
        ),
        (
            "Dependencies: { Runtime: ['a'] }",
            "Dependencies: { Runtime: ['a', 'new'] }",
        ),
        (
            "Dependencies: { Test: ['a'] }",
            "Dependencies: { Test: ['a'], Runtime: ['new'] }",
        ),
        (
            "Dependencies: {\n  Runtime: [\n    'a' # first\n    # last\n  ]\n}",
            "Dependencies: {\n  Runtime: [\n    'a' # first\n    'new'\n    # last\n  ]\n}",
        ),
        (
            "Dependencies: {\r\n  Runtime: []\r\n}\r\n",
            "Dependencies: {\r\n  Runtime: [\r\n    'new'\r\n  ]\r\n}\r\n",
        ),
        (
            "Dependencies: {\n  Runtime: [ # none\n  ]\n}",
            "Dependencies: {\n  Runtime: [ # none\n    'new'\n  ]\n}",
        ),
        (
            "Dependencies: { Runtime: [\n  'a', 'b'\n] }",
            "Dependencies: { Runtime: [\n  'a', 'b', 'new'\n] }",
        ),
        (
            "Dependencies: { Runtime: ['a'\n  'b'] }",
            "Dependencies: { Runtime: ['a'\n  'b'\n  'new'\n] }",
        ),
        (
            "Dependencies: {}\n",
            "Dependencies: {\n    Runtime: [\n        'new'\n    ]\n}\n",
        ),
    ] {
        assert_eq!(append(before), after, "{before:?}");
    }
    let complaint = |text: &str| {
        edit::append(FILE, text, &path, "'n'")
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        complaint("Dependencies: 1"),
        "Recipe.sml:1:15: `Dependencies` must be a table, not an integer"
    );
    assert_eq!(
        complaint("Dependencies: { Runtime: {} }"),
        "Recipe.sml:1:26: `Dependencies.Runtime` must be an array, not a table"
    );
}

#[test]
fn what_is_removed_takes_its_comments_along() {
    for (before, index, after) in [
        ("A: ['a', 'b', 'c']", 0, "A: ['b', 'c']"),
        ("A: ['a', 'b', 'c']", 1, "A: ['a', 'c']"),
        ("A: ['a', 'b', 'c']", 2, "A: ['a', 'b']"),
        ("A: [ 'a' ]", 0, "A: []"),
        ("A: [\n  'a' # c\n]\n", 0, "A: []\n"),
        (
            "A: [\n  # of a\n  'a' # c\n  # of b\n  'b'\n]\n",
            0,
            "A: [\n  # of b\n  'b'\n]\n",
        ),
        (
            "A: [\n  'a' # c\n\n  # of b\n  'b' # b\n  # end\n]\n",
            1,
            "A: [\n  'a' # c\n\n  # end\n]\n",
        ),
        ("A: ['a' # c\n  'b']", 0, "A: [\n  'b']"),
        ("A: ['a' # c\n  'b']", 1, "A: ['a' # c\n]"),
    ] {
        let result = edit::remove(FILE, before, &["A"], index);
        assert_eq!(result.unwrap(), after, "{before:?}");
    }
    assert_eq!(
        edit::replace(FILE, "A: [ 'a' # c\n 1 ]", &["A"], 0, "<u|n@1>").unwrap(),
        "A: [ <u|n@1> # c\n 1 ]"
    );
}

proptest! {
    #[test]
    fn what_wake_writes_says_what_was_meant(
        entries in prop::collection::btree_map("[a-zA-Z]{1,3}|\\PC{0,3}", typed(), 0..5),
    ) {
        let table = table(entries);
        let text = write(&table);
        prop_assert!(read(&text).says(&table), "{}", text);
        prop_assert_eq!(formatted(&text), text);
    }

    #[test]
    fn a_layout_keeps_meaning_and_comments_and_is_final(value in values(), style in any::<u32>()) {
        let mut text = "# head\nKey: ".to_owned();
        write_styled(&without_hashes(value), style, &mut text);
        let once = formatted(&text);
        prop_assert!(read(&once).says(&read(&text)), "{}", once);
        prop_assert_eq!(comments(&once), comments(&text));
        prop_assert_eq!(formatted(&once), once);
    }

    /// Adding and removing again is no change of meaning, and neither touches anything else.
    #[test]
    fn an_edit_changes_one_place(
        items in prop::collection::vec(values(), 0..4),
        style in any::<u32>(),
        at in any::<prop::sample::Index>(),
    ) {
        let count = items.len();
        let mut text = "Name: 'x' # c\nList: ".to_owned();
        write_styled(&Json::Array(items), style, &mut text);
        let path = ["List"];
        let added = edit::append(FILE, &text, &path, "(C#@1)").unwrap();
        prop_assert!(is_addition(&text, &added), "{}\n---\n{}", text, added);
        let back = edit::remove(FILE, &added, &path, count).unwrap();
        prop_assert!(read(&back).says(&read(&text)));
        let index = at.index(count + 1);
        let replaced = edit::replace(FILE, &added, &path, index, "<u|n@1.2>").unwrap();
        prop_assert!(replaced.contains("<u|n@1.2>"));
        prop_assert!(edit::remove(FILE, &added, &path, index).is_ok());
    }

    /// Whatever a file says, the answer is a text that can be read, or an error.
    #[test]
    fn any_text_gives_an_answer(text in "[aB1.,:'#\\[\\]{}()<>|@\\\\ \t\r\n-]{0,40}|\\PC{0,20}") {
        if let Ok(result) = format(FILE, &text) {
            prop_assert_eq!(formatted(&result), result);
        }
        let path = ["a", "B"];
        if let Ok(added) = edit::append(FILE, &text, &path, "1") {
            prop_assert!(edit::remove(FILE, &added, &path, 0).is_ok(), "{:?}", added);
        } else if let Ok(table) = parse(FILE, text.as_bytes()) {
            prop_assert!(table.get("a").is_some(), "{:?}", text);
        }
    }

    /// Documents that are nearly right reach further than random text does.
    #[test]
    fn any_edited_document_gives_an_answer(
        value in values(),
        style in any::<u32>(),
        at in any::<prop::sample::Index>(),
        inserted in "[a{}\\[\\](<>)|@:,.'\\\\# \n\r0-9é-]{0,4}",
    ) {
        let mut text = "Name: 'x'\nRef: <(C#)a|b@1.2>\nKey: ".to_owned();
        write_styled(&value, style, &mut text);
        let place = text.floor_char_boundary(at.index(text.len()));
        text.insert_str(place, &inserted);
        if let Ok(result) = format(FILE, &text) {
            prop_assert_eq!(formatted(&result), result);
            prop_assert!(edit::append(FILE, &text, &["New", "List"], "1").is_ok());
        }
    }
}

/// So that a comment can be told from a string.
fn without_hashes(value: Json) -> Json {
    serde_json::from_str(&value.to_string().replace('#', "+")).unwrap()
}

/// Whether `after` is `before` with something added at one place, where at most blanks were.
fn is_addition(before: &str, after: &str) -> bool {
    let pairs = before.bytes().zip(after.bytes());
    let start = pairs.take_while(|(one, other)| one == other).count();
    let pairs = before.bytes().rev().zip(after.bytes().rev());
    let end = pairs.take_while(|(one, other)| one == other).count();
    let rest = before.as_bytes().get(start..before.len() - end);
    rest.is_none_or(|rest| rest.iter().all(u8::is_ascii_whitespace))
}
