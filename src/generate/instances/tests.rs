//! Instances against an imitation of the evaluation processes that answers late, early and in any order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::json;

use super::*;
use crate::declare::model::{Declaration, Dependency, PackageInfo, PackageRef, Source};
use crate::event::Event;
use crate::pkg::declaring::Declaring;

/// What modules of imagined packages declare: `("a", "root")` → what it depends on.
#[derive(Default)]
struct World {
    modules: BTreeMap<(String, String), Vec<Dependency>>,
    /// Modules that read the exports of a package before they declare anything.
    readers: BTreeMap<(String, String), PackageRequest>,
    /// Decides how long each answer takes.
    seed: AtomicU64,
}

struct Silent;

impl Subscriber for Silent {
    fn event(&mut self, _: &Event) {}
}

fn request(directory: &Path, name: &str) -> PackageRequest {
    PackageRequest {
        wanted: info(name),
        from: Source::Path(directory.join(name).display().to_string()),
        global: None,
        permissions: Vec::new(),
        versions: None,
        when: Default::default(),
        replace: false,
        is_host: false,
        at: None,
    }
}

fn info(name: &str) -> PackageInfo {
    PackageInfo {
        name: name.to_owned(),
        ..PackageInfo::default()
    }
}

fn dependency(package: PackageRef, module: &str, config: Value) -> Dependency {
    Dependency {
        kind: "Runtime".into(),
        key: None,
        package,
        module: module.into(),
        config,
        language: None,
        at: None,
    }
}

fn recipe(dependencies: Vec<Dependency>) -> Module {
    Module {
        body: ModuleBody::Recipe(json!({"Language": "Command"})),
        dependencies,
        shared_keys: Vec::new(),
        at: None,
    }
}

impl World {
    fn module(&mut self, package: &str, module: &str, dependencies: Vec<Dependency>) {
        let key = (package.to_owned(), module.to_owned());
        self.modules.insert(key, dependencies);
    }

    fn answer(&self, request: &Request) -> Result<Answer> {
        match request {
            Request::Declare { package, .. } => {
                let name = name_of(&package.directory);
                let modules = self.modules.keys().filter(|(package, _)| *package == name);
                Ok(Answer::Declaration(Declaration {
                    info: info(&name),
                    language: None,
                    files: None,
                    pkgs: Vec::new(),
                    modules: modules.map(|(_, module)| module.clone()).collect(),
                    plugin: None,
                    exec: None,
                    imports: Vec::new(),
                    at: None,
                }))
            }
            Request::Module {
                package,
                module,
                config,
                answers,
                ..
            } => {
                let key = (name_of(&package.directory), module.clone());
                if let Some(wanted) = self.readers.get(&key)
                    && !answers
                        .iter()
                        .any(|(known, answer)| known == wanted && answer.exports.is_some())
                {
                    return Ok(Answer::Waiting(vec![wanted.clone()]));
                }
                if module == "broken" {
                    return Err(Error::user(format!("`{}` is broken", key.0)));
                }
                if module == "growing" {
                    let deeper = config["depth"].as_u64().unwrap_or(0) + 1;
                    let config = json!({ "depth": deeper });
                    return Ok(Answer::Module(recipe(vec![dependency(
                        PackageRef::Own,
                        "growing",
                        config,
                    )])));
                }
                let mut declared = recipe(self.modules[&key].clone());
                if module == "test" {
                    declared.body = ModuleBody::Recipe(json!({"Language": "C", "Type": "Test"}));
                }
                Ok(Answer::Module(declared))
            }
            Request::Exports { .. } => Ok(Answer::Value(json!({}))),
            _ => Ok(Answer::Generated(Generated {
                shared_state: json!({}),
                ..Generated::default()
            })),
        }
    }

    /// Lets other answers go first, as often as the seed says.
    fn ask(&self, request: &Request) -> Result<Outcome> {
        let next = |seed: u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let seed = self
            .seed
            .fetch_update(Relaxed, Relaxed, next)
            .unwrap_or_default();
        for _ in 0..seed >> 58 {
            std::thread::yield_now();
        }
        Ok(Outcome {
            result: self.answer(request),
            reads: Vec::new(),
            is_recalled: false,
        })
    }
}

fn name_of(directory: &Path) -> String {
    directory
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

/// A directory with the directories of packages, links resolved.
fn directories(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let top = crate::fs::canonicalize(directory.path()).unwrap();
    for name in names {
        crate::fs::create_directories(&top.join(name)).unwrap();
    }
    (directory, top)
}

/// The instances that `a`'s modules lead to, or the error.
fn instances(world: &World, top: &Path, modules: &[&str], testing: bool) -> Result<Vec<String>> {
    let mut packages = Packages::new(top.to_owned());
    let root = packages.add(top.join("a"));
    let ask = |request: &Request| world.ask(request);
    let mut declaring = Declaring::default();
    loop {
        declaring.run(&mut packages, 3, &ask, &mut Silent)?;
        packages.refuse_cycles()?;
        let result = attempt(&mut packages, root, modules, testing, &ask);
        if !std::mem::take(&mut packages.needs).has_undeclared {
            return result;
        }
    }
}

fn attempt(
    packages: &mut Packages,
    root: PackageIndex,
    modules: &[&str],
    testing: bool,
    ask: &Ask<'_>,
) -> Result<Vec<String>> {
    let preprocessed = Preprocessed::new();
    let shared = Shared {
        host_parameters: &Parameters::new(),
        sdks: &[],
        layout: &crate::workspace::layout::Layout::new(Path::new("/top")),
        preprocessed: &preprocessed,
    };
    let mut instances = Instances::new(packages, testing, shared);
    for module in modules {
        instances.request(root, module, &Parameters::new())?;
    }
    instances.generate(3, ask, &mut Silent, &mut |_| Ok(()))?;
    let all = instances.all.iter().enumerate();
    Ok(all
        .map(|(index, instance)| {
            let needs = instance
                .edges
                .iter()
                .map(|edge| instances.target_token(edge.to));
            let needs: Vec<String> = needs.collect();
            format!("{} → {}", instances.target_token(index), needs.join(" "))
        })
        .collect())
}

/// The same request many times, with answers in other orders: the result of the first, and that the others equal it.
fn always(world: &World, top: &Path, modules: &[&str]) -> Result<Vec<String>> {
    let first = instances(world, top, modules, false);
    for seed in 1..50 {
        world.seed.store(seed * 0x9e37_79b9, Relaxed);
        assert_eq!(instances(world, top, modules, false), first, "seed {seed}");
    }
    first
}

/// Catches graphs that differ from run to run: order of instances, instances made twice.
#[test]
fn a_diamond_with_equal_and_different_configs_is_the_same_in_any_order() {
    let (_directory, top) = directories(&["a", "b", "c", "d"]);
    let on = |name: &str, module: &str, config: Value| {
        dependency(PackageRef::Requested(request(&top, name)), module, config)
    };
    let mut world = World::default();
    let none = || json!({});
    world.module(
        "a",
        "root",
        vec![on("c", "root", none()), on("b", "root", none())],
    );
    let (one, two) = (json!({"fast": 1.0}), json!({"fast": 2}));
    world.module(
        "b",
        "root",
        vec![on("d", "root", one), on("d", "root", two)],
    );
    world.module("c", "root", vec![on("d", "root", json!({"fast": 1}))]);
    world.module("d", "root", vec![]);
    let all = always(&world, &top, &["root"]).unwrap();
    let names: Vec<&str> = all
        .iter()
        .map(|one| &one[..one.find('#').unwrap()])
        .collect();
    let expected = ["a", "b", "c", "d", "d"].map(|name| format!("$(target {name}:root"));
    assert_eq!(names, expected);
    let of_c = all[2].split(" → ").nth(1).unwrap();
    assert!(all[1].contains(of_c), "1.0 and 1 are one config: {all:#?}");
}

/// Catches the error of whoever answers first.
#[test]
fn of_several_errors_the_same_is_shown() {
    let (_directory, top) = directories(&["a", "b", "c"]);
    let on = |name: &str| {
        dependency(
            PackageRef::Requested(request(&top, name)),
            "broken",
            json!({}),
        )
    };
    let mut world = World::default();
    world.module("a", "root", vec![on("c"), on("b")]);
    world.module("b", "broken", vec![]);
    world.module("c", "broken", vec![]);
    let error = always(&world, &top, &["root"]).unwrap_err();
    assert_eq!(error.report().message, "`b` is broken");
}

/// Catches a cycle of packages that is told from where it happened to be closed, or not at all because of another error.
#[test]
fn a_cycle_of_hidden_packages_is_told_from_the_same_place() {
    let (_directory, top) = directories(&["a", "b"]);
    let on = |name: &str, module: &str| {
        dependency(
            PackageRef::Requested(request(&top, name)),
            module,
            json!({}),
        )
    };
    let mut world = World::default();
    world.module("a", "root", vec![on("b", "root"), on("b", "broken")]);
    world.module("a", "other", vec![]);
    world.module("b", "root", vec![on("a", "other")]);
    world.module("b", "broken", vec![]);
    let error = always(&world, &top, &["root"]).unwrap_err();
    let report = error.report();
    assert_eq!(report.message, "Packages need each other in a cycle");
    assert_eq!(report.causes, ["`a` needs `b`", "`b` needs `a`"]);
}

/// Catches exports that are evaluated for a step that did not ask for them, and a step that is told off because another
/// one of its package learned the exports in the meantime.
#[test]
fn many_modules_may_read_the_exports_of_one_package_at_once() {
    let (_directory, top) = directories(&["a", "b"]);
    let modules: Vec<String> = (0..12).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = modules.iter().map(String::as_str).collect();
    let mut world = World::default();
    for name in &names {
        world.module("a", name, vec![]);
        let key = ("a".to_owned(), (*name).to_owned());
        world.readers.insert(key, request(&top, "b"));
    }
    world.module("b", "root", vec![]);
    assert_eq!(always(&world, &top, &names).unwrap().len(), 12);
}

/// Catches a build that never ends.
#[test]
fn a_module_that_asks_for_itself_with_ever_other_configs_is_refused() {
    let (_directory, top) = directories(&["a"]);
    let mut world = World::default();
    world.module("a", "growing", vec![]);
    let error = instances(&world, &top, &["growing"], false).unwrap_err();
    assert_eq!(
        error.report().message,
        "The module `growing` of `a` is asked for with more than 10000 different configs"
    );
}

/// Catches instances that are mistaken for others when those without tests are dropped.
#[test]
fn a_cycle_is_named_rightly_where_some_instances_are_not_needed() {
    let (_directory, top) = directories(&["a"]);
    let mut world = World::default();
    let on = |module: &str| dependency(PackageRef::Own, module, json!({}));
    world.module("a", "first", vec![]);
    world.module("a", "test", vec![on("one")]);
    world.module("a", "one", vec![on("two")]);
    world.module("a", "two", vec![on("one")]);
    assert_eq!(instances(&world, &top, &["first"], true), Ok(Vec::new()));
    let error = instances(&world, &top, &["first", "test"], true).unwrap_err();
    assert_eq!(
        error.report().causes,
        ["`a:one` needs `a:two`", "`a:two` needs `a:one`"]
    );
}
