//! Which operations of a graph are part of a run. It knows no state and no files.

use crate::graph::{Graph, OperationId};

/// Which operations are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All but tests.
    #[default]
    Build,
    /// All.
    Test {
        /// Only tests whose title matches: a pattern with `*`, or a part of the title.
        filter: Option<String>,
        /// Run them even if they passed before and nothing changed.
        rerun: bool,
    },
}

impl Wanted {
    /// Whether any test of `graph` is part of the run.
    pub fn has_tests(&self, graph: &Graph) -> bool {
        let selection = Selection::new(self);
        graph
            .operations()
            .any(|operation| graph.is_test(operation) && selection.contains(graph, operation))
    }
}

/// Which operations are part of a run.
pub(super) struct Selection<'a> {
    tests: bool,
    filter: Option<(&'a str, Option<globset::GlobMatcher>)>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(wanted: &'a Wanted) -> Self {
        let Wanted::Test { filter, .. } = wanted else {
            return Self {
                tests: false,
                filter: None,
            };
        };
        let matcher = |text: &str| Some(globset::Glob::new(text).ok()?.compile_matcher());
        Self {
            tests: true,
            filter: filter.as_deref().map(|text| (text, matcher(text))),
        }
    }

    pub(super) fn contains(&self, graph: &Graph, operation: OperationId) -> bool {
        if !graph.is_test(operation) {
            return true;
        }
        let Some((text, matcher)) = &self.filter else {
            return self.tests;
        };
        let title = graph.cold(operation).title;
        title.contains(text) || matcher.as_ref().is_some_and(|glob| glob.is_match(&title))
    }
}
