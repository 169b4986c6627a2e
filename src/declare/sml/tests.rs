//! SML as users write it, as they get it wrong, and as nobody would write it.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Span, ValueKind, parse};
use crate::error::Error;

fn parse_json(text: &str) -> Json {
    match parse("Recipe.sml", text.as_bytes()) {
        Ok(table) => table.to_json(),
        Err(error) => panic!("{text:?}: {}", show(&error)),
    }
}

/// `line:column+width message; cause…` of the error that `text` must give.
fn problem(text: impl AsRef<[u8]>) -> String {
    match parse("Recipe.sml", text.as_ref()) {
        Ok(table) => panic!("parsed as {}", table.to_json()),
        Err(error) => show(&error),
    }
}

fn show(error: &Error) -> String {
    let report = error.report();
    let at = report.at.as_ref().expect("every error has a place");
    let mut shown = format!("{}:{}+{} {}", at.line, at.column, at.width, report.message);
    for cause in &report.causes {
        shown.push_str("; ");
        shown.push_str(cause);
    }
    shown
}

#[test]
fn a_recipe_with_everything() {
    let text = "\u{feff}# A comment\r
Name: 'calculator'\r
Version: 1.2.0 # the version\r
Language: (C++@0)\r
\r
'quoted key': true
Dependencies: {
    Runtime: [
        '../library/'
        <user|name@1.2>   # by name
        < (C#) user-1 | Na.me @ 3 >
    ], Test: []
}
Numbers: [1, -2, 3.25, 9223372036854775807, 007]
Nested: { a: { }, b: [\n\n] }
# The end";
    let text = text.replace("], Test: []", "]\n    Test: []");
    assert_eq!(
        parse_json(&text),
        json!({
            "Name": "calculator",
            "Version": "1.2.0",
            "Language": "C++|0",
            "quoted key": true,
            "Dependencies": {
                "Runtime": ["../library/", "user|name@1.2", "[C#]user-1|Na.me@3"],
                "Test": [],
            },
            "Numbers": [1, -2, 3.25, i64::MAX, 7],
            "Nested": { "a": {}, "b": [] },
        })
    );
}

#[test]
fn nothing_is_an_empty_table() {
    for text in ["", "\u{feff}", "\n\r\n", "  # only a comment", "#", "\t"] {
        assert_eq!(parse_json(text), json!({}), "{text:?}");
    }
}

#[test]
fn escapes_mean_what_they_say() {
    assert_eq!(
        parse_json(r"a: '\0\t\n\f\r\e\'\\', 'k\'ey': 'ä # no comment'"),
        json!({ "a": "\0\t\n\u{c}\r\u{1b}'\\", "k'ey": "ä # no comment" })
    );
}

#[test]
fn spans_are_those_of_keys_and_values() {
    let text = "\u{feff}ä: 1".replace('ä', "'ä'") + "\nList: [ 'x' , <a|b@1> ]  # end";
    let table = parse("Recipe.sml", text.as_bytes()).unwrap();
    let shown = |span: Span| &text[span.start..span.end];
    assert_eq!(shown(table.entries[0].key_span), "'ä'");
    assert_eq!(shown(table.entries[0].value.span), "1");
    let list = &table.entries[1].value;
    assert_eq!(shown(list.span), "[ 'x' , <a|b@1> ]");
    let ValueKind::Array(items) = &list.kind else {
        panic!("no array")
    };
    assert_eq!(shown(items[0].span), "'x'");
    assert_eq!(shown(items[1].span), "<a|b@1>");
}

#[test]
fn delimiters_are_not_mixed() {
    let mixed = "Line breaks and commas are mixed in one";
    assert_eq!(
        problem("a: [1, 2\n3]"),
        format!("1:9+1 {mixed} array; the first delimiter is at Recipe.sml:1:6")
    );
    assert_eq!(
        problem("a: [1\n2, 3]"),
        format!("2:2+1 {mixed} array; the first delimiter is at Recipe.sml:1:6")
    );
    assert_eq!(
        problem("a: 1,\nb: 2"),
        format!("1:6+1 {mixed} document; the first delimiter is at Recipe.sml:1:5")
    );
    assert_eq!(
        problem("a: {b: 1 # c\n, c: 2}"),
        format!("2:1+1 {mixed} table; the first delimiter is at Recipe.sml:1:13")
    );
    // Line breaks next to the brackets delimit nothing, and an inner table has its own delimiters.
    assert_eq!(
        parse_json("a: [\n1, 2\n]\nb: {c: 1, d: 2}"),
        json!({"a": [1, 2], "b": {"c": 1, "d": 2}})
    );
}

#[test]
fn commas_stand_between_items() {
    assert_eq!(
        problem("a: [1, 2,]"),
        "1:9+1 Expected a value or `]` after the `,`"
    );
    assert_eq!(
        problem("a: [1,\n]"),
        "1:6+1 Expected a value or `]` after the `,`"
    );
    assert_eq!(problem("a: 1,"), "1:5+1 Expected a key after the `,`");
    assert_eq!(
        problem("a: [1 2]"),
        "1:7+1 Expected a line break, `,` or `]`, found `2`"
    );
    assert_eq!(problem("a: [, 1]"), "1:5+1 Expected a value, found `,`");
}

#[test]
fn what_is_not_closed_names_its_beginning() {
    assert_eq!(
        problem("a: {\n b: [1\n"),
        "2:5+1 The array that begins here has no end"
    );
    assert_eq!(
        problem("a: {\n b: 1"),
        "1:4+1 The table that begins here has no end"
    );
    assert_eq!(
        problem("a: {\n b: 1]"),
        "2:6+1 Expected a line break, `,` or `}`, found `]`"
    );
    assert_eq!(
        problem("a: 1 }"),
        "1:6+1 Expected a line break or `,`, found `}`"
    );
    assert_eq!(
        problem("a: 'x\nb: 'y'"),
        "1:4+2 A string has no closing `'` on its line"
    );
    assert_eq!(
        problem("a: 'x"),
        "1:4+2 A string has no closing `'` on its line"
    );
    assert_eq!(problem("a: 'x\\"), "1:6+1 `\\` is no escape");
}

#[test]
fn wrong_words_are_told_from_what_was_expected() {
    assert_eq!(
        problem("a 1"),
        "1:3+1 Expected `:` after the key, found `1`"
    );
    assert_eq!(
        problem("a:\n1"),
        "1:3+1 Expected a value, found the end of the line"
    );
    assert_eq!(
        problem("a:"),
        "1:3+1 Expected a value, found the end of the file"
    );
    assert_eq!(problem("1: 2"), "1:1+1 Expected a key, found `1`");
    assert_eq!(
        problem("a: yes"),
        "1:4+3 Expected a value (a string needs single quotes), found `yes`"
    );
    assert_eq!(
        problem("a: \"b\""),
        "1:4+1 Expected a value (strings have single quotes), found `\"`"
    );
    assert_eq!(problem("a: 'b\\x'"), "1:6+2 `\\x` is no escape");
    assert_eq!(
        problem("a: 1.2.3.4"),
        "1:9+1 Expected the number to end here, found `.`"
    );
    assert_eq!(
        problem("a: 1."),
        "1:6+1 Expected a digit, found the end of the file"
    );
    assert_eq!(
        problem("a: 12ab"),
        "1:6+2 Expected the number to end here, found `ab`"
    );
    assert_eq!(
        problem("a: -1.2.3"),
        "1:4+1 Expected a version without `-`, found `-`"
    );
    assert_eq!(
        problem("a: 9223372036854775808"),
        "1:4+19 `9223372036854775808` is beyond the integers of 64 bits"
    );
    assert_eq!(
        problem("a: (C++)"),
        "1:8+1 Expected `@` and the version of the language, found `)`"
    );
    assert_eq!(
        problem("a: <name@1>"),
        "1:9+1 Expected `|` and the name of the package, found `@`"
    );
    assert_eq!(
        problem("a: 'b\u{1}'"),
        "1:6+1 A control character is not allowed here: \\u{1}"
    );
    assert_eq!(
        problem("a: 1 \r b: 2"),
        "1:6+1 Expected a line break or `,`, found the end of the line"
    );
}

#[test]
fn duplicate_keys_name_both_places() {
    let twice = "The key `a` is there twice; the first is at Recipe.sml:1:1";
    assert_eq!(problem("a: 1\nb: 2\n'a': 3"), format!("3:1+3 {twice}"));
    let many: String = (0..100).map(|number| format!("k{number}: 1\n")).collect();
    assert_eq!(
        problem(format!("a: 1\n{many}a: 2")),
        format!("102:1+1 {twice}")
    );
    parse_json(&format!("a: {{ b: 1 }}\nc: {{ b: 1 }}\n{many}"));
}

#[test]
fn bytes_that_are_not_utf8_are_shown_where_they_are() {
    assert_eq!(
        problem(b"a: 'x'\nb: '\xffy'"),
        "2:5+1 `Recipe.sml` is not UTF-8"
    );
    assert_eq!(problem(b"\xff"), "1:1+1 `Recipe.sml` is not UTF-8");
}

/// Recursion without a limit would overflow the stack, and a test thread has only 2 MiB of it.
#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    parse_json(&nested(parse::DEEPEST));
    let too_deep = "Tables and arrays are nested more than 100 levels deep";
    assert_eq!(
        problem(nested(parse::DEEPEST + 1)),
        format!("1:104+1 {too_deep}")
    );
    assert_eq!(
        problem("a: [".to_owned() + &"[".repeat(1_000_000)),
        format!("1:104+1 {too_deep}")
    );
    assert!(problem("a:{".repeat(1_000_000)).ends_with(too_deep));
}

/// Values that SML can say, as JSON.
pub(super) fn values() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1_000_000_i32..1_000_000).prop_map(|number| json!(f64::from(number) / 64.0)),
        "[\\PC\t\n\r\0\u{c}\u{1b}'\\\\#]{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map("[a-zA-Z][a-z0-9]{0,4}|\\PC{0,4}", inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// Writes a value; `style` picks delimiters and blanks.
pub(super) fn write(value: &Json, style: u32, text: &mut String) {
    let delimiter = [", ", "\n", " # c, '\r\n\n", ","][style as usize % 4];
    let edge = ["", "\n", " ", "\n # c\n"][style as usize / 4 % 4];
    let join = |items: Vec<String>| format!("{edge}{}{edge}", items.join(delimiter));
    let inner = |value: &Json| {
        let mut text = String::new();
        write(value, style.rotate_right(3), &mut text);
        text
    };
    match value {
        Json::Array(items) => {
            text.push_str(&format!("[{}]", join(items.iter().map(inner).collect())))
        }
        Json::Object(fields) => {
            let entry =
                |(key, value): (&String, &Json)| format!("{}: {}", quote(key), inner(value));
            text.push_str(&format!("{{{}}}", join(fields.iter().map(entry).collect())));
        }
        Json::String(string) => text.push_str(&quote(string)),
        Json::Number(number) if number.is_f64() => {
            text.push_str(&format!("{:?}", number.as_f64().unwrap()))
        }
        other => text.push_str(&other.to_string()),
    }
}

fn quote(text: &str) -> String {
    let mut quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
    for (character, escape) in [
        ('\0', "\\0"),
        ('\n', "\\n"),
        ('\u{c}', "\\f"),
        ('\r', "\\r"),
        ('\u{1b}', "\\e"),
    ] {
        quoted = quoted.replace(character, escape);
    }
    format!("'{quoted}'")
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(value in values(), style in any::<u32>()) {
        let mut text = "Key: ".to_owned();
        write(&value, style, &mut text);
        prop_assert_eq!(parse_json(&text), json!({ "Key": value }));
    }

    #[test]
    fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse("Recipe.sml", &bytes);
    }

    /// Documents that are nearly right reach further into the parser than random bytes do.
    #[test]
    fn any_edit_of_a_document_gives_an_answer_with_a_place(
        value in values(),
        style in any::<u32>(),
        at in any::<prop::sample::Index>(),
        removed in 0_usize..4,
        inserted in "[a{}\\[\\](<>)|@:,.'\\\\#\n\r0-9é-]{0,4}",
    ) {
        let mut text = "Name: 'x'\nRef: <(C#)a|b@1.2>\nLanguage: (C++@0)\nVersion: 1.2.3\nKey: ".to_owned();
        write(&value, style, &mut text);
        let mut bytes = text.into_bytes();
        let start = at.index(bytes.len());
        let end = (start + removed).min(bytes.len());
        bytes.splice(start..end, inserted.bytes());
        if let Err(error) = parse("Recipe.sml", &bytes) {
            prop_assert!(error.report().at.is_some());
            prop_assert!(!error.report().message.contains("something else"), "{}", show(&error));
        }
    }
}
