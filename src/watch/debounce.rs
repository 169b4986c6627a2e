//! When a burst of changes is over: pure arithmetic of moments, which the caller gives.

use std::time::{Duration, Instant};

/// So long after the last change of a burst a build begins.
pub const QUIET: Duration = Duration::from_millis(50);

/// So long after the first change of a burst a build begins at the latest.
pub const LONGEST: Duration = Duration::from_secs(1);

/// The changes of one burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Burst {
    /// The first and the last.
    times: Option<(Instant, Instant)>,
}

impl Burst {
    /// Something changed.
    pub fn note(&mut self, now: Instant) {
        let first = self.times.map_or(now, |(first, _)| first);
        self.times = Some((first, now));
    }

    /// When it is over, unless something more changes; `None`: nothing has changed.
    pub fn end(&self) -> Option<Instant> {
        let (first, last) = self.times?;
        Some((last + QUIET).min(first + LONGEST))
    }

    /// How long it goes on, `None` as in [`Self::end`]. Zero: it is over.
    pub fn remains(&self, now: Instant) -> Option<Duration> {
        Some(self.end()?.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a build for every write of one save, and one that never begins while something writes on and on.
    #[test]
    fn a_burst_ends_with_quiet_or_after_the_longest_time() {
        let start = Instant::now();
        let mut burst = Burst::default();
        assert_eq!(burst.remains(start), None);
        burst.note(start);
        assert_eq!(burst.remains(start), Some(QUIET));
        let mut now = start;
        let step = QUIET / 2;
        while now + step < start + LONGEST - QUIET {
            now += step;
            burst.note(now);
            assert_eq!(burst.remains(now), Some(QUIET));
        }
        assert_eq!(burst.remains(now + QUIET), Some(Duration::ZERO));
        burst.note(start + LONGEST - step);
        assert_eq!(burst.remains(start + LONGEST - step), Some(step));
        burst.note(start + LONGEST * 2);
        assert_eq!(burst.remains(start + LONGEST * 2), Some(Duration::ZERO));
    }
}
