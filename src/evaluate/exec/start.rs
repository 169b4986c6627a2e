//! Starts a program as `posix_spawn` does: in a child that shares the memory of this process until it becomes the program,
//! so nothing is copied, however large wake is. It knows neither time nor output.
//!
//! Neither the standard library nor `posix_spawn` itself can do all that an operation needs, and they make ten times as
//! many system calls:
//!
//! - The process descriptor comes with the process, and can mean no other one.
//! - Nothing is inherited: no descriptor but the three streams and those that are meant, no blocked and no ignored signal.
//! - It has no controlling terminal, so a program that asks for a password behind wake's back is refused. It would be stopped
//!   instead, and wait for ever.
//! - If wake is killed, so is it.
//!
//! Between `clone` and `exec` the child runs on memory that other threads use. So it does nothing but system calls, and
//! all signals are blocked: no handler of wake's runs in it.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, OnceLock};

use rustix::process::Pid;

use crate::fs;
use crate::observe::{Mark, Observer, Watched};

/// A program to start.
pub(super) struct Start<'a> {
    pub(super) executable: &'a Path,
    pub(super) arguments: &'a [String],
    pub(super) directory: &'a Path,
    pub(super) environment: &'a [(String, String)],
    /// Its standard streams; none: it has those of wake, its process group and its terminal.
    pub(super) streams: Option<[BorrowedFd<'a>; 3]>,
    /// Other descriptors that it inherits, with their numbers, sorted.
    pub(super) inherited: &'a [RawFd],
    /// Where it is noted what it touches, if that is observed.
    pub(super) watched: Option<&'a (&'static Observer, Arc<Watched>)>,
}

/// A program that runs.
pub(super) struct Started {
    pub(super) pid: Pid,
    /// Readable when it has ended.
    pub(super) exit: OwnedFd,
}

/// What could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Step {
    /// To write down what it is given: an argument or a variable contains a zero byte.
    Text,
    /// To make a process.
    Process,
    /// To enter its working directory.
    Directory,
    /// To connect its standard streams.
    Streams,
    /// To become the program.
    Program,
}

/// Why a program was not started.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) step: Step,
    pub(super) error: io::Error,
}

/// An empty file to read from, opened once for all operations.
pub(super) fn nothing() -> crate::error::Result<BorrowedFd<'static>> {
    use std::os::fd::AsFd;
    static NOTHING: OnceLock<File> = OnceLock::new();
    if let Some(file) = NOTHING.get() {
        return Ok(file.as_fd());
    }
    let file = fs::open(Path::new("/dev/null"))?;
    Ok(NOTHING.get_or_init(|| file).as_fd())
}

/// Starts it.
pub(super) fn start(start: &Start<'_>) -> Result<Started, Refusal> {
    let texts = Texts::of(start).map_err(|error| Refusal {
        step: Step::Text,
        error,
    })?;
    let surroundings = surroundings();
    let mut order = Order {
        executable: texts.executable.as_ptr(),
        arguments: texts.arguments.as_ptr(),
        environment: texts.environment.as_ptr(),
        directory: texts.directory.as_ptr(),
        streams: start
            .streams
            .map(|streams| streams.map(|fd| fd.as_raw_fd())),
        inherited: start.inherited,
        surroundings,
        mark: None,
        failure: None,
    };
    let mut exit: RawFd = -1;
    let pid = match start.watched {
        None => clone(&mut order, &mut exit),
        Some((observer, watched)) => {
            let path = start.directory.join(start.executable);
            let started = observer.start_program(&path, watched, |mark| {
                order.mark = Some(mark);
                let pid = clone(&mut order, &mut exit);
                order.mark = None;
                pid
            });
            started.and_then(|pid| pid)
        }
    };
    let pid = pid.map_err(|error| Refusal {
        step: Step::Process,
        error,
    })?;
    if exit < 0 {
        // A kernel that does not know process descriptors ignores that one is wanted.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
        return Err(Refusal {
            step: Step::Process,
            error: io::Error::from_raw_os_error(libc::ENOSYS),
        });
    }
    #[expect(unsafe_code, reason = "the descriptor comes as a number")]
    // SAFETY: the kernel has just opened it for this call, and nobody else knows it.
    let exit = unsafe { OwnedFd::from_raw_fd(exit) };
    let Some((step, number)) = order.failure else {
        return Ok(Started { pid, exit });
    };
    // It has ended already; nothing of it may stay.
    let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    Err(Refusal {
        step,
        error: io::Error::from_raw_os_error(number),
    })
}

/// The texts that `execve` wants, alive until the program has started.
struct Texts {
    executable: CString,
    directory: CString,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// What the pointers point to.
    _bytes: Vec<u8>,
}

impl Texts {
    fn of(start: &Start<'_>) -> io::Result<Self> {
        let executable = start.executable.as_os_str().as_bytes();
        let length = |text: &String| text.len() + 1;
        let arguments: usize = start.arguments.iter().map(length).sum();
        let variable = |(name, value): &(String, String)| name.len() + value.len() + 2;
        let environment: usize = start.environment.iter().map(variable).sum();
        let mut bytes = Vec::with_capacity(executable.len() + 1 + arguments + environment);
        let mut starts = Vec::with_capacity(1 + start.arguments.len() + start.environment.len());
        let mut add = |parts: &[&[u8]]| {
            starts.push(bytes.len());
            for part in parts {
                if part.contains(&0) {
                    return Err(io::Error::from(io::ErrorKind::InvalidInput));
                }
                bytes.extend_from_slice(part);
            }
            bytes.push(0);
            Ok(())
        };
        add(&[executable])?;
        for argument in start.arguments {
            add(&[argument.as_bytes()])?;
        }
        for (name, value) in start.environment {
            add(&[name.as_bytes(), b"=", value.as_bytes()])?;
        }
        let pointers = |starts: &[usize]| {
            let pointers = starts.iter().map(|&start| bytes[start..].as_ptr().cast());
            pointers.chain([ptr::null()]).collect()
        };
        let (arguments, environment) = starts.split_at(1 + start.arguments.len());
        Ok(Self {
            executable: CString::new(executable)?,
            directory: CString::new(start.directory.as_os_str().as_bytes())?,
            arguments: pointers(arguments),
            environment: pointers(environment),
            _bytes: bytes,
        })
    }
}

/// What the child does, prepared so that it need not allocate; and how far it came.
struct Order<'a> {
    executable: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    directory: *const c_char,
    streams: Option<[RawFd; 3]>,
    inherited: &'a [RawFd],
    surroundings: &'static Surroundings,
    /// What it is observed by, if it is.
    mark: Option<*const Mark>,
    failure: Option<(Step, i32)>,
}

#[expect(
    unsafe_code,
    reason = "another thread may be the one that makes the process"
)]
// SAFETY: what it points to is alive as long as it is, and nobody changes it meanwhile.
unsafe impl Send for Order<'_> {}

/// What a child has of wake and must not pass on: the same for all, so found out once.
struct Surroundings {
    /// Signals that wake handles or ignores.
    signals: Vec<c_int>,
    /// The controlling terminal, if there is one.
    terminal: Option<File>,
}

fn surroundings() -> &'static Surroundings {
    static FOUND: OnceLock<Surroundings> = OnceLock::new();
    FOUND.get_or_init(|| {
        // Whoever started wake may ignore it, and then the kernel would throw away how children end.
        set_default(libc::SIGCHLD);
        Surroundings {
            signals: (1..=libc::SIGRTMAX())
                .filter(|&signal| !is_default(signal))
                .collect(),
            terminal: fs::open_terminal(),
        }
    })
}

fn is_default(signal: c_int) -> bool {
    #[expect(unsafe_code, reason = "sigaction has no safe wrapper")]
    // SAFETY: it reads into a live local variable. The numbers that the C library keeps for itself are refused.
    unsafe {
        let mut found: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut found) != 0
            || found.sa_sigaction == libc::SIG_DFL
    }
}

fn set_default(signal: c_int) {
    #[expect(unsafe_code, reason = "sigaction has no safe wrapper")]
    // SAFETY: all zeros is the default action with no flags and an empty mask.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, &raw const default, ptr::null_mut());
    }
}

/// How much stack a child has. It makes system calls and nothing else.
const STACK: usize = 64 << 10;

thread_local! {
    /// A thread waits until its child is a program, so one stack is enough for all its children.
    static CHILD_STACK: std::cell::RefCell<Vec<u128>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Makes the child and waits until it has become the program, or has failed to.
fn clone(order: &mut Order<'_>, exit: &mut RawFd) -> io::Result<Pid> {
    CHILD_STACK.with_borrow_mut(|stack| {
        stack.resize(STACK / size_of::<u128>(), 0);
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        #[expect(unsafe_code, reason = "this is how a process is started")]
        // SAFETY: the stack is aligned, grows down from its end and is used by this child alone: `CLONE_VFORK` holds
        // this thread until the child has given up the memory. `order` and what it points to live as long. All signals
        // are blocked meanwhile, so no handler runs on that stack.
        let (pid, error) = unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            let pid = libc::clone(
                become_program,
                stack.as_mut_ptr_range().end.cast(),
                flags,
                ptr::from_mut(order).cast(),
                ptr::from_mut(exit),
            );
            let error = io::Error::last_os_error();
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
            (pid, error)
        };
        match pid {
            1.. => Pid::from_raw(pid).ok_or(error),
            _ => Err(error),
        }
    })
}

/// The child.
extern "C" fn become_program(order: *mut c_void) -> c_int {
    #[expect(unsafe_code, reason = "this is how a process becomes a program")]
    // SAFETY: the parent waits, so nobody else uses the order. Only system calls are made.
    unsafe {
        let order = &mut *order.cast::<Order<'_>>();
        let step = prepare(order);
        let step = match step {
            None => {
                if let Some(mark) = order.mark {
                    (*mark).tell_group(libc::getpgrp());
                }
                let (path, arguments) = (order.executable, order.arguments);
                let environment = order.environment;
                libc::syscall(
                    libc::SYS_execve,
                    path,
                    arguments,
                    environment,
                    0,
                    0,
                    cookie(order),
                );
                Step::Program
            }
            Some(step) => step,
        };
        order.failure = Some((step, *libc::__errno_location()));
        libc::_exit(127)
    }
}

/// What marks calls of the child as wake's own: the kernel uses no sixth argument of them.
///
/// # Safety
/// The mark is alive while the child is not yet a program.
#[expect(unsafe_code, reason = "the mark comes as an address")]
unsafe fn cookie(order: &Order<'_>) -> u64 {
    // SAFETY: as above.
    order.mark.map_or(0, |mark| unsafe { (*mark).cookie() })
}

/// Everything but the program itself; what did not work, with `errno`.
///
/// # Safety
/// Called in the child only, with pointers that are alive.
#[expect(unsafe_code, reason = "system calls of a child that must not allocate")]
unsafe fn prepare(order: &Order<'_>) -> Option<Step> {
    // SAFETY: as above. What is not checked cannot fail, or may: then the program has a little more than it should.
    unsafe {
        if order.streams.is_some() {
            libc::syscall(libc::SYS_setpgid, 0, 0, 0, 0, 0, cookie(order));
            if let Some(terminal) = &order.surroundings.terminal {
                libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY);
            }
        }
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::syscall(libc::SYS_chdir, order.directory, 0, 0, 0, 0, cookie(order)) != 0 {
            return Some(Step::Directory);
        }
        for (number, &stream) in (0..).zip(order.streams.iter().flatten()) {
            if libc::dup2(stream, number) < 0 {
                return Some(Step::Streams);
            }
        }
        let mut first = 3;
        for &kept in order.inherited {
            if kept > first {
                libc::syscall(libc::SYS_close_range, first, kept - 1, 0);
            }
            first = first.max(kept + 1);
        }
        libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0);
        for &signal in &order.surroundings.signals {
            set_default(signal);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
    None
}
