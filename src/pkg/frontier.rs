//! Work that finds more work: jobs run on several threads, their results are taken in on one.

use std::collections::VecDeque;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// How long nothing may be done before whoever takes results in hears of it.
const LULL: Duration = Duration::from_millis(50);

/// What whoever takes results in hears.
#[derive(Debug)]
pub enum News<Job, Done> {
    Done(Job, Done),
    /// Nothing was done for a while.
    Lull,
}

/// Why the result of a job could not be taken in.
#[derive(Debug)]
pub struct Failure {
    error: Error,
    /// Start nothing new.
    is_end: bool,
}

impl Failure {
    /// A failure after which nothing new is started: one that others would likely meet as well, at a cost.
    pub fn end(error: Error) -> Self {
        Self {
            error,
            is_end: true,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            is_end: false,
        }
    }
}

/// Of several errors the one to show, whatever order they came in: the user's before others, then by place and text.
pub fn earliest(errors: Vec<Error>) -> Option<Error> {
    errors.into_iter().min_by_key(|error| {
        let report = error.report();
        let place = report.at.as_ref();
        let place = place.map(|at| (at.file.clone(), at.line, at.column));
        let is_users = report.kind == Kind::User;
        (
            !is_users,
            place,
            report.message.clone(),
            report.causes.clone(),
        )
    })
}

/// Runs `first` and all jobs that follow from them. `work` runs on up to `threads` threads; `absorb` is called with each
/// result on this thread and appends the jobs that follow. An error ends only what follows from its job, so that of all
/// errors the [`earliest`] can be returned, which does not depend on the order of answers; but see [`Failure::end`].
pub fn drive<Job: Send, Done: Send>(
    threads: usize,
    first: Vec<Job>,
    work: impl Fn(&Job) -> Done + Sync,
    mut absorb: impl FnMut(Job, Done, &mut Vec<Job>) -> std::result::Result<(), Failure>,
) -> Result<()> {
    drive_with_lulls(threads, first, work, |news, more| match news {
        News::Done(job, done) => absorb(job, done, more),
        News::Lull => Ok(()),
    })
}

/// As [`drive`]; `absorb` also hears when nothing was done for a while.
pub fn drive_with_lulls<Job: Send, Done: Send>(
    threads: usize,
    first: Vec<Job>,
    work: impl Fn(&Job) -> Done + Sync,
    mut absorb: impl FnMut(News<Job, Done>, &mut Vec<Job>) -> std::result::Result<(), Failure>,
) -> Result<()> {
    let (job_sender, job_receiver) = mpsc::channel::<Job>();
    let (done_sender, done_receiver) = mpsc::channel::<(Job, Done)>();
    let job_receiver = Mutex::new(job_receiver);
    let threads = threads.max(1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (job_receiver, done_sender, work) = (&job_receiver, done_sender.clone(), &work);
            scope.spawn(move || {
                while let Some(job) = next(job_receiver) {
                    let done = work(&job);
                    if done_sender.send((job, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done_sender);
        let errors = hand_out(first, threads * 2, job_sender, &done_receiver, &mut absorb);
        earliest(errors).map_or(Ok(()), Err)
    })
}

/// Keeps up to `most` jobs under way until all are done, and returns what went wrong.
fn hand_out<Job, Done>(
    first: Vec<Job>,
    most: usize,
    jobs: mpsc::Sender<Job>,
    results: &mpsc::Receiver<(Job, Done)>,
    absorb: &mut impl FnMut(News<Job, Done>, &mut Vec<Job>) -> std::result::Result<(), Failure>,
) -> Vec<Error> {
    let mut waiting: VecDeque<Job> = first.into();
    let mut following = Vec::new();
    let mut under_way = 0_usize;
    let mut errors = Vec::new();
    loop {
        while under_way < most
            && let Some(job) = waiting.pop_front()
            && jobs.send(job).is_ok()
        {
            under_way += 1;
        }
        if under_way == 0 {
            return errors;
        }
        let news = match results.recv_timeout(LULL) {
            Ok((job, done)) => {
                under_way -= 1;
                News::Done(job, done)
            }
            Err(RecvTimeoutError::Timeout) => News::Lull,
            Err(RecvTimeoutError::Disconnected) => return errors,
        };
        let absorbed = absorb(news, &mut following);
        waiting.extend(following.drain(..));
        if let Err(Failure { error, is_end }) = absorbed {
            errors.push(error);
            if is_end {
                return errors;
            }
        }
    }
}

fn next<Job>(jobs: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    jobs.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_finds_work_is_all_done() {
        let mut seen = Vec::new();
        let absorb = |job: u32, doubled: u32, more: &mut Vec<u32>| {
            assert_eq!(doubled, job * 2);
            seen.push(job);
            if job < 64 {
                more.extend([job * 2, job * 2 + 1]);
            }
            Ok(())
        };
        drive(3, vec![1], |job| job * 2, absorb).unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (1..128).collect::<Vec<_>>());
    }

    /// Catches an error that depends on which job ends first, and one that hides another that was to be found.
    #[test]
    fn the_same_error_is_returned_whatever_ends_first() {
        let absorb = |job: u32, (): (), more: &mut Vec<u32>| {
            if job == 1 {
                more.push(3);
            }
            Err(Failure::from(Error::user(format!("job {}", 9 - job))))
        };
        for first in [[1, 2], [2, 1]] {
            let error = drive(2, first.to_vec(), |_| (), absorb).unwrap_err();
            assert_eq!(error.report().message, "job 6");
        }
    }

    #[test]
    fn nothing_is_started_after_the_end() {
        let mut absorbed = 0;
        let absorb = |_: u32, (): (), more: &mut Vec<u32>| {
            absorbed += 1;
            more.push(1);
            Err(Failure::end(Error::internal("the end")))
        };
        drive(1, vec![1], |_| (), absorb).unwrap_err();
        assert_eq!(absorbed, 1);
    }
}
