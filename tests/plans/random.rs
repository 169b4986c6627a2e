//! Random workspaces and random edits: the plan after each edit is that of a checkout in which nothing was kept.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, show};

/// A small generator: the same seed gives the same case on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn toggle(&mut self, set: &mut BTreeSet<usize>, bound: usize) {
        let item = self.below(bound);
        if !set.remove(&item) {
            set.insert(item);
        }
    }
}

const PACKAGES: usize = 4;
const SOURCES: usize = 3;

/// Which files declare a package.
#[derive(Clone, Copy, Debug)]
enum Form {
    Recipe,
    Pkg,
    Both,
    Broken,
    Nothing,
}

#[derive(Clone, Debug)]
struct Package {
    form: Form,
    language: usize,
    sources: BTreeSet<usize>,
    /// The directory `src/inner` is another package.
    has_inner: bool,
    header: Option<usize>,
    define: usize,
    public: usize,
    /// What the plugin finds and reads.
    settings: BTreeMap<usize, usize>,
    uses_plugin: bool,
    runtime: BTreeSet<usize>,
    tools: BTreeSet<usize>,
    tests: BTreeSet<usize>,
    by_name: bool,
    is_program: bool,
}

#[derive(Clone, Debug)]
struct World {
    packages: Vec<Package>,
    plugin: usize,
    helper: usize,
    plugin_is_recipe: bool,
    shared: usize,
    has_output_root: bool,
    is_release: bool,
}

impl World {
    fn random(random: &mut Random) -> Self {
        let package = |index: usize, random: &mut Random| Package {
            form: [Form::Recipe, Form::Pkg][random.below(2)],
            language: random.below(2),
            sources: (0..SOURCES).filter(|_| random.chance(60)).collect(),
            has_inner: random.chance(20),
            header: random.chance(30).then_some(0),
            define: 0,
            public: random.below(2),
            settings: BTreeMap::new(),
            uses_plugin: random.chance(40),
            runtime: (0..index).filter(|_| random.chance(40)).collect(),
            tools: BTreeSet::new(),
            tests: BTreeSet::new(),
            by_name: random.chance(30),
            is_program: random.chance(20),
        };
        Self {
            packages: (0..PACKAGES).map(|index| package(index, random)).collect(),
            plugin: 0,
            helper: 0,
            plugin_is_recipe: random.chance(50),
            shared: 0,
            has_output_root: false,
            is_release: false,
        }
    }

    fn edit(&mut self, random: &mut Random) {
        match random.below(11) {
            0 => self.plugin = random.below(4),
            1 => self.helper += 1,
            2 => self.plugin_is_recipe = !self.plugin_is_recipe,
            3 => self.shared = random.below(3),
            5 => self.is_release = !self.is_release,
            4 if random.chance(30) => self.has_output_root = !self.has_output_root,
            _ => {
                let index = random.below(PACKAGES);
                self.packages[index].edit(index, random);
            }
        }
    }

    /// The files of the workspace: path and content.
    fn files(&self) -> BTreeMap<String, String> {
        let mut root = "Members: ['p?']\n".to_owned();
        if self.shared > 0 {
            root += &format!("Defines: ['SHARED={}']\n", self.shared);
        }
        if self.has_output_root {
            root += "OutputRoot: 'made'\n";
        }
        let mut files = BTreeMap::from([("RootRecipe.sml".to_owned(), root)]);
        for (index, package) in self.packages.iter().enumerate() {
            package.files(index, &mut files);
        }
        self.plugin_files(&mut files);
        files
    }

    fn plugin_files(&self, files: &mut BTreeMap<String, String>) {
        let (path, declaration) = match self.plugin_is_recipe {
            true => (
                "plugin/Recipe.sml",
                "Name: 'plugin', Language: 'Jsonnet', Source: ['plugin.libsonnet']",
            ),
            false => (
                "plugin/PKG",
                "function(wake) wake.pkg(wake.pkgInfo('plugin'), plugin=import 'plugin.libsonnet')",
            ),
        };
        files.insert(path.to_owned(), declaration.to_owned());
        files.insert(
            "plugin/helper.libsonnet".to_owned(),
            self.helper.to_string(),
        );
        let text = match self.plugin {
            0 => "local more = {};",
            1 => "local more = { sharedState: { Build+: { PublicDefines+: ['PLUGGED'] } } };",
            2 => "local more = { activeState: { Build+: { Defines+: ['PLUGGED'] } } };",
            _ => "local more = { messages: [wake.fail('the plugin says no')] };",
        };
        let plugin = format!(
            "function(wake) {{ name: 'plugin', tasks: [{{
  name: 'Plug', runAfter: ['ResolveDependencies'], runBefore: ['Build'],
  run(ctx):: {text} more + {{ operations: [wake.writeFile('$(target)/plugged',
    std.join(' ', [name + ctx.readFile(name) for name in ctx.glob('*.json')]) + (import 'helper.libsonnet'))] }},
}}] }}"
        );
        files.insert("plugin/plugin.libsonnet".to_owned(), plugin);
    }
}

impl Package {
    fn edit(&mut self, index: usize, random: &mut Random) {
        match random.below(16) {
            0 | 1 => self.form = [Form::Recipe, Form::Pkg, Form::Both][random.below(3)],
            2 => self.form = [Form::Broken, Form::Nothing][random.below(2)],
            3..=5 => random.toggle(&mut self.sources, SOURCES),
            6 => self.has_inner = !self.has_inner,
            7 => self.header = random.chance(60).then(|| random.below(3)),
            8 => self.define = random.below(3),
            9 => self.public = random.below(3),
            10 => drop(self.settings.insert(random.below(2), random.below(3))),
            11 => drop(self.settings.pop_first()),
            12 => self.uses_plugin = !self.uses_plugin,
            13 if random.chance(15) => random.toggle(&mut self.runtime, PACKAGES),
            13 if index > 0 => random.toggle(&mut self.runtime, index),
            14 if index > 0 && random.chance(50) => random.toggle(&mut self.tools, index),
            14 if index > 0 => random.toggle(&mut self.tests, index),
            15 if random.chance(50) => self.is_program = !self.is_program,
            15 => self.by_name = !self.by_name,
            _ => self.language = random.below(2),
        }
    }

    fn files(&self, index: usize, files: &mut BTreeMap<String, String>) {
        let mut put =
            |name: &str, content: String| files.insert(format!("p{index}/{name}"), content);
        for source in &self.sources {
            put(&format!("src/{source}.c"), String::new());
        }
        put("src/inner/deep.c", String::new());
        if self.has_inner {
            put("src/inner/Recipe.sml", "Name: 'inner'".to_owned());
        }
        if let Some(header) = self.header {
            put(&format!("include/{header}.h"), String::new());
        }
        for (name, value) in &self.settings {
            put(&format!("{name}.json"), value.to_string());
        }
        if matches!(self.form, Form::Recipe | Form::Both) {
            put("Recipe.sml", self.recipe(index));
        }
        if matches!(self.form, Form::Pkg | Form::Both) {
            put("PKG", self.pkg(index));
        }
        if matches!(self.form, Form::Broken) {
            put("Recipe.sml", format!("Name: 'P{index}'\nLanguage: 'C"));
        }
    }

    fn kinds(&self) -> [(&'static str, &BTreeSet<usize>); 3] {
        [
            ("Runtime", &self.runtime),
            ("Tool", &self.tools),
            ("Test", &self.tests),
        ]
    }

    /// What both kinds of declarations say alike, each item on its own line.
    fn properties(&self) -> Vec<String> {
        let kind = match self.is_program {
            true => "Executable",
            false => "StaticLibrary",
        };
        let mut lines = vec![
            format!("Language: '{}'", ["C", "C++"][self.language]),
            format!("Type: '{kind}'"),
            "Source: ['src/**/*.c']".to_owned(),
        ];
        if self.header.is_some() {
            lines.push("PublicHeaders: ['include/*.h']".to_owned());
        }
        if self.define > 0 {
            lines.push(format!("Defines: ['OWN={}']", self.define));
        }
        if self.public > 0 {
            lines.push(format!("PublicDefines: ['PUBLIC={}']", self.public));
        }
        lines
    }

    fn recipe(&self, index: usize) -> String {
        let reference = |other: &usize| match self.by_name {
            true => format!("'P{other}'"),
            false => format!("'../p{other}/'"),
        };
        let mut dependencies: Vec<String> = self
            .kinds()
            .iter()
            .map(|(kind, others)| {
                let items: Vec<String> = others.iter().map(reference).collect();
                format!("{kind}: [{}]", items.join(", "))
            })
            .collect();
        if self.uses_plugin {
            dependencies.push("Build: ['../plugin']".to_owned());
        }
        let mut lines = vec![format!("Name: 'P{index}'")];
        lines.extend(self.properties());
        lines.push(format!("Dependencies: {{ {} }}", dependencies.join(", ")));
        lines.join("\n")
    }

    fn pkg(&self, index: usize) -> String {
        let mut asked: BTreeSet<String> = BTreeSet::new();
        let mut dependencies = Vec::new();
        for (kind, others) in self.kinds() {
            let items: Vec<String> = others
                .iter()
                .map(|other| format!("wake.getModule(pkg.pkgs.p{other})"))
                .collect();
            asked.extend(
                others
                    .iter()
                    .map(|other| format!("p{other}: wake.getPkg('P{other}', from='../p{other}')")),
            );
            dependencies.push(format!("{kind}: [{}]", items.join(", ")));
        }
        if self.uses_plugin {
            asked.insert("plugin: wake.getPkg('plugin', from='../plugin')".to_owned());
            dependencies.push("Build: [wake.getModule(pkg.pkgs.plugin)]".to_owned());
        }
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('P{index}'), pkgs={{ {} }}, modules={{
  root: function(wake, pkg, config) wake.recipe({{ {}, Dependencies: {{ {} }} }}) }})",
            Vec::from_iter(asked).join(", "),
            self.properties().join(", "),
            dependencies.join(", ")
        )
    }
}

/// Makes the files of `plan` those of `new`, touching no others than those that differ.
fn bring(plan: &Plan, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        std::fs::remove_file(plan.path(path)).unwrap();
    }
    for (path, content) in new {
        if old.get(path) != Some(content) {
            plan.write(path, content);
        }
    }
}

/// What planning came to.
struct Planned {
    /// The plan, or the error.
    text: String,
    is_plan: bool,
    is_reused: bool,
}

fn outcome(plan: &Plan) -> Planned {
    let (result, counts) = plan.make_in("");
    let text = match &result {
        Ok((graph, state)) => show(graph, state),
        Err(_) => plan.error(),
    };
    Planned {
        text,
        is_plan: result.is_ok(),
        is_reused: counts.reused,
    }
}

/// A workspace without files, of which all packages are built, or tested.
fn empty(seed: u64) -> Plan {
    let plan = Plan::of(&[]).targets(&["./..."]);
    match seed % 2 {
        0 => plan,
        _ => plan.for_tests(),
    }
}

/// How many of the steps came to a plan, not to an error.
fn try_seed(seed: u64, steps: usize) -> usize {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut world = World::random(&mut random);
    let mut kept = empty(seed);
    let mut files = BTreeMap::new();
    let mut plans = 0;
    for step in 0..steps {
        let case = format!("seed {seed}, step {step}: {world:#?}");
        let new = world.files();
        bring(&kept, &files, &new);
        files = new;
        let mut fresh = empty(seed);
        bring(&fresh, &BTreeMap::new(), &files);
        let flavor = if world.is_release { "Release" } else { "Debug" };
        for plan in [&mut kept, &mut fresh] {
            plan.parameters.insert("Flavor".to_owned(), flavor.into());
        }
        let expected = outcome(&fresh);
        assert_eq!(outcome(&kept).text, expected.text, "{case}");
        let again = outcome(&kept);
        assert_eq!(again.text, expected.text, "once more, {case}");
        assert_eq!(again.is_reused, expected.is_plan, "{case}");
        plans += usize::from(expected.is_plan);
        (0..=random.below(2)).for_each(|_| world.edit(&mut random));
    }
    plans
}

/// Catches everything that was kept of an earlier plan and is used although it no longer holds, errors that depend on
/// what was kept, and plans that are made anew although nothing has changed.
#[test]
fn what_is_kept_between_edits_changes_no_plan() {
    let plans: usize = (1..=3).map(|seed| try_seed(seed, 7)).sum();
    assert!(plans >= 10, "most steps are plans, not errors: {plans}");
}
