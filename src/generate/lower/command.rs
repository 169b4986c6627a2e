//! One operation: what jsonnet made becomes paths with ids and a command whose texts keep their tokens.

use std::path::Path;

use super::place::{Use, check_characters};
use super::{InstanceIndex, Lowering, Placed, users};
use crate::error::{Error, Result};
use crate::graph::root::escape;
use crate::graph::{Action, Command, FileId, Stdin};
use crate::jsonnet::protocol::{ActionSpec, OperationSpec};

/// What an operation sees of `PATH` behind the directories of its tools.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

impl Lowering<'_> {
    pub(super) fn place(
        &mut self,
        instance: InstanceIndex,
        spec: &OperationSpec,
    ) -> Result<Placed> {
        self.try_place(instance, spec).map_err(|error| {
            let subject = format!(
                "in the operation `{}` of `{}`",
                spec.title, self.instances.all[instance].label
            );
            let at = users(spec.at.as_ref(), &self.instances.all[instance]);
            error.cause(subject).at_if_absent(at)
        })
    }

    fn try_place(&mut self, instance: InstanceIndex, spec: &OperationSpec) -> Result<Placed> {
        let mut inputs = self.files(instance, &spec.inputs, Use::Input)?;
        let order_only = self.files(instance, &spec.order_only, Use::Input)?;
        let mut outputs = self.files(instance, &spec.outputs, Use::Output)?;
        let depfile = match &spec.depfile {
            Some(depfile) => {
                let path = self.path(instance, depfile, Use::Output)?;
                Some(self.id(path))
            }
            None => None,
        };
        let mut tool = None;
        let action = match &spec.action {
            ActionSpec::WriteFile {
                content,
                executable,
            } => {
                self.check_tokens(instance, content)?;
                Action::WriteFile {
                    content: content.clone(),
                    executable: *executable,
                }
            }
            ActionSpec::CopyFile => Action::CopyFile,
            ActionSpec::MakeDirectory => Action::MakeDirectory,
            ActionSpec::Run { .. } => {
                let (command, file) =
                    self.command(instance, &spec.action, &mut inputs, &mut outputs)?;
                tool = Some(file);
                Action::Run(command)
            }
        };
        Ok(Placed {
            instance,
            title: spec.title.clone(),
            action,
            tool,
            inputs,
            order_only,
            outputs,
            depfile,
            weight: spec.weight.max(1),
            pool: spec.pool.clone(),
            is_test: spec.is_test,
            at: spec.at.clone(),
        })
    }

    fn command(
        &mut self,
        instance: InstanceIndex,
        action: &ActionSpec,
        inputs: &mut Vec<FileId>,
        outputs: &mut Vec<FileId>,
    ) -> Result<(Command, FileId)> {
        let ActionSpec::Run {
            executable,
            tool,
            arguments,
            working_directory,
            environment,
            stdin,
            stdin_text,
            stdout,
            response_file,
            console,
            caches,
            network,
            timeout,
        } = action
        else {
            return Err(Error::internal("Only a process has a command"));
        };
        let texts = arguments.iter().chain(environment.values());
        for text in texts.chain(stdin_text).chain([working_directory]) {
            check_characters(text)?;
            self.check_tokens(instance, text)?;
        }
        let (executable, tool) = self.executable(instance, executable, tool.as_deref())?;
        let stdin = match (stdin, stdin_text) {
            (Some(file), _) => Stdin::File(self.stream(instance, file, Use::Input, inputs)?),
            (None, Some(text)) => Stdin::Text(text.clone()),
            (None, None) => Stdin::Nothing,
        };
        let stdout = match stdout {
            Some(file) => Some(self.stream(instance, file, Use::Output, outputs)?),
            None => None,
        };
        let caches = caches
            .iter()
            .map(|cache| self.cache(instance, cache))
            .collect::<Result<Vec<_>>>()?;
        let command = Command {
            executable,
            arguments: arguments.clone(),
            working_directory: in_package(working_directory),
            environment: environment.clone(),
            path: self.search_path(instance),
            stdin,
            stdout,
            response_file: *response_file,
            console: *console,
            caches,
            network: *network,
            timeout: *timeout,
        };
        Ok((command, tool))
    }

    /// A directory that an operation keeps things in.
    fn cache(&self, instance: InstanceIndex, text: &str) -> Result<String> {
        if text.is_empty() {
            let hint = "name a directory: `$(cache)/NAME`, or an absolute path";
            return Err(Error::user("An empty string is no cache").hint(hint));
        }
        check_characters(text)?;
        let text = in_package(text);
        self.check_tokens(instance, &text)?;
        Ok(text)
    }

    /// The text and the file of an executable: one that was found in the invoker's `PATH`, or a path.
    fn executable(
        &mut self,
        instance: InstanceIndex,
        executable: &str,
        found: Option<&Path>,
    ) -> Result<(String, FileId)> {
        let Some(found) = found else {
            let path = self.path(instance, executable, Use::Input)?;
            return Ok((in_package(executable), self.id(path)));
        };
        let text = found.to_str().ok_or_else(|| {
            Error::user(format!("The path of the tool {found:?} is not UTF-8"))
                .hint("install it in a directory with another name, or change `PATH`")
        })?;
        let relative = found.strip_prefix(self.layout.top()).unwrap_or(found);
        let id = self.id(relative.to_string_lossy().into_owned());
        Ok((escape(text), id))
    }

    /// The file of a standard stream, which is also one of `files`.
    fn stream(
        &mut self,
        instance: InstanceIndex,
        text: &str,
        use_: Use,
        files: &mut Vec<FileId>,
    ) -> Result<FileId> {
        let path = self.path(instance, text, use_)?;
        let id = self.id(path);
        if !files.contains(&id) {
            files.push(id);
        }
        Ok(id)
    }

    fn search_path(&self, instance: InstanceIndex) -> String {
        let generated = self.instances.all[instance].generated();
        let tools = generated.map_or(&[][..], |generated| &generated.tool_directories);
        let mut directories: Vec<String> = Vec::new();
        for directory in tools
            .iter()
            .map(String::as_str)
            .chain(SYSTEM_PATH.split(':'))
        {
            let directory = escape(directory);
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        directories.join(":")
    }
}

/// A path of which the beginning is said: relative ones lie in the package.
fn in_package(path: &str) -> String {
    if path.starts_with("$(") || path.starts_with('/') {
        path.to_owned()
    } else {
        format!("$(package)/{path}")
    }
}
