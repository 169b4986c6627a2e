//! What differs between two lists, in order, or between two texts. It knows nothing of what is in them.

/// Longer lists are not compared element with element, which takes their product.
const LONGEST: usize = 3_000;

/// The place of an element that only one of the lists has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// In the old list.
    Gone(usize),
    /// In the new list.
    New(usize),
}

/// What is gone and what is new, in order; what is gone at a place comes before what is new there. As little as possible,
/// but for lists that are too long to tell.
pub fn changes<T: PartialEq>(before: &[T], after: &[T]) -> Vec<Change> {
    let pairs = before.iter().zip(after);
    let start = pairs.take_while(|(one, other)| one == other).count();
    let (left, right) = (&before[start..], &after[start..]);
    let pairs = left.iter().rev().zip(right.iter().rev());
    let end = pairs.take_while(|(one, other)| one == other).count();
    let (left, right) = (&left[..left.len() - end], &right[..right.len() - end]);
    let gone = |index: usize| Change::Gone(start + index);
    let new = |index: usize| Change::New(start + index);
    if left.is_empty() || right.is_empty() || left.len() > LONGEST || right.len() > LONGEST {
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

/// How many elements the rests of both lists have in common at most, from each pair of elements on.
fn common<T: PartialEq>(left: &[T], right: &[T]) -> Vec<Vec<u16>> {
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

/// How many characters are kept before the first difference of two excerpts.
const LEAD: usize = 24;

/// Two texts, each with no more than about `most` characters: where they are longer, from shortly before the first
/// difference on, with `…` where something is missing.
pub fn excerpts(old: &str, new: &str, most: usize) -> (String, String) {
    let is_short = |text: &str| text.chars().nth(most).is_none();
    if is_short(old) && is_short(new) {
        return (old.to_owned(), new.to_owned());
    }
    let pairs = old.chars().zip(new.chars());
    let same = pairs.take_while(|(one, other)| one == other).count();
    // A few characters are not worth a mark in their place.
    let start = same
        .checked_sub(LEAD)
        .filter(|start| *start > 2)
        .unwrap_or(0);
    (excerpt(old, start, most), excerpt(new, start, most))
}

/// `text` from a character on, with no more than about `most` characters.
fn excerpt(text: &str, start: usize, most: usize) -> String {
    let mut characters = text.chars().skip(start);
    let mut kept = String::from(if start > 0 { "…" } else { "" });
    kept.extend(characters.by_ref().take(most));
    if characters.next().is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches excerpts that look the same, because what differs is behind their end.
    #[test]
    fn excerpts_show_the_first_difference() {
        let long = "ä".repeat(500);
        let (old, new) = excerpts(&format!("{long}-O0{long}"), &format!("{long}-O2"), 40);
        assert_eq!(old, format!("…{}-O0{}…", "ä".repeat(22), "ä".repeat(15)));
        assert_eq!(new, format!("…{}-O2", "ä".repeat(22)));
        assert_eq!(excerpts("a", "", 40), ("a".to_owned(), String::new()));
        assert_eq!(
            excerpts("abc", "abd", 2),
            ("ab…".to_owned(), "ab…".to_owned())
        );
    }

    fn told(before: &str, after: &str) -> String {
        let (before, after): (Vec<char>, Vec<char>) =
            (before.chars().collect(), after.chars().collect());
        let changes = changes(&before, &after);
        let tell = |change: &Change| match change {
            Change::Gone(index) => format!("-{}{index}", before[*index]),
            Change::New(index) => format!("+{}{index}", after[*index]),
        };
        changes.iter().map(tell).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_stays_in_its_order_is_not_told() {
        assert_eq!(told("abcde", "aBcef"), "-b1 +B1 -d3 +f4");
        assert_eq!(told("abc", "cab"), "+c0 -c2");
        assert_eq!(told("aab", "ab"), "-a1");
        assert_eq!(told("", "a"), "+a0");
        assert_eq!(told("a", ""), "-a0");
        assert_eq!(told("abc", "abc"), "");
    }

    /// Catches a comparison that takes the product of lists of any length, in memory or time.
    #[test]
    fn endless_lists_are_compared_at_their_ends() {
        let before: Vec<u32> = (0..1_000_000).collect();
        let mut after = before.clone();
        after.reverse();
        assert_eq!(changes(&before, &after).len(), 2_000_000);
        let mut after = before.clone();
        after[500_000] = 7;
        assert_eq!(
            changes(&before, &after),
            [Change::Gone(500_000), Change::New(500_000)]
        );
    }
}
