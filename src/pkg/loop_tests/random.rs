//! Random worlds: packages of several retrievers, one of which is a package that is fetched; globals; forecasts that are
//! wrong; declarations that wait for each other. Whatever they are, what resolution ends with does not depend on chance.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::declare::model::Versions;
use crate::pkg::requirement::Requirement;

/// Packages, and what finds them. Each asks only for later ones, so there are no cycles; `finder` asks for the last.
const NAMES: [(&str, &str); 7] = [
    ("a", "crates"),
    ("b", "crates"),
    ("c", "finder"),
    ("d", "crates"),
    ("e", "finder"),
    ("f", "npm"),
    ("g", "crates"),
];
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0", "2.1.0"];
const REQUIREMENTS: [&str; 7] = ["*", "*", "^1", "^2", ">=1.1", "=1.0.0", "<2"];
const MODES: [Option<Versions>; 6] = [
    None,
    None,
    None,
    Some(Versions::One),
    Some(Versions::OnePerMinor),
    Some(Versions::Any),
];

/// What one package asks for, as numbers.
#[derive(Clone, Debug)]
struct Asked {
    name: Index,
    requirement: Index,
    mode: Index,
    is_global: bool,
    is_host: bool,
    is_read: bool,
}

/// One version.
#[derive(Clone, Debug)]
struct Version {
    name: Index,
    version: Index,
    asks: Vec<Asked>,
    /// The retriever knows nothing of what it asks for.
    is_silent: bool,
}

#[derive(Clone, Debug)]
struct Plan {
    top: Vec<Asked>,
    member: Vec<Asked>,
    versions: Vec<Version>,
    finder: Vec<Asked>,
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let one = (
        any::<Index>(),
        any::<Index>(),
        any::<Index>(),
        any::<bool>(),
        prop::bool::weighted(0.25),
        prop::bool::weighted(0.3),
    );
    let one = one.prop_map(
        |(name, requirement, mode, is_global, is_host, is_read)| Asked {
            name,
            requirement,
            mode,
            is_global,
            is_host,
            is_read,
        },
    );
    prop::collection::vec(one, 0..4)
}

fn plan() -> impl Strategy<Value = Plan> {
    let version = (
        any::<Index>(),
        any::<Index>(),
        asked(),
        prop::bool::weighted(0.2),
    );
    let version = version.prop_map(|(name, version, asks, is_silent)| Version {
        name,
        version,
        asks,
        is_silent,
    });
    let versions = prop::collection::vec(version, 4..14);
    (asked(), asked(), versions, asked()).prop_map(|(top, member, versions, finder)| Plan {
        top,
        member,
        versions,
        finder,
    })
}

fn source(origin: &str) -> Source {
    match origin {
        "finder" => by(get("finder", Source::Global)),
        other => std(other),
    }
}

/// Adds what a package asks for among the names from a place on. The order of keys says nothing.
fn with(mut script: Script, asks: &[Asked], from: usize, is_reversed: bool) -> Script {
    for (number, ask) in asks.iter().enumerate() {
        let Some(names) = NAMES.get(from..).filter(|names| !names.is_empty()) else {
            continue;
        };
        let (name, origin) = names[ask.name.index(names.len())];
        let number = if is_reversed { 9 - number } else { number };
        let key = format!("k{number}");
        let requirement = ask.requirement.get(&REQUIREMENTS);
        let from = match ask.is_global {
            true => Source::Global,
            false => source(origin),
        };
        let mut request = get(&format!("{name}@{requirement}"), from);
        request.is_host = ask.is_host;
        // Only members say how many versions there may be: what others say counts while they are chosen, and a search with
        // a lock does not come by all that one without it comes by.
        if script.declaration.info.name == "top" || script.declaration.info.name == "member" {
            request.versions = *ask.mode.get(&MODES);
        }
        script = script.asks(&key, request);
        if ask.is_read {
            script = script.reads(&key);
        }
    }
    script
}

/// The world of a plan. One that is reversed says the same in another order.
fn world(plan: &Plan, is_reversed: bool) -> World {
    let mut top = with(package("top", "1.0.0"), &plan.top, 0, is_reversed);
    for (name, origin) in NAMES {
        top = top.asks(name, global(get(name, source(origin)), 0));
    }
    let finder = global(get("finder", crates()), 0);
    let mut world = World::new(top.asks("finder", finder));
    let member = package("member", "1.0.0");
    world.member("member", &with(member, &plan.member, 0, is_reversed));
    let finder = package("finder", "1.0.0").runs();
    world.offer("crates", with(finder, &plan.finder, 6, is_reversed));
    // So that each name has an answer.
    for (name, origin) in NAMES {
        world.offer(origin, package(name, "1.0.0"));
    }
    for version in &plan.versions {
        let place = version.name.index(NAMES.len());
        let (name, origin) = NAMES[place];
        let number = version.version.get(&VERSIONS);
        let key = (origin.to_owned(), name.to_owned());
        if world.offers[&key]
            .iter()
            .any(|one| one.candidate.version == **number)
        {
            continue;
        }
        let script = with(package(name, number), &version.asks, place + 1, is_reversed);
        let forecast = world.offer(origin, script);
        if version.is_silent {
            forecast.pkgs.clear();
        }
        if is_reversed {
            world.offers.get_mut(&key).unwrap().reverse();
        }
    }
    world
}

/// What is chosen, or what is said.
fn outline(result: &Result<Resolved>) -> std::result::Result<Vec<String>, Vec<String>> {
    match result {
        Ok(resolved) => Ok(resolved.chosen()),
        Err(error) => Err(lines(error)),
    }
}

/// The world, a line for each version.
fn described(world: &World) -> String {
    let asked = |request: &PackageRequest| {
        let wanted = &request.wanted;
        let from = if request.from == Source::Global {
            "?"
        } else {
            ""
        };
        let mode = request
            .versions
            .map_or_else(String::new, |mode| format!("{mode:?}"));
        let host = if request.is_host { "(host)" } else { "" };
        format!(
            "{}@{}{from}{mode}{host}",
            wanted.label(),
            wanted.version.as_deref().unwrap_or("*")
        )
    };
    let line = |script: &Script, is_silent: bool| {
        let reads: Vec<String> = script.reads.iter().map(asked).collect();
        let pkgs = script.declaration.pkgs.iter();
        let pkgs: Vec<String> = pkgs.map(|(_, request)| asked(request)).collect();
        let info = &script.declaration.info;
        format!(
            "{} {}: {} reads {}{}\n",
            info.label(),
            script.version(),
            pkgs.join(" "),
            reads.join(" "),
            if is_silent { " (silent)" } else { "" }
        )
    };
    let paths: String = paths(world)
        .iter()
        .map(|script| line(script, false))
        .collect();
    let offers = world.offers.values().flatten();
    let offers = offers.map(|offer| line(&offer.script, offer.candidate.pkgs.is_empty()));
    paths + &offers.collect::<String>()
}

/// What members say.
fn paths(world: &World) -> Vec<Script> {
    let read = |directory: &String| fs::read(&world.top.join(directory).join("PKG")).unwrap();
    let contents = world.members.iter().map(read);
    contents
        .map(|content| serde_json::from_slice(&content).unwrap())
        .collect()
}

/// Whether something locked answers a request.
fn is_answered(lock: &Lock, request: &PackageRequest) -> bool {
    let label = request.wanted.label();
    let requirement = Requirement::of(request.wanted.version.as_deref()).unwrap();
    lock.of(&label).any(|entry| {
        let version = entry.version.as_ref();
        version.is_some_and(|version| requirement.matches(version))
    })
}

/// The first request of what is chosen, and of path packages, that nothing answers.
fn unanswered(world: &World, lock: &Lock) -> Option<PackageRequest> {
    let mut scripts = paths(world);
    for entry in &lock.entries {
        let Some(version) = &entry.version else {
            continue;
        };
        let offers = &world.offers[&(entry.origin.to_string(), entry.name.clone())];
        let offered = offers
            .iter()
            .find(|one| one.candidate.version == version.to_string());
        scripts.push(offered.unwrap().script.clone());
    }
    let requests = scripts
        .into_iter()
        .flat_map(|script| script.declaration.pkgs);
    let mut requests = requests.map(|(_, request)| request);
    requests.find(|request| !is_answered(lock, request))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Catches results that depend on who answers first, requirements that are not met, and locks that do not hold.
    #[test]
    fn what_is_found_does_not_depend_on_chance(plan in plan(), seed in 1_u64..) {
        let world_of = |is_reversed| world(&plan, is_reversed);
        let world = world_of(false);
        let first = world.resolve();
        world.seed.store(seed, Relaxed);
        let again = world.resolve();
        prop_assert_eq!(outline(&again), outline(&first));
        if let (Ok(first), Ok(again)) = (&first, &again) {
            prop_assert_eq!(&again.lock, &first.lock, "{}", described(&world));
            prop_assert_eq!(unanswered(&world, &first.lock), None, "{}", described(&world));
            let kept = world.resolve_with(&all(), Some(&first.lock)).unwrap();
            let said = (kept.calls, kept.warnings);
            prop_assert_eq!(&kept.lock, &first.lock, "{}", described(&world));
            prop_assert_eq!(said, (vec![], vec![]), "{}{:?}", described(&world), first.chosen());
        }
        let reversed = world_of(true).resolve();
        prop_assert_eq!(outline(&reversed).ok(), outline(&first).ok(), "{}", described(&world));
    }
}
