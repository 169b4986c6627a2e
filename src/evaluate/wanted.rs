//! Which operations of a graph are part of a run. It knows no state and no files.

use crate::graph::{FileId, Graph, OperationId};

/// Which operations are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All but tests.
    #[default]
    Build,
    /// Those that make these files, and what they need.
    Files(Vec<FileId>),
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
        let selection = Selection::new(self, graph);
        graph
            .operations()
            .any(|operation| graph.is_test(operation) && selection.contains(graph, operation))
    }
}

/// Which operations are part of a run.
pub(super) struct Selection<'a> {
    /// `None`: whatever the operation is for.
    needed: Option<Vec<bool>>,
    tests: bool,
    filter: Option<(&'a str, Option<globset::GlobMatcher>)>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(wanted: &'a Wanted, graph: &Graph) -> Self {
        let Wanted::Test { filter, .. } = wanted else {
            return Self {
                needed: match wanted {
                    Wanted::Files(files) => Some(makers(files, graph)),
                    _ => None,
                },
                tests: false,
                filter: None,
            };
        };
        let matcher = |text: &str| Some(globset::Glob::new(text).ok()?.compile_matcher());
        Self {
            needed: None,
            tests: true,
            filter: filter.as_deref().map(|text| (text, matcher(text))),
        }
    }

    pub(super) fn contains(&self, graph: &Graph, operation: OperationId) -> bool {
        if let Some(needed) = &self.needed {
            return needed[operation.index()];
        }
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

/// Whether each operation makes one of the files, or is needed for that.
fn makers(files: &[FileId], graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.operation_count()];
    let mut open: Vec<OperationId> = files.iter().filter_map(|file| graph.maker(*file)).collect();
    while let Some(operation) = open.pop() {
        if !std::mem::replace(&mut needed[operation.index()], true) {
            open.extend(graph.dependencies(operation));
        }
    }
    needed
}
