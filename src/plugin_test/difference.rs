//! Where two JSON values differ, path by path. It does not know what the values mean, but that a list of objects with
//! titles is a list of operations.

use serde_json::{Map, Value};

/// Longer lists are compared element by element, without looking for what was moved.
const LONGEST_ALIGNED: usize = 1_000;

/// One place where what came out is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `operations['Compile a.c'].arguments[2]`.
    pub path: String,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Expected(String),
    Actual(String),
    /// In both, shown for orientation.
    Same(String),
    /// Lines of both that are left out.
    Omitted(usize),
}

/// How much of what came out must have been expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everything.
    Whole,
    /// Objects may have more fields than were expected; an expected `null` is a field that is not there.
    Part,
}

/// All differences, in the order of what is expected.
pub(super) fn between(
    path: &str,
    expected: &Value,
    actual: &Value,
    extent: Extent,
) -> Vec<Difference> {
    let mut comparison = Comparison {
        extent,
        found: Vec::new(),
    };
    comparison.values(path, expected, actual);
    comparison.found
}

struct Comparison {
    extent: Extent,
    found: Vec<Difference>,
}

impl Comparison {
    fn values(&mut self, path: &str, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => {
                self.objects(path, expected, actual);
            }
            (Value::Array(expected), Value::Array(actual)) => self.lists(path, expected, actual),
            (Value::String(expected), Value::String(actual))
                if expected != actual && (expected.contains('\n') || actual.contains('\n')) =>
            {
                self.add(path, text_lines(expected, actual));
            }
            _ if is_equal(expected, actual) => {}
            _ => self.add(
                path,
                vec![Line::Expected(shown(expected)), Line::Actual(shown(actual))],
            ),
        }
    }

    fn add(&mut self, path: &str, lines: Vec<Line>) {
        self.found.push(Difference {
            path: path.to_owned(),
            lines,
        });
    }

    fn objects(&mut self, path: &str, expected: &Map<String, Value>, actual: &Map<String, Value>) {
        for (name, wanted) in expected {
            let below = field(path, name);
            match actual.get(name) {
                Some(value) => self.values(&below, wanted, value),
                None if self.extent == Extent::Part && wanted.is_null() => {}
                None => self.add(&below, vec![Line::Expected(shown(wanted))]),
            }
        }
        if self.extent == Extent::Whole {
            for (name, value) in actual {
                if !expected.contains_key(name) {
                    self.add(&field(path, name), vec![Line::Actual(shown(value))]);
                }
            }
        }
    }

    /// Elements that belong together are compared, the others are too many or missing.
    fn lists(&mut self, path: &str, expected: &[Value], actual: &[Value]) {
        let pairs = aligned(expected, actual, |one, other| self.is_same(one, other));
        let are_others = |wanted: usize, value: usize| {
            let titles = title(&expected[wanted]).zip(title(&actual[value]));
            titles.is_some_and(|(one, other)| one != other)
        };
        let apart = |pair| match pair {
            (Some(wanted), Some(value)) if are_others(wanted, value) => {
                vec![(Some(wanted), None), (None, Some(value))]
            }
            pair => vec![pair],
        };
        for (wanted, value) in pairs.into_iter().flat_map(apart) {
            match (wanted, value) {
                (Some(wanted), Some(value)) => {
                    let below = element(path, value, &actual[value]);
                    self.values(&below, &expected[wanted], &actual[value]);
                }
                (Some(wanted), None) => {
                    let below = element(path, wanted, &expected[wanted]);
                    self.add(&below, vec![Line::Expected(shown(&expected[wanted]))]);
                }
                (None, Some(value)) => {
                    let below = element(path, value, &actual[value]);
                    self.add(&below, vec![Line::Actual(shown(&actual[value]))]);
                }
                (None, None) => {}
            }
        }
    }

    /// Whether two elements of lists are the same one, maybe changed.
    fn is_same(&self, expected: &Value, actual: &Value) -> bool {
        match (title(expected), title(actual)) {
            (Some(one), Some(other)) => one == other,
            _ => between("", expected, actual, self.extent).is_empty(),
        }
    }
}

/// Numbers are equal by their value.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn title(value: &Value) -> Option<&str> {
    value.get("title")?.as_str()
}

/// `path.name`, or `path['a name']`.
pub(super) fn field(path: &str, name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_');
    match (is_plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}['{}']", name.escape_debug()),
    }
}

fn element(path: &str, index: usize, value: &Value) -> String {
    match title(value) {
        Some(title) => format!("{path}['{title}']"),
        None => format!("{path}[{index}]"),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => {
            let plain = value.to_string();
            match plain.len() <= 80 {
                true => plain,
                false => format!("{value:#}"),
            }
        }
        other => other.to_string(),
    }
}

/// The lines that differ, with one around them.
fn text_lines(expected: &str, actual: &str) -> Vec<Line> {
    let split = |text: &str| -> Vec<String> { text.split('\n').map(str::to_owned).collect() };
    // The end of the last line is worth a word only where one has none.
    let (expected, actual) = match (expected.strip_suffix('\n'), actual.strip_suffix('\n')) {
        (Some(expected), Some(actual)) => (split(expected), split(actual)),
        _ => (split(expected), split(actual)),
    };
    let mut removed = Vec::new();
    let mut added = Vec::new();
    let mut lines = Vec::new();
    for (wanted, value) in aligned(&expected, &actual, |one, other| one == other) {
        match (wanted, value) {
            (Some(wanted), Some(value)) if expected[wanted] == actual[value] => {
                lines.append(&mut removed);
                lines.append(&mut added);
                lines.push(Line::Same(expected[wanted].clone()));
            }
            (wanted, value) => {
                removed.extend(wanted.map(|at| Line::Expected(expected[at].clone())));
                added.extend(value.map(|at| Line::Actual(actual[at].clone())));
            }
        }
    }
    lines.append(&mut removed);
    lines.append(&mut added);
    without_middles(lines)
}

/// Of lines that are in both only those beside a difference stay.
fn without_middles(lines: Vec<Line>) -> Vec<Line> {
    let is_same = |line: Option<&Line>| matches!(line, None | Some(Line::Same(_)));
    let mut kept: Vec<Line> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| lines.get(before));
        let is_middle = is_same(Some(line)) && is_same(before) && is_same(lines.get(index + 1));
        match (is_middle, kept.last_mut()) {
            (false, _) => kept.push(line.clone()),
            (true, Some(Line::Omitted(count))) => *count += 1,
            (true, _) => kept.push(Line::Omitted(1)),
        }
    }
    kept
}

/// Indices of elements that belong together: the longest common part of both lists, and between its elements the others
/// in order. What is left over stands alone.
fn aligned<T>(
    expected: &[T],
    actual: &[T],
    is_same: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<usize>, Option<usize>)> {
    let common = match expected.len().max(actual.len()) <= LONGEST_ALIGNED {
        true => longest_common(expected, actual, is_same),
        false => Vec::new(),
    };
    let ends = std::iter::once((expected.len(), actual.len()));
    let (mut one, mut other) = (0, 0);
    let mut pairs = Vec::with_capacity(expected.len().max(actual.len()));
    for (until_one, until_other) in common.into_iter().chain(ends) {
        while one < until_one || other < until_other {
            pairs.push((
                (one < until_one).then_some(one),
                (other < until_other).then_some(other),
            ));
            one += usize::from(one < until_one);
            other += usize::from(other < until_other);
        }
        if until_one < expected.len() && until_other < actual.len() {
            pairs.push((Some(one), Some(other)));
            (one, other) = (one + 1, other + 1);
        }
    }
    pairs
}

/// Pairs of indices of a longest common subsequence, ascending.
fn longest_common<T>(
    expected: &[T],
    actual: &[T],
    is_same: impl Fn(&T, &T) -> bool,
) -> Vec<(usize, usize)> {
    let width = actual.len() + 1;
    let same: Vec<bool> = expected
        .iter()
        .flat_map(|one| {
            actual
                .iter()
                .map(|other| is_same(one, other))
                .collect::<Vec<_>>()
        })
        .collect();
    // lengths[i * width + j]: of what is common to expected[i..] and actual[j..].
    let mut lengths = vec![0_u32; (expected.len() + 1) * width];
    for one in (0..expected.len()).rev() {
        for other in (0..actual.len()).rev() {
            lengths[one * width + other] = if same[one * actual.len() + other] {
                lengths[(one + 1) * width + other + 1] + 1
            } else {
                lengths[(one + 1) * width + other].max(lengths[one * width + other + 1])
            };
        }
    }
    let (mut one, mut other) = (0, 0);
    let mut pairs = Vec::new();
    while one < expected.len() && other < actual.len() {
        if same[one * actual.len() + other] {
            pairs.push((one, other));
            (one, other) = (one + 1, other + 1);
        } else if lengths[(one + 1) * width + other] >= lengths[one * width + other + 1] {
            one += 1;
        } else {
            other += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(expected: &Value, actual: &Value, extent: Extent) -> String {
        let mut text = String::new();
        for difference in between("", expected, actual, extent) {
            text.push_str(&format!("{}\n", difference.path));
            for line in difference.lines {
                text.push_str(&format!("  {line:?}\n"));
            }
        }
        text
    }

    #[test]
    fn a_part_is_compared_as_a_part() {
        let actual = json!({"a": {"b": 1, "c": [1, {"d": 2, "e": 3}]}, "f": null});
        let same = [
            json!({}),
            json!({"a": {"b": 1.0}}),
            json!({"a": {"c": [1, {"e": 3}]}}),
            json!({"f": null, "gone": null, "a": {"gone": null}}),
        ];
        for expected in same {
            assert_eq!(told(&expected, &actual, Extent::Part), "", "{expected}");
        }
        assert_ne!(told(&json!({"a": {"c": [1]}}), &actual, Extent::Part), "");
        assert_ne!(told(&json!({"a": {"b": null}}), &actual, Extent::Part), "");
        assert_ne!(told(&json!({}), &actual, Extent::Whole), "");
    }

    /// Would catch a diff in which one more argument makes all after it differ.
    #[test]
    fn what_is_new_in_a_list_moves_nothing_else() {
        let expected = json!({"arguments": ["-c", "-O0", "a.c"], "x y": [1, 2], "same": [[]]});
        let actual = json!({"arguments": ["-v", "-c", "-O2", "a.c"], "x y": [2], "same": [[]]});
        insta::assert_snapshot!(told(&expected, &actual, Extent::Whole));
    }

    #[test]
    fn operations_are_told_apart_by_their_titles() {
        let operation =
            |title: &str, arguments: Value| json!({"title": title, "arguments": arguments});
        let expected = json!([
            operation("A", json!([1])),
            operation("B", json!([1])),
            operation("D", json!([]))
        ]);
        let actual = json!([operation("B", json!([2])), operation("C", json!([]))]);
        insta::assert_snapshot!(told(
            &json!({"operations": expected}),
            &json!({"operations": actual}),
            Extent::Whole
        ));
    }

    #[test]
    fn texts_are_compared_line_by_line() {
        let lines = |list: &[&str]| json!(list.join("\n"));
        let expected = lines(&["1", "2", "3", "4", "5", "6", "7"]);
        let actual = lines(&["1", "2", "3", "4", "five", "5b", "6", "7", ""]);
        insta::assert_snapshot!(told(&expected, &actual, Extent::Whole));
    }

    #[test]
    fn long_lists_are_compared_in_time() {
        let list = |first: usize| json!((first..first + 20_000).collect::<Vec<_>>());
        assert_eq!(between("", &list(0), &list(1), Extent::Whole).len(), 20_000);
    }
}
