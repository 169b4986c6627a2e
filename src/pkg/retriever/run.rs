//! Runs a retriever once: a request goes in, a checked answer comes out. It knows nothing of packages but what the
//! protocol says of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Retriever;
use super::check;
use super::conversation::{self, Heard, Over};
use super::protocol::{Candidate, Fetched, Method, Request, VERSION, Wanted};
use super::staged::{self, Most};
use crate::error::{Error, Kind, Result};
use crate::fs;
use crate::sandbox::{Ended, Order};

/// What retrievers run in.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The file of wake itself, which confines them.
    pub program: PathBuf,
    /// The user's environment.
    pub environment: BTreeMap<String, String>,
    /// Where private directories are made; absolute, need not exist.
    pub temporary: PathBuf,
    pub limits: Limits,
    /// Otherwise (`--no-sandbox`) they may do what the user may.
    pub is_sandboxed: bool,
}

/// What one run may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub timeout: Duration,
    /// Bytes of an answer.
    pub answer: usize,
    /// Bytes of standard error that are kept for messages: the last ones.
    pub messages: usize,
    /// Of each package that is fetched.
    pub fetched: Most,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(600),
            answer: 256 << 20,
            messages: 4 << 10,
            fetched: Most::default(),
        }
    }
}

/// What is done with each line that a retriever writes to standard error.
pub type Say<'a> = &'a dyn Fn(&str);

impl Surroundings {
    /// The versions of each of `wanted`, in order.
    ///
    /// # Errors
    /// `Failed`: the retriever fails, takes too long, or answers with what is not protocol 1. `User`: it cannot be
    /// started. `Environment`: it cannot be confined.
    pub fn candidates(
        &self,
        retriever: &Retriever,
        wanted: &[Wanted],
        say: Say<'_>,
    ) -> Result<Vec<Vec<Candidate>>> {
        let requests = wanted.to_vec();
        let asked = Asked {
            what: "the versions",
            of: wanted.iter().map(Wanted::label).collect(),
        };
        let heard = self.ask(retriever, Method::Candidates { requests }, &asked, &[], say)?;
        check::candidates(&retriever.origin, wanted, &heard.answer)
            .map_err(|error| explain(error, &asked, &heard))
    }

    /// Has the files of `packages` put into their directories, and looks at what is there then. What the directories
    /// hold after an error is of no use.
    ///
    /// # Errors
    /// As [`Self::candidates`]; and `Failed`: a directory holds what no package may hold.
    pub fn fetch(&self, retriever: &Retriever, packages: &[Fetched], say: Say<'_>) -> Result<()> {
        let asked = Asked {
            what: "the files",
            of: packages.iter().map(check::name).collect(),
        };
        let into: Vec<PathBuf> = packages.iter().map(|one| one.into.clone()).collect();
        let method = Method::Fetch {
            packages: packages.to_vec(),
        };
        let heard = self.ask(retriever, method, &asked, &into, say)?;
        check::fetched(&retriever.origin, packages, &heard.answer)
            .map_err(|error| explain(error, &asked, &heard))?;
        packages
            .iter()
            .try_for_each(|one| staged::check(&retriever.origin, one, &self.limits.fetched))
    }

    /// Runs it to its end.
    fn ask(
        &self,
        retriever: &Retriever,
        method: Method,
        asked: &Asked,
        into: &[PathBuf],
        say: Say<'_>,
    ) -> Result<Heard> {
        let request = Request {
            protocol: VERSION,
            method,
            config: retriever.config.clone(),
            env: retriever.env.clone(),
        };
        let input = serde_json::to_string(&request).map_err(|error| {
            Error::user(format!("Cannot ask the retriever `{}`", retriever.origin))
                .cause(error.to_string())
        })?;
        // A line, so that a shell's `read` has it, too.
        let input = input + "\n";
        let private = Private::new(&self.temporary)?;
        let order = Order {
            program: retriever.program.clone(),
            arguments: retriever.arguments.clone(),
            directory: retriever.directory.clone(),
            environment: self.environment_of(retriever, &private),
            input,
            policy: self.policy(retriever, &private, into),
        };
        let (over, heard) = conversation::hold(&self.program, &order, &self.limits, say)
            .map_err(|error| prefix(error, retriever))?;
        match self.failure(retriever, over) {
            Ok(()) => Ok(heard),
            Err(error) if error.kind() == Kind::Failed => {
                Err(explain(error, asked, &heard).hint_option(forbidden(retriever, &heard)))
            }
            Err(error) => Err(error),
        }
    }

    /// What a retriever does wrong is a failure like that of an operation: neither the user's declarations nor the
    /// machine are at fault as far as wake can tell, and another try may work.
    fn failure(&self, retriever: &Retriever, over: Over) -> Result<()> {
        let origin = &retriever.origin;
        let failed =
            |what: String| Error::new(Kind::Failed, format!("Retriever `{origin}` {what}"));
        Err(match over {
            Over::Ended(Ended::Exited(0)) => return Ok(()),
            Over::Ended(Ended::Exited(code)) => failed(format!("failed with exit code {code}")),
            Over::Ended(Ended::Killed { signal: libc::SIGXFSZ }) => failed(format!(
                "writes a file of more than {} bytes",
                self.limits.fetched.bytes
            )),
            Over::Ended(Ended::Killed { signal }) => failed(format!("was killed by signal {signal}")),
            Over::Ended(Ended::Failed(error)) => prefix(error, retriever),
            Over::Ended(Ended::Stopped) => failed("was stopped".to_owned()),
            Over::TimedOut => failed(format!(
                "has not answered within {} s",
                self.limits.timeout.as_secs_f64()
            ))
            .hint("it was ended, with all that it had started; what it wrote to standard error may say what it waited for"),
            Over::TooLong => failed(format!("answers with more than {} bytes", self.limits.answer)),
        })
    }
}

/// The error is about a retriever.
fn prefix(error: Error, retriever: &Retriever) -> Error {
    error.as_cause_of(format!("Cannot run the retriever `{}`", retriever.origin))
}

/// What to do about a retriever that seems to have failed for lack of a permission.
fn forbidden(retriever: &Retriever, heard: &Heard) -> Option<String> {
    let lacks = match (retriever.has_network, retriever.has_home) {
        (true, true) => return None,
        (false, true) => "`network`",
        (true, false) => "`home`",
        (false, false) => "`network` and `home`",
    };
    let messages = heard.messages.to_lowercase();
    let seems_so = ["permission denied", "not permitted", "eacces", "eperm"];
    seems_so.iter().any(|sign| messages.contains(sign)).then(|| {
        format!("it runs without {lacks}: grant what it needs with `permissions` of the `wake.getPkg` that asks for it")
    })
}

/// What a run was for.
struct Asked {
    what: &'static str,
    of: Vec<String>,
}

/// What it was asked, and what it said.
fn explain(error: Error, asked: &Asked, heard: &Heard) -> Error {
    let error = match asked.of.as_slice() {
        [] => error,
        [one] => error.cause(format!("it was asked for {} of `{one}`", asked.what)),
        [one, more @ ..] => error.cause(format!(
            "it was asked for {} of `{one}` and {} more",
            asked.what,
            more.len()
        )),
    };
    match heard.messages.as_str() {
        "" => error.cause("it wrote nothing to standard error"),
        messages => error.cause(format!("it wrote to standard error:\n{messages}")),
    }
}

/// A directory of one run, removed at its end.
pub(super) struct Private(PathBuf);

impl Private {
    fn new(temporary: &Path) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let private = Self(temporary.join(format!("retriever-{}-{number}", std::process::id())));
        // One that a killed wake has left.
        fs::tree::remove_read_only(&private.0)?;
        fs::create_directories(&private.home())?;
        fs::create_directories(&private.temporary())?;
        Ok(private)
    }

    /// The home of a retriever that may not see the user's.
    pub(super) fn home(&self) -> PathBuf {
        self.0.join("home")
    }

    /// Its `TMPDIR`.
    pub(super) fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // What stays is removed with all of `.wake/tmp`.
        let _ = fs::tree::remove_read_only(&self.0);
    }
}
