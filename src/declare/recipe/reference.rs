//! References of recipes: what an item of `Dependencies` asks for, and how it is spelled.
//!
//! | written | means |
//! |---|---|
//! | `'../library/'`, `'./x'`, `'a/b'`, `'/opt/x'`, `'..'` | the package in that directory, relative to the recipe's |
//! | `'Name'`, `'Name@1.2.3'` | a package without a namespace, or of that of the fetched package that asks |
//! | `'User\|Name'`, `'User\|Name@1'`, `<User\|Name@1>` | `User/Name` of wake |
//! | `'[C#]User\|Name@1'`, `<(C#)User\|Name@1>` | the same; its `Language` must be `C#` |
//! | `'C++\|Name'`, `'C#\|Name'` | as older recipes write it: `[C++]Soup\|Name`, `[C#]Soup\|Name` |
//!
//! `@1.2` admits what `^1.2` does. Names are compared as they are written, case included; only those of what wake brings
//! itself ([`Reference::is_built_in`]) are not.

use std::fmt;

use crate::declare::model::is_name;

/// What a reference says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What the `Language` of the package must be.
    pub language: Option<String>,
    pub target: Target,
}

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A directory, as it is written.
    Path(String),
    Name {
        user: Option<String>,
        name: String,
        /// One to three numbers with dots between them.
        version: Option<String>,
    },
}

/// Why a text is no reference, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub cause: String,
    pub hint: &'static str,
}

/// The user in whose name Soup's own packages are published.
const SOUP: &str = "Soup";

/// The languages that older recipes write where a user stands now.
const LEGACY_LANGUAGES: [&str; 2] = ["C++", "C#"];

/// The user who publishes what belongs to Soup and is not its own: `mwasplund|soup-test-cpp`.
const SOUP_AUTHOR: &str = "mwasplund";

/// What Soup's own packages are for: wake brings it itself. Older packages have dots in their names, `Build.Utils`.
const BUILT_IN: [&str; 7] = [
    "build-utils",
    "c",
    "cpp",
    "csharp",
    "csharp-nuget",
    "test-cpp",
    "wren",
];

const FORMS: &str = "write a path such as `'../library/'`, or a name such as `'User|Name@1.2'`";

impl Reference {
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() {
            return Err(malformed("it is empty"));
        }
        if let Some(character) = text.chars().find(|character| character.is_control()) {
            let shown = character.escape_default();
            return Err(malformed(format!("it contains `{shown}`")));
        }
        let (language, rest) = match text.strip_prefix('[') {
            Some(rest) => language(rest)?,
            None => (None, text),
        };
        if is_path(rest) {
            let target = Target::Path(rest.to_owned());
            return Ok(Self { language, target });
        }
        named(language, rest)
    }

    /// Whether it means something that wake brings itself, so that nothing is asked for.
    pub fn is_built_in(&self) -> bool {
        match &self.target {
            Target::Name {
                user: Some(user),
                name,
                ..
            } => {
                let name = name.to_ascii_lowercase().replace('.', "-");
                let name = match user.eq_ignore_ascii_case(SOUP_AUTHOR) {
                    true => name.strip_prefix("soup-"),
                    false => Some(&*name).filter(|_| user.eq_ignore_ascii_case(SOUP)),
                };
                name.is_some_and(|name| BUILT_IN.contains(&name))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Reference {
    /// As [`Self::parse`] reads it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(language) = &self.language {
            write!(formatter, "[{language}]")?;
        }
        match &self.target {
            Target::Path(path) => formatter.write_str(path),
            Target::Name {
                user,
                name,
                version,
            } => {
                if let Some(user) = user {
                    write!(formatter, "{user}|")?;
                }
                formatter.write_str(name)?;
                match version {
                    Some(version) => write!(formatter, "@{version}"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn malformed(cause: impl Into<String>) -> Malformed {
    Malformed {
        cause: cause.into(),
        hint: FORMS,
    }
}

/// What is between `[` and `]`, and what follows.
fn language(rest: &str) -> Result<(Option<String>, &str), Malformed> {
    let Some((language, rest)) = rest.split_once(']') else {
        return Err(Malformed {
            cause: "its `[` has no `]`".to_owned(),
            hint: "write `[C++]Name`",
        });
    };
    if !is_language(language) {
        return Err(Malformed {
            cause: match language.is_empty() {
                true => "its language is empty".to_owned(),
                false => format!("`{language}` cannot be a language"),
            },
            hint: "write `[C++]Name`",
        });
    }
    if rest.is_empty() {
        return Err(malformed("nothing follows the language"));
    }
    Ok((Some(language.to_owned()), rest))
}

/// Whether a language can be called so.
pub fn is_language(name: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "_#+.".contains(character);
    !name.is_empty() && name.chars().all(is_part)
}

/// No name has a slash, and every path does that does not go upwards.
fn is_path(text: &str) -> bool {
    text.contains('/') || text == "." || text == ".."
}

fn named(language: Option<String>, text: &str) -> Result<Reference, Malformed> {
    if text.contains('\\') {
        return Err(Malformed {
            cause: "it contains `\\`".to_owned(),
            hint: "paths are written with `/`",
        });
    }
    let (label, version) = match text.split_once('@') {
        Some((label, version)) => (label, Some(checked_version(version)?)),
        None => (text, None),
    };
    let (user, name) = match label.split_once('|') {
        Some((user, name)) => (Some(user), name),
        None => (None, label),
    };
    let (language, user) = match (language, user) {
        (None, Some(legacy)) if LEGACY_LANGUAGES.contains(&legacy) => {
            (Some(legacy.to_owned()), Some(SOUP))
        }
        other => other,
    };
    for (what, name) in user
        .map(|user| ("user", user))
        .into_iter()
        .chain([("name", name)])
    {
        if name.is_empty() {
            return Err(malformed(format!("its {what} is empty")));
        }
        if !is_name(name) {
            return Err(malformed(format!("`{name}` cannot be a {what}")));
        }
    }
    Ok(Reference {
        language,
        target: Target::Name {
            user: user.map(ToOwned::to_owned),
            name: name.to_owned(),
            version,
        },
    })
}

fn checked_version(text: &str) -> Result<String, Malformed> {
    match is_short_version(text) {
        true => Ok(text.to_owned()),
        false => Err(Malformed {
            cause: match text.is_empty() {
                true => "its version is empty".to_owned(),
                false => format!("`{text}` is no version"),
            },
            hint: "a version is one to three numbers, such as `1.2`: it admits what `^1.2` does",
        }),
    }
}

/// Whether it is one to three numbers with dots between them.
pub fn is_short_version(text: &str) -> bool {
    let is_number = |part: &str| {
        let is_plain = part == "0" || !part.starts_with('0');
        is_plain && part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u64>().is_ok()
    };
    text.split('.').count() <= 3 && text.split('.').all(is_number)
}
