//! The seccomp filter: which system calls the observer is asked about. It knows nothing of what they mean.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use super::call;

/// The architecture of system calls that the observer understands, as the kernel names it.
#[cfg(target_arch = "x86_64")]
pub(super) const HERE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(super) const HERE: u32 = 0xc000_00b7;

/// Numbers from here on are of the ABI with small pointers, on x86-64. Nobody uses it, and it is not understood.
pub(super) const SMALL_POINTERS: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// The low half of an argument.
const fn argument(number: u32) -> u32 {
    16 + 8 * number
}

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const ASK: u32 = libc::SECCOMP_RET_USER_NOTIF;
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

const fn statement(code: u16, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// The program. `cookie`: what the sixth argument is of calls that pass: of those that are observed, the kernel uses it of
/// none.
///
/// The kernel works out once which system calls it allows without looking at their arguments, and for those runs no
/// program at all. So the order of the others matters little, and there is no need to search cleverly; and arguments are
/// looked at only once it is clear that the call is one of the others.
fn program(cookie: u64) -> Vec<libc::sock_filter> {
    let (low, high) = (cookie as u32, (cookie >> 32) as u32);
    let mut end = vec![
        statement(RETURN, ALLOW),
        statement(LOAD, argument(5)),
        jump(EQUAL, low, 0, 3),
        statement(LOAD, argument(5) + 4),
        jump(EQUAL, high, 0, 1),
        statement(RETURN, ALLOW),
        statement(RETURN, ASK),
    ];
    let mut program = vec![
        statement(LOAD, ARCHITECTURE),
        jump(EQUAL, HERE, 1, 0),
        // Told as a gap: its numbers mean something else.
        statement(RETURN, ASK),
        statement(LOAD, NUMBER),
        jump(AT_LEAST, SMALL_POINTERS, 0, 1),
        statement(RETURN, ASK),
        // What is done by it would pass by the filter. Programs that are told that it is not there do without.
        jump(EQUAL, number(libc::SYS_io_uring_setup), 0, 1),
        statement(RETURN, UNKNOWN),
    ];
    for (call, descriptor, flags) in call::OF_DESCRIPTORS {
        // A look at an open file, which is how the C library asks for it: half of all calls, and nothing new.
        program.extend([
            jump(EQUAL, number(call), 0, 6),
            statement(LOAD, argument(flags)),
            jump(EQUAL, libc::AT_EMPTY_PATH as u32, 0, 3),
            statement(LOAD, argument(descriptor)),
            // Others are no descriptors: the sign, and `AT_FDCWD`.
            jump(AT_LEAST, 0x8000_0000, 1, 0),
            statement(RETURN, ALLOW),
            statement(LOAD, NUMBER),
        ]);
    }
    program.extend([
        jump(EQUAL, number(libc::SYS_prctl), 0, 4),
        statement(LOAD, argument(0)),
        jump(EQUAL, libc::PR_SET_SECCOMP as u32, 0, 1),
        statement(RETURN, ASK),
        statement(RETURN, ALLOW),
    ]);
    let calls: Vec<libc::c_long> = call::observed().collect();
    for (index, call) in calls.iter().enumerate() {
        // Over the rest of them, and over what returns at their end.
        let over = u8::try_from(calls.len() - index).unwrap_or(u8::MAX);
        program.push(jump(EQUAL, number(*call), over, 0));
    }
    program.append(&mut end);
    program
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

/// Puts the filter on the calling thread, for ever, and on all that it starts. Returns where the observer is asked. `cookie`:
/// what marks calls that need not be asked about.
///
/// # Errors
/// The kernel's: `EINVAL`, `ENOSYS` or `EACCES` where there is no such thing or it is not permitted, `EBUSY` where somebody
/// else is asked already.
pub(super) fn install(cookie: u64) -> io::Result<OwnedFd> {
    let mut program = program(cookie);
    // Signals that can be waited with do not interrupt a call that was asked about (Linux 5.19).
    let killable =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    let plain = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let mut try_both = || {
        seccomp(&mut program, killable).or_else(|error| match error.raw_os_error() {
            Some(libc::EINVAL) => seccomp(&mut program, plain),
            _ => Err(error),
        })
    };
    try_both().or_else(|error| match error.raw_os_error() {
        // Who may not install filters on programs that gain rights may where none gains any.
        Some(libc::EACCES) => {
            rustix::thread::set_no_new_privs(true)?;
            try_both()
        }
        _ => Err(error),
    })
}

fn seccomp(program: &mut [libc::sock_filter], flags: libc::c_ulong) -> io::Result<OwnedFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(u16::MAX),
        filter: program.as_mut_ptr(),
    };
    #[expect(unsafe_code, reason = "seccomp has no safe wrapper with a listener")]
    // SAFETY: the program is alive during the call and is as long as it says; the descriptor is new and nobody else's.
    unsafe {
        let result = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const program,
        );
        match i32::try_from(result) {
            Ok(descriptor) if descriptor >= 0 => Ok(OwnedFd::from_raw_fd(descriptor)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
