//! What a program shows before it is parsed: how deep its brackets nest, and which files it imports.

use jrsonnet_evaluator::parser::{Expr, ParserSettings, Source, parse};

use super::tokens::{Token, Tokens};

/// Deeper brackets are refused before they are parsed: the parser's stack would end.
pub(super) const DEEPEST_BRACKETS: usize = 1_000;

/// An import as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: String,
    /// Whether the file is imported as code, not as data.
    pub(super) is_program: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Whether or not evaluation comes to them.
    pub(super) imports: Vec<Import>,
    /// The place of the first bracket that is too deep. Nothing behind it is looked at.
    pub(super) too_deep: Option<usize>,
}

impl Outline {
    pub(super) fn of(program: &[u8]) -> Self {
        let mut outline = Self::default();
        let mut depth = 0_usize;
        let mut tokens = Tokens::new(program).peekable();
        while let Some(token) = tokens.next() {
            match token {
                Token::Open(place) => {
                    depth += 1;
                    if depth > DEEPEST_BRACKETS {
                        outline.too_deep = Some(place);
                        break;
                    }
                }
                Token::Close => depth = depth.saturating_sub(1),
                Token::Word(word) => {
                    let is_program = match &program[word] {
                        b"import" => true,
                        b"importstr" | b"importbin" => false,
                        _ => continue,
                    };
                    if let Some(Token::Text(range)) = tokens.peek() {
                        let path = literal(&program[range.clone()]);
                        let import = path.map(|path| Import { path, is_program });
                        outline.imports.extend(import);
                    }
                }
                Token::Text(_) | Token::Other => {}
            }
        }
        outline
    }
}

/// What a string says: the library knows its escapes.
fn literal(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let source = Source::new_virtual("import".into(), text.into());
    match parse(text, &ParserSettings { source }).ok()?.expr() {
        Expr::Str(path) => Some(path.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        let many = "[".repeat(2 * DEEPEST_BRACKETS);
        let too_deep = |text: &str| Outline::of(text.as_bytes()).too_deep;
        assert_eq!(too_deep(&many), Some(DEEPEST_BRACKETS));
        for quiet in [
            format!("'{many}'"),
            format!("\"\\\"{many}\""),
            format!("@'{many}\\'"),
            format!("// {many}\n1"),
            format!("/* {many} */ 1"),
            format!("|||\n  {many}\n|||"),
            "[]".repeat(2 * DEEPEST_BRACKETS),
        ] {
            assert_eq!(too_deep(&quiet), None, "{}", &quiet[..6]);
        }
    }

    /// Catches an import that the evaluator would follow and the package would lack.
    #[test]
    fn imports_are_found_however_they_are_written() {
        let text = r#"import'a' + (import /* x */ "b\u0063") + importstr @'d''e' + [importbin |||
            f
          |||] + { 'import': 'no', x: 'import "no"', important 'no' } + import (x) // import 'no'"#;
        let found: Vec<(String, bool)> = (Outline::of(text.as_bytes()).imports.into_iter())
            .map(|import| (import.path, import.is_program))
            .collect();
        let expected = [("a", true), ("bc", true), ("d'e", false), ("f\n", false)];
        assert_eq!(
            found,
            expected.map(|(path, program)| (path.to_owned(), program))
        );
    }
}
