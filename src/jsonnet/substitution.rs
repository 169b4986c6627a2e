//! Replaces the tokens of a plugin in texts: `$(inputs)`, `$(input 0)`, `$(tool NAME)`. Knows neither which names there
//! are nor the tokens of wake itself, which it leaves alone.

use std::collections::HashMap;

use jrsonnet_evaluator::IStr;

/// What tokens stand for.
#[derive(Default)]
pub(super) struct Values {
    /// `$(NAMEs)` and `$(NAME index)`.
    pub(super) lists: HashMap<String, Vec<IStr>>,
    /// `$(NAME key)`.
    pub(super) tables: HashMap<String, HashMap<String, IStr>>,
}

impl Values {
    /// All elements that `$(inside)` stands for, if it stands for a list.
    fn list(&self, inside: &str) -> Option<&[IStr]> {
        let name = inside.strip_suffix('s')?;
        self.lists.get(name).map(Vec::as_slice)
    }

    fn value(&self, inside: &str) -> Option<String> {
        if let Some(list) = self.list(inside) {
            let texts: Vec<&str> = list.iter().map(|text| &**text).collect();
            return Some(texts.join(" "));
        }
        let (name, which) = inside.split_once(' ')?;
        let value = match self.lists.get(name) {
            Some(list) => list.get(index(which)?),
            None => self.tables.get(name)?.get(which),
        };
        value.map(|value| value.to_string())
    }

    /// Whether `$(inside)` can mean only what is known here.
    fn is_own(&self, inside: &str) -> bool {
        let name = inside.split(' ').next().unwrap_or_default();
        self.lists.contains_key(name) || self.tables.contains_key(name)
    }
}

/// Digits only: no sign.
fn index(digits: &str) -> Option<usize> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Texts whose tokens are replaced, and the tokens for which there was nothing.
pub(super) struct Substitution {
    values: Values,
    pub(super) texts: Vec<String>,
    pub(super) strays: Vec<String>,
}

impl Substitution {
    pub(super) fn new(values: Values) -> Self {
        Self {
            values,
            texts: Vec::new(),
            strays: Vec::new(),
        }
    }

    /// Adds a text; one that is a list alone is added as one text each.
    pub(super) fn add(&mut self, text: &str) {
        let inside = text
            .strip_prefix("$(")
            .and_then(|rest| rest.strip_suffix(')'));
        if let Some(list) = inside.and_then(|inside| self.values.list(inside)) {
            self.texts.extend(list.iter().map(ToString::to_string));
            return;
        }
        let pieces: Vec<String> = text.split("$$").map(|piece| self.expanded(piece)).collect();
        self.texts.push(pieces.join("$$"));
    }

    /// A piece of text between two `$$`.
    fn expanded(&mut self, piece: &str) -> String {
        let mut parts = piece.split("$(");
        let mut expanded = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (inside, rest) = match part.split_once(')') {
                Some((inside, rest)) => (inside, Some(rest)),
                None => (part, None),
            };
            let value = rest.and_then(|rest| Some((self.values.value(inside)?, rest)));
            if let Some((value, rest)) = value {
                expanded.push_str(&value);
                expanded.push_str(rest);
                continue;
            }
            if self.values.is_own(inside) {
                self.strays.push(format!("$({inside})"));
            }
            expanded.push_str("$(");
            expanded.push_str(part);
        }
        expanded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(text: &str) -> (Vec<String>, Vec<String>) {
        let mut values = Values::default();
        let inputs = vec!["a b".into(), "$(target)/$(input 0)".into()];
        values.lists.insert("input".to_owned(), inputs);
        let tools = HashMap::from([("gen:root".to_owned(), "$(target gen)/gen".into())]);
        values.tables.insert("tool".to_owned(), tools);
        let mut substitution = Substitution::new(values);
        substitution.add(text);
        (substitution.texts, substitution.strays)
    }

    #[test]
    fn tokens_are_replaced_once() {
        let cases = [
            ("plain", "plain"),
            ("$(inputs)!", "a b $(target)/$(input 0)!"),
            ("<$(input 1)>", "<$(target)/$(input 0)>"),
            (
                "$(tool gen:root) $(target)/x",
                "$(target gen)/gen $(target)/x",
            ),
            ("$$(input 0)$(input 0)", "$$(input 0)a b"),
            ("$(inputs", "$(inputs"),
        ];
        for (text, expected) in cases {
            assert_eq!(substituted(text), (vec![expected.to_owned()], vec![]));
        }
        let (texts, _) = substituted("$(inputs)");
        assert_eq!(texts, ["a b", "$(target)/$(input 0)"]);
    }

    #[test]
    fn tokens_for_which_there_is_nothing_are_strays() {
        for text in ["$(input 2)", "$(input +1)", "$(tool other)", "$(input)"] {
            let (texts, strays) = substituted(text);
            assert_eq!((&texts[0][..], &strays[0][..]), (text, text));
        }
        assert_eq!(substituted("$(input 0").1, ["$(input 0)"]);
    }
}
