//! Why a process was not started, for people: what of it was wrong, and what to do.

use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::error::Error;
use crate::fs;

use super::start::{Refusal, Step};
use super::{Ended, Process};

/// The kernel takes no single argument or variable longer than this.
const LONGEST_TEXT: usize = (128 << 10) - 1;

/// The end of a process that was not started; `arguments`: what it would have been given.
pub(super) fn unusable(process: &Process, arguments: &[String], refusal: &Refusal) -> Ended {
    Ended::unusable(&describe(process, arguments, refusal))
}

fn describe(process: &Process, arguments: &[String], refusal: &Refusal) -> Error {
    let cause = &refusal.error;
    match refusal.step {
        Step::Text => Error::user("It cannot be started")
            .cause("its arguments, its environment or its working directory contain a zero byte"),
        Step::Process => resources(Error::io("Cannot make a process", cause), cause),
        Step::Streams => resources(
            Error::io("Cannot connect its standard streams", cause),
            cause,
        ),
        Step::Directory => directory(&process.directory, cause),
        Step::Program => program(process, arguments, cause),
    }
}

/// What to do where the machine refuses.
pub(super) fn resources(error: Error, cause: &std::io::Error) -> Error {
    match cause.raw_os_error() {
        Some(libc::EAGAIN) => {
            error.hint("allow more processes, `ulimit -u`, or run fewer operations at once, `-j`")
        }
        Some(libc::ENOMEM) => error.hint("run fewer operations at once, `-j`"),
        _ => error,
    }
}

fn directory(directory: &Path, cause: &std::io::Error) -> Error {
    let name = directory.display();
    match cause.kind() {
        ErrorKind::NotFound => {
            Error::user(format!("Its working directory `{name}` does not exist"))
        }
        ErrorKind::NotADirectory => {
            Error::user(format!("Its working directory `{name}` is not a directory"))
        }
        _ => Error::io(
            format!("Cannot enter its working directory `{name}`"),
            cause,
        ),
    }
}

fn program(process: &Process, arguments: &[String], cause: &std::io::Error) -> Error {
    let executable = &process.executable;
    let name = executable.display();
    match cause.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) if !fs::exists(executable) => {
            Error::user(format!("`{name}` does not exist"))
        }
        Some(libc::ENOENT) => match interpreter(executable) {
            Some(line) => Error::user(format!("The interpreter of `{name}` does not exist"))
                .cause(format!("its first line is `{line}`"))
                .hint("install the interpreter, or correct the line"),
            None => Error::user(format!("The loader of `{name}` does not exist"))
                .cause("it was made for another system, or for other libraries"),
        },
        Some(libc::EACCES) if fs::is_directory(executable) => {
            Error::user(format!("`{name}` is a directory, and no program"))
        }
        Some(libc::EACCES) if fs::is_file(executable) && !fs::is_executable(executable) => {
            Error::user(format!("`{name}` is not executable"))
                .hint(format!("make it executable: chmod +x {name}"))
        }
        Some(libc::ENOEXEC) => Error::user(format!("`{name}` is no program"))
            .hint("the first line of a script names its interpreter, such as `#!/bin/sh`"),
        Some(libc::ETXTBSY) => Error::user(format!("`{name}` is being written"))
            .cause("a process has it open for writing"),
        Some(libc::E2BIG) => too_long(process, arguments),
        _ => resources(Error::io(format!("Cannot start `{name}`"), cause), cause),
    }
}

/// The first line of a script.
fn interpreter(executable: &Path) -> Option<String> {
    let mut start = Vec::new();
    let file = fs::open(executable).ok()?;
    file.take(256).read_to_end(&mut start).ok()?;
    let line = start.split(|&byte| byte == b'\n').next()?;
    line.starts_with(b"#!").then(|| {
        String::from_utf8_lossy(line)
            .trim_end()
            .escape_debug()
            .to_string()
    })
}

/// Which of all that it is given is too long for the kernel.
fn too_long(process: &Process, arguments: &[String]) -> Error {
    let is_long = |text: &String| text.len() > LONGEST_TEXT;
    if let Some(position) = arguments.iter().position(is_long) {
        let length = arguments[position].len();
        return Error::user("Its command line is too long for the kernel")
            .cause(format!(
                "argument {} has {length} bytes, and may have {LONGEST_TEXT}",
                position + 1
            ))
            .hint("let it use a response file, or give it the name of a file with the text");
    }
    let is_long = |(name, value): &&(String, String)| name.len() + 1 + value.len() > LONGEST_TEXT;
    if let Some((name, value)) = process.environment.iter().find(is_long) {
        return Error::user("Its environment is too long for the kernel")
            .cause(format!(
                "`{name}` has {} bytes, and may have {}",
                value.len(),
                LONGEST_TEXT - name.len() - 1
            ))
            .hint("give it the name of a file with the text");
    }
    let bytes = |texts: &mut dyn Iterator<Item = usize>| texts.map(|one| one + 1).sum::<usize>();
    let arguments = bytes(&mut arguments.iter().map(String::len));
    let variables = process.environment.iter();
    let environment = bytes(&mut variables.map(|(name, value)| name.len() + 1 + value.len()));
    Error::user("Its command line and its environment are too long for the kernel")
        .cause(format!("they have {arguments} and {environment} bytes"))
        .hint("let it use a response file, or raise the limit of the stack, `ulimit -s`")
}
