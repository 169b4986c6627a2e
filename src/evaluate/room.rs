//! Whether one more operation may run beside those that run: jobs and weights, memory, load, and those that must be
//! alone. Pure: time and the state of the machine are given to it.
//!
//! Something always runs, however little there is of anything: what is refused here is refused beside others only.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::graph::OperationId;

use super::forecast::Expected;
use super::pressure::Strain;

/// What an operation takes while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many jobs it counts as.
    pub weight: usize,
    pub pool: Option<String>,
    /// Nothing runs beside it.
    pub is_alone: bool,
    pub expected: Expected,
}

/// Why an operation has to wait for others to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// All jobs are taken, or too many for its weight.
    Jobs,
    /// It must be alone, or one that runs must.
    Alone,
    /// The load limit is reached.
    Load,
    /// What it is likely to take is not there.
    Memory,
    /// The machine is busy finding memory.
    Pressure,
    /// Others have all tokens of the jobserver.
    Tokens,
}

impl Obstacle {
    /// What a user should know of it: why fewer operations run than asked for.
    pub fn cause(self) -> Option<&'static str> {
        match self {
            Self::Memory => Some("what more are likely to take does not fit into memory"),
            Self::Pressure => Some("memory is short, and programs wait for it"),
            // What was asked for needs no explanation.
            Self::Jobs | Self::Alone | Self::Load | Self::Tokens => None,
        }
    }
}

/// From this part of the time on, in percent, in which something waits for memory, nothing more is started.
const STALLED: f64 = 10.0;
/// One part of this many of the memory is left alone.
const RESERVE: u64 = 16;
/// How old what is known of the machine may be.
const FRESH: Duration = Duration::from_millis(100);
/// How long memory may keep anything from being started: forecasts may be wrong, and others may be to blame.
const PATIENCE: Duration = Duration::from_secs(30);

struct Taken {
    share: Share,
    began: Instant,
}

/// See the module.
pub struct Room {
    jobs: usize,
    load_limit: Option<f64>,
    running: HashMap<OperationId, Taken>,
    used: usize,
    /// Whether one that runs must be alone.
    is_closed: bool,
    seen: Option<(Strain, Instant)>,
    /// How many were started since the machine was looked at, so that it does not show them.
    started_since: usize,
    /// Since when nothing was started for want of memory.
    short_since: Option<Instant>,
}

impl Room {
    pub fn new(jobs: usize, load_limit: Option<f64>) -> Self {
        Self {
            jobs,
            load_limit,
            running: HashMap::new(),
            used: 0,
            is_closed: false,
            seen: None,
            started_since: 0,
            short_since: None,
        }
    }

    /// How many jobs are taken.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Whether whatever comes next has to wait, so that nobody needs to ask.
    pub fn is_full(&self) -> bool {
        !self.running.is_empty() && (self.is_closed || self.used >= self.jobs)
    }

    /// What keeps an operation with this share from running now. `look` looks at the machine; it is called when what is
    /// known is needed and old.
    pub fn obstacle(
        &mut self,
        share: &Share,
        now: Instant,
        look: impl FnOnce() -> Strain,
    ) -> Option<Obstacle> {
        if self.running.is_empty() {
            return None;
        }
        if self.is_closed || share.is_alone {
            return Some(Obstacle::Alone);
        }
        if self.used + share.weight > self.jobs {
            return Some(Obstacle::Jobs);
        }
        let (strain, looked) = self.strain(now, look);
        if self.is_loaded(&strain) {
            return Some(Obstacle::Load);
        }
        let shortage = self.shortage(share, &strain, looked)?;
        let since = *self.short_since.get_or_insert(now);
        (now.saturating_duration_since(since) < PATIENCE).then_some(shortage)
    }

    fn strain(&mut self, now: Instant, look: impl FnOnce() -> Strain) -> (Strain, Instant) {
        match self.seen {
            Some((strain, then)) if now.saturating_duration_since(then) < FRESH => (strain, then),
            _ => {
                self.started_since = 0;
                *self.seen.insert((look(), now))
            }
        }
    }

    fn is_loaded(&self, strain: &Strain) -> bool {
        let Some((limit, load)) = self.load_limit.zip(strain.load) else {
            return false;
        };
        #[expect(clippy::cast_precision_loss, reason = "as many processes do not exist")]
        let running = (load.running + self.started_since) as f64;
        load.average.max(running) >= limit
    }

    /// Whether memory is short. What runs has taken a part of what it will take by the time that was looked at: as much as
    /// of its time was over.
    fn shortage(&self, share: &Share, strain: &Strain, looked: Instant) -> Option<Obstacle> {
        if strain.stalled.is_some_and(|part| part >= STALLED) {
            return Some(Obstacle::Pressure);
        }
        let memory = strain.memory?;
        let to_come = self.running.values().map(|taken| {
            let elapsed = looked.saturating_duration_since(taken.began).as_micros();
            let Expected {
                microseconds,
                memory_kib,
            } = taken.share.expected;
            let left = u128::from(microseconds).saturating_sub(elapsed);
            let part = u128::from(memory_kib) * left / u128::from(microseconds.max(1));
            u64::try_from(part).unwrap_or(u64::MAX)
        });
        let needed = to_come.fold(share.expected.memory_kib, u64::saturating_add);
        let free = memory.available.saturating_sub(memory.total / RESERVE);
        // What takes nothing that anybody has noticed makes nothing worse.
        (share.expected.memory_kib > 0 && needed > free).then_some(Obstacle::Memory)
    }

    /// Gives an operation what it takes.
    pub fn enter(&mut self, operation: OperationId, share: Share, now: Instant) {
        self.used += share.weight;
        self.is_closed |= share.is_alone;
        self.started_since += 1;
        self.short_since = None;
        self.running.insert(operation, Taken { share, began: now });
    }

    /// Takes it back; returns what it was.
    pub fn leave(&mut self, operation: OperationId) -> Option<Share> {
        let share = self.running.remove(&operation)?.share;
        self.used -= share.weight;
        self.is_closed &= !share.is_alone;
        Some(share)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pressure::{Load, Memory};
    use super::*;

    /// A room, and a machine to be in, at a time that only passes when it is said.
    struct Place {
        room: Room,
        strain: Strain,
        now: Instant,
        next: u32,
        looks: u32,
    }

    impl Place {
        fn new(jobs: usize, load_limit: Option<f64>) -> Self {
            Self {
                room: Room::new(jobs, load_limit),
                strain: Strain::default(),
                now: Instant::now(),
                next: 0,
                looks: 0,
            }
        }

        fn wait(&mut self, milliseconds: u64) {
            self.now += Duration::from_millis(milliseconds);
        }

        fn obstacle(&mut self, share: &Share) -> Option<Obstacle> {
            let (strain, looks) = (self.strain, &mut self.looks);
            self.room.obstacle(share, self.now, || {
                *looks += 1;
                strain
            })
        }

        /// Starts an operation if nothing keeps it.
        fn start(&mut self, share: Share) -> Result<OperationId, Obstacle> {
            if let Some(obstacle) = self.obstacle(&share) {
                return Err(obstacle);
            }
            let operation = OperationId(self.next);
            self.next += 1;
            self.room.enter(operation, share, self.now);
            Ok(operation)
        }
    }

    fn one() -> Share {
        Share {
            weight: 1,
            ..Share::default()
        }
    }

    fn of_weight(weight: usize) -> Share {
        Share { weight, ..one() }
    }

    /// It takes a second, and so many MiB.
    fn of_memory(mib: u64) -> Share {
        Share {
            expected: Expected {
                microseconds: 1_000_000,
                memory_kib: mib << 10,
            },
            ..one()
        }
    }

    fn machine(mib: u64) -> Strain {
        Strain {
            memory: Some(Memory {
                total: 16 << 20,
                available: (mib << 10) + (1 << 20),
            }),
            ..Strain::default()
        }
    }

    #[test]
    fn weights_count_against_jobs_and_the_heaviest_runs_by_itself() {
        let mut place = Place::new(4, None);
        let first = place.start(of_weight(3)).unwrap();
        assert_eq!(place.start(of_weight(2)), Err(Obstacle::Jobs));
        place.start(one()).unwrap();
        assert!(place.room.is_full());
        assert_eq!(place.start(one()), Err(Obstacle::Jobs));
        place.room.leave(first);
        place.start(of_weight(2)).unwrap();
        assert_eq!(place.room.used(), 3);
        // More than all there are, because nothing else runs.
        let mut place = Place::new(4, None);
        place.start(of_weight(9)).unwrap();
        assert_eq!(place.start(one()), Err(Obstacle::Jobs));
    }

    #[test]
    fn one_that_must_be_alone_waits_for_all_and_all_wait_for_it() {
        let alone = Share {
            is_alone: true,
            ..one()
        };
        let mut place = Place::new(4, None);
        let first = place.start(one()).unwrap();
        assert_eq!(place.start(alone.clone()), Err(Obstacle::Alone));
        place.room.leave(first);
        let second = place.start(alone).unwrap();
        assert!(place.room.is_full());
        assert_eq!(place.start(one()), Err(Obstacle::Alone));
        place.room.leave(second);
        place.start(one()).unwrap();
        place.start(one()).unwrap();
    }

    #[test]
    fn what_does_not_fit_into_memory_waits_until_those_that_run_have_ended() {
        let mut place = Place::new(9, None);
        place.strain = machine(1000);
        let first = place.start(of_memory(600)).unwrap();
        // It has taken nothing yet, and will.
        assert_eq!(place.start(of_memory(600)), Err(Obstacle::Memory));
        place.start(of_memory(300)).unwrap();
        assert_eq!(place.start(of_memory(200)), Err(Obstacle::Memory));
        place.room.leave(first);
        place.start(of_memory(200)).unwrap();
    }

    /// Catches a count that takes what has long been taken for something still to come, and so memory for half of it.
    #[test]
    fn what_those_that_run_have_taken_by_now_does_not_count_twice() {
        let mut place = Place::new(9, None);
        place.strain = machine(1000);
        place.start(of_memory(600)).unwrap();
        place.wait(500);
        // Half of its time is over, and of what it takes 300 MiB are still to come.
        place.strain = machine(700);
        assert_eq!(place.start(of_memory(410)), Err(Obstacle::Memory));
        place.start(of_memory(400)).unwrap();
        place.wait(1000);
        place.strain = machine(0);
        assert_eq!(place.start(of_memory(1)), Err(Obstacle::Memory));
        place.start(of_memory(0)).unwrap();
    }

    #[test]
    fn something_always_runs_whatever_it_takes() {
        let mut place = Place::new(9, Some(0.0));
        place.strain = Strain {
            stalled: Some(100.0),
            load: Some(Load {
                average: 400.0,
                running: 400,
            }),
            ..machine(0)
        };
        for _ in 0..3 {
            let operation = place.start(of_memory(1 << 20)).unwrap();
            assert!(place.start(one()).is_err());
            place.room.leave(operation);
        }
        assert_eq!(
            place.looks, 1,
            "a machine that is not in the way is not looked at"
        );
    }

    #[test]
    fn nothing_more_starts_while_the_machine_looks_for_memory() {
        let mut place = Place::new(9, None);
        place.strain.stalled = Some(9.9);
        place.start(one()).unwrap();
        place.start(one()).unwrap();
        place.strain.stalled = Some(10.0);
        // Not yet looked at again.
        place.start(one()).unwrap();
        place.wait(100);
        assert_eq!(place.start(one()), Err(Obstacle::Pressure));
        place.strain.stalled = Some(0.0);
        assert_eq!(place.start(one()), Err(Obstacle::Pressure));
        place.wait(100);
        place.start(one()).unwrap();
    }

    /// Catches a build that stands still beside one operation that never ends, because others take all memory.
    #[test]
    fn patience_ends_and_begins_again_with_each_that_is_started() {
        let mut place = Place::new(9, None);
        place.strain.stalled = Some(50.0);
        place.start(one()).unwrap();
        assert_eq!(place.start(one()), Err(Obstacle::Pressure));
        place.wait(29_900);
        assert_eq!(place.start(one()), Err(Obstacle::Pressure));
        place.wait(100);
        place.start(one()).unwrap();
        assert_eq!(place.start(one()), Err(Obstacle::Pressure));
        place.wait(29_999);
        assert_eq!(place.start(one()), Err(Obstacle::Pressure));
    }

    #[test]
    fn the_load_limit_counts_what_runs_and_what_was_started_since() {
        let mut place = Place::new(9, Some(3.0));
        let load = |average, running| Some(Load { average, running });
        place.strain.load = load(0.0, 1);
        place.start(one()).unwrap();
        place.start(one()).unwrap();
        place.start(one()).unwrap();
        // One ran before, and two were started since that was seen.
        assert_eq!(place.start(one()), Err(Obstacle::Load));
        place.wait(100);
        place.strain.load = load(2.9, 0);
        place.start(one()).unwrap();
        place.wait(100);
        place.strain.load = load(3.0, 0);
        assert_eq!(place.start(one()), Err(Obstacle::Load));
        // No patience: it is what the user asked for.
        place.wait(1_000_000);
        assert_eq!(place.start(one()), Err(Obstacle::Load));
    }

    #[test]
    fn a_kernel_that_says_nothing_holds_nobody_back() {
        let mut place = Place::new(3, Some(0.5));
        for _ in 0..3 {
            place.start(of_memory(1 << 30)).unwrap();
        }
        assert_eq!(place.looks, 1);
    }
}
