//! Where in the text the call of `wake.pkg`, its `pkgs` and the fields of that are.

use super::scan::{self, Kind, Scanned, Token};
use crate::error::{Error, Location, Result, suggestion};

/// A text, read.
pub(super) struct Document<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) scanned: Scanned,
}

/// What is between two brackets, separated by commas.
#[derive(Clone, Debug)]
pub(super) struct List {
    /// Indices of the brackets.
    pub(super) open: usize,
    pub(super) close: usize,
    pub(super) items: Vec<Item>,
}

/// An argument or a member of an object. All are indices of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) comma: Option<usize>,
}

/// What `pkgs` is.
#[derive(Debug)]
pub(super) enum Pkgs {
    Object(List),
    /// `pkgs=null`: the token.
    Null(usize),
    /// The arguments that there are.
    Absent(List),
}

/// All that an edit must leave alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    before: Vec<String>,
    others: Vec<Vec<String>>,
    pub(super) fields: Vec<Vec<String>>,
    after: Vec<String>,
}

impl<'a> Document<'a> {
    /// # Errors
    /// `User`, with the place: it cannot be taken apart.
    pub(super) fn read(file: &'a str, text: &'a str) -> Result<Self> {
        Ok(Self {
            file,
            text,
            scanned: scan::scan(file, text)?,
        })
    }

    /// A token by its place.
    pub(super) fn token(&self, index: usize) -> Token {
        self.scanned.tokens[index]
    }

    /// The text of a token; empty behind the last one.
    pub(super) fn at(&self, index: usize) -> &'a str {
        let token = self.scanned.tokens.get(index);
        token.map_or("", |token| &self.text[token.start..token.end])
    }

    fn is_word(&self, index: usize) -> bool {
        let token = self.scanned.tokens.get(index);
        token.is_some_and(|token| token.kind == Kind::Word)
    }

    /// Whether the tokens from `index` on are these.
    fn is_sequence(&self, index: usize, texts: &[&str]) -> bool {
        let mut texts = texts.iter().enumerate();
        texts.all(|(offset, text)| self.at(index + offset) == *text)
    }

    /// The text of all tokens.
    pub(super) fn texts(&self) -> Vec<String> {
        self.texts_of(0, self.scanned.tokens.len())
    }

    fn texts_of(&self, first: usize, end: usize) -> Vec<String> {
        (first..end)
            .map(|index| self.at(index).to_owned())
            .collect()
    }

    /// An error at a token.
    pub(super) fn fail(&self, index: usize, message: impl Into<String>) -> Error {
        let (start, end) = match self.scanned.tokens.get(index) {
            Some(token) => (token.start, token.end),
            None => (0, 0),
        };
        Error::user(message).at(Location::of_bytes(self.file, self.text, start, end))
    }

    /// The token `wake` of the one call of `wake.pkg`, whatever the parameter is called.
    pub(super) fn package_call(&self) -> Result<usize> {
        let tokens = 0..self.scanned.tokens.len();
        let parameters: Vec<&str> = tokens
            .clone()
            .filter(|index| self.is_sequence(*index, &["function", "("]))
            .map(|index| self.at(index + 2))
            .collect();
        let calls: Vec<usize> = tokens
            .filter(|index| self.is_word(*index) && parameters.contains(&self.at(*index)))
            .filter(|index| self.is_sequence(index + 1, &[".", "pkg", "("]))
            .filter(|index| *index == 0 || self.at(index - 1) != ".")
            .collect();
        match calls[..] {
            [call] => Ok(call),
            [] => Err(self.fail(0, "There is no call of `wake.pkg` that wake could edit")),
            [_, second, ..] => Err(self.fail(second, "`wake.pkg` is called more than once")),
        }
    }

    /// What is between the bracket `open` and its partner.
    pub(super) fn list(&self, open: usize) -> List {
        let close = self.token(open).partner;
        let mut items = Vec::new();
        // `local a = 1, b = 2; …` has commas that separate nothing.
        let (mut first, mut index, mut pending) = (open + 1, open + 1, Vec::new());
        while index < close {
            match self.at(index) {
                "local" | "assert" if index == first && self.at(open) == "{" => {}
                word @ ("local" | "assert") => pending.push(word),
                ";" => drop(pending.pop()),
                "," if !pending.contains(&"local") => {
                    if index > first {
                        items.push(Item {
                            first,
                            last: index - 1,
                            comma: Some(index),
                        });
                    }
                    first = index + 1;
                }
                _ => index = self.token(index).partner.max(index),
            }
            index += 1;
        }
        if first < close {
            items.push(Item {
                first,
                last: close - 1,
                comma: None,
            });
        }
        List { open, close, items }
    }

    /// The name of an argument that is given by name.
    pub(super) fn argument_name(&self, item: &Item) -> Option<&'a str> {
        let is_named = self.is_word(item.first)
            && self.at(item.first + 1) == "="
            && self.at(item.first + 2) != "=";
        is_named.then(|| self.at(item.first))
    }

    /// The tokens of an argument's value: that of the name, or at the place.
    pub(super) fn argument(&self, list: &List, name: &str, place: usize) -> Option<(usize, usize)> {
        let mut items = list.items.iter();
        if let Some(item) = items.find(|item| self.argument_name(item) == Some(name)) {
            return Some((item.first + 2, item.last));
        }
        let item = list.items.get(place)?;
        let is_given_by_place = list.items[..=place]
            .iter()
            .all(|item| self.argument_name(item).is_none());
        is_given_by_place.then_some((item.first, item.last))
    }

    /// # Errors
    /// `User`, with the place: there is no call of `wake.pkg`, or its `pkgs` is computed.
    pub(super) fn pkgs(&self) -> Result<Pkgs> {
        let arguments = self.list(self.package_call()? + 3);
        let Some((first, last)) = self.argument(&arguments, "pkgs", 2) else {
            return Ok(Pkgs::Absent(arguments));
        };
        if first == last && self.at(first) == "null" {
            return Ok(Pkgs::Null(first));
        }
        let computed = |index| Err(self.fail(index, "`pkgs` is computed, so wake cannot edit it"));
        if self.at(first) != "{" || self.token(first).partner != last {
            return computed(first);
        }
        let list = self.list(first);
        let mut index = first + 1;
        while index < last {
            if self.at(index) == "for" {
                return computed(index);
            }
            index = self.token(index).partner.max(index) + 1;
        }
        Ok(Pkgs::Object(list))
    }

    /// The name of a member of an object, and the token after it, if that is literally there.
    fn named(&self, item: &Item) -> Option<(String, usize)> {
        let text = self.at(item.first);
        let name = match self.token(item.first).kind {
            Kind::Word => text.to_owned(),
            Kind::Text => literal(text)?.to_owned(),
            Kind::Other => return None,
        };
        let after = item.first + 1;
        matches!(self.at(after), ":" | "+" | "(").then_some((name, after))
    }

    /// The name of a field, if it is literally there.
    pub(super) fn name(&self, item: &Item) -> Option<String> {
        self.named(item).map(|(name, _)| name)
    }

    /// The first token of the value of a member.
    pub(super) fn value(&self, item: &Item) -> Option<usize> {
        let (_, mut index) = self.named(item)?;
        while matches!(self.at(index), ":" | "+") {
            index += 1;
        }
        (index <= item.last).then_some(index)
    }

    /// The field of a name.
    pub(super) fn field<'l>(&self, list: &'l List, key: &str) -> Option<&'l Item> {
        let mut items = list.items.iter();
        items.find(|item| self.name(item).as_deref() == Some(key))
    }

    /// That `pkgs` has no field `key`.
    pub(super) fn no_such_key(&self, place: &Pkgs, key: &str) -> Error {
        let (index, names) = match place {
            Pkgs::Object(list) => {
                let names = list.items.iter().filter_map(|item| self.name(item));
                (list.open, names.collect())
            }
            Pkgs::Null(index) => (*index, Vec::new()),
            Pkgs::Absent(list) => (list.open, Vec::new()),
        };
        self.fail(index, format!("There is no `{key}` in `pkgs`"))
            .hint_option(suggestion(key, names.iter().map(String::as_str)))
    }

    /// What an edit of `pkgs` must leave alone, and the fields of `pkgs`.
    pub(super) fn shape(&self) -> Result<Shape> {
        let open = self.package_call()? + 3;
        let arguments = self.list(open);
        let pkgs = self.argument(&arguments, "pkgs", 2);
        let others = arguments.items.iter();
        let others = others.filter(|item| pkgs.is_none_or(|(_, last)| last != item.last));
        let fields = match self.pkgs()? {
            Pkgs::Object(list) => list.items,
            _ => Vec::new(),
        };
        let texts = |item: &Item| self.texts_of(item.first, item.last + 1);
        Ok(Shape {
            before: self.texts_of(0, open),
            others: others.map(texts).collect(),
            fields: fields.iter().map(texts).collect(),
            after: self.texts_of(arguments.close, self.scanned.tokens.len()),
        })
    }
}

/// The content of a string that has nothing in it that would have to be escaped.
pub(super) fn literal(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| "'\"".contains(*quote))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inside.contains('\\')).then_some(inside)
}
