//! The rules of DESIGN §3.4, one by one, and the messages.

use super::*;
use crate::declare::model::Versions;
use crate::error::Location;
use crate::pkg::requirement::Requirement;

/// What retrievers know, what path packages ask for, what is locked.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) facts: Facts,
    pub(super) roots: Vec<Root>,
    pub(super) preferred: Preferred,
    pub(super) yanked: BTreeSet<(Subject, Version)>,
    pub(super) answered: BTreeSet<Arc<str>>,
}

impl World {
    /// Lines like `http 2.1.0: log ^2 one, zip`: a version, and what it asks for. All facts are known.
    pub(super) fn new(index: &str) -> Self {
        let mut world = Self::default();
        for line in index.lines().filter(|line| !line.trim().is_empty()) {
            let (package, demands) = line.split_once(':').unwrap_or((line, ""));
            let (name, version) = package.trim().split_once(' ').unwrap();
            let demands = demands.split(',').filter(|text| !text.trim().is_empty());
            let candidate = candidate(version, demands.map(demand).collect());
            for demand in &candidate.demands {
                world
                    .facts
                    .add(&demand.subject, &Requirement::any(), Vec::new());
            }
            let found = vec![candidate];
            world.facts.add(&subject(name), &Requirement::any(), found);
        }
        world
    }

    /// The member `app` asks for something.
    pub(super) fn asks(self, demand: &str) -> Self {
        self.asks_as("app", true, demand)
    }

    fn asks_as(mut self, by: &str, is_member: bool, text: &str) -> Self {
        let mut demand = demand(text);
        let line = self.roots.len() + 1;
        let source = "\n".repeat(line - 1) + "x";
        let (start, end) = (source.len() - 1, source.len());
        demand.at = Some(Location::of_bytes("PKG", &source, start, end));
        let any = Requirement::any();
        self.facts.add(&demand.subject, &any, Vec::new());
        self.roots.push(Root {
            by: Arc::from(by),
            demand,
            is_member,
        });
        self
    }

    fn locked(mut self, name: &str, versions: &[&str]) -> Self {
        let versions = versions.iter().map(|version| self::version(version));
        self.preferred
            .main
            .insert(subject(name), versions.collect());
        self
    }

    fn yanked(mut self, name: &str, version: &str) -> Self {
        self.yanked.insert((subject(name), self::version(version)));
        self
    }

    pub(super) fn with<T>(&self, use_problem: impl FnOnce(&Problem) -> T) -> T {
        let admits = |subject: &Subject, candidate: &Candidate| {
            let key = (subject.clone(), candidate.version.clone());
            match self.yanked.contains(&key) {
                true => Err("is yanked".to_owned()),
                false => Ok(()),
            }
        };
        use_problem(&Problem {
            facts: &self.facts,
            roots: &self.roots,
            preferred: &self.preferred,
            admits: &admits,
            answered: &self.answered,
        })
    }

    pub(super) fn solved(&self) -> Solved {
        self.with(solve)
    }

    pub(super) fn solution(&self) -> Solution {
        match self.solved() {
            Solved::Solution(solution) => solution,
            other => panic!("no solution: {other:?}"),
        }
    }

    /// The chosen versions, as `name@version`, with the number of the scope before it if that is not the main one.
    fn chosen(&self) -> String {
        let solution = self.solution();
        let chosen = solution.chosen().iter().map(|chosen| {
            let place = format!("{}@{}", chosen.subject.label, chosen.version);
            match chosen.scope {
                Scope::MAIN => place,
                Scope::HOST => format!("host/{place}"),
                scope => format!("{}/{place}", scope.number()),
            }
        });
        chosen.collect::<Vec<_>>().join(" ")
    }

    fn conflict(&self) -> Conflict {
        match self.solved() {
            Solved::Conflict(conflict) => conflict,
            other => panic!("no conflict: {other:?}"),
        }
    }

    /// The message, its causes and its hint, which is the proposal if there is one.
    fn complaint(&self) -> String {
        let conflict = self.conflict();
        let error = conflict.error();
        let hint = match self.with(|problem| propose(problem, &conflict)) {
            Proposed::Found(proposal) => Some(proposal.hint()),
            Proposed::None => error.report().hint.clone(),
            Proposed::Lacking(demands) => panic!("lacking: {demands:?}"),
        };
        let mut lines = vec![error.to_string()];
        lines.extend(
            error
                .report()
                .causes
                .iter()
                .map(|cause| format!("  {cause}")),
        );
        lines.extend(hint.map(|hint| format!("hint: {hint}")));
        lines.join("\n")
    }
}

/// From `index`, unless the name ends in `!`: then from `other`.
pub(super) fn subject(name: &str) -> Subject {
    let origin = if name.ends_with('!') {
        "other"
    } else {
        "index"
    };
    Subject {
        label: Arc::from(name.trim_end_matches('!')),
        origin: Arc::from(origin),
    }
}

pub(super) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub(super) fn candidate(version: &str, demands: Vec<Demand>) -> Candidate {
    Candidate {
        version: self::version(version),
        demands,
        size: None,
        is_yanked: false,
        published: None,
        artifacts: Vec::new(),
    }
}

/// `log`, `log ^1`, `log >=1 <3 minor`, `log ^1 host`: a space in a requirement stands for a comma.
pub(super) fn demand(text: &str) -> Demand {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let is_host = words.last() == Some(&"host");
    if is_host {
        words.pop();
    }
    let versions = match words.last() {
        Some(&"one") => Some(Versions::One),
        Some(&"major") => Some(Versions::OnePerMajor),
        Some(&"minor") => Some(Versions::OnePerMinor),
        Some(&"any") => Some(Versions::Any),
        _ => None,
    };
    if versions.is_some() {
        words.pop();
    }
    let requirement = words[1..].join(", ").replace(", ||, ", " || ");
    Demand {
        subject: subject(words[0]),
        requirement: Requirement::parse(&requirement).unwrap(),
        versions,
        is_host,
        at: None,
    }
}

const HTTP: &str = "
    log 1.0.0\nlog 1.4.0\nlog 2.0.0\nlog 2.3.0
    http 1.0.0: log ^1\nhttp 2.0.0: log ^2\nhttp 2.1.0: log ^2";

#[test]
fn the_largest_versions_are_chosen() {
    let world = World::new(HTTP).asks("http");
    assert_eq!(world.chosen(), "http@2.1.0 log@2.3.0");
}

#[test]
fn locked_versions_are_preferred() {
    let world = World::new(HTTP).asks("http").asks("log ^1");
    let world = world.locked("http", &["2.0.0"]).locked("log", &["1.0.0"]);
    assert_eq!(world.chosen(), "http@2.0.0 log@1.0.0 log@2.3.0");
}

#[test]
fn a_locked_version_that_does_not_fit_is_left() {
    let world = World::new(HTTP).asks("http ^2").locked("http", &["1.0.0"]);
    assert_eq!(world.chosen(), "http@2.1.0 log@2.3.0");
}

#[test]
fn majors_stand_side_by_side_and_minors_of_0_do() {
    let index = "a 0.1.0\na 0.1.5\na 0.2.0\na 1.0.0\na 1.2.0\na 2.0.0";
    let world = World::new(index)
        .asks("a ^0.1")
        .asks("a ^0.2")
        .asks("a ^1")
        .asks("a ^2");
    assert_eq!(world.chosen(), "a@0.1.5 a@0.2.0 a@1.2.0 a@2.0.0");
    let world = World::new(index).asks("a =1.0.0").asks("a ^1");
    assert_eq!(world.chosen(), "a@1.0.0");
    let world = World::new(index).asks("a =1.0.0 minor").asks("a ^1");
    assert_eq!(world.chosen(), "a@1.0.0 a@1.2.0");
}

/// Also that a member's word is final, and that the stricter of two is taken.
#[test]
fn one_version_if_somebody_says_so() {
    let world = World::new(HTTP).asks("http ^2").asks("log ^1");
    assert_eq!(world.chosen(), "http@2.1.0 log@1.4.0 log@2.3.0");
    let strict = World::new(HTTP).asks("http").asks("log ^1 one");
    assert_eq!(strict.chosen(), "http@1.0.0 log@1.4.0");
    let outer = World::new(HTTP)
        .asks("http")
        .asks_as("lib", false, "log ^1 one");
    assert_eq!(outer.chosen(), "http@1.0.0 log@1.4.0");
    let overruled = outer.asks("log ^1 major");
    assert_eq!(overruled.chosen(), "http@2.1.0 log@1.4.0 log@2.3.0");
}

/// Catches a statement of a version that nobody uses.
#[test]
fn what_versions_state_counts_while_they_are_chosen() {
    let index = "log 1.0.0\nlog 2.0.0\nb 1.0.0: log ^1 one\nb 2.0.0: log ^1\na 1.0.0: log ^2";
    let lenient = World::new(index).asks("a").asks("b");
    assert_eq!(lenient.chosen(), "a@1.0.0 b@2.0.0 log@1.0.0 log@2.0.0");
    let strict = World::new(index).asks("a").asks("b ^1");
    assert!(matches!(strict.solved(), Solved::Conflict(_)));
    // The largest `b` states what cannot be met, another one does not.
    let index = format!("{index}\nb 2.1.0: log ^1 one");
    let evaded = World::new(&index).asks("a").asks("b ^2");
    assert_eq!(evaded.chosen(), "a@1.0.0 b@2.0.0 log@1.0.0 log@2.0.0");
}

/// Catches that what admits more is asked for only if it is needed.
#[test]
fn a_version_can_state_that_there_may_be_more() {
    let index = "log 1.0.0\nlog 1.1.0\na 1.0.0: log =1.0.0 minor\nb 1.0.0: log =1.1.0";
    let world = World::new(index).asks("a").asks("b");
    assert_eq!(world.chosen(), "a@1.0.0 b@1.0.0 log@1.0.0 log@1.1.0");
}

#[test]
fn any_opens_a_scope_for_what_is_below() {
    let index = "log 1.0.0\nlog 1.1.0\nfmt 1.0.0: log =1.0.0\napp-log 1.0.0: log =1.1.0";
    let world = World::new(index).asks("fmt any").asks("app-log");
    assert_eq!(
        world.chosen(),
        "app-log@1.0.0 log@1.1.0 1/fmt@1.0.0 1/log@1.0.0"
    );
    let solution = world.solution();
    let chosen = solution.answer(Who::Root("app"), &demand("fmt")).unwrap();
    let log = solution
        .answer(Who::Chosen(chosen), &demand("log =1.0.0"))
        .unwrap();
    assert_eq!((log.scope, &log.version), (chosen.scope, &version("1.0.0")));
    assert!(solution.answer(Who::Root("app"), &demand("log")).is_none());
}

/// Catches scopes without end.
#[test]
fn a_label_that_comes_back_reuses_its_scope() {
    let index = "a 1.0.0: b any\nb 1.0.0: a any, c any\nc 1.0.0: b any\na 1.1.0: b any, c any";
    let world = World::new(index).asks("a any");
    assert_eq!(
        world.chosen(),
        "1/a@1.1.0 2/b@1.0.0 3/c@1.0.0 4/c@1.0.0 5/b@1.0.0"
    );
    let other = "a 1.0.0\na 1.1.0: b\nb 1.0.0: a <1.1.0";
    let world = World::new(other).asks("a any");
    assert_eq!(world.chosen(), "1/a@1.0.0 1/a@1.1.0 1/b@1.0.0");
}

#[test]
fn a_requirement_that_spans_groups_takes_the_locked_one_or_the_largest() {
    let index = "a 1.0.0\na 1.5.0\na 2.0.0\na 3.0.0";
    for (wanted, largest) in [
        ("a", "a@3.0.0"),
        ("a >=1 <3", "a@2.0.0"),
        ("a ^1 || ^2", "a@2.0.0"),
    ] {
        let world = World::new(index).asks(wanted);
        assert_eq!(world.chosen(), largest);
        assert_eq!(world.locked("a", &["1.0.0"]).chosen(), "a@1.0.0");
    }
    let unmet = World::new(index)
        .asks("a >1.0.0 <3")
        .locked("a", &["1.0.0"]);
    assert_eq!(unmet.chosen(), "a@2.0.0");
}

#[test]
fn pre_releases_are_chosen_where_they_are_named() {
    let index = "a 1.0.0\na 2.0.0-rc.1";
    assert_eq!(World::new(index).asks("a").chosen(), "a@1.0.0");
    let mut named = World::new(index).asks("a ^2.0.0-rc.1");
    assert!(
        matches!(named.solved(), Solved::Lacking(..)),
        "who asks for all gets none"
    );
    let root = named.roots[0].demand.clone();
    named
        .facts
        .add(&root.subject, &root.requirement, Vec::new());
    assert_eq!(named.chosen(), "a@2.0.0-rc.1");
}

#[test]
fn what_is_not_admitted_is_not_chosen() {
    let world = World::new(HTTP).asks("log").yanked("log", "2.3.0");
    assert_eq!(world.chosen(), "log@2.0.0");
}

#[test]
fn path_packages_answer_everywhere() {
    let mut world = World::new(HTTP).asks("http ^2").asks("log ^9");
    world.answered.insert(Arc::from("log"));
    assert_eq!(world.chosen(), "http@2.1.0");
}

#[test]
fn versions_that_need_themselves() {
    let world = World::new("a 1.0.0\na 1.1.0: a ^1\na 1.2.0: a =1.0.0").asks("a");
    assert_eq!(world.chosen(), "a@1.1.0");
}

#[test]
fn all_lacking_facts_are_asked_for_at_once() {
    let mut world = World::new("a 1.0.0: b ^1, c ^1\nb 1.0.0")
        .asks("a")
        .asks("b");
    world.roots.push(Root {
        by: Arc::from("app"),
        demand: demand("z ^3"),
        is_member: true,
    });
    world.roots.push(world.roots[2].clone());
    world.facts = Facts::default();
    let a = candidate("1.0.0", vec![demand("c ^1"), demand("b ^1")]);
    world.facts.add(&subject("a"), &Requirement::any(), vec![a]);
    let Solved::Lacking(lacking, _) = world.solved() else {
        panic!("facts are lacking");
    };
    let lacking: Vec<_> = lacking
        .iter()
        .map(|one| format!("{} {}", one.subject.label, one.requirement))
        .collect();
    assert_eq!(lacking, ["b *", "b ^1", "c ^1", "z ^3"]);
}

#[test]
fn a_conflict_tells_the_chain_and_a_change() {
    let world = World::new(HTTP)
        .asks("zip")
        .asks("log ^1 one")
        .asks("http ^2");
    let mut world = world;
    world.facts.add(
        &subject("zip"),
        &Requirement::any(),
        vec![candidate("1.0.0", vec![])],
    );
    insta::assert_snapshot!(world.complaint(), @r"
    PKG:3:1: No version of `log` is admitted by all who ask for it
      `app` asks for `http@^2` (PKG:3:1)
      `app` asks for `log@^1` (PKG:2:1)
      `http` 2.0.0 and 2.1.0 ask for `log@^2`
      `app` asks for one version only of `log` (PKG:2:1)
    hint: change `log@^1` to `log@^2` in PKG:2:1
    ");
}

#[test]
fn a_requirement_that_nothing_meets_tells_what_there_is() {
    let deep = World::new("http 2.1.0: log ^9\nlog 8.0.0\nlog 9.1.0").asks("http ^2");
    insta::assert_snapshot!(deep.yanked("log", "9.1.0").complaint(), @r"
    PKG:1:1: No version of `log` is admitted by `^9`
      `app` asks for `http@^2` (PKG:1:1)
      `http@2.1.0` asks for `log@^9`
      `log@9.1.0` is yanked
      the only version is `8.0.0`
    ");
    let index: String = (0..40).map(|minor| format!("log 1.{minor}.0\n")).collect();
    insta::assert_snapshot!(World::new(&index).asks("log =1.20.1").complaint(), @r"
    PKG:1:1: No version of `log` is admitted by `=1.20.1`
      `app` asks for `log@=1.20.1` (PKG:1:1)
      the nearest versions are `1.18.0`, `1.19.0`, `1.20.0`, `1.21.0`, `1.22.0` and `1.23.0`
    hint: change `log@=1.20.1` to `log@^1` in PKG:1:1
    ");
}

#[test]
fn a_name_that_is_not_found_shows_near_ones() {
    insta::assert_snapshot!(World::new(HTTP).asks("htpp ^2").complaint(), @r"
    PKG:1:1: `htpp` is not found
      `app` asks for `htpp@^2` (PKG:1:1)
      `index` has no versions of `htpp`
    hint: did you mean `http`?
    ");
}

#[test]
fn versions_that_fail_for_other_reasons_are_told_after_the_chain() {
    let index = "
        log 1.0.0\nlog 1.1.0\nlog 1.2.0
        http 1.0.0: log <1.1.0\nhttp 1.1.0: log <1.1.0\nhttp 1.2.0: log <1.2.0";
    let world = World::new(index).asks("http ^1").asks("log =1.2.0");
    insta::assert_snapshot!(world.complaint(), @r"
    PKG:1:1: No version of `log` is admitted by all who ask for it
      `app` asks for `http@^1` (PKG:1:1)
      `app` asks for `log@=1.2.0` (PKG:2:1)
      `http@1.2.0` asks for `log@<1.2.0`
      `http` 1.0.0 and 1.1.0 ask for `log@<1.1.0`
    hint: change `log@=1.2.0` to `log@^1` in PKG:2:1
    ");
}

#[test]
fn one_label_from_two_origins_is_an_error() {
    let world = World::new("log 1.0.0\nlog! 1.0.0\nhttp 1.0.0: log! ^1")
        .asks("log")
        .asks("http");
    insta::assert_snapshot!(world.complaint(), @r"
    PKG:1:1: `log` is asked for from `index` and from `other`
      `app` asks for `log` from `index` (PKG:1:1)
      `app` asks for `http` from `index` (PKG:2:1)
      `http@1.0.0` asks for `log@^1` from `other`
    hint: ask for `log` with the same `from` everywhere
    ");
}

/// Catches a chain that does not say why versions of two majors exclude each other.
#[test]
fn a_version_that_wants_to_be_alone_is_named() {
    let index = "log 1.0.0\nlog 2.0.0\nb 1.0.0: log ^1 one\na 1.0.0: log ^2";
    let world = World::new(index).asks("a").asks("b");
    insta::assert_snapshot!(world.complaint(), @r"
    PKG:1:1: No version of `log` is admitted by all who ask for it
      `app` asks for `a` (PKG:1:1)
      `app` asks for `b` (PKG:2:1)
      `a@1.0.0` asks for `log@^2`
      `b@1.0.0` asks for `log@^1`
      `b@1.0.0` asks for one version only of `log`
    ");
}

/// Catches a search without end, and names that do not help.
#[test]
fn what_is_too_hard_is_given_up() {
    let world = pigeons(7);
    let Solved::TooHard(too_hard) = world.with(|problem| solve_within(problem, 60_000)) else {
        panic!("this takes more steps");
    };
    assert_eq!(too_hard.names.len(), 5);
    let error = too_hard.error();
    assert!(error.to_string().ends_with("not found in 60000 steps"));
    assert!(error.report().causes[0].contains("`p"));
}

/// One more pigeon than holes: each pigeon has a version for each hole, and no two fit into one.
pub(super) fn pigeons(holes: usize) -> World {
    let mut index = String::new();
    for pigeon in 0..=holes {
        for hole in 1..=holes {
            let wants: Vec<String> = (0..=holes)
                .filter(|other| *other != pigeon)
                .map(|other| {
                    format!(
                        "h{hole}x{}x{} ={}.0.0 one",
                        pigeon.min(other),
                        pigeon.max(other),
                        1 + usize::from(pigeon > other)
                    )
                })
                .collect();
            index += &format!("p{pigeon} 1.{hole}.0: {}\n", wants.join(","));
            for other in pigeon + 1..=holes {
                index +=
                    &format!("h{hole}x{pigeon}x{other} 1.0.0\nh{hole}x{pigeon}x{other} 2.0.0\n");
            }
        }
    }
    let world = World::new(&index);
    (0..=holes).fold(world, |world, pigeon| world.asks(&format!("p{pigeon}")))
}

/// Catches a tool that drags what is built to its versions, and what a tool needs that is chosen elsewhere.
#[test]
fn the_host_has_versions_of_its_own() {
    let index = "
        log 1.0.0\nlog 1.4.0\nlog 2.0.0
        tool 1.0.0: log ^1, gen host\ngen 1.0.0: log ^2";
    let world = World::new(index).asks("log =1.0.0").asks("tool host");
    let chosen = "log@1.0.0 host/gen@1.0.0 host/log@1.4.0 host/log@2.0.0 host/tool@1.0.0";
    assert_eq!(world.chosen(), chosen);
    let demands = |text: &str| {
        let solution = world.solution();
        let tool = solution.answer(Who::Root("app"), &demand("tool host"));
        let found = solution.answer(Who::Chosen(tool.unwrap()), &demand(text));
        found.unwrap().scope
    };
    assert_eq!([demands("log ^1"), demands("gen host")], [Scope::HOST; 2]);
}

/// Catches a version of the main scope that leaves the lock because the host has a larger one.
#[test]
fn each_scope_keeps_what_is_locked_of_it() {
    let mut world = World::new("log 1.0.0\nlog 1.1.0\nlog 1.2.0");
    world = world.asks("log ^1").locked("log", &["1.0.0"]);
    world = world.asks("log >=1.1 <2 host");
    assert_eq!(world.chosen(), "log@1.0.0 host/log@1.2.0");
    world.preferred = world.solution().as_preferred();
    assert_eq!(world.chosen(), "log@1.0.0 host/log@1.2.0");
    // What only one scope has locked is taken by the other as well.
    world.roots[1].demand = demand("log ^1 host");
    world.preferred.host.clear();
    assert_eq!(world.chosen(), "log@1.0.0 host/log@1.0.0");
}

/// Catches a conflict that does not say in which scope it is.
#[test]
fn a_conflict_of_the_host_says_so() {
    let world = World::new("log 1.0.0\nlog 1.4.0");
    let world = world.asks("log =1.4.0").asks("log =1.0.0 host");
    let error = world.clone().asks("log =1.4.0 host").conflict().error();
    let causes = &error.report().causes;
    assert!(
        causes.iter().all(|cause| cause.contains("` (host)")),
        "{causes:?}"
    );
    assert_eq!(world.chosen(), "log@1.4.0 host/log@1.0.0");
}
