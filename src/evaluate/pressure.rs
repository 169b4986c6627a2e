//! How the machine is doing: memory that is left, time that is lost for want of memory, load. It reads what the kernel
//! says and decides nothing. What the kernel does not say is `None`, and holds nobody back.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::fs;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Strain {
    pub memory: Option<Memory>,
    /// Of the last ten seconds, the part, in percent, in which something waited for memory.
    pub stalled: Option<f64>,
    pub load: Option<Load>,
}

/// In KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub total: u64,
    /// What can be had without swapping.
    pub available: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Over a minute.
    pub average: f64,
    /// What runs or could run now, without who asks.
    pub running: usize,
}

/// The machine, or the container that this process is in, as it is now.
pub fn look() -> Strain {
    let text = |path: &Path| -> Option<String> {
        let bytes = fs::read_if_exists(path).ok().flatten()?;
        String::from_utf8(bytes).ok()
    };
    let proc = |name: &str| text(&Path::new("/proc").join(name));
    let mut strain = Strain {
        memory: proc("meminfo").and_then(|text| memory(&text)),
        stalled: proc("pressure/memory").and_then(|text| stalled(&text)),
        load: proc("loadavg").and_then(|text| load(&text)),
    };
    static GROUPS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let groups =
        GROUPS.get_or_init(|| proc("self/cgroup").map_or_else(Vec::new, |text| groups(&text)));
    for (position, group) in groups.iter().enumerate() {
        let file = |name: &str| text(&group.join(name));
        let limits = || {
            Some((
                file("memory.max")?,
                file("memory.current")?,
                file("memory.stat")?,
            ))
        };
        if let Some((most, now, stat)) = limits() {
            strain.memory = scarcer(strain.memory, group_memory(&most, &now, &stat));
        }
        // Those around it contain what it waits for, and what others wait for.
        if position == 0 {
            let within = file("memory.pressure").and_then(|text| stalled(&text));
            strain.stalled = strain.stalled.into_iter().chain(within).reduce(f64::max);
        }
    }
    strain
}

/// The peak memory of a process, in KiB; 0 where all that is known is that it is no more than wake's own. The kernel counts
/// the memory of wake as that of a process that has not become another program yet.
pub fn beyond_own(peak: u64) -> u64 {
    #[expect(unsafe_code, reason = "getrusage has no safe wrapper")]
    // SAFETY: the pointer is to a live local variable of the right type.
    let own = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        u64::try_from(usage.ru_maxrss).unwrap_or(0)
    };
    if peak > own { peak } else { 0 }
}

/// `/proc/meminfo`.
fn memory(text: &str) -> Option<Memory> {
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory {
        total: field("MemTotal:")?,
        available: field("MemAvailable:")?,
    })
}

/// `/proc/pressure/memory`: the line `some avg10=0.00 …`.
fn stalled(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let average = some
        .split(' ')
        .find_map(|field| field.strip_prefix("avg10="))?;
    average.parse().ok()
}

/// `/proc/loadavg`: `0.20 0.18 0.12 1/80 11206`.
fn load(text: &str) -> Option<Load> {
    let mut fields = text.split(' ');
    let average = fields.next()?.parse().ok()?;
    let (running, _) = fields.nth(2)?.split_once('/')?;
    let running: usize = running.parse().ok()?;
    Some(Load {
        average,
        running: running.saturating_sub(1),
    })
}

/// `/proc/self/cgroup`: the directories of the control group that this process is in and of those around it, innermost
/// first. Of the second version only, whose line begins with `0::`.
fn groups(text: &str) -> Vec<PathBuf> {
    let Some(group) = text.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return Vec::new();
    };
    let root = Path::new("/sys/fs/cgroup");
    let inside = root.join(group);
    // Where the group lies outside of what this process can see, it is said with `..`.
    if group.split('/').any(|part| part == "..") {
        return vec![root.to_owned()];
    }
    let around = inside.ancestors().take_while(|path| path.starts_with(root));
    around.map(Path::to_owned).collect()
}

/// `memory.max`, `memory.current` and `memory.stat`. Caches of files count as used there, and can be had.
fn group_memory(most: &str, now: &str, stat: &str) -> Option<Memory> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    // `max`: no limit.
    let (most, now) = (number(most)?, number(now)?);
    let field = |name: &str| {
        let line = stat.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(number).unwrap_or(0)
    };
    let caches = field("inactive_file ") + field("active_file ");
    let used = now.saturating_sub(caches);
    Some(Memory {
        total: most >> 10,
        available: most.saturating_sub(used) >> 10,
    })
}

/// Of two that apply, the one that leaves less.
fn scarcer(first: Option<Memory>, second: Option<Memory>) -> Option<Memory> {
    let both = first.into_iter().chain(second);
    both.min_by_key(|memory| memory.available)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let meminfo =
            "MemTotal:       24683016 kB\nMemFree:         1 kB\nMemAvailable:   23961600 kB\n";
        let (total, available) = (24_683_016, 23_961_600);
        assert_eq!(memory(meminfo), Some(Memory { total, available }));
        let pressure = "some avg10=12.50 avg60=3.00 avg300=0.00 total=1\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(stalled(pressure), Some(12.5));
        let (average, running) = (0.2, 2);
        assert_eq!(
            load("0.20 0.18 0.12 3/80 11206\n"),
            Some(Load { average, running })
        );
    }

    #[test]
    fn what_is_not_as_expected_is_not_known() {
        for text in ["", "MemTotal: x kB\nMemAvailable: 3 kB", "MemTotal: 5 kB\n"] {
            assert_eq!(memory(text), None, "{text:?}");
        }
        for text in [
            "",
            "some",
            "full avg10=1.0",
            "some avg60=1.0",
            "some avg10=much",
        ] {
            assert_eq!(stalled(text), None, "{text:?}");
        }
        for text in [
            "",
            "0.2",
            "0.2 0.1 0.1",
            "0.2 0.1 0.1 380 1",
            "a 0.1 0.1 3/80 1",
        ] {
            assert_eq!(load(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_memory_of_a_container_counts_and_its_caches_can_be_had() {
        let stat = "anon 5\ninactive_file 1048576\nactive_file 1048576\n";
        let limited = group_memory("8388608\n", "7340032\n", stat);
        let (total, available) = (8192, 3072);
        assert_eq!(limited, Some(Memory { total, available }));
        assert_eq!(group_memory("max\n", "7340032\n", stat), None);
        let machine = Memory {
            total: 1 << 24,
            available: 1 << 20,
        };
        assert_eq!(scarcer(Some(machine), limited), limited);
        assert_eq!(scarcer(Some(machine), None), Some(machine));
        assert_eq!(scarcer(None, limited), limited);
    }

    #[test]
    fn the_groups_around_a_process_are_found_in_the_second_version_only() {
        let paths = |text| {
            let found = groups(text);
            found
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            paths("4:memory:/old\n0::/user.slice/build.scope\n"),
            [
                "/sys/fs/cgroup/user.slice/build.scope",
                "/sys/fs/cgroup/user.slice",
                "/sys/fs/cgroup"
            ]
        );
        assert_eq!(paths("0::/\n"), ["/sys/fs/cgroup/"]);
        assert_eq!(paths("0::/../other\n"), ["/sys/fs/cgroup"]);
        assert!(paths("4:memory:/old\n").is_empty());
    }

    #[test]
    fn this_machine_says_something() {
        let strain = look();
        let memory = strain.memory.expect("every Linux since 3.14 says it");
        assert!(0 < memory.available && memory.available <= memory.total);
        assert!(strain.load.is_some());
    }
}
