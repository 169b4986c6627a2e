//! A made-up index of packages, always the same for a size: as facts, or as a workspace on disk.
//!
//! Packages are published in turns, over years: a version asks for what was the newest then. A few packages are asked for
//! by very many, most by few; majors are rare; some requirements are wide, few are narrow.

#![allow(dead_code, reason = "each program that includes it uses a part")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use semver::Version;
use wake::pkg::facts::{Candidate, Demand, Facts, Subject};
use wake::pkg::requirement::Requirement;
use wake::pkg::solve::Root;

const NAMESPACE: &str = "bench";

/// The packages, by number.
pub(crate) struct Index {
    packages: Vec<Vec<Release>>,
    /// What the workspace asks for: the packages that no other asks for.
    wanted: Vec<usize>,
}

struct Release {
    version: Version,
    /// Numbers of packages, and what versions of them.
    asks: Vec<(usize, String)>,
}

impl Index {
    /// An index of `count` packages. Of 10,000 requirements, `narrow` are for one minor: where others ask for more, each
    /// of these is a conflict.
    pub(crate) fn new(count: usize, narrow: usize) -> Self {
        let mut random = Random(0x77616b65 ^ count as u64);
        let mut packages: Vec<Vec<Release>> = (0..count).map(|_| Vec::new()).collect();
        let dependencies: Vec<Vec<usize>> = (0..count)
            .map(|number| dependencies_of(number, &mut random))
            .collect();
        let mut turns: Vec<usize> = (0..count)
            .flat_map(|number| std::iter::repeat_n(number, random.between(3, 30)))
            .collect();
        random.shuffle(&mut turns);
        // Everything is published once before anything is published again.
        for number in (0..count).chain(turns) {
            let asks = dependencies[number].iter();
            let asks = asks.filter_map(|other| {
                let newest = &packages[*other].last()?.version;
                // Not every release asks for all that the last one does.
                (!random.is_in(10)).then(|| (*other, requirement(newest, narrow, &mut random)))
            });
            let asks = asks.collect();
            let version = next_version(packages[number].last(), &mut random);
            packages[number].push(Release { version, asks });
        }
        let mut is_asked_for = vec![false; count];
        for (other, _) in packages.iter().flatten().flat_map(|release| &release.asks) {
            is_asked_for[*other] = true;
        }
        let wanted = (0..count).filter(|number| !is_asked_for[*number]).collect();
        Self { packages, wanted }
    }

    /// All that an index knows, as if it had been asked for each package once.
    pub(crate) fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        for (number, releases) in self.packages.iter().enumerate() {
            let candidates = releases.iter().map(|release| Candidate {
                version: release.version.clone(),
                demands: release
                    .asks
                    .iter()
                    .map(|(other, text)| demand(*other, text))
                    .collect(),
                size: None,
                is_yanked: false,
                published: None,
                artifacts: Vec::new(),
            });
            facts.add(&subject(number), &Requirement::any(), candidates.collect());
        }
        facts
    }

    /// What one member asks for.
    pub(crate) fn roots(&self) -> Vec<Root> {
        let wanted = self.wanted.iter().map(|number| Root {
            by: Arc::from("app"),
            demand: demand(*number, "*"),
            is_member: true,
        });
        wanted.collect()
    }

    /// Writes a workspace: its `PKG`, and `index/` as `wake.std.index` reads it, without archives.
    pub(crate) fn write(&self, directory: &Path) -> std::io::Result<()> {
        let mut requests = String::new();
        for number in &self.wanted {
            let label = label(*number);
            writeln!(
                requests,
                "    p{number}: wake.getPkg('{label}', from=index),"
            )
            .expect("text");
        }
        let declaration = format!(
            "local info = {{ name: 'app', version: '1.0.0' }};\nfunction(wake)\n  local index = wake.exec(wake.std.index, config={{ path: 'index' }});\n  \
             wake.pkg(\n    wake.pkgInfo(info.name, version=info.version),\n    pkgs={{\n{requests}    }},\n  )\n"
        );
        let folder = directory.join("index").join(NAMESPACE);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(directory.join("PKG"), declaration)?;
        for (number, releases) in self.packages.iter().enumerate() {
            let lines: String = releases.iter().map(line).collect();
            std::fs::write(folder.join(format!("p{number}.jsonl")), lines)?;
        }
        Ok(())
    }
}

fn line(release: &Release) -> String {
    let asks = release.asks.iter();
    let asks = asks.map(|(other, text)| {
        let wanted = format!("{}@{text}", label(*other));
        (format!("p{other}"), wanted.into())
    });
    let pkgs: serde_json::Map<String, serde_json::Value> = asks.collect();
    let version = release.version.to_string();
    format!(
        "{}\n",
        serde_json::json!({ "version": version, "pkgs": pkgs })
    )
}

/// Up to twelve packages with smaller numbers, rather the very small ones.
fn dependencies_of(number: usize, random: &mut Random) -> Vec<usize> {
    let count = random.between(0, 12).min(random.between(0, 12));
    let mut dependencies: Vec<usize> = (0..count.min(number))
        .map(|_| {
            // Half of what is asked for is popular, the other half is near.
            let part = random.part();
            match random.is_in(2) {
                true => (number as f64 * part * part * part) as usize,
                false => number - 1 - (number as f64 * part * part * part) as usize,
            }
        })
        .collect();
    dependencies.sort_unstable();
    dependencies.dedup();
    dependencies
}

fn next_version(last: Option<&Release>, random: &mut Random) -> Version {
    let Some(last) = last else {
        return Version::new(u64::from(!random.is_in(4)), 1, 0);
    };
    let Version {
        major,
        minor,
        patch,
        ..
    } = last.version;
    match random.between(0, 99) {
        0..4 => Version::new(major + 1, 0, 0),
        4..45 => Version::new(major, minor + 1, 0),
        _ => Version::new(major, minor, patch + 1),
    }
}

fn requirement(newest: &Version, narrow: usize, random: &mut Random) -> String {
    let Version { major, minor, .. } = newest;
    if random.between(1, 10_000) <= narrow {
        return format!("~{major}.{minor}");
    }
    match random.between(0, 199) {
        0..4 => "*".to_owned(),
        4..8 => format!(">={major}.{minor}"),
        8..10 => format!(">={major}.{minor}, <{}", major + 3),
        10 if *major > 0 => format!("^{} || ^{major}", major - 1),
        11..70 => format!("^{newest}"),
        _ => format!("^{major}.{minor}"),
    }
}

fn label(number: usize) -> String {
    format!("{NAMESPACE}/p{number}")
}

fn subject(number: usize) -> Subject {
    Subject {
        label: Arc::from(label(number)),
        origin: Arc::from("index({\"path\":\"index\"})"),
    }
}

fn demand(number: usize, text: &str) -> Demand {
    Demand {
        subject: subject(number),
        requirement: Requirement::parse(text).expect("a requirement"),
        versions: None,
        is_host: false,
        at: None,
    }
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// Both are included.
    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        least + (self.next() % (most - least + 1) as u64) as usize
    }

    /// Once in `count` times.
    fn is_in(&mut self, count: usize) -> bool {
        self.between(1, count) == 1
    }

    /// From 0 to 1.
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.between(0, place));
        }
    }
}
