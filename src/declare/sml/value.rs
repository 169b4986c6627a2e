//! What an SML document says: values, each with the place where it is written.

use serde_json::{Map, Number};

/// A byte range of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub kind: ValueKind,
    pub span: Span,
}

/// The types of SML.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    Table(Table),
    Array(Vec<Value>),
    /// Escapes replaced.
    String(String),
    Integer(i64),
    /// Always finite.
    Decimal(f64),
    Boolean(bool),
    /// `1.2.3`, as written.
    Version(String),
    Language(Box<LanguageReference>),
    Package(Box<PackageReference>),
}

/// `(C++@0)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageReference {
    pub name: String,
    /// One to three numbers with dots between them.
    pub version: String,
}

/// `<user|name@1.2>` or `<(C#)user|name@1.2>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageReference {
    pub language: Option<String>,
    pub user: String,
    pub name: String,
    /// One to three numbers with dots between them.
    pub version: String,
}

/// Entries in the order they are written; no key twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub entries: Vec<Entry>,
}

/// `key: value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Value,
}

impl Table {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// Whether both say the same, in the same order, wherever it is written.
    pub fn says(&self, other: &Self) -> bool {
        let pairs = || self.entries.iter().zip(&other.entries);
        self.entries.len() == other.entries.len()
            && pairs().all(|(one, other)| one.key == other.key && one.value.says(&other.value))
    }

    /// As JSON, keys in the order they are written.
    pub fn to_json(&self) -> serde_json::Value {
        let fields = self.entries.iter();
        serde_json::Value::Object(
            fields
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<Map<_, _>>(),
        )
    }
}

impl Value {
    /// See [`Table::says`].
    pub fn says(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (ValueKind::Table(one), ValueKind::Table(other)) => one.says(other),
            (ValueKind::Array(some), ValueKind::Array(others)) => {
                let mut pairs = some.iter().zip(others);
                some.len() == others.len() && pairs.all(|(one, other)| one.says(other))
            }
            (one, other) => one == other,
        }
    }

    /// As JSON. Versions and references become strings in the spelling that SML also allows between quotes.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            ValueKind::Table(table) => table.to_json(),
            ValueKind::Array(values) => values.iter().map(Self::to_json).collect(),
            ValueKind::String(text) | ValueKind::Version(text) => text.as_str().into(),
            ValueKind::Integer(number) => (*number).into(),
            ValueKind::Decimal(number) => Number::from_f64(*number).into(),
            ValueKind::Boolean(boolean) => (*boolean).into(),
            ValueKind::Language(language) => language.to_string().into(),
            ValueKind::Package(package) => package.to_string().into(),
        }
    }

    /// The type, with its article: "a string".
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            ValueKind::Table(_) => "a table",
            ValueKind::Array(_) => "an array",
            ValueKind::String(_) => "a string",
            ValueKind::Integer(_) => "an integer",
            ValueKind::Decimal(_) => "a decimal",
            ValueKind::Boolean(_) => "a boolean",
            ValueKind::Version(_) => "a version",
            ValueKind::Language(_) => "a language reference",
            ValueKind::Package(_) => "a package reference",
        }
    }
}

impl std::fmt::Display for LanguageReference {
    /// `C++|0`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}|{}", self.name, self.version)
    }
}

impl std::fmt::Display for PackageReference {
    /// `[C#]user|name@1.2`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(language) = &self.language {
            write!(formatter, "[{language}]")?;
        }
        write!(formatter, "{}|{}@{}", self.user, self.name, self.version)
    }
}
