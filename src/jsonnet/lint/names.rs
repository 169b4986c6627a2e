//! The variables that are in scope, and where names stand in the text: the tree says only where expressions do.

use std::collections::HashMap;

/// What a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Local,
    /// Of a `local` function.
    Parameter,
    /// Of a function whose parameters are up to who calls it, or of a `for`.
    Given,
}

#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) place: usize,
    pub(super) is_used: bool,
}

/// The variables in scope, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope {
    variables: Vec<Variable>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Scope {
    pub(super) fn push(&mut self, variable: Variable) {
        let index = self.variables.len();
        let indexes = self.by_name.entry(variable.name.clone()).or_default();
        indexes.push(index);
        self.variables.push(variable);
    }

    /// Ends the scope of the last `count` variables, and returns them.
    pub(super) fn pop(&mut self, count: usize) -> Vec<Variable> {
        let ended = self.variables.split_off(self.variables.len() - count);
        for variable in &ended {
            if let Some(indexes) = self.by_name.get_mut(&variable.name) {
                indexes.pop();
            }
        }
        ended
    }

    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        let index = self.by_name.get(name)?.last()?;
        self.variables.get(*index)
    }

    /// Notes that a variable is used; returns whether there is one.
    pub(super) fn mark_used(&mut self, name: &str) -> bool {
        let index = self.by_name.get(name).and_then(|indexes| indexes.last());
        let variable = index.and_then(|index| self.variables.get_mut(*index));
        variable.map(|variable| variable.is_used = true).is_some()
    }

    /// The names in scope.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| variable.name.as_str())
    }
}

/// The words and strings of a program and where they begin.
pub(super) struct Words<'a>(Vec<(usize, &'a str)>);

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let pieces = super::super::layout::words(text);
        Self(pieces)
    }

    /// Where a name stands for the first time from `start` on, as a word or between quotes, and how long it is there;
    /// `start` itself where it is not found.
    pub(super) fn find(&self, name: &str, start: usize) -> (usize, usize) {
        let first = self.0.partition_point(|(place, _)| *place < start);
        let mut rest = self.0[first..].iter();
        let is_it = |text: &str| text == name || text.trim_matches(['\'', '"']) == name;
        match rest.find(|(_, text)| is_it(text)) {
            Some((place, text)) => (*place, text.len()),
            None => (start, 1),
        }
    }
}
