//! A thread that waits for tokens when it is asked to, so that nobody else has to. It takes none: by the time that
//! somebody tries, others may have been faster, and then it is asked again.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

/// Waits until it is dropped.
pub(super) struct Waiter {
    /// Readable when the thread is to end.
    stop: OwnedFd,
    questions: Option<Sender<()>>,
    is_asked: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Waiter {
    /// `tell` is called once for each time that it was asked and `pipe` became readable, or broke.
    pub(super) fn start(pipe: OwnedFd, tell: impl Fn() + Send + 'static) -> io::Result<Self> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let stopped = stop.try_clone()?;
        let (questions, asked) = channel();
        let is_asked = Arc::new(AtomicBool::new(false));
        let flag = is_asked.clone();
        let thread = std::thread::Builder::new()
            .name("tokens".to_owned())
            .spawn(move || wait(&asked, &pipe, &stopped, &flag, &tell))?;
        Ok(Self {
            stop,
            questions: Some(questions),
            is_asked,
            thread: Some(thread),
        })
    }

    /// Asks to be told when there is a token; asking twice is asking once.
    pub(super) fn ask(&self) {
        if !self.is_asked.swap(true, Ordering::SeqCst)
            && let Some(questions) = &self.questions
        {
            // It fails only where the thread is gone, and then time is what wakes the one who asks.
            let _ = questions.send(());
        }
    }
}

fn wait(
    asked: &Receiver<()>,
    pipe: &OwnedFd,
    stop: &OwnedFd,
    is_asked: &AtomicBool,
    tell: &dyn Fn(),
) {
    while asked.recv().is_ok() {
        let mut descriptors = [
            PollFd::new(stop, PollFlags::IN),
            PollFd::new(pipe, PollFlags::IN),
        ];
        // An error means to look again, as a token does.
        let _ = poll(&mut descriptors, None);
        if !descriptors[0].revents().is_empty() {
            return;
        }
        is_asked.store(false, Ordering::SeqCst);
        tell();
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.questions = None;
        let _ = rustix::io::write(self.stop.as_fd(), &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
