//! Threads that perform jobs: each is started when a job comes and all others are busy, and waits for the next one. So
//! there are as many as jobs ever ran at once, whatever the limit. It does not know what a job is.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};

/// See the module.
pub(super) struct Crew<Job> {
    shared: Mutex<Shared<Job>>,
    changed: Condvar,
}

struct Shared<Job> {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job.
    idle: usize,
    /// Threads that were ever started.
    started: usize,
    is_dismissed: bool,
}

/// Lets the threads end, when it is dropped, after the jobs that they have.
pub(super) struct Dismissal<'a, Job>(&'a Crew<Job>);

impl<Job: Send> Crew<Job> {
    pub(super) fn new() -> Self {
        Self {
            shared: Mutex::new(Shared {
                jobs: VecDeque::new(),
                idle: 0,
                started: 0,
                is_dismissed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// What must be dropped before `scope` ends.
    pub(super) fn dismissal(&self) -> Dismissal<'_, Job> {
        Dismissal(self)
    }

    /// Has a job done: `perform` gets it with the number of its thread, which no other thread has.
    ///
    /// # Errors
    /// No thread could be started, and there is none yet.
    pub(super) fn hand_in<'scope, 'env>(
        &'scope self,
        scope: &'scope Scope<'scope, 'env>,
        job: Job,
        perform: &'scope (impl Fn(Job, usize) + Sync),
    ) -> std::io::Result<()> {
        let mut shared = self.lock();
        shared.jobs.push_back(job);
        if shared.idle >= shared.jobs.len() {
            self.changed.notify_one();
            return Ok(());
        }
        let number = shared.started;
        let thread = Builder::new().name(format!("worker {number}"));
        match thread.spawn_scoped(scope, move || self.work(number, perform)) {
            Ok(_) => shared.started += 1,
            // Those that are there will come to it.
            Err(_) if number > 0 => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn work(&self, number: usize, perform: &(impl Fn(Job, usize) + Sync)) {
        while let Some(job) = self.next() {
            perform(job, number);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut shared = self.lock();
        loop {
            if let Some(job) = shared.jobs.pop_front() {
                return Some(job);
            }
            if shared.is_dismissed {
                return None;
            }
            shared.idle += 1;
            let waited = self.changed.wait(shared);
            shared = waited.unwrap_or_else(PoisonError::into_inner);
            shared.idle -= 1;
        }
    }
}

impl<Job> Crew<Job> {
    fn lock(&self) -> MutexGuard<'_, Shared<Job>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Job> Drop for Dismissal<'_, Job> {
    fn drop(&mut self) {
        self.0.lock().is_dismissed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::mpsc::channel;

    use super::*;

    fn all_wait(crew: &Crew<()>) -> bool {
        let shared = crew.lock();
        shared.idle == shared.started
    }

    /// Catches a crew that is smaller than what is handed in at once: the jobs wait for each other.
    #[test]
    fn all_that_is_handed_in_runs_at_once_and_no_two_have_the_same_number() {
        let (crew, together) = (Crew::new(), Barrier::new(8));
        let (sender, numbers) = channel();
        let perform = |(): (), number| {
            together.wait();
            sender.send(number).unwrap();
        };
        std::thread::scope(|scope| {
            let _dismissal = crew.dismissal();
            for _ in 0..8 {
                crew.hand_in(scope, (), &perform).unwrap();
            }
        });
        let mut numbers: Vec<usize> = numbers.try_iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    /// Catches a thread for each job.
    #[test]
    fn one_job_after_the_other_needs_one_thread() {
        let (crew, (sender, numbers)) = (Crew::new(), channel());
        let perform = |(): (), number| sender.send(number).unwrap();
        std::thread::scope(|scope| {
            let _dismissal = crew.dismissal();
            for _ in 0..100 {
                // A job is done before its thread waits again, so that must be seen, too.
                while !all_wait(&crew) {
                    std::thread::yield_now();
                }
                crew.hand_in(scope, (), &perform).unwrap();
                assert_eq!(numbers.recv().unwrap(), 0);
            }
        });
    }

    /// What was handed in is done, even if nobody is needed any more.
    #[test]
    fn a_dismissed_crew_finishes_its_jobs() {
        let (crew, done) = (Crew::new(), Mutex::new(0));
        let perform = |job: u32, _| *done.lock().unwrap() += job;
        std::thread::scope(|scope| {
            let _dismissal = crew.dismissal();
            (1..=100).for_each(|job| crew.hand_in(scope, job, &perform).unwrap());
        });
        assert_eq!(*done.lock().unwrap(), 5050);
    }
}
