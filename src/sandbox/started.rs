//! A program that runs confined, seen from wake. It knows nothing of what the program says.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::{Ended, Order};
use crate::error::{Error, Result};

/// How long the supervisor may take to end what it has started.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program with its pipes. Dropped, it is stopped, with all that descends from it.
pub struct Started {
    supervisor: Child,
    line: UnixStream,
    /// What the program writes; not taken by anyone else.
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

impl Started {
    /// Starts what is ordered; `wake` is the file of wake itself.
    ///
    /// # Errors
    /// `Environment`: wake cannot be started. `User`: a path is not UTF-8. Why the program itself does not start is told
    /// by [`Self::ended`].
    pub fn new(wake: &Path, order: &Order) -> Result<Self> {
        let order = serde_json::to_vec(order)
            .map_err(|error| Error::user("Cannot start a program").cause(error.to_string()))?;
        let failed =
            |error: io::Error| Error::io(format!("Cannot start `{}`", wake.display()), &error);
        let (line, other_end) = UnixStream::pair().map_err(failed)?;
        let mut supervisor = Command::new(wake)
            .arg("__confined")
            .env_clear()
            .stdin(OwnedFd::from(other_end))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let missing = || Error::internal("A confined program has no pipes");
        let started = Self {
            stdout: supervisor.stdout.take().ok_or_else(missing)?,
            stderr: supervisor.stderr.take().ok_or_else(missing)?,
            supervisor,
            line,
        };
        (&started.line).write_all(&order).map_err(failed)?;
        Ok(started)
    }

    /// Readable when the program has ended.
    pub fn line(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    /// Asks for the end of the program and of all that descends from it.
    pub fn stop(&self) {
        // If it does not work, the supervisor has ended, and the line is closed.
        let _ = self.line.shutdown(Shutdown::Write);
    }

    /// Waits for the end, and says how it came: nothing of the program runs then.
    ///
    /// # Errors
    /// `Environment`: the supervisor was killed, or cannot end what it has started.
    pub fn ended(&mut self) -> Result<Ended> {
        let _ = self.line.set_read_timeout(Some(PATIENCE));
        let mut answers = serde_json::Deserializer::from_reader(&self.line);
        let answer = Ended::deserialize(&mut answers);
        answer.map_err(|_| {
            Error::environment("The process that confines a program is gone")
                .cause("it was probably killed, because the machine has no more memory, or by hand")
        })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.stop();
        // It closes the line when it has done its work, and at once where it has said how the program ended.
        let _ = self.line.set_read_timeout(Some(PATIENCE));
        let _ = io::copy(&mut &self.line, &mut io::sink());
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}
