//! Root tokens: `$(package)`, `$(target)`, `$(cache)`, `$(package NAME)`, `$(target NAME:MODULE#HASH)` at the start of,
//! or anywhere in, text that jsonnet handles. `$$` is a dollar.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A root token and the directory it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Without `$(` and `)`: `package`, `target`, `cache`, `package acme/terminal`, `target acme/terminal:lib#0123…`.
    pub token: String,
    /// Relative to the workspace's top (empty for the top itself), or absolute where it lies outside.
    pub directory: String,
}

/// Text with a token that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownToken(pub String);

/// Replaces the tokens of `text` by what `lookup` says and `$$` by `$`. A `$` that begins neither stays.
pub fn expand(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, UnknownToken> {
    let mut result = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        result.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        if let Some(behind) = after.strip_prefix('$') {
            result.push('$');
            rest = behind;
        } else if let Some(inside) = after.strip_prefix('(') {
            let end = inside
                .find(')')
                .ok_or_else(|| UnknownToken(format!("$({inside}")))?;
            let token = &inside[..end];
            result.push_str(&lookup(token).ok_or_else(|| UnknownToken(format!("$({token})")))?);
            rest = &inside[end + 1..];
        } else {
            result.push('$');
            rest = after;
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// Text that [`expand`] turns into `text`.
pub fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

/// `text` with some of its tokens replaced by others: `rename` gives the new name, or `None` where a token stays.
pub fn rename(text: &str, rename: impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, after) = rest.split_at(dollar);
        result.push_str(before);
        let token = after
            .strip_prefix("$(")
            .and_then(|inside| inside.split_once(')'));
        if let Some((token, behind)) = token {
            let renamed = rename(token);
            result.push_str(&format!("$({})", renamed.as_deref().unwrap_or(token)));
            rest = behind;
        } else {
            // `$$` is no beginning of a token.
            let length = if after.starts_with("$$") { 2 } else { 1 };
            result.push_str(&after[..length]);
            rest = &after[length..];
        }
    }
    result.push_str(rest);
    result
}

/// Directories and their tokens, both ways.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    by_token: HashMap<String, String>,
    by_directory: HashMap<String, String>,
}

impl Roots {
    /// The tokens of `roots`; where two stand for one directory, the first names it.
    pub fn new<'a>(roots: impl IntoIterator<Item = &'a Root>) -> Self {
        let mut result = Self::default();
        for root in roots {
            result
                .by_token
                .entry(root.token.clone())
                .or_insert_with(|| root.directory.clone());
            result
                .by_directory
                .entry(root.directory.clone())
                .or_insert_with(|| root.token.clone());
        }
        result
    }

    /// The directory of a token.
    pub fn directory(&self, token: &str) -> Option<&str> {
        self.by_token.get(token).map(String::as_str)
    }

    /// The shortest text for `path` (as [`Root::directory`] is written): the token of the nearest directory above it
    /// and the rest; a path below no root stays as it is.
    pub fn tokenize(&self, path: &str) -> String {
        let path_of = Path::new(path);
        for above in path_of.ancestors() {
            let Some(token) = above
                .to_str()
                .and_then(|above| self.by_directory.get(above))
            else {
                continue;
            };
            let rest = path_of
                .strip_prefix(above)
                .unwrap_or(path_of)
                .display()
                .to_string();
            return if rest.is_empty() {
                format!("$({token})")
            } else {
                format!("$({token})/{rest}")
            };
        }
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_dollars_expand() {
        let lookup = |token: &str| (token == "target").then(|| "/w/out".to_owned());
        assert_eq!(
            expand("-I$(target)/a $$(target) $HOME", lookup),
            Ok("-I/w/out/a $(target) $HOME".to_owned())
        );
        assert_eq!(
            expand("$(nowhere)/x", lookup),
            Err(UnknownToken("$(nowhere)".to_owned()))
        );
        assert_eq!(
            expand("$(target", lookup),
            Err(UnknownToken("$(target".to_owned()))
        );
    }

    /// Catches text that jsonnet has escaped and that is expanded all the same.
    #[test]
    fn dollars_survive() {
        let lookup = |_: &str| Some("x".to_owned());
        let text = "/opt/$(target)/$$/$";
        assert_eq!(expand(&escape(text), lookup), Ok(text.to_owned()));
        let renamed = rename("$(a)$$(a)$(b)$(a", |token| {
            (token == "a").then(|| "c d".to_owned())
        });
        assert_eq!(renamed, "$(c d)$$(a)$(b)$(a");
    }

    #[test]
    fn the_nearest_root_names_a_path() {
        let root = |token: &str, directory: &str| Root {
            token: token.into(),
            directory: directory.into(),
        };
        let roots = Roots::new(&[
            root("package a", ""),
            root("package b", "lib"),
            root("target b:root#1", "out/1"),
        ]);
        assert_eq!(roots.tokenize("lib/src/x.c"), "$(package b)/src/x.c");
        assert_eq!(roots.tokenize("libx/x.c"), "$(package a)/libx/x.c");
        assert_eq!(roots.tokenize("out/1"), "$(target b:root#1)");
        assert_eq!(roots.tokenize("/usr/bin/cc"), "/usr/bin/cc");
    }
}
