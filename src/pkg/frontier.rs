//! Work that finds more work: jobs run on several threads, their results are taken in on one.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};

use crate::error::Result;

/// Runs `first` and all jobs that follow from them. `work` runs on up to `threads` threads; `absorb` is called with each
/// result on this thread and appends the jobs that follow. After the first error nothing new is started; what is
/// under way is waited for, and of all errors the one of the earliest job is returned.
pub fn drive<Job: Send, Done: Send>(
    threads: usize,
    first: Vec<Job>,
    work: impl Fn(&Job) -> Done + Sync,
    mut absorb: impl FnMut(Job, Done, &mut Vec<Job>) -> Result<()>,
) -> Result<()> {
    let (job_sender, job_receiver) = mpsc::channel::<(usize, Job)>();
    let (done_sender, done_receiver) = mpsc::channel::<(usize, Job, Done)>();
    let job_receiver = Mutex::new(job_receiver);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (job_receiver, done_sender, work) = (&job_receiver, done_sender.clone(), &work);
            scope.spawn(move || {
                loop {
                    let next = job_receiver
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    let Ok((number, job)) = next else { break };
                    let done = work(&job);
                    if done_sender.send((number, job, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done_sender);
        let mut waiting: VecDeque<Job> = first.into();
        let mut started = 0;
        let mut under_way = 0_usize;
        let mut failure: Option<(usize, crate::error::Error)> = None;
        let mut following = Vec::new();
        loop {
            while failure.is_none() && under_way < threads.max(1) * 2 {
                let Some(job) = waiting.pop_front() else {
                    break;
                };
                if job_sender.send((started, job)).is_err() {
                    break;
                }
                started += 1;
                under_way += 1;
            }
            if under_way == 0 {
                break;
            }
            let Ok((number, job, done)) = done_receiver.recv() else {
                break;
            };
            under_way -= 1;
            match absorb(job, done, &mut following) {
                Ok(()) => waiting.extend(following.drain(..)),
                Err(error) => {
                    if failure.as_ref().is_none_or(|(first, _)| number < *first) {
                        failure = Some((number, error));
                    }
                }
            }
        }
        drop(job_sender);
        failure.map_or(Ok(()), |(_, error)| Err(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

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

    #[test]
    fn the_error_of_the_earliest_job_is_returned() {
        let absorb = |job: u32, (): (), _: &mut Vec<u32>| {
            if job >= 2 {
                Err(Error::user(format!("job {job}")))
            } else {
                Ok(())
            }
        };
        let error = drive(1, vec![1, 2, 3, 4], |_| (), absorb).unwrap_err();
        assert_eq!(error.report().message, "job 2");
    }
}
