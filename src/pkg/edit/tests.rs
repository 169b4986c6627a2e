//! Texts before and after, in the layouts that people use. Every result must be jsonnet that the library parses.

use jrsonnet_evaluator::parser::{ParserSettings, Source, parse};
use proptest::prelude::*;

use super::*;

const CALL: &str = "wake.getPkg('acme/lua@^5')";

fn assert_parses(text: &str) {
    let settings = ParserSettings {
        source: Source::new_virtual("PKG".into(), text.into()),
    };
    if let Err(error) = parse(text, &settings) {
        panic!("{error:?}\n{text}");
    }
}

#[track_caller]
fn assert_adds(before: &str, after: &str) {
    assert_parses(before);
    let result = add("PKG", before, "lua", CALL).unwrap();
    assert_eq!(result, after);
    assert_parses(&result);
}

#[track_caller]
fn assert_removes(before: &str, key: &str, after: &str) {
    assert_parses(before);
    let result = remove("PKG", before, key).unwrap();
    assert_eq!(result, after);
    assert_parses(&result);
}

/// Place, message and hint.
fn refusal(result: Result<String>) -> String {
    let error = result.unwrap_err();
    let hint = error.report().hint.clone().unwrap_or_default();
    format!("{error}; {hint}")
}

#[test]
fn a_field_is_added_behind_the_last_one() {
    assert_adds(
        "function(wake)
  wake.pkg(
    wake.pkgInfo('a'),
    pkgs={
      // The terminal.
      terminal: wake.getPkg('acme/terminal@^2', from='../terminal'),  // ours
      // other: wake.getPkg('acme/other'),
    },
    modules={},
  )
",
        "function(wake)
  wake.pkg(
    wake.pkgInfo('a'),
    pkgs={
      // The terminal.
      terminal: wake.getPkg('acme/terminal@^2', from='../terminal'),  // ours
      lua: wake.getPkg('acme/lua@^5'),
      // other: wake.getPkg('acme/other'),
    },
    modules={},
  )
",
    );
}

#[test]
fn commas_quotes_indentation_and_names_are_as_found() {
    assert_adds(
        "function(w)\r\n\tw.pkg(w.pkgInfo(\"a\"), pkgs={\r\n\t\t\"t\": w.getPkg(\"t\") # it's /* ours */\r\n\t})\r\n",
        "function(w)\r\n\tw.pkg(w.pkgInfo(\"a\"), pkgs={\r\n\t\t\"t\": w.getPkg(\"t\"), # it's /* ours */\r\n\t\t\"lua\": w.getPkg(\"acme/lua@^5\")\r\n\t})\r\n",
    );
    assert_adds(
        "function(wake) wake.pkg(wake.pkgInfo('a'), [], {\n  a: 1,\n  b: 2 /* two\n  lines */ })",
        "function(wake) wake.pkg(wake.pkgInfo('a'), [], {\n  a: 1,\n  b: 2, /* two\n  lines */\n  lua: wake.getPkg('acme/lua@^5') })",
    );
}

#[test]
fn an_object_on_one_line_stays_there_if_it_is_short() {
    assert_adds(
        "function(wake)\n  wake.pkg(wake.pkgInfo('a'), pkgs={ t: wake.getPkg('t') })",
        "function(wake)\n  wake.pkg(wake.pkgInfo('a'), pkgs={ t: wake.getPkg('t'), lua: wake.getPkg('acme/lua@^5') })",
    );
    assert_adds(
        "function(wake) wake.pkg(pkgs={t: wake.getPkg('t'),}, pkgInfo=wake.pkgInfo('a'))",
        "function(wake) wake.pkg(pkgs={
  t: wake.getPkg('t'),
  lua: wake.getPkg('acme/lua@^5'),
}, pkgInfo=wake.pkgInfo('a'))",
    );
    let long = "a very long path that fills the line, which then is longer than";
    assert_adds(
        &format!(
            "function(wake)\n    wake.pkg(\n        pkgs={{ t: wake.getPkg('t', from='{long}') }},\n    )"
        ),
        &format!(
            "function(wake)
    wake.pkg(
        pkgs={{
            t: wake.getPkg('t', from='{long}'),
            lua: wake.getPkg('acme/lua@^5'),
        }},
    )"
        ),
    );
}

#[test]
fn pkgs_is_created_where_it_is_missing() {
    assert_adds(
        "function(wake)
  wake.pkg(
    wake.pkgInfo('a', version='1.0.0'),
    files=wake.dir(['**']), // all
    modules={
      root: function(wake, pkg, config) wake.recipe({ a: 1 }),
    },
  )
",
        "function(wake)
  wake.pkg(
    wake.pkgInfo('a', version='1.0.0'),
    files=wake.dir(['**']), // all
    pkgs={
      lua: wake.getPkg('acme/lua@^5'),
    },
    modules={
      root: function(wake, pkg, config) wake.recipe({ a: 1 }),
    },
  )
",
    );
    assert_adds(
        "function(wake)\n  wake.pkg(\n    wake.pkgInfo('a')\n  )\n",
        "function(wake)\n  wake.pkg(\n    wake.pkgInfo('a'),\n    pkgs={\n      lua: wake.getPkg('acme/lua@^5'),\n    }\n  )\n",
    );
    assert_adds(
        "function(wake) wake.pkg(wake.pkgInfo('a'))",
        "function(wake) wake.pkg(wake.pkgInfo('a'), pkgs={ lua: wake.getPkg('acme/lua@^5') })",
    );
    assert_adds(
        "function(wake)\n  wake.pkg(wake.pkgInfo('a'),\n           modules={})\n",
        "function(wake)\n  wake.pkg(wake.pkgInfo('a'), pkgs={ lua: wake.getPkg('acme/lua@^5') },\n           modules={})\n",
    );
    assert_adds(
        "function(wake)\n  wake.pkg(\n    modules={},\n    pkgInfo=wake.pkgInfo('a'))",
        "function(wake)\n  wake.pkg(\n    modules={},\n    pkgInfo=wake.pkgInfo('a'),\n    pkgs={\n      lua: wake.getPkg('acme/lua@^5'),\n    })",
    );
}

#[test]
fn an_empty_object_and_null_are_filled() {
    assert_adds(
        "function(wake)\n  wake.pkg(\n    wake.pkgInfo('a'),\n    pkgs={},\n  )\n",
        "function(wake)\n  wake.pkg(\n    wake.pkgInfo('a'),\n    pkgs={\n      lua: wake.getPkg('acme/lua@^5'),\n    },\n  )\n",
    );
    assert_adds(
        "function(wake) wake.pkg(wake.pkgInfo('a'), null, null, modules={})",
        "function(wake) wake.pkg(wake.pkgInfo('a'), null, { lua: wake.getPkg('acme/lua@^5') }, modules={})",
    );
    assert_adds(
        "function(wake)\n  wake.pkg(\n    pkgs={\n      // none yet\n    },\n  )\n",
        "function(wake)\n  wake.pkg(\n    pkgs={\n      // none yet\n      lua: wake.getPkg('acme/lua@^5'),\n    },\n  )\n",
    );
}

/// Catches brackets, commas and keywords in strings, comments and locals that are taken for what they look like.
#[test]
fn what_looks_like_structure_is_none() {
    assert_adds(
        "local lib = import 'lib.libsonnet'; // wake.pkg(
/* function(wake) wake.pkg( */
function(wake)
  local a = ')', b = @'it''s {', c = |||
    wake.pkg(}
      |||
  |||;
  wake.pkg(
    local name = 'a', version = \"\\\"1\"; wake.pkgInfo(name, version),
    pkgs={
      local x = 1,
      assert x == 1 : 'a, b',
      a: local y = 1, z = 2; assert y < z; wake.getPkg('a'),
      'b c'+: [v for v in [1, 2]],
      ['d' + x]: 3,
      e(f, g):: 4
    }
  )
",
        "local lib = import 'lib.libsonnet'; // wake.pkg(
/* function(wake) wake.pkg( */
function(wake)
  local a = ')', b = @'it''s {', c = |||
    wake.pkg(}
      |||
  |||;
  wake.pkg(
    local name = 'a', version = \"\\\"1\"; wake.pkgInfo(name, version),
    pkgs={
      local x = 1,
      assert x == 1 : 'a, b',
      a: local y = 1, z = 2; assert y < z; wake.getPkg('a'),
      'b c'+: [v for v in [1, 2]],
      ['d' + x]: 3,
      e(f, g):: 4,
      lua: wake.getPkg('acme/lua@^5')
    }
  )
",
    );
}

#[test]
fn keys_and_calls_are_written_as_they_must_be() {
    let text = "function(wake) wake.pkg(wake.pkgInfo(\"it's\"))";
    let key = |key: &str| {
        add(
            "PKG",
            text,
            key,
            "wake.getPkg('a', from=wake.exec(wake.std.git, {wake: \"'\"}))",
        )
        .unwrap()
    };
    let call = "wake.getPkg(\"a\", from=wake.exec(wake.std.git, {wake: \"'\"}))";
    assert!(key("a_1").contains(&format!(" a_1: {call},")));
    assert!(key("a-b").contains(" \"a-b\": wake"));
    assert!(key("local").contains(" \"local\": wake"));
    assert!(key("1a").contains(" \"1a\": wake"));
    assert_parses(&key("\"\\\n"));
}

#[test]
fn what_is_computed_is_not_guessed() {
    let add = |pkgs: &str| {
        let text = format!("function(wake)\n  wake.pkg(wake.pkgInfo('a'), pkgs={pkgs})");
        refusal(add("PKG", &text, "lua", CALL))
    };
    let by_hand = "add it to `pkgs` by hand: `lua: wake.getPkg('acme/lua@^5'),`";
    for computed in [
        "import 'pkgs.libsonnet'",
        "common",
        "{ a: 1 } + common",
        "{ a: 1 } { b: 2 }",
        "if true then { a: 1 } else { b: 2 }",
        "{ [k]: 1 for k in keys }",
        "({ a: 1 })",
    ] {
        let expected = "pkgs` is computed, so wake cannot edit it; ".to_owned() + by_hand;
        let said = add(computed);
        assert!(
            said.starts_with("PKG:2:") && said.ends_with(&expected),
            "{said}"
        );
    }
    assert!(add("{ lua: 1 }").starts_with("PKG:2:38: `lua` is in `pkgs` already"));
    for (text, expected) in [
        ("import 'other'", "PKG:1:1: There is no call of `wake.pkg`"),
        (
            "function(wake) lib.pkg(wake)",
            "PKG:1:1: There is no call of `wake.pkg`",
        ),
        (
            "function(wake) a.wake.pkg(1)",
            "PKG:1:1: There is no call of `wake.pkg`",
        ),
        (
            "function(wake) if a then wake.pkg(1) else wake.pkg(2)",
            "PKG:1:43: `wake.pkg` is called more than once",
        ),
        (
            "function(wake) wake.pkg('",
            "PKG:1:25: The string has no end",
        ),
        (
            "function(wake) wake.pkg(|||\n  a\n",
            "PKG:1:25: The string has no end",
        ),
        ("function(wake) wake.pkg([)", "PKG:1:26: `)` closes nothing"),
        (
            "function(wake) wake.pkg(",
            "PKG:1:24: The bracket is never closed",
        ),
        ("/* ", "PKG:1:1: The comment has no end"),
        ("", "PKG:1:1: There is no call"),
    ] {
        let said = refusal(super::add("PKG", text, "lua", CALL));
        assert!(said.starts_with(expected), "{said}");
    }
}

const SEVERAL: &str = "function(wake)
  wake.pkg(
    pkgs={
      // Ours.
      a: wake.getPkg('a'),  // first

      // Theirs,
      // much used.
      b: wake.getPkg(
        'b',
      ), /* second */
      c: wake.getPkg('c')
    },
  )
";

#[test]
fn a_field_goes_with_what_is_said_about_it() {
    let a = "      // Ours.\n      a: wake.getPkg('a'),  // first\n";
    let b = "      // Theirs,\n      // much used.\n      b: wake.getPkg(\n        'b',\n      ), /* second */\n";
    assert_removes(SEVERAL, "a", &SEVERAL.replace(a, ""));
    assert_removes(SEVERAL, "b", &SEVERAL.replace(b, ""));
    let without_c = SEVERAL.replace("      c: wake.getPkg('c')\n", "");
    assert_removes(
        SEVERAL,
        "c",
        &without_c.replace("), /* second */", ") /* second */"),
    );
    assert_removes(
        "function(wake)\n  wake.pkg(\n    pkgs={\n      // one\n      'a b': 1,\n    },\n  )\n",
        "a b",
        "function(wake)\n  wake.pkg(\n    pkgs={},\n  )\n",
    );
}

#[test]
fn a_field_goes_without_its_neighbours_on_the_line() {
    let with = |fields: &str| format!("function(wake) wake.pkg(pkgs={fields})");
    for (before, key, after) in [
        ("{ a: 1, b: 2, c: 3 }", "a", "{ b: 2, c: 3 }"),
        ("{ a: 1, b: 2, c: 3 }", "b", "{ a: 1, c: 3 }"),
        ("{ a: 1, b: 2, c: 3 }", "c", "{ a: 1, b: 2 }"),
        ("{ a: 1, b: 2, }", "b", "{ a: 1, }"),
        ("{a: 1,}", "a", "{}"),
        ("{ a: 1, // one\n b: 2 }", "b", "{ a: 1 // one\n }"),
        ("{ a: 1, // one\n b: 2 }", "a", "{ // one\n b: 2 }"),
        ("{ a: 1, /* two */ b: 2 }", "a", "{ /* two */ b: 2 }"),
        ("{\n  a: 1, b: 2,\n}", "b", "{\n  a: 1,\n}"),
        ("{\n  a: 1, b: 2,\n}", "a", "{\n  b: 2,\n}"),
    ] {
        assert_removes(&with(before), key, &with(after));
    }
    let said = refusal(remove("PKG", &with("{ lua: 1 }"), "lau"));
    assert_eq!(
        said,
        "PKG:1:30: There is no `lau` in `pkgs`; did you mean `lua`?"
    );
}

#[test]
fn a_requirement_is_replaced_in_place() {
    let text = "function(wake)
  wake.pkg(pkgs={
    a: wake.getPkg('acme/a@^1.2', from=wake.exec(wake.getPkg(\"r@^9\", from='../r'))),
    b: wake.getPkg(from='x', req='b'),
    c: wake.getPkg(wake.pkgInfo('c', version='^1.2', namespace='acme')),
    d: wake.getPkg(wake.pkgInfo('d', '^1.2')),
    e: wake.getPkg('e@' + version),
    f: lib.f('f@^1.2'),
  })";
    let replace = |key: &str, old: &str| replace_requirement("PKG", text, key, old, ">=3, <5");
    for (key, old, from, to) in [
        ("a", "^1.2", "acme/a@^1.2", "acme/a@>=3, <5"),
        ("b", "*", "req='b'", "req='b@>=3, <5'"),
        ("c", "^1.2", "version='^1.2'", "version='>=3, <5'"),
        ("d", "^1.2", "'d', '^1.2'", "'d', '>=3, <5'"),
    ] {
        let result = replace(key, old).unwrap();
        assert_eq!(result, text.replace(from, to));
        assert_parses(&result);
    }
    for (key, old, expected) in [
        (
            "a",
            "^2",
            "PKG:3:20: The requirement is `^1.2`, not `^2`; write `>=3, <5` in place of `^2` by hand",
        ),
        ("e", "^1.2", "PKG:7:20: The requirement is computed"),
        ("f", "^1.2", "PKG:8:8: `f` is not literally a `wake.getPkg`"),
        ("g", "^1.2", "PKG:2:17: There is no `g` in `pkgs`"),
    ] {
        let said = refusal(replace(key, old));
        assert!(said.starts_with(expected), "{said}");
    }
}

/// A layout: pieces between which there may be space, line ends and comments.
fn layout() -> impl Strategy<Value = String> {
    let space = prop::sample::select(vec![
        "",
        " ",
        "\n",
        "\n    ",
        " // it's\n  ",
        "/* , } */",
        "\n# x\n\t",
    ]);
    let fields = prop::collection::vec(
        (
            prop::sample::select(vec![
                "1",
                "{ x: 1, y: 2 }",
                "local p = 1, q = 2; q",
                "'}'",
                "f(1, 2)",
            ]),
            any::<bool>(),
        ),
        0..4,
    );
    (
        prop::collection::vec(space, 24),
        fields,
        any::<bool>(),
        0..4_u8,
    )
        .prop_map(|(spaces, fields, trailing, form)| {
            let mut spaces = spaces.into_iter().cycle();
            let mut space = move || spaces.next().unwrap_or_default();
            let mut object = format!("{{{}", space());
            let count = fields.len();
            for (index, (value, is_quoted)) in fields.into_iter().enumerate() {
                let key = if is_quoted {
                    format!("'k{index}'")
                } else {
                    format!("k{index}")
                };
                object += &format!("{key}{}:{}{value}{}", space(), space(), space());
                if index + 1 < count || trailing {
                    object += &format!(",{}", space());
                }
            }
            object += "}";
            let (a, b, c) = (space(), space(), space());
            match form {
                0 => format!(
                    "function(wake){a} wake.pkg({b}wake.pkgInfo('a'){c},{a}pkgs={object}{b})"
                ),
                1 => format!("function(wake){a} wake.pkg({b}pkgs={object}{c},{a}pkgInfo=1,{b})"),
                2 => format!(
                    "function(wake){a} wake.pkg({b}1{c},{a}[]{b},{object}{a},{c}modules={{}})"
                ),
                _ => format!(
                    "function(wake){a} wake.pkg({b}wake.pkgInfo('a'){c},{a}modules={object}{b})"
                ),
            }
        })
}

proptest! {
    /// Whatever the layout: what is added can be removed, nothing else is lost, and all of it parses.
    #[test]
    fn what_is_added_can_be_removed(text in layout()) {
        assert_parses(&text);
        let added = add("PKG", &text, "lua", CALL).unwrap();
        assert_parses(&added);
        let removed = remove("PKG", &added, "lua").unwrap();
        assert_parses(&removed);
        let again = add("PKG", &removed, "lua", CALL).unwrap();
        let shape = |text: &str| Document::read("PKG", text).unwrap().shape().unwrap();
        prop_assert_eq!(shape(&again), shape(&added));
        let comments = |text: &str| -> Vec<String> {
            let scanned = Document::read("PKG", text).unwrap().scanned;
            scanned.comments.into_iter().map(|comment| text[comment].to_owned()).collect()
        };
        prop_assert_eq!(comments(&added), comments(&text));
    }

    #[test]
    fn every_field_can_be_removed(text in layout(), index in 0..4_usize) {
        let key = format!("k{index}");
        if let Ok(removed) = remove("PKG", &text, &key) {
            assert_parses(&removed);
            prop_assert!(!removed.contains(&key));
        } else {
            let document = Document::read("PKG", &text).unwrap();
            let is_there = match document.pkgs().unwrap() {
                Pkgs::Object(list) => document.field(&list, &key).is_some(),
                _ => false,
            };
            prop_assert!(!is_there, "{} cannot be removed from\n{}", key, text);
        }
    }

    /// Catches a panic on a text that is no jsonnet.
    #[test]
    fn nothing_that_is_read_ends_wake(text in layout(), place in any::<prop::sample::Index>(), with in "[\\PC\n]{0,3}") {
        let mut characters: Vec<char> = text.chars().collect();
        let place = place.index(characters.len());
        characters.splice(place..(place + 1), with.chars());
        let text: String = characters.into_iter().collect();
        let _ = add("PKG", &text, "lua", CALL);
        let _ = remove("PKG", &text, "k1");
        let _ = replace_requirement("PKG", &text, "k0", "1", "2");
    }
}
