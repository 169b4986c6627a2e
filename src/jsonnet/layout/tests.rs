//! Programs as people write them, and the layout that they get.

use proptest::prelude::*;

use super::super::embedded;
use super::layout;

fn laid_out(text: &str) -> String {
    layout(text).unwrap_or_else(|| panic!("{text:?} cannot be laid out"))
}

#[test]
fn blanks_are_the_usual_ones() {
    for (text, expected) in [
        (
            "{a:1,b :: 2,'c'+:3 , [d] ::: 4}",
            "{ a: 1, b:: 2, 'c'+: 3, [d]::: 4 }",
        ),
        ("f( a,b = -1 )[ 1 :2 ][::2]", "f(a, b=-1)[1:2][::2]"),
        ("local f( x=1 )=x+1 ;f (2)", "local f(x=1) = x + 1; f(2)"),
        (
            "if!a&&- b==c then[1]else {}",
            "if !a && -b == c then [1] else {}",
        ),
        (
            "{assert a :'no',b( x )::-x}",
            "{ assert a : 'no', b(x):: -x }",
        ),
        ("function (x)$.a [x]{b : 1}", "function(x) $.a[x] { b: 1 }"),
        ("(local a=1;a)+ 1e-5 - 2", "(local a = 1; a) + 1e-5 - 2"),
        ("[x for x in[1,2]if x>1]", "[x for x in [1, 2] if x > 1]"),
        ("!( a )+-[ 1 ]", "!(a) + -[1]"),
        ("import'a'", "import 'a'"),
        ("a/*b*/+c// d", "a /*b*/ + c // d"),
        ("self.a+super.b%'x'", "self.a + super.b % 'x'"),
        ("", ""),
    ] {
        let expected = if expected.is_empty() {
            String::new()
        } else {
            format!("{expected}\n")
        };
        assert_eq!(laid_out(text), expected);
    }
}

#[test]
fn lines_are_indented_by_their_brackets() {
    let text = "

// Head
local a = 1;
  local b =
 2;
function(wake)
  wake.pkg(
      wake.pkgInfo('p',
  version='1'), // the version


      modules={

    // of root
         root: function(wake, pkg, config)
           local x = 1;
             local y = 2,
                   z = 3;
           wake.recipe({
   Text: |||
         one
           two

         three
       ||| % x,
       A: if x then
         1
       else
         2,
      // end
           }),

      }
    )


# last
";
    let expected = "\
// Head
local a = 1;
local b =
  2;
function(wake)
  wake.pkg(
    wake.pkgInfo('p',
      version='1'), // the version

    modules={
      // of root
      root: function(wake, pkg, config)
        local x = 1;
        local y = 2,
              z = 3;
        wake.recipe({
          Text: |||
            one
              two

            three
          ||| % x,
          A: if x then
            1
          else
            2,
          // end
        }),
    }
  )

# last
";
    let result = laid_out(text);
    assert_eq!(laid_out(&result), result);
    assert_eq!(result, expected);
}

#[test]
fn line_ends_and_blocks_are_kept() {
    assert_eq!(laid_out("{\r\na:1,\r\n}"), "{\r\n  a: 1,\r\n}\r\n");
    assert_eq!(laid_out("\r\n'\n'"), "'\n'\n");
    assert_eq!(laid_out("|||-\n\ta\n\t b\n|||"), "|||-\n  a\n   b\n|||\n");
    assert_eq!(laid_out("/* a\n b */ 1"), "/* a\n b */ 1\n");
}

/// Catches a rule that works against how people write.
#[test]
fn our_own_files_stay_what_they_are() {
    let library = embedded::library().map(|name| format!("lib/{name}"));
    let all = library.chain(embedded::plugins().map(|name| format!("{name}.libsonnet")));
    for name in all.filter(|name| name.ends_with(".libsonnet")) {
        let text = embedded::content(&name).expect("the file is there");
        assert_eq!(laid_out(text), text, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_layout_is_final(text in "([a-c]|local|if|then|else|for|in|function|assert|[0-9.e+-]|[\\[\\](){},;:=.+!$'\"#/*@|-]|::|\\|\\|\\|| |\n|\t|\r\n|é){0,60}") {
        if let Some(once) = layout(&text) {
            prop_assert_eq!(layout(&once), Some(once.clone()), "{}", once);
        }
    }
}
