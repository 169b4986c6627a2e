//! The lookout over a queue that tells what the test says.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::lookout::{Blindness, Lookout, Vouch};
use super::message::{Answer, Request};
use super::notice::{Attention, Notice, Queue, Watch, What};
use super::scope::{Areas, Scope};
use crate::workspace::front::{Front, SavedRead};

/// What the kernel would hold.
#[derive(Default)]
struct Told {
    notices: Vec<Notice>,
    watched: Vec<String>,
    unwatched: Vec<Watch>,
    /// No more directories can be watched.
    is_full: bool,
    /// It cannot be read.
    is_broken: bool,
}

#[derive(Clone)]
struct Imitation {
    told: Arc<Mutex<Told>>,
    descriptor: Arc<OwnedFd>,
}

impl Imitation {
    fn new() -> Self {
        let descriptor = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
        Self {
            told: Arc::default(),
            descriptor: Arc::new(descriptor),
        }
    }

    fn lookout(&self) -> Lookout {
        Lookout::new(Ok(Box::new(self.clone())))
    }

    fn tell(&self, watch: Watch, what: What, name: &str) {
        let name = name.as_bytes().to_vec();
        let notice = Notice::Happened { watch, what, name };
        self.told.lock().unwrap().notices.push(notice);
    }
}

impl Queue for Imitation {
    fn watch(&mut self, directory: &Path, _: Attention) -> io::Result<Watch> {
        let mut told = self.told.lock().unwrap();
        let name = directory.display().to_string();
        if let Some(known) = told.watched.iter().position(|one| *one == name) {
            return Ok(Watch::try_from(known).unwrap());
        }
        if told.is_full {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        told.watched.push(name);
        Ok(Watch::try_from(told.watched.len() - 1).unwrap())
    }

    fn unwatch(&mut self, watch: Watch) {
        self.told.lock().unwrap().unwatched.push(watch);
    }

    fn drain(&mut self, each: &mut dyn FnMut(Notice)) -> io::Result<()> {
        let mut told = self.told.lock().unwrap();
        std::mem::take(&mut told.notices).into_iter().for_each(each);
        match told.is_broken {
            true => Err(io::ErrorKind::Other.into()),
            false => Ok(()),
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

const TOP: Watch = 0;
const OUT: Watch = 1;
const STATE: Watch = 2;

/// A top with a source, a directory of outputs, and the state.
fn scope() -> Scope {
    let mut scope = Scope::new(Areas {
        top: "/w".into(),
        wake: "/w/.wake".into(),
        state: "/w/.wake/state".into(),
        output_root: None,
    });
    let top = scope.directory(Path::new("/w"));
    scope.file(top, b"a.c");
    let out = scope.directory(Path::new("/w/.wake/out"));
    scope.file(out, b"a.o");
    let state = scope.directory(Path::new("/w/.wake/state"));
    scope.whole(state);
    scope
}

fn vouch() -> Vouch {
    let value = Some("Debug".to_owned());
    let name = "FLAVOR".to_owned();
    Vouch {
        key: [1; 32],
        answer: up_to_date(),
        front: Front {
            reads: vec![SavedRead::Environment { name, value }],
        },
        top: "/w".into(),
    }
}

fn up_to_date() -> Answer {
    Answer::UpToDate {
        operations: 1,
        up_to_date: 1,
        messages: Vec::new(),
    }
}

fn request(key: u8, flavor: &str) -> Request {
    Request {
        key: [key; 32],
        environment: [("FLAVOR".to_owned(), flavor.to_owned())].into(),
    }
}

fn ask(lookout: &Lookout) -> Answer {
    lookout.answer(&request(1, "Debug"))
}

/// Catches an answer to another question than the one that was asked.
#[test]
fn only_the_same_request_in_the_same_environment_is_answered() {
    let lookout = Imitation::new().lookout();
    assert_eq!(ask(&lookout), Answer::Unknown);
    lookout.watch(scope());
    lookout.begin();
    assert!(lookout.vouch(vouch()));
    assert_eq!(ask(&lookout), up_to_date());
    assert_eq!(lookout.answer(&request(2, "Debug")), Answer::Unknown);
    assert_eq!(lookout.answer(&request(1, "Release")), Answer::Unknown);
    assert_eq!(ask(&lookout), up_to_date());
}

/// Catches an answer that is given although something has happened: before the vouch, after it, or nobody knows when.
#[test]
fn whatever_happens_takes_the_vouch_back() {
    let imitation = Imitation::new();
    let lookout = imitation.lookout();
    lookout.watch(scope());
    let settle = || {
        lookout.begin();
        assert!(lookout.vouch(vouch()));
        assert_eq!(ask(&lookout), up_to_date());
    };
    settle();
    imitation.tell(TOP, What::Changed, "b.c");
    imitation.tell(77, What::Changed, "a.c");
    assert_eq!(ask(&lookout), up_to_date());
    let happenings: [(Watch, What, &str); 5] = [
        (TOP, What::Changed, "a.c"),
        (OUT, What::Entry, "a.o"),
        (STATE, What::Changed, "state-3"),
        (STATE, What::Entry, "new"),
        (TOP, What::Changed, ""),
    ];
    for (watch, what, name) in happenings {
        settle();
        imitation.tell(watch, what, name);
        assert_eq!(ask(&lookout), Answer::Unknown, "{watch} {name}");
        assert_eq!(ask(&lookout), Answer::Unknown, "{watch} {name}, again");
    }
    settle();
    lookout.lose();
    assert_eq!(ask(&lookout), Answer::Unknown);
    settle();
    imitation.told.lock().unwrap().notices.push(Notice::Lost);
    assert_eq!(ask(&lookout), Answer::Unknown);
    assert!(lookout.pending().is_lost && lookout.pending().is_moved);
    settle();
    imitation.told.lock().unwrap().is_broken = true;
    assert_eq!(ask(&lookout), Answer::Unknown);
    lookout.begin();
    assert!(!lookout.vouch(vouch()), "a queue that cannot be read");
}

/// Catches a change that came while wake looked, and is forgotten; and what wake itself wrote, taken for one.
#[test]
fn what_happens_while_the_builder_looks_is_not_vouched_for() {
    let imitation = Imitation::new();
    let lookout = imitation.lookout();
    lookout.watch(scope());
    imitation.tell(TOP, What::Changed, "a.c");
    let before = lookout.begin();
    assert_eq!(before.sources, [Path::new("/w/a.c").to_owned()].into());
    imitation.tell(STATE, What::Changed, "state-3");
    imitation.tell(OUT, What::Changed, "a.o");
    assert!(!lookout.vouch(vouch()));
    let pending = lookout.begin();
    assert!(!pending.outputs.is_empty() && !pending.state && !pending.is_change());
    imitation.tell(STATE, What::Changed, "state-3");
    assert!(lookout.vouch(vouch()));
    assert_eq!(ask(&lookout), up_to_date());
    imitation.tell(STATE, What::Changed, "state-3");
    assert_eq!(ask(&lookout), Answer::Unknown);
}

/// Catches a directory that was replaced by another one, of which nothing would be heard.
#[test]
fn a_directory_that_went_away_is_watched_anew() {
    let imitation = Imitation::new();
    let lookout = imitation.lookout();
    assert_eq!(lookout.watch(scope()), (true, None));
    assert_eq!(lookout.watch(scope()), (false, None));
    imitation.tell(OUT, What::Itself, "");
    let pending = lookout.begin();
    assert!(pending.is_moved && !pending.outputs.is_empty());
    assert_eq!(imitation.told.lock().unwrap().unwatched, [OUT]);
    assert_eq!(lookout.watch(scope()), (true, None));
}

/// Catches a limit that is reached in silence.
#[test]
fn what_cannot_be_watched_is_said() {
    let imitation = Imitation::new();
    let lookout = imitation.lookout();
    imitation.told.lock().unwrap().is_full = true;
    let (_, blindness) = lookout.watch(scope());
    let (watched, wanted) = (0, 3);
    assert_eq!(blindness, Some(Blindness::Limit { watched, wanted }));
    let lookout = Lookout::new(Err(io::Error::from_raw_os_error(libc::EMFILE)));
    let (_, blindness) = lookout.watch(scope());
    assert!(matches!(blindness, Some(Blindness::NoQueue(_))));
}
