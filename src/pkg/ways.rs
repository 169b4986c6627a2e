//! Questions about an [`Overview`]: which packages a name means, and by which ways members come to one.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use super::overview::{Entry, Overview};
use crate::error::{self, Error, Result, suggestion};

/// More looks than finding any ways takes, but where what retrievers forecast leads in circles.
const MOST_LOOKS: usize = 20_000;

/// How members come to a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways {
    /// Shortest first, none twice.
    pub ways: Vec<Vec<Step>>,
    /// Whether these are all.
    pub is_complete: bool,
}

/// One who asks on the way: a place in [`Overview::packages`], and one in its [`Entry::requires`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    pub package: usize,
    pub required: usize,
}

impl Overview {
    /// The packages that a text means: `namespace/name`, or `name` in whatever namespace, with `@version` or without.
    ///
    /// # Errors
    /// `User`: there is no such package.
    pub fn named(&self, text: &str) -> Result<Vec<usize>> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let mut found = self.having(|entry| entry.name == name);
        if found.is_empty() {
            found = self.having(|entry| short(&entry.name) == name);
        }
        if found.is_empty() {
            return Err(self.unknown(name));
        }
        let Some(version) = version else {
            return Ok(found);
        };
        let is_meant = |place: &usize| self.packages[*place].version.as_deref() == Some(version);
        let meant: Vec<usize> = found.iter().copied().filter(is_meant).collect();
        if meant.is_empty() {
            return Err(self.unknown_version(name, version, &found));
        }
        Ok(meant)
    }

    fn having(&self, is_meant: impl Fn(&Entry) -> bool) -> Vec<usize> {
        let places = 0..self.packages.len();
        places
            .filter(|place| is_meant(&self.packages[*place]))
            .collect()
    }

    fn unknown(&self, name: &str) -> Error {
        let labels: BTreeSet<&str> = self.packages.iter().map(|one| one.name.as_str()).collect();
        let names: BTreeSet<&str> = labels.iter().map(|label| short(label)).collect();
        let hint = if name.contains('/') {
            // All names of a namespace look alike: what counts is behind it.
            let near = error::near(short(name), names);
            let is_near = |label: &&str| near.contains(&short(label));
            let near: Vec<&str> = labels.iter().copied().filter(is_near).collect();
            suggestion(
                name,
                if near.is_empty() {
                    labels.into_iter().collect()
                } else {
                    near
                },
            )
        } else {
            suggestion(name, names)
        };
        Error::user(format!("No package here is called `{name}`"))
            .hint(hint.unwrap_or_else(|| "`wake pkg list` lists the packages".to_owned()))
    }

    fn unknown_version(&self, name: &str, version: &str, found: &[usize]) -> Error {
        let found = found.iter().map(|place| &self.packages[*place]);
        let mut versions: Vec<&str> = found.filter_map(|one| one.version.as_deref()).collect();
        versions.dedup();
        let error = Error::user(format!("Nothing here uses version `{version}` of `{name}`"));
        match versions.is_empty() {
            true => error.hint("its declaration says no version"),
            false => error.hint(format!("there is `{}`", versions.join("`, `"))),
        }
    }

    /// The ways from members to the package at a place, at most `most` of them. For a member itself, only those by
    /// which other members come to it.
    pub fn ways(&self, to: usize, most: usize) -> Ways {
        let distances = self.distances(to);
        // What a way will be long at least comes first: the shortest is found first, and a way that is begun comes to an
        // end before others are begun that are longer.
        let mut waiting: BinaryHeap<Reverse<(usize, Vec<Step>, usize)>> = BinaryHeap::new();
        for member in self.having(|entry| entry.member) {
            if let (Some(distance), true) = (distances[member], member != to) {
                waiting.push(Reverse((distance, Vec::new(), member)));
            }
        }
        let mut ways = Vec::new();
        for _ in 0..MOST_LOOKS {
            let Some(Reverse((_, way, at))) = waiting.pop() else {
                break;
            };
            if at == to {
                if ways.len() == most {
                    waiting.push(Reverse((way.len(), way, at)));
                    break;
                }
                ways.push(way);
                continue;
            }
            for (step, next, distance) in self.steps(at, &distances) {
                if next != at && !way.iter().any(|before| before.package == next) {
                    let mut longer = way.clone();
                    longer.push(step);
                    waiting.push(Reverse((longer.len() + distance, longer, next)));
                }
            }
        }
        Ways {
            ways,
            is_complete: waiting.is_empty(),
        }
    }

    /// What a package asks for that leads on to where `distances` are counted from.
    fn steps(
        &self,
        package: usize,
        distances: &[Option<usize>],
    ) -> impl Iterator<Item = (Step, usize, usize)> {
        let requires = self.packages[package].requires.iter().enumerate();
        requires.filter_map(move |(required, one)| {
            let next = one.package?;
            Some((Step { package, required }, next, distances[next]?))
        })
    }

    /// How many steps each package is away from one, if a way leads there.
    fn distances(&self, to: usize) -> Vec<Option<usize>> {
        let mut askers: Vec<Vec<usize>> = vec![Vec::new(); self.packages.len()];
        for (place, entry) in self.packages.iter().enumerate() {
            for answered in entry.requires.iter().filter_map(|one| one.package) {
                askers[answered].push(place);
            }
        }
        let mut distances = vec![None; self.packages.len()];
        distances[to] = Some(0);
        let mut waiting = VecDeque::from([(to, 0)]);
        while let Some((place, distance)) = waiting.pop_front() {
            for asker in &askers[place] {
                if distances[*asker].is_none() {
                    distances[*asker] = Some(distance + 1);
                    waiting.push_back((*asker, distance + 1));
                }
            }
        }
        distances
    }
}

/// A label without its namespace.
fn short(label: &str) -> &str {
    label.rsplit('/').next().unwrap_or(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkg::overview::Required;

    /// Packages of a name, each asking for others by their places; the first is a member.
    fn overview(packages: &[(&str, &[usize])]) -> Overview {
        let entry = |(place, (name, requires)): (usize, &(&str, &[usize]))| Entry {
            name: (*name).to_owned(),
            version: Some(format!("1.0.{place}")),
            origin: "index".to_owned(),
            scope: None,
            digest: None,
            size: None,
            fetched: false,
            member: place == 0,
            replace: false,
            requires: requires
                .iter()
                .map(|package| Required {
                    key: None,
                    request: format!("{package}"),
                    package: Some(*package),
                    when: Default::default(),
                    at: None,
                })
                .collect(),
        };
        Overview {
            packages: packages.iter().enumerate().map(entry).collect(),
        }
    }

    fn shown(ways: &Ways) -> Vec<Vec<usize>> {
        let places = |way: &Vec<Step>| way.iter().map(|step| step.package).collect();
        ways.ways.iter().map(places).collect()
    }

    /// Catches a long way that comes first because it was met first, and ways that lead elsewhere.
    #[test]
    fn the_shortest_way_comes_first() {
        let overview = overview(&[
            ("app", &[1, 2, 4]),
            ("a/one", &[2]),
            ("a/two", &[3]),
            ("a/three", &[]),
            ("a/other", &[]),
        ]);
        assert_eq!(shown(&overview.ways(3, 9)), [vec![0, 2], vec![0, 1, 2]]);
        assert!(overview.ways(0, 9).ways.is_empty());
    }

    /// Catches a search that visits all of a number of ways that doubles with each layer, and one that never ends.
    #[test]
    fn many_ways_and_circles_are_bounded() {
        let layers = 60;
        let pairs: Vec<Vec<usize>> = (0..layers)
            .map(|layer| vec![2 * layer + 1, 2 * layer + 2])
            .collect();
        let mut packages: Vec<(&str, &[usize])> = vec![("app", &pairs[0])];
        for pair in &pairs[1..] {
            packages.extend([("x", pair.as_slice()), ("y", pair.as_slice())]);
        }
        packages.extend([("end", &[1][..]), ("other", &[][..])]);
        let overview = overview(&packages);
        let ways = overview.ways(packages.len() - 2, 5);
        assert_eq!((ways.ways.len(), ways.is_complete), (5, false));
        assert!(ways.ways.iter().all(|way| way.len() == layers));

        let all: Vec<usize> = (1..40).collect();
        let mut packages: Vec<(&str, &[usize])> = vec![("x", &all); 40];
        packages[0].0 = "app";
        let ways = super::tests::overview(&packages).ways(39, 1_000_000);
        assert!(!ways.is_complete);
    }

    /// Catches a name that is found in one namespace only, and a mistyped one that is not told what is near.
    #[test]
    fn names_are_found_with_and_without_their_namespace() {
        let overview = overview(&[("app", &[]), ("a/log", &[]), ("b/log", &[]), ("b/log", &[])]);
        assert_eq!(overview.named("log").unwrap(), [1, 2, 3]);
        assert_eq!(overview.named("b/log").unwrap(), [2, 3]);
        assert_eq!(overview.named("log@1.0.3").unwrap(), [3]);
        let hint = |text: &str| overview.named(text).unwrap_err().report().hint.clone();
        assert_eq!(hint("lgo").as_deref(), Some("did you mean `log`?"));
        assert_eq!(
            hint("x/log").as_deref(),
            Some("did you mean `a/log` or `b/log`?")
        );
        assert_eq!(
            hint("b/log@2").as_deref(),
            Some("there is `1.0.2`, `1.0.3`")
        );
    }
}
