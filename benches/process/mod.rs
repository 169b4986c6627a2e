//! What a process took.

/// Waits for a process: whether it succeeded, and its peak memory in MiB.
pub(crate) fn wait(child: std::process::Child) -> (bool, f64) {
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    #[expect(
        unsafe_code,
        reason = "the standard library does not tell what a child used"
    )]
    // SAFETY: both pointers are to live values of the right type, and the child is ours and not waited for elsewhere.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::wait4(pid, &raw mut status, 0, &raw mut usage);
        usage
    };
    #[expect(clippy::cast_precision_loss, reason = "kibibytes of memory fit")]
    let mebibytes = usage.ru_maxrss as f64 / 1024.0;
    (
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        mebibytes,
    )
}
