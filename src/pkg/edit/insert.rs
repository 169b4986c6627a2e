//! Adding a field, in the layout that is found.

use super::outline::{Document, Item, List, Pkgs};
use super::scan::Kind;
use super::{bare_or_quoted, outline, quoted};
use crate::error::Result;

/// Objects on one line stay there up to this many characters.
const LONGEST_LINE: usize = 100;

/// The field as it is written: its key, and the call with the quotes and the name of `wake` that the document has.
pub(super) fn field(
    document: &Document<'_>,
    place: &Pkgs,
    key: &str,
    call: &str,
) -> Result<String> {
    let quote = quote(document);
    let items = match place {
        Pkgs::Object(list) => &list.items[..],
        _ => &[],
    };
    let is_quoted = |item: &Item| document.token(item.first).kind == Kind::Text;
    let key = match !items.is_empty() && items.iter().all(is_quoted) {
        true => quoted(key, quote),
        false => bare_or_quoted(key, quote),
    };
    let wake = document.at(document.package_call()?);
    let call = adapted(&Document::read("the call", call)?, wake, quote);
    Ok(format!("{key}: {call}"))
}

fn adapted(call: &Document<'_>, wake: &str, quote: char) -> String {
    let mut result = String::new();
    let mut end = 0;
    for (index, token) in call.scanned.tokens.iter().enumerate() {
        let text = call.at(index);
        result.push_str(&call.text[end..token.start]);
        match outline::literal(text) {
            Some(inside) if !inside.contains(quote) => result.push_str(&quoted(inside, quote)),
            _ if text == "wake" && call.at(index + 1) == "." => result.push_str(wake),
            _ => result.push_str(text),
        }
        end = token.end;
    }
    result + &call.text[end..]
}

/// The quotes that most strings have.
fn quote(document: &Document<'_>) -> char {
    let count = |quote: &str| {
        let tokens = 0..document.scanned.tokens.len();
        tokens
            .filter(|index| document.at(*index).starts_with(quote))
            .count()
    };
    if count("\"") > count("'") { '"' } else { '\'' }
}

/// The text with a field added to `pkgs`, which is created where it is missing.
pub(super) fn insert(document: &Document<'_>, place: &Pkgs, field: &str) -> String {
    match place {
        Pkgs::Object(list) => match list.items.last() {
            Some(last) => after_field(document, list, last, field),
            None => into_empty(document, list, field),
        },
        Pkgs::Null(index) => {
            let token = document.token(*index);
            fitting(|is_long| {
                let object = object(document, token.start, field, is_long);
                document.with(token.start..token.end, &object)
            })
        }
        Pkgs::Absent(arguments) => new_argument(document, arguments, field),
    }
}

/// `edit(false)`, or `edit(true)` if that has a line that is too long.
fn fitting(edit: impl Fn(bool) -> (String, usize)) -> String {
    let (result, place) = edit(false);
    let start = result[..place].rfind('\n').map_or(0, |newline| newline + 1);
    let line = result[start..].lines().next().unwrap_or_default();
    match line.chars().count() > LONGEST_LINE {
        true => edit(true).0,
        false => result,
    }
}

/// `{ field }`: on lines of its own if it would be long, or if what `pkgs` belongs to has lines of its own.
fn object(document: &Document<'_>, at: usize, field: &str, is_long: bool) -> String {
    if !is_long {
        return format!("{{ {field} }}");
    }
    let (newline, indentation) = (document.newline(), document.indentation(at));
    let unit = document.unit();
    format!("{{{newline}{indentation}{unit}{field},{newline}{indentation}}}")
}

fn after_field(document: &Document<'_>, list: &List, last: &Item, field: &str) -> String {
    let start = document.token(last.first).start;
    if document.is_first_on_line(start) {
        let line = format!(
            "{}{}{field}",
            document.newline(),
            document.indentation(start)
        );
        return after(document, last, &line, true).0;
    }
    let (open, close) = (document.token(list.open), document.token(list.close));
    let mut comments = document.scanned.comments.iter();
    let is_plain = !document.text[open.start..close.end].contains('\n')
        && !comments.any(|comment| (open.start..close.end).contains(&comment.start));
    fitting(|is_long| match is_long && is_plain {
        true => spread(document, list, field),
        false => after(document, last, &format!(" {field}"), false),
    })
}

/// Adds an item behind another one, with a comma where there was one. Returns the place of the edit, too.
fn after(document: &Document<'_>, item: &Item, text: &str, own_line: bool) -> (String, usize) {
    let end = document.token(item.last).end;
    let behind = |end| {
        if own_line {
            document.end_with_comments(end)
        } else {
            end
        }
    };
    match item.comma {
        Some(comma) => {
            let place = behind(document.token(comma).end);
            document.with(place..place, &format!("{text},"))
        }
        None => {
            let place = behind(end);
            let between = &document.text[end..place];
            document.with(end..place, &format!(",{between}{text}"))
        }
    }
}

/// An object that was on one line, with a line for each field.
fn spread(document: &Document<'_>, list: &List, field: &str) -> (String, usize) {
    let (open, close) = (document.token(list.open), document.token(list.close));
    let (newline, indentation) = (document.newline(), document.indentation(open.start));
    let fields = list.items.iter().map(|item| document.text_of(item));
    let lines: String = fields
        .chain([field])
        .map(|field| format!("{newline}{indentation}{}{field},", document.unit()))
        .collect();
    let object = format!("{{{lines}{newline}{indentation}}}");
    document.with(open.start..close.end, &object)
}

/// Into `{}`, which may contain comments.
fn into_empty(document: &Document<'_>, list: &List, field: &str) -> String {
    let (open, close) = (document.token(list.open), document.token(list.close));
    let inside = &document.text[open.end..close.start];
    if inside.trim().is_empty() {
        let before = &document.text[document.line_start(open.start)..open.start];
        let before: String = before.split_whitespace().collect();
        let has_own_line = matches!(before.as_str(), "" | "pkgs=");
        return fitting(|is_long| {
            let object = object(document, open.start, field, is_long || has_own_line);
            document.with(open.start..close.end, &object)
        });
    }
    let (newline, indentation) = (document.newline(), document.indentation(open.start));
    let line = format!(
        "{newline}{indentation}{}{field},{newline}{indentation}",
        document.unit()
    );
    let place = open.end + inside.trim_end().len();
    document.with(place..close.start, &line).0
}

/// `pkgs={…}` behind the identity and the files, which it follows in the documentation.
fn new_argument(document: &Document<'_>, arguments: &List, field: &str) -> String {
    let comes_before = |item: &&Item| {
        let name = document.argument_name(item);
        name.is_none_or(|name| matches!(name, "pkgInfo" | "files"))
    };
    let items = &arguments.items;
    let Some(previous) = items.iter().rev().find(comes_before) else {
        let place = items.first().map_or(arguments.close, |item| item.first);
        let start = document.token(place).start;
        return before(document, start, !items.is_empty(), field);
    };
    let start = document.token(previous.first).start;
    let has_own_line = document.is_first_on_line(start);
    fitting(|is_long| {
        let object = object(document, start, field, is_long || has_own_line);
        let space = match has_own_line {
            true => format!("{}{}", document.newline(), document.indentation(start)),
            false => " ".to_owned(),
        };
        after(
            document,
            previous,
            &format!("{space}pkgs={object}"),
            has_own_line,
        )
    })
}

fn before(document: &Document<'_>, start: usize, has_next: bool, field: &str) -> String {
    let has_own_line = document.is_first_on_line(start);
    let space = match (has_next, has_own_line) {
        (false, _) => String::new(),
        (true, false) => ", ".to_owned(),
        (true, true) => format!(",{}{}", document.newline(), document.indentation(start)),
    };
    fitting(|is_long| {
        let object = object(document, start, field, is_long || has_own_line);
        document.with(start..start, &format!("pkgs={object}{space}"))
    })
}

impl<'a> Document<'a> {
    /// The text with a part replaced, and where the replacement is.
    pub(super) fn with(&self, range: std::ops::Range<usize>, text: &str) -> (String, usize) {
        let mut result = self.text.to_owned();
        result.replace_range(range.clone(), text);
        (result, range.start)
    }

    pub(super) fn text_of(&self, item: &Item) -> &'a str {
        &self.text[self.token(item.first).start..self.token(item.last).end]
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Whether there is nothing but space before `at` in its line.
    pub(super) fn is_first_on_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].trim().is_empty()
    }

    /// The space that the line of `at` begins with.
    pub(super) fn indentation(&self, at: usize) -> &'a str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// One level of indentation: that of the first line that has some.
    fn unit(&self) -> &'a str {
        let mut lines = self.text.lines().filter(|line| !line.trim().is_empty());
        let found = lines.find(|line| line.starts_with([' ', '\t']));
        found.map_or("  ", |line| match line.starts_with('\t') {
            true => "\t",
            false => &line[..line.len() - line.trim_start_matches(' ').len()],
        })
    }

    pub(super) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    }

    /// Behind the comments that begin on the line of `at` with nothing else before them.
    pub(super) fn end_with_comments(&self, mut at: usize) -> usize {
        loop {
            let mut comments = self.scanned.comments.iter();
            let next = comments.find(|comment| comment.start >= at);
            match next {
                Some(comment) if self.is_blank(at, comment.start) => at = comment.end,
                _ => return at,
            }
        }
    }

    fn is_blank(&self, from: usize, to: usize) -> bool {
        self.text[from..to]
            .chars()
            .all(|one| matches!(one, ' ' | '\t'))
    }
}
