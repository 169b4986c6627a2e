//! What differs between two texts, by lines.

/// Longer texts are not compared line with line, which takes their product.
const MOST_LINES: usize = 3_000;

/// The lines that differ: `-12 old`, `+12 new`, with their numbers in their text. After `most` lines, how many more there
/// are.
pub fn lines(before: &str, after: &str, most: usize) -> String {
    let before: Vec<&str> = before.split_terminator('\n').collect();
    let after: Vec<&str> = after.split_terminator('\n').collect();
    let width = before.len().max(after.len()).to_string().len();
    let changes = changes(&before, &after);
    let mut text = String::new();
    for change in changes.iter().take(most) {
        let (mark, number, line) = match change {
            Change::Gone(index) => ('-', index + 1, before[*index]),
            Change::New(index) => ('+', index + 1, after[*index]),
        };
        let line = super::text::visible(line);
        text.push_str(format!("  {mark}{number:>width$} {line}").trim_end());
        text.push('\n');
    }
    if let Some(more @ 1..) = changes.len().checked_sub(most) {
        text.push_str(&format!("  … {more} more\n"));
    }
    text
}

/// The index of a line that only one of the texts has.
enum Change {
    Gone(usize),
    New(usize),
}

fn changes(before: &[&str], after: &[&str]) -> Vec<Change> {
    let pairs = before.iter().zip(after);
    let start = pairs.take_while(|(one, other)| one == other).count();
    let (left, right) = (&before[start..], &after[start..]);
    let pairs = left.iter().rev().zip(right.iter().rev());
    let end = pairs.take_while(|(one, other)| one == other).count();
    let (left, right) = (&left[..left.len() - end], &right[..right.len() - end]);
    let gone = |index: usize| Change::Gone(start + index);
    let new = |index: usize| Change::New(start + index);
    if left.len() > MOST_LINES || right.len() > MOST_LINES {
        let all = (0..left.len()).map(gone);
        return all.chain((0..right.len()).map(new)).collect();
    }
    let common = common(left, right);
    let (mut row, mut column) = (0, 0);
    let mut found = Vec::new();
    while row < left.len() || column < right.len() {
        if row < left.len() && column < right.len() && left[row] == right[column] {
            (row, column) = (row + 1, column + 1);
        } else if row < left.len() && common[row + 1][column] >= common[row][column] {
            found.push(gone(row));
            row += 1;
        } else {
            found.push(new(column));
            column += 1;
        }
    }
    found
}

/// How many lines the rests of both texts have in common at most, from each pair of lines on.
fn common(left: &[&str], right: &[&str]) -> Vec<Vec<u16>> {
    let mut table = vec![vec![0; right.len() + 1]; left.len() + 1];
    for row in (0..left.len()).rev() {
        for column in (0..right.len()).rev() {
            table[row][column] = match left[row] == right[column] {
                true => table[row + 1][column + 1] + 1,
                false => table[row + 1][column].max(table[row][column + 1]),
            };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stay_are_not_shown() {
        let before = "a\nb\nc\nd\ne\n";
        assert_eq!(
            lines(before, "a\nB\nc\ne\nf\n", 9),
            "  -2 b\n  +2 B\n  -4 d\n  +5 f\n"
        );
        assert_eq!(lines(before, "", 2), "  -1 a\n  -2 b\n  … 3 more\n");
        assert_eq!(lines(before, before, 9), "");
    }
}
