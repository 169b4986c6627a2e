//! Differences as reasons that people read: names instead of ids, old and new instead of numbers. What it makes is small,
//! however large what changed is: it is recorded with every result.

use std::collections::{HashMap, HashSet};

use crate::event::diff::{self, Change};
use crate::event::{Listing, PartChange, Reason};
use crate::fs::{Content, ContentKind};
use crate::graph::key::{self, Declared, Part, Parts};
use crate::graph::{Cold, FileId, Graph, OperationId};

use super::files::Files;
use super::fresh::{self, Difference};
use super::state::State;

/// The most changes of a command that are told one by one.
const MOST_CHANGES: usize = 40;
/// The most characters of a value.
const LONGEST_VALUE: usize = 400;
/// The most lines of a text that are told one by one, and the most characters of each.
const MOST_LINES: usize = 12;
const LONGEST_LINE: usize = 160;

/// The reason that a difference is.
pub fn reason(
    graph: &Graph,
    state: &mut State,
    files: &Files,
    operation: OperationId,
    difference: Difference,
) -> Reason {
    match difference {
        Difference::NeverRan => Reason::NeverRan,
        Difference::Forced => Reason::Forced,
        Difference::LastFailed => Reason::LastFailed,
        Difference::Interrupted => Reason::Interrupted,
        Difference::Key => command_changed(graph, state, operation),
        Difference::ChangedMeanwhile(file) => Reason::ChangedWhileRunning {
            path: state.display(file),
        },
        Difference::Unseen => Reason::ObservedIncompletely {
            cause: gap(state, graph.identity(operation)),
        },
        Difference::Unrecorded(file) => Reason::OrderOnlyChanged {
            path: state.display(file),
            listing: listing(graph, operation, file),
        },
        Difference::Output(number) => {
            let version = state.version(number);
            let path = state.display(version.file);
            let now = files.content(state, version.file);
            if now.is_absent() {
                return Reason::OutputMissing { path };
            }
            let (old, new) = describe(version.content, now);
            Reason::OutputChanged { path, old, new }
        }
        Difference::Read(number) => {
            let version = state.version(number);
            let path = state.display(version.file);
            let (old, new) = describe(version.content, files.content(state, version.file));
            if graph.tool(operation) == Some(version.file) {
                Reason::ToolChanged { path, old, new }
            } else {
                Reason::InputChanged { path, old, new }
            }
        }
    }
}

/// Why not all was seen of an operation that ran.
fn gap(state: &State, identity: FileId) -> String {
    let story = state.result(identity).and_then(|result| result.story());
    story.and_then(|story| story.gap).unwrap_or_default()
}

/// How a file that counts and is in no key differs from what is recorded.
fn listing(graph: &Graph, operation: OperationId, file: FileId) -> Listing {
    if fresh::counting(graph, operation, true).any(|other| other == file) {
        return Listing::Added;
    }
    match graph.maker(file) {
        Some(maker) if !fresh::is_before(graph, maker, operation) => Listing::Made,
        _ => Listing::Removed,
    }
}

/// Two contents, told apart.
fn describe(old: Content, new: Content) -> (String, String) {
    let is_other_kind = old.kind != new.kind && !old.is_absent() && !new.is_absent();
    let word = |content: Content| match content.kind {
        ContentKind::Absent => "absent",
        ContentKind::File => "file",
        ContentKind::Executable => "executable",
        ContentKind::Link => "link",
        ContentKind::Directory => "directory",
    };
    let text = |content: Content| match (content.is_absent(), is_other_kind) {
        (true, _) => word(content).to_owned(),
        (false, true) => format!("{} {}", word(content), content.short()),
        (false, false) => content.short(),
    };
    (text(old), text(new))
}

/// The parts of an operation's key, with paths as the state writes them.
pub fn parts(graph: &Graph, state: &State, operation: OperationId, cold: &Cold) -> Parts {
    let mut parts = Parts::default();
    let declared = Declared {
        tool: graph.tool(operation),
        inputs: graph.inputs(operation),
        outputs: graph.outputs(operation),
    };
    let name = |file| state.display(file);
    key::describe(cold, declared, name, &mut parts);
    parts
}

fn command_changed(graph: &Graph, state: &mut State, operation: OperationId) -> Reason {
    let result = state.result(graph.identity(operation));
    let key = result.map(|result| result.key().to_vec());
    let old = key.and_then(|key| state.commands().parts(&key));
    let mut changes = match old {
        Some(old) => {
            let new = parts(graph, state, operation, &graph.cold(operation));
            changes(&old, &new)
        }
        None => Vec::new(),
    };
    let more = changes.len().saturating_sub(MOST_CHANGES);
    changes.truncate(MOST_CHANGES);
    Reason::CommandChanged { changes, more }
}

/// What differs between two keys, in the order of the key: each argument that was replaced, added, removed or moved.
pub fn changes(old: &Parts, new: &Parts) -> Vec<PartChange> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (side, parts) in [new, old].into_iter().enumerate() {
        for Part { name, value } in &parts.0 {
            let place = *places.entry(name).or_insert_with(|| {
                groups.push(Group {
                    name,
                    values: [Vec::new(), Vec::new()],
                });
                groups.len() - 1
            });
            groups[place].values[side].push(value);
        }
    }
    let mut changes: Vec<PartChange> = groups.iter().flat_map(Group::changes).collect();
    let said: Vec<PartChange> = changes
        .extract_if(.., |change| is_of_the_command(&change.part))
        .collect();
    let named = Named::new(&said);
    changes.retain(|change| !named.implies(change));
    said.into_iter().chain(changes).collect()
}

/// All parts of one name.
struct Group<'a> {
    name: &'a str,
    /// New and old.
    values: [Vec<&'a str>; 2],
}

impl Group<'_> {
    fn changes(&self) -> Vec<PartChange> {
        let differences = diff::changes(&self.values[1], &self.values[0]);
        let mut changes = Vec::new();
        for place in places(&differences) {
            let is_gone = |change: &Change| matches!(change, Change::Gone(_));
            let (gone, new) = place.split_at(place.partition_point(is_gone));
            self.pair(gone, new, &mut changes);
        }
        moves(changes)
    }

    /// The changes of one place: what is gone there and what is new there. What looks alike was replaced.
    fn pair(&self, gone: &[Change], new: &[Change], changes: &mut Vec<PartChange>) {
        let is_alone = gone.len() == 1 && new.len() == 1;
        let mut new = new.iter().map(|change| self.value(*change)).peekable();
        for &change in gone {
            let value = self.value(change);
            let by = new.next_if(|other| is_alone || looks_like(value, other));
            changes.push(self.change(Some(value), by));
        }
        changes.extend(new.map(|value| self.change(None, Some(value))));
    }

    fn value(&self, change: Change) -> &str {
        match change {
            Change::New(index) => self.values[0][index],
            Change::Gone(index) => self.values[1][index],
        }
    }

    fn change(&self, old: Option<&str>, new: Option<&str>) -> PartChange {
        let (short_old, short_new) = diff::excerpts(
            old.unwrap_or_default(),
            new.unwrap_or_default(),
            LONGEST_VALUE,
        );
        PartChange {
            part: self.name.to_owned(),
            old: old.map(|_| short_old),
            new: new.map(|_| short_new),
            moved: false,
            lines: match (old, new) {
                (Some(old), Some(new)) => lines(old, new),
                _ => Vec::new(),
            },
        }
    }
}

/// The changes, divided where elements between them stayed.
fn places(changes: &[Change]) -> impl Iterator<Item = &[Change]> {
    // How many elements of each list are behind; what stayed is behind in both.
    let (mut old, mut new) = (0, 0);
    let mut is_same_place = move |change: &Change| {
        let stayed = match *change {
            Change::Gone(index) => index - old,
            Change::New(index) => index - new,
        };
        let is_gone = matches!(change, Change::Gone(_));
        old += stayed + usize::from(is_gone);
        new += stayed + usize::from(!is_gone);
        stayed == 0
    };
    if let Some(first) = changes.first() {
        is_same_place(first);
    }
    changes.chunk_by(move |_, next| is_same_place(next))
}

/// Whether one argument may stand for another: `-O0` and `-O2`, not `-O0` and `-c`.
fn looks_like(old: &str, new: &str) -> bool {
    let pairs = old.chars().zip(new.chars());
    pairs.take_while(|(one, other)| one == other).count() >= 2
}

/// What was removed at one place and added at another was moved.
fn moves(mut changes: Vec<PartChange>) -> Vec<PartChange> {
    let mut removed: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        if let (Some(old), None) = (&change.old, &change.new) {
            removed.entry(old.clone()).or_default().push(index);
        }
    }
    let mut is_gone = vec![false; changes.len()];
    for change in &mut changes {
        if let (None, Some(new)) = (&change.old, &change.new)
            && let Some(index) = removed.get_mut(new).and_then(Vec::pop)
        {
            is_gone[index] = true;
            change.old.clone_from(&change.new);
            change.moved = true;
        }
    }
    let mut is_gone = is_gone.into_iter();
    changes.retain(|_| !is_gone.next().unwrap_or_default());
    changes
}

fn is_of_the_command(part: &str) -> bool {
    part == "executable" || part == "argument"
}

/// The files that changes of a command name, gone and new, without what stands before their path.
struct Named<'a>([HashSet<&'a str>; 2]);

impl<'a> Named<'a> {
    fn new(said: &'a [PartChange]) -> Self {
        let tail = |text: &'a String| {
            // Behind a root token is the part that both spellings of a path have.
            let start = text.rfind(")/").map_or(0, |end| end + 1);
            text[start..].trim_start_matches('/')
        };
        Self([
            said.iter()
                .filter_map(|change| change.old.as_ref())
                .map(tail)
                .collect(),
            said.iter()
                .filter_map(|change| change.new.as_ref())
                .map(tail)
                .collect(),
        ])
    }

    /// Whether a change of the declared files says nothing more: an argument was added, and so was the file it names.
    fn implies(&self, change: &PartChange) -> bool {
        let is_file = matches!(
            change.part.as_str(),
            "tool" | "input" | "output" | "stdout" | "depfile"
        );
        let names = |tails: &HashSet<&str>, file: &Option<String>| {
            file.as_ref().is_none_or(|file| {
                let starts = file.match_indices('/').map(|(index, _)| index + 1);
                std::iter::once(0)
                    .chain(starts)
                    .any(|start| tails.contains(&file[start..]))
            })
        };
        is_file && names(&self.0[0], &change.old) && names(&self.0[1], &change.new)
    }
}

/// The lines that differ, if the texts have several.
fn lines(old: &str, new: &str) -> Vec<String> {
    if !old.trim_end().contains('\n') && !new.trim_end().contains('\n') {
        return Vec::new();
    }
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    let changes = diff::changes(&old, &new);
    let tell = |change: &Change| {
        let (mark, index, line) = match *change {
            Change::Gone(index) => ('-', index, old[index]),
            Change::New(index) => ('+', index, new[index]),
        };
        let (line, _) = diff::excerpts(line, "", LONGEST_LINE);
        format!("{mark}{} {line}", index + 1)
    };
    let mut lines: Vec<String> = changes.iter().take(MOST_LINES).map(tell).collect();
    if let Some(more @ 1..) = changes.len().checked_sub(MOST_LINES) {
        lines.push(format!("… {more} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(list: &[(&str, &str)]) -> Parts {
        let part = |(name, value): &(&str, &str)| Part {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        Parts(list.iter().map(part).collect())
    }

    /// Arguments are given as words.
    fn told(old: &str, new: &str) -> Vec<String> {
        let arguments = |text: &str| {
            let words: Vec<(&str, &str)> = text.split(' ').map(|word| ("argument", word)).collect();
            parts(&words)
        };
        tell(&changes(&arguments(old), &arguments(new)))
    }

    fn tell(changes: &[PartChange]) -> Vec<String> {
        let tell = |change: &PartChange| {
            let value = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
            let moved = if change.moved { " moved" } else { "" };
            format!(
                "{}: {} {}{moved}",
                change.part,
                value(&change.old),
                value(&change.new)
            )
        };
        changes.iter().map(tell).collect()
    }

    #[test]
    fn arguments_are_told_one_by_one() {
        assert_eq!(told("-O2 -c a", "-c a -O2"), ["argument: -O2 -O2 moved"]);
        assert_eq!(
            told("-O2 -c a.c", "-O0 -g -c a.c"),
            ["argument: -O2 -O0", "argument: - -g"]
        );
        assert_eq!(
            told("-c -DX=1 -DY a.c", "-c -DX=2 a.c -lm"),
            [
                "argument: -DX=1 -DX=2",
                "argument: -DY -",
                "argument: - -lm"
            ]
        );
        assert_eq!(told("-DA -DA x", "-DA x"), ["argument: -DA -"]);
        assert_eq!(told("a b", "b a"), ["argument: a a moved"]);
        assert_eq!(
            told("-Wall x -O1 y -g", "-c x -O2 -pg y"),
            [
                "argument: -Wall -c",
                "argument: -O1 -O2",
                "argument: - -pg",
                "argument: -g -"
            ]
        );
    }

    #[test]
    fn parts_are_told_in_the_order_of_the_key() {
        let old = parts(&[
            ("executable", "/usr/bin/gcc"),
            ("argument", "-c"),
            ("environment CC", "gcc"),
            ("environment LANG", "C"),
            ("tool", "/usr/bin/gcc"),
        ]);
        let new = parts(&[
            ("executable", "/opt/gcc"),
            ("argument", "-c"),
            ("environment CC", "clang"),
            ("environment TZ", "UTC"),
            ("tool", "/opt/gcc"),
        ]);
        assert_eq!(
            tell(&changes(&old, &new)),
            [
                "executable: /usr/bin/gcc /opt/gcc",
                "environment CC: gcc clang",
                "environment TZ: - UTC",
                "environment LANG: C -",
            ]
        );
        assert!(changes(&new, &new).is_empty());
    }

    /// Catches a file that is told twice, and one that is told only as an argument it has nothing to do with.
    #[test]
    fn a_file_that_an_argument_names_is_told_once() {
        let old = parts(&[("argument", "$(target)/a.o"), ("input", ".wake/out/x/a.o")]);
        let new = parts(&[
            ("argument", "$(target)/a.o"),
            ("argument", "$(target)/b.o"),
            ("input", ".wake/out/x/a.o"),
            ("input", ".wake/out/x/b.o"),
            ("input", "src/c.h"),
        ]);
        assert_eq!(
            tell(&changes(&old, &new)),
            ["argument: - $(target)/b.o", "input: - src/c.h"]
        );
    }

    /// Catches a record that grows with what changed.
    #[test]
    fn texts_are_told_by_the_lines_that_differ() {
        let text: String = (0..2_000).map(|line| format!("line {line}\n")).collect();
        let other = text
            .replace("line 1500", "line one")
            .replace("9\n", "nine\n");
        let one = changes(
            &parts(&[("content", &text)]),
            &parts(&[("content", &other)]),
        );
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].lines[..2], ["-10 line 9", "+10 line nine"]);
        assert_eq!(one[0].lines.len(), MOST_LINES + 1);
        assert_eq!(one[0].lines[MOST_LINES], "… 390 more");
        assert!(serde_json::to_vec(&one).unwrap().len() < 4_000);
        let words: Vec<String> = (0..9_000).map(|word| word.to_string()).collect();
        let many: Vec<(&str, &str)> = words.iter().map(|word| ("input", word.as_str())).collect();
        assert_eq!(changes(&parts(&[]), &parts(&many)).len(), 9_000);
    }
}
