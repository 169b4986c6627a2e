//! From an operation of the graph to something that can be performed without the graph: ids become paths, root tokens
//! become directories. It looks at no file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::event::shell;
use crate::fs::path::clean;
use crate::fs::{Content, Stamp};
use crate::graph::{Action, Cold, Command, FileId, Graph, OperationId, ResponseFile, Stdin, root};

use super::Options;
use super::exec::Input;
use super::outputs::Output;
use super::state::State;
use super::world::World;

/// For tests that declare none.
const TEST_TIMEOUT: Duration = Duration::from_secs(300);

/// What is done to make the outputs.
#[derive(Clone, Debug)]
pub enum Work {
    Run(Launch),
    Write { content: String, executable: bool },
    Copy { from: PathBuf },
    Directory,
}

/// A process but for what depends on where it runs: see `exec::Process`.
#[derive(Clone, Debug)]
pub struct Launch {
    pub executable: PathBuf,
    pub arguments: Vec<String>,
    pub directory: PathBuf,
    /// What was declared.
    pub environment: Vec<(String, String)>,
    pub path: String,
    pub input: Input,
    pub stdout: Option<PathBuf>,
    pub console: bool,
    /// Directories in which nothing that it does counts; absolute and clean.
    pub caches: Vec<PathBuf>,
    pub timeout: Option<Duration>,
    pub response_file: ResponseFile,
}

/// An operation that is about to run.
#[derive(Clone, Debug)]
pub struct Job {
    pub operation: OperationId,
    pub work: Work,
    pub outputs: Vec<Output>,
    pub depfile: Option<PathBuf>,
    /// Whether the depfile is one of the outputs, and so stays.
    pub keeps_depfile: bool,
    /// The declared files that it may read.
    pub reads: Vec<Read>,
    /// The target directory of its instance.
    pub target: PathBuf,
    /// A directory to be made anew for it: `WAKE_TEST_DIR`.
    pub test_directory: Option<PathBuf>,
    /// The name of the file with all that it prints, where that is too much to keep.
    pub log: String,
}

impl Job {
    /// Directories that it keeps things in.
    pub fn caches(&self) -> &[PathBuf] {
        match &self.work {
            Work::Run(launch) => &launch.caches,
            _ => &[],
        }
    }

    /// Whether a path lies in a cache, where nothing counts. What lies there of the workspace counts all the same. `top`:
    /// the workspace's.
    pub fn is_in_cache(&self, path: &Path, top: &Path) -> bool {
        let is_it = |cache: &PathBuf| {
            let holds = |root: &Path| root.starts_with(cache) && path.starts_with(root);
            path.starts_with(cache) && !holds(top) && !holds(&self.target)
        };
        self.caches().iter().any(is_it)
    }
}

/// A file as it was looked at before the run.
#[derive(Clone, Debug)]
pub struct Read {
    pub file: FileId,
    pub path: PathBuf,
    pub stamp: Stamp,
    /// Where an edit right after the look may have left the same stamp.
    pub content: Option<Content>,
}

impl Read {
    /// Whether it is still what it was.
    pub fn is_same(&self, world: &dyn World) -> bool {
        let stamp = world.stamp(&self.path);
        stamp.is_ok_and(|stamp| stamp == self.stamp) && self.has_content(world)
    }

    /// Whether it contains what it did, where the stamp does not tell.
    pub fn has_content(&self, world: &dyn World) -> bool {
        self.content.is_none_or(|content| {
            let found = world.fingerprint(&self.path);
            found.is_ok_and(|found| found.content == content)
        })
    }
}

/// Expands root tokens and ids of one operation.
pub struct Expander<'a> {
    pub graph: &'a Graph,
    pub state: &'a State,
    pub operation: OperationId,
}

impl Expander<'_> {
    /// The work of an operation.
    ///
    /// # Errors
    /// `User`: a token that stands for nothing, or a copy without exactly one input.
    pub fn work(&self, cold: &Cold, options: &Options) -> Result<Work> {
        match &cold.action {
            Action::Run(command) => self.launch(command, options).map(Work::Run),
            Action::WriteFile {
                content,
                executable,
            } => Ok(Work::Write {
                content: self.text(content)?,
                executable: *executable,
            }),
            Action::CopyFile => match self.graph.inputs(self.operation) {
                [from] => Ok(Work::Copy {
                    from: self.state.absolute(*from),
                }),
                _ => Err(Error::internal("A copy has not exactly one input")),
            },
            Action::MakeDirectory => Ok(Work::Directory),
        }
    }

    fn launch(&self, command: &Command, options: &Options) -> Result<Launch> {
        let is_test = self.graph.is_test(self.operation);
        let mut arguments = self.texts(&command.arguments)?;
        if is_test {
            arguments.extend(options.test_arguments.iter().cloned());
        }
        let mut environment = options.marks.clone();
        for (name, value) in &command.environment {
            environment.push((name.clone(), self.text(value)?));
        }
        let mut timeout = command
            .timeout
            .map(|limit| Duration::from_secs(limit.into()));
        if is_test {
            timeout = options.test_timeout.or(timeout).or(Some(TEST_TIMEOUT));
        }
        Ok(Launch {
            executable: self.path(&command.executable)?,
            arguments,
            directory: self.path(&command.working_directory)?,
            environment,
            path: self.text(&command.path)?,
            input: match &command.stdin {
                Stdin::Nothing => Input::Nothing,
                Stdin::File(file) => Input::File(self.state.absolute(*file)),
                Stdin::Text(text) => Input::Text(self.text(text)?.into_bytes()),
            },
            stdout: command.stdout.map(|file| self.state.absolute(file)),
            console: command.console,
            caches: self.caches(command)?,
            timeout,
            response_file: command.response_file,
        })
    }

    fn caches(&self, command: &Command) -> Result<Vec<PathBuf>> {
        let caches = command.caches.iter();
        caches.map(|cache| Ok(clean(&self.path(cache)?))).collect()
    }

    /// Text with its tokens expanded to absolute paths.
    fn text(&self, text: &str) -> Result<String> {
        root::expand(text, |token| self.directory(token)).map_err(|unknown| {
            let declared = &self.graph.instance(self.operation).declared;
            Error::user(format!("`{}` stands for nothing", unknown.0))
                .cause(format!("in an operation declared at {declared}"))
                .hint("the roots are $(package), $(target) and $(cache); a dollar is $$")
        })
    }

    fn texts(&self, texts: &[String]) -> Result<Vec<String>> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn path(&self, text: &str) -> Result<PathBuf> {
        Ok(self.state.top().join(self.text(text)?))
    }

    fn directory(&self, token: &str) -> Option<String> {
        let root = self.graph.root(self.operation, token)?;
        let mut directory = self.state.top().to_str()?.to_owned();
        if Path::new(&root.directory).is_absolute() {
            directory.clone_from(&root.directory);
        } else if !root.directory.is_empty() {
            directory.push('/');
            directory.push_str(&root.directory);
        }
        Some(directory)
    }
}

/// Text of an operation with its root tokens expanded to absolute paths.
///
/// # Errors
/// `User`: a token that stands for nothing.
pub fn expand(graph: &Graph, state: &State, operation: OperationId, text: &str) -> Result<String> {
    let expander = Expander {
        graph,
        state,
        operation,
    };
    expander.text(text)
}

/// The command as a shell would take it; empty for what runs inside wake.
pub fn command_line(work: &Work) -> String {
    let Work::Run(launch) = work else {
        return String::new();
    };
    let executable = launch.executable.to_string_lossy();
    let words = launch.arguments.iter().map(String::as_str);
    shell::command_line(std::iter::once(executable.as_ref()).chain(words))
}
