//! What is noted of one process and all that descends from it, while it runs. It knows paths as they were said, and not
//! what they lead to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What was done with a path, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deeds(u16);

impl Deeds {
    /// Looked for, and so whether it is there, of what type, with which mode and size.
    pub const LOOKED: Self = Self(1);
    /// Opened to read what it contains.
    pub const READ: Self = Self(2);
    /// A directory whose entries were read.
    pub const LISTED: Self = Self(4);
    /// A link whose target was read.
    pub const LINK: Self = Self(8);
    pub const EXECUTED: Self = Self(16);
    /// Opened to write, made, or changed in its mode, owner or times.
    pub const WRITTEN: Self = Self(32);
    /// Unlinked, or renamed away.
    pub const REMOVED: Self = Self(64);
    /// The path itself was meant, and not what it leads to if it is a link.
    pub const ITSELF: Self = Self(128);
    /// Something new may have been made there; otherwise only what was there could be changed.
    pub const CREATED: Self = Self(256);

    /// Whether all of `other` was done.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether something was changed.
    pub fn changes(self) -> bool {
        self.0 & (Self::WRITTEN.0 | Self::REMOVED.0) != 0
    }

    /// As a number.
    pub(super) fn bits(self) -> u16 {
        self.0
    }

    /// Without `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Deeds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Deeds {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Deeds {
    /// For people: `read, listed`.
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::EXECUTED, "executed"),
            (Self::READ, "read"),
            (Self::LISTED, "listed"),
            (Self::LINK, "link read"),
            (Self::LOOKED, "looked for"),
            (Self::WRITTEN, "written"),
            (Self::REMOVED, "removed"),
        ];
        let mut separator = "";
        for (deed, name) in names {
            if self.has(deed) {
                write!(text, "{separator}{name}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// Why not all was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// A program whose system calls are of another architecture.
    Foreign,
    /// A program that gains or gives up rights, or forbids to look at it: what it names cannot be read.
    Closed,
    /// Paths mean something else for it: it has mounted something, or changed its root.
    Elsewhere(&'static str),
    /// A file was opened by something that is no path.
    Nameless(&'static str),
    /// It talks with a process that is none of its own, by this socket.
    Socket(String),
    /// A process in a session of its own is still there after the end.
    LeftBehind,
    /// The program has the rights of its owner: it is not what it would be without being observed.
    SetUserId(String),
    /// More paths than are kept.
    TooMany,
    /// It was killed while it wrote down what it did.
    Unfinished,
    /// What programs write down themselves cannot be read.
    Lost,
    /// The observer could not go on.
    Failed(String),
}

impl fmt::Display for Gap {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => write!(text, "it runs a program of another architecture"),
            Self::Closed => write!(text, "it runs a program that lets nobody look at it"),
            Self::Elsewhere(call) => write!(text, "it changes what paths mean ({call})"),
            Self::Nameless(call) => write!(text, "it opens files without naming them ({call})"),
            Self::Socket(path) => {
                write!(text, "it talks with another process by the socket `{path}`")
            }
            Self::LeftBehind => write!(text, "a process that it started is still there"),
            Self::SetUserId(path) => {
                write!(text, "it runs `{path}`, which has the rights of its owner")
            }
            Self::TooMany => write!(text, "it touches more than {MOST_NOTED} paths"),
            Self::Unfinished => write!(text, "it was killed while it wrote down what it did"),
            Self::Lost => write!(text, "what programs wrote down was lost"),
            Self::Failed(cause) => write!(text, "the observer has failed: {cause}"),
        }
    }
}

/// What was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    Nothing,
    /// Something that was changed last at this time, in nanoseconds.
    Something(i64),
}

/// What was done with one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// With what it leads to, if it is a link.
    pub(super) followed: Deeds,
    /// With the path itself.
    pub(super) itself: Deeds,
    /// What was there when it was first touched, if that was looked at.
    pub(super) found: Option<There>,
}

impl Noted {
    pub(super) fn changes(&self) -> bool {
        (self.followed | self.itself).changes()
    }
}

/// What is noted of one program: some hundred MiB at most.
const MOST_NOTED: usize = 1 << 20;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// By absolute path, as it was said.
    pub(super) noted: HashMap<Vec<u8>, Noted>,
    /// Links that it made, and where they lead: they may be gone at the end.
    pub(super) links: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    pub(super) gap: Option<Gap>,
}

impl Trace {
    /// Whether it was looked at already whether something is there.
    pub(super) fn knows(&self, path: &[u8]) -> bool {
        let noted = self.noted.get(path);
        noted.is_some_and(|noted| noted.found.is_some())
    }

    /// Whether a path was changed already.
    pub(super) fn changed(&self, path: &[u8]) -> bool {
        let noted = self.noted.get(path);
        noted.is_some_and(Noted::changes)
    }

    /// Notes what was done. `found`: what was there, if that was looked at; it counts the first time.
    pub(super) fn note(&mut self, path: &[u8], deeds: Deeds, found: Option<There>) {
        // Mostly it is known, and needs no copy.
        if !self.noted.contains_key(path) {
            if self.noted.len() >= MOST_NOTED {
                return self.miss(Gap::TooMany);
            }
            self.noted.insert(path.to_vec(), Noted::default());
        }
        if let Some(noted) = self.noted.get_mut(path) {
            match deeds.has(Deeds::ITSELF) {
                true => noted.itself |= deeds.without(Deeds::ITSELF),
                false => noted.followed |= deeds,
            }
            noted.found = noted.found.or(found);
        }
    }

    /// Notes that something was not seen; what was first counts.
    pub(super) fn miss(&mut self, gap: Gap) {
        self.gap.get_or_insert(gap);
    }
}
