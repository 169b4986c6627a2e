//! Sets of versions of one subject, by their places in the sorted list of candidates: what PubGrub computes with.
//!
//! It is a bit set with one bit for all places beyond its words, so a complement is a set as well. Equal sets are equal
//! values, which ranges over integers do not give.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use pubgrub::VersionSet;

const BITS: u32 = u64::BITS;

thread_local! {
    static OPERATIONS: Cell<u64> = const { Cell::new(0) };
}

/// How many sets were combined or compared on this thread: a measure of work that is the same on every machine.
pub(super) fn operations() -> u64 {
    OPERATIONS.get()
}

/// A set of places.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Places {
    words: Words,
    /// Whether all places beyond the words are in.
    has_beyond: bool,
}

/// `Many` is at least two words, of which the last is not what lies beyond.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Words {
    One(u64),
    Many(Arc<[u64]>),
}

impl Places {
    /// The places that `start..end` has.
    pub(super) fn between(start: u32, end: u32) -> Self {
        (start..end).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::empty()
    }

    /// The places, smallest first. Only for a set that is not without end.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        debug_assert!(!self.has_beyond, "a set without end");
        let words = self.words().iter().zip(0..);
        words.flat_map(|(&word, number)| {
            let bits = (0..BITS).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| number * BITS + bit)
        })
    }

    /// How many places.
    pub(super) fn len(&self) -> u32 {
        self.words().iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn last(&self) -> Option<u32> {
        let number = self.words().iter().rposition(|word| *word != 0)?;
        Some(number as u32 * BITS + self.word(number).ilog2())
    }

    fn words(&self) -> &[u64] {
        match &self.words {
            Words::One(word) => std::slice::from_ref(word),
            Words::Many(words) => words,
        }
    }

    fn word(&self, number: usize) -> u64 {
        let word = self.words().get(number).copied();
        word.unwrap_or(beyond(self.has_beyond))
    }

    fn of_words(mut words: Vec<u64>, has_beyond: bool) -> Self {
        while words.len() > 1 && words.last() == Some(&beyond(has_beyond)) {
            words.pop();
        }
        let words = match words.as_slice() {
            [] => Words::One(beyond(has_beyond)),
            [word] => Words::One(*word),
            _ => Words::Many(Arc::from(words)),
        };
        Self { words, has_beyond }
    }

    fn combined(&self, other: &Self, operation: impl Fn(u64, u64) -> u64) -> Self {
        OPERATIONS.set(OPERATIONS.get() + 1);
        let has_beyond = operation(beyond(self.has_beyond), beyond(other.has_beyond)) != 0;
        if let (Words::One(one), Words::One(another)) = (&self.words, &other.words) {
            return Self {
                words: Words::One(operation(*one, *another)),
                has_beyond,
            };
        }
        let count = self.words().len().max(other.words().len());
        let words = (0..count).map(|number| operation(self.word(number), other.word(number)));
        Self::of_words(words.collect(), has_beyond)
    }

    /// Whether `operation` gives nothing anywhere.
    fn is_nothing(&self, other: &Self, operation: impl Fn(u64, u64) -> u64) -> bool {
        OPERATIONS.set(OPERATIONS.get() + 1);
        if let (Words::One(one), Words::One(another)) = (&self.words, &other.words) {
            let is_nothing_beyond =
                operation(beyond(self.has_beyond), beyond(other.has_beyond)) == 0;
            return is_nothing_beyond && operation(*one, *another) == 0;
        }
        let count = self.words().len().max(other.words().len());
        // One word further lies what is beyond both.
        (0..=count).all(|number| operation(self.word(number), other.word(number)) == 0)
    }
}

fn beyond(is_in: bool) -> u64 {
    if is_in { u64::MAX } else { 0 }
}

impl FromIterator<u32> for Places {
    fn from_iter<I: IntoIterator<Item = u32>>(places: I) -> Self {
        let mut words = vec![0];
        for place in places {
            let number = (place / BITS) as usize;
            if words.len() <= number {
                words.resize(number + 1, 0);
            }
            words[number] |= 1 << (place % BITS);
        }
        Self::of_words(words, false)
    }
}

impl VersionSet for Places {
    type V = u32;

    fn empty() -> Self {
        Self {
            words: Words::One(0),
            has_beyond: false,
        }
    }

    fn full() -> Self {
        Self {
            words: Words::One(u64::MAX),
            has_beyond: true,
        }
    }

    fn singleton(place: u32) -> Self {
        if place < BITS {
            return Self {
                words: Words::One(1 << place),
                has_beyond: false,
            };
        }
        std::iter::once(place).collect()
    }

    fn complement(&self) -> Self {
        self.combined(self, |word, _| !word)
    }

    fn intersection(&self, other: &Self) -> Self {
        self.combined(other, |one, another| one & another)
    }

    fn union(&self, other: &Self) -> Self {
        self.combined(other, |one, another| one | another)
    }

    fn contains(&self, place: &u32) -> bool {
        self.word((place / BITS) as usize) >> (place % BITS) & 1 == 1
    }

    fn is_disjoint(&self, other: &Self) -> bool {
        self.is_nothing(other, |one, another| one & another)
    }

    fn subset_of(&self, other: &Self) -> bool {
        self.is_nothing(other, |one, another| one & !another)
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for word in self.words() {
            write!(formatter, "{word:x} ")?;
        }
        write!(formatter, "{}", u8::from(self.has_beyond))
    }
}

impl fmt::Display for Places {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn small_set() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(0..200_u32, 0..12)
    }

    proptest! {
        /// Catches a word that is left out where one set is longer, a set that has two forms, and a complement that ends.
        #[test]
        fn sets_of_places_are_sets(one in small_set(), another in small_set()) {
            let places = |set: &BTreeSet<u32>| set.iter().copied().collect::<Places>();
            let (a, b) = (places(&one), places(&another));
            prop_assert_eq!(a.iter().collect::<BTreeSet<_>>(), one.clone());
            prop_assert_eq!(a.len() as usize, one.len());
            prop_assert_eq!(a.last(), one.last().copied());
            prop_assert_eq!(&a.intersection(&b), &places(&(&one & &another)));
            prop_assert_eq!(&a.union(&b), &places(&(&one | &another)));
            prop_assert_eq!(&a.intersection(&b.complement()), &places(&(&one - &another)));
            prop_assert_eq!(a.is_disjoint(&b), one.is_disjoint(&another));
            prop_assert_eq!(a.subset_of(&b), one.is_subset(&another));
            prop_assert!(!a.complement().is_disjoint(&b.complement()));
            prop_assert!(!a.complement().subset_of(&b));
            prop_assert_eq!(&a.complement().complement(), &a);
            prop_assert_eq!(a.union(&a.complement()), Places::full());
        }
    }
}
