//! The sandbox: runs a program that may touch only what a [`Policy`] names, and leaves no process of it behind. It knows
//! nothing of packages and of what programs are for.
//!
//! There are two processes. Wake starts itself as `wake __confined`, the supervisor (`supervisor.rs`), and talks with it
//! over a socket: an [`Order`] goes in, an [`Ended`] comes out. The supervisor forks the program, which confines itself
//! (`confine.rs`) before it becomes the program. The supervisor adopts all that descends from the program and ends it when
//! the program ends, when wake asks for it, or when wake is gone, however that came: the socket is closed then.
//!
//! Files are confined with Landlock, the network with seccomp: both work as root and as a normal user, and in containers
//! without privileges. There is no way to run less confined than asked for: what cannot be confined is not run.
//!
//! What Landlock does not cover: that a file exists, its size and times can be seen, and modes and times of the user's
//! own files can be changed.

mod confine;
pub mod orphans;
mod places;
mod started;
pub mod supervisor;
mod system_calls;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;

pub use places::existing;
pub use started::Started;

/// What a program may touch besides the system: its directories and `/etc` are always readable, `/dev/null` and its like
/// writable. Paths that do not exist are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Files, and directories with all below them, that it may read and execute; absolute.
    pub read: Vec<PathBuf>,
    /// The same with writing, creating and removing.
    pub write: Vec<PathBuf>,
    pub network: Network,
    /// Bytes that one file may have.
    pub largest_file: Option<u64>,
    /// Otherwise all of the above counts for nothing.
    pub is_confined: bool,
}

/// Whom a program may talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// Nobody.
    None,
    /// The internet, this machine's services there included.
    Internet,
    /// Also the user's services on this machine, such as an agent that has the keys, by sockets that are files.
    Local,
}

impl Policy {
    /// Nothing but the system may be touched.
    pub fn strict() -> Self {
        Self {
            read: Vec::new(),
            write: Vec::new(),
            network: Network::None,
            largest_file: None,
            is_confined: true,
        }
    }

    /// Everything may be touched: for `--no-sandbox`. That no process stays behind holds all the same.
    pub fn unconfined() -> Self {
        Self {
            network: Network::Local,
            is_confined: false,
            ..Self::strict()
        }
    }
}

/// A program to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Absolute.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Its working directory, absolute.
    pub directory: PathBuf,
    /// Exactly this.
    pub environment: BTreeMap<String, String>,
    /// What it reads on standard input.
    pub input: String,
    pub policy: Policy,
}

/// How a program ended. Nothing of it runs any more, unless it says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ended {
    Exited(i32),
    Killed {
        signal: i32,
    },
    /// Wake asked for it, or is gone.
    Stopped,
    /// It never ran, or something of it does not end.
    Failed(Error),
}
