//! Tokens and where they come from, within this process. Those of real makes are in `tests/sessions/jobserver.rs`.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use super::tap::Tap;
use super::*;

/// A named pipe of somebody else, with tokens in it that can be told apart.
struct Outside {
    _directory: tempfile::TempDir,
    path: PathBuf,
    pipe: Tap,
}

impl Outside {
    fn with(tokens: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        crate::fs::fifo::make(&path).unwrap();
        let pipe = Tap::open(&path).unwrap();
        pipe.put(tokens).unwrap();
        Self {
            _directory: directory,
            path,
            pipe,
        }
    }

    fn joined(&self) -> Supply {
        Supply::join(&Place::Fifo(self.path.clone()), Some(4)).unwrap()
    }

    /// Everything that is in the pipe by now.
    fn drain(&self) -> BTreeSet<u8> {
        let mut buffer = [0; 64];
        match self.pipe.take(&mut buffer) {
            Taken::Some(count) => buffer[..count].iter().copied().collect(),
            Taken::Nothing => BTreeSet::new(),
            Taken::Gone(error) => panic!("{error}"),
        }
    }
}

/// Catches tokens that are returned twice, not at all, or as another byte: to make they have meanings.
#[test]
fn every_token_is_returned_as_it_was() {
    let outside = Outside::with(b"abc");
    let supply = outside.joined();
    let mut tokens = Tokens::new(Some(&supply));
    assert!(tokens.hold(0), "one needs none");
    assert!(tokens.hold(2));
    assert_eq!(outside.pipe.count().unwrap(), 1);
    tokens.return_all_but(1);
    assert_eq!(outside.pipe.count().unwrap(), 2);
    assert!(!tokens.hold(4), "there are three");
    assert_eq!(
        outside.pipe.count().unwrap(),
        0,
        "it waits with what it has"
    );
    drop(tokens);
    assert_eq!(outside.drain(), BTreeSet::from(*b"abc"));
}

#[test]
fn a_panic_returns_them_too() {
    let outside = Outside::with(b"abc");
    let supply = outside.joined();
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut tokens = Tokens::new(Some(&supply));
        assert!(tokens.hold(3));
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(attempt.is_err());
    assert_eq!(outside.drain(), BTreeSet::from(*b"abc"));
}

/// Catches a wait that is only over when time has passed.
#[test]
fn who_waits_is_told_when_there_is_a_token() {
    let outside = Outside::with(b"");
    let supply = outside.joined();
    let mut tokens = Tokens::new(Some(&supply));
    let (sender, told) = channel();
    for token in *b"xy" {
        assert!(!tokens.hold(1));
        let sender = sender.clone();
        tokens.wait(move || sender.send(()).unwrap());
        // Asking twice is asking once.
        tokens.wait(|| unreachable!("there is a thread already"));
        outside.pipe.put(&[token]).unwrap();
        told.recv().unwrap();
        assert!(tokens.hold(1));
        tokens.return_all_but(0);
        assert_eq!(outside.drain(), BTreeSet::from([token]));
    }
    tokens.wait(|| {});
    drop(tokens);
    assert!(told.try_recv().is_err());
}

/// Catches a build that hangs, or complains for ever, because whoever had the tokens is no more.
#[test]
fn one_that_vanishes_is_told_of_once_and_what_is_held_stays() {
    let (read, write) = std::io::pipe().unwrap();
    let (drain, nowhere) = std::io::pipe().unwrap();
    let tap = Tap::of_ends(OwnedFd::from(read), OwnedFd::from(nowhere));
    rustix::io::write(&write, b"ab").unwrap();
    drop((write, drain));
    let supply = Supply::of_others(tap);
    let mut tokens = Tokens::new(Some(&supply));
    assert!(tokens.hold(2));
    assert_eq!(tokens.complaint(), None);
    assert!(!tokens.hold(3));
    let complaint = tokens.complaint().unwrap();
    assert!(complaint.contains("its pipe is closed"), "{complaint}");
    assert!(tokens.hold(2), "what is held stays");
    assert!(!tokens.hold(3));
    tokens.wait(|| unreachable!("there is nothing to wait for"));
    tokens.return_all_but(0);
    assert_eq!(tokens.complaint(), None, "once");
}

fn served(jobs: usize, style: Style) -> (tempfile::TempDir, Supply) {
    let directory = tempfile::tempdir().unwrap();
    let supply = Supply::serve(jobs, &directory.path().join("fifo"), style).unwrap();
    (directory, supply)
}

#[test]
fn what_processes_took_and_did_not_return_is_made_good() {
    let (_directory, supply) = served(4, Style::Auto);
    let mut tokens = Tokens::new(Some(&supply));
    let steal = |most: usize| {
        let Taken::Some(count) = supply.tap.take(&mut vec![0; most]) else {
            panic!("no tokens");
        };
        count
    };
    assert_eq!(steal(9), 3, "and the one that needs no asking");
    tokens.balance();
    assert_eq!(supply.tap.count().unwrap(), 3);
    assert!(tokens.hold(2));
    assert_eq!(steal(1), 1);
    tokens.balance();
    assert_eq!(supply.tap.count().unwrap(), 3, "those in hand are returned");
    // Never more than there are: one that is returned after all, or too often.
    supply.tap.put(b"++").unwrap();
    tokens.balance();
    assert_eq!(supply.tap.count().unwrap(), 3);
}

/// What others' processes have is known to others only.
#[test]
fn nothing_is_made_good_in_a_jobserver_of_others() {
    let outside = Outside::with(b"abc");
    let supply = outside.joined();
    assert_eq!(outside.drain().len(), 3);
    Tokens::new(Some(&supply)).balance();
    assert_eq!(outside.drain().len(), 0);
}

#[test]
fn processes_are_told_in_a_form_that_they_understand() {
    let told = |supply: &Supply, program: &str| supply.makeflags(Path::new(program)).unwrap();
    let (directory, auto) = served(4, Style::Auto);
    let name = format!(
        "-j4 --jobserver-auth=fifo:{}",
        directory.path().join("fifo").display()
    );
    assert_eq!(told(&auto, "/usr/bin/ninja"), name);
    // Make before 4.4 ends when it reads of a named pipe.
    let numbers = told(&auto, "/usr/bin/make");
    let Offer::At(Place::Pipe(read, write)) = Flags::parse(&numbers).jobserver else {
        panic!("{numbers}");
    };
    assert!(
        read > 9 && write > 9,
        "scripts redirect what is below: {numbers}"
    );
    assert_eq!(told(&auto, "/bin/sh"), numbers);
    let (_, fifo) = served(4, Style::Fifo);
    assert!(told(&fifo, "/usr/bin/make").contains("=fifo:/"));
    let (_, pipe) = served(4, Style::Pipe);
    assert!(!told(&pipe, "/usr/bin/ninja").contains("fifo"));
    // What is joined is passed on as it is.
    let outside = Outside::with(b"");
    let name = format!("-j4 --jobserver-auth=fifo:{}", outside.path.display());
    assert_eq!(told(&outside.joined(), "/usr/bin/make"), name);
}

/// Catches flags that nobody can read, because the directory has a blank in its name.
#[test]
fn where_the_name_cannot_be_told_there_are_descriptors() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a b");
    let supply = Supply::serve(3, &path, Style::Fifo).unwrap();
    let told = supply.makeflags(Path::new("/usr/bin/ninja")).unwrap();
    assert!(!told.contains("fifo"), "{told}");
    assert!(!crate::fs::exists(&path));
    let mut tokens = Tokens::new(Some(&supply));
    assert!(tokens.hold(2) && !tokens.hold(3));
    tokens.balance();
    assert_eq!(supply.tap.count().unwrap(), 2);
}

/// Processes inherit the pipe, and it waits for them, while wake itself never waits for a token.
#[test]
fn what_processes_inherit_waits() {
    use rustix::fs::{OFlags, fcntl_getfl};
    use std::os::fd::BorrowedFd;
    let (_directory, supply) = served(2, Style::Auto);
    let told = supply.makeflags(Path::new("make")).unwrap();
    let Offer::At(Place::Pipe(read, write)) = Flags::parse(&told).jobserver else {
        panic!("{told}");
    };
    for number in [read, write] {
        #[expect(unsafe_code, reason = "a number is all that a process is told")]
        // SAFETY: the supply, which is alive, has it open.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        assert!(!fcntl_getfl(descriptor).unwrap().contains(OFlags::NONBLOCK));
        let flags = rustix::io::fcntl_getfd(descriptor).unwrap();
        assert!(flags.is_empty(), "{flags:?}");
    }
    let mut tokens = Tokens::new(Some(&supply));
    assert!(tokens.hold(1) && !tokens.hold(2));
}

#[test]
fn without_a_jobserver_nobody_counts() {
    let plan = Plan::Alone;
    let jobserver = Jobserver::new(&plan);
    jobserver.begin(4, Path::new("/nowhere")).unwrap();
    assert_eq!(jobserver.makeflags(Path::new("make")), None);
    let mut tokens = Tokens::new(jobserver.supply());
    assert!(tokens.hold(1000));
    tokens.balance();
}
