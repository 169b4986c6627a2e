//! System calls that a confined program may not make: those by which it would reach the network, and what Landlock of
//! an older kernel leaves open. It knows nothing of files.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Compare,
    SeccompCondition, SeccompFilter, SeccompRule, apply_filter,
};

use super::Network;

/// Added to the number of a system call of the ABI with small pointers, which shares the architecture.
const SMALL_POINTERS: i64 = 0x4000_0000;

/// The keys that the kernel holds for the user.
const KEYS: [i64; 3] = [libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Result<T> = std::result::Result<T, Error>;

/// Installs the filters. The processes `guards` may get no signals; `is_covered` says that Landlock sees to files being
/// truncated.
pub(super) fn restrict(network: Network, guards: &[i32], is_covered: bool) -> Result<()> {
    let refused = refused(network, guards, is_covered)?;
    // Programs that are told that it is not there do without.
    let unknown = unknown(is_covered);
    for (rules, answer) in [(refused, libc::EACCES), (unknown, libc::ENOSYS)] {
        apply_filter(&filter(rules, answer)?)?;
    }
    Ok(())
}

fn filter(mut rules: Rules, answer: i32) -> Result<BpfProgram> {
    if cfg!(target_arch = "x86_64") {
        let twins: Rules = rules
            .iter()
            .map(|(number, rules)| (number | SMALL_POINTERS, rules.clone()))
            .collect();
        rules.extend(twins);
    }
    let refuse = SeccompAction::Errno(answer.unsigned_abs());
    let here = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, here)?;
    Ok(filter.try_into()?)
}

/// What is answered with "no such system call". By `io_uring` sockets could be opened past the filter; what `openat2` is
/// asked for cannot be seen by it.
fn unknown(is_covered: bool) -> Rules {
    let mut rules = Rules::from([(libc::SYS_io_uring_setup, Vec::new())]);
    if !is_covered {
        rules.insert(libc::SYS_openat2, Vec::new());
    }
    rules
}

/// What is answered with "permission denied".
fn refused(network: Network, guards: &[i32], is_covered: bool) -> Result<Rules> {
    let mut rules = sockets(network)?;
    rules.extend(signals(guards)?);
    if network != Network::Local {
        rules.extend(KEYS.map(|number| (number, Vec::new())));
    }
    if !is_covered {
        rules.extend(truncations()?);
    }
    Ok(rules)
}

/// Opening sockets, but of the families that are left. A pair of connected ones can always be made.
fn sockets(network: Network) -> Result<Rules> {
    let internet = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let families = match network {
        Network::None => Vec::new(),
        Network::Internet => internet.to_vec(),
        Network::Local => [internet.as_slice(), &[libc::AF_UNIX]].concat(),
    };
    let others = families
        .iter()
        .map(|family| condition(0, Compare::Ne, u64::from(family.unsigned_abs())))
        .collect::<Result<Vec<_>>>()?;
    let rules = if others.is_empty() {
        Vec::new()
    } else {
        vec![SeccompRule::new(others)?]
    };
    Ok(Rules::from([(libc::SYS_socket, rules)]))
}

/// Signals to the guards, and to all at once. Landlock sees to it only in newer kernels.
fn signals(guards: &[i32]) -> Result<Rules> {
    let to = |process: i32| -> Result<SeccompRule> {
        // Process ids are 32 bits, with a sign.
        let process = u64::from(process.cast_unsigned());
        SeccompRule::new(vec![condition(0, Compare::Eq, process)?]).map_err(Error::from)
    };
    let one: Vec<SeccompRule> = guards
        .iter()
        .map(|&guard| to(guard))
        .collect::<Result<_>>()?;
    let groups = guards.iter().map(|guard| -guard);
    let mut rules: Rules = [
        libc::SYS_tkill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_pidfd_open,
    ]
    .map(|number| (number, one.clone()))
    .into();
    let several: Vec<SeccompRule> = groups.chain([-1]).map(to).collect::<Result<_>>()?;
    rules.insert(libc::SYS_kill, [one, several].concat());
    Ok(rules)
}

/// Truncating a file by name, or by opening it for anything but writing.
fn truncations() -> Result<Rules> {
    let bits = |flags: i32| u64::from(flags.unsigned_abs());
    let mask = Compare::MaskedEq(bits(libc::O_ACCMODE | libc::O_TRUNC));
    let opens = |argument: u8| -> Result<Vec<SeccompRule>> {
        // The mode in which all bits are set is one, too: for nothing but system calls of devices.
        let modes = [libc::O_RDONLY, libc::O_ACCMODE];
        let rule = |mode: i32| {
            let flags = condition(argument, mask.clone(), bits(mode | libc::O_TRUNC))?;
            SeccompRule::new(vec![flags]).map_err(Error::from)
        };
        modes.into_iter().map(rule).collect()
    };
    let mut rules = Rules::from([
        (libc::SYS_truncate, Vec::new()),
        (libc::SYS_openat, opens(2)?),
    ]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, opens(1)?);
    Ok(rules)
}

fn condition(argument: u8, compare: Compare, value: u64) -> Result<SeccompCondition> {
    Ok(SeccompCondition::new(
        argument,
        Width::Dword,
        compare,
        value,
    )?)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;
    use crate::fs;

    /// Runs `attempt` on a thread of its own, which alone is restricted.
    fn restricted<T: Send>(is_covered: bool, attempt: impl FnOnce() -> T + Send) -> T {
        let restricted = || {
            let guards = [std::process::id().cast_signed()];
            restrict(Network::None, &guards, is_covered).unwrap();
            attempt()
        };
        std::thread::scope(|scope| scope.spawn(restricted).join().unwrap())
    }

    /// Catches files that lose their content on kernels whose Landlock does not know of truncation, as this one's does.
    #[test]
    fn truncating_is_refused_where_landlock_does_not_see_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, b"content").unwrap();
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        let truncate = |is_covered| {
            restricted(is_covered, || {
                #[expect(unsafe_code, reason = "the standard library has no truncation by name")]
                // SAFETY: the name ends with a zero byte and lives on.
                unsafe {
                    libc::truncate(name.as_ptr(), 1)
                }
            })
        };
        let open = |flags: i32| {
            restricted(false, || {
                let mut options = File::options();
                options.read(true).custom_flags(flags).open(&path).is_ok()
            })
        };
        assert_eq!(truncate(false), -1);
        // The standard library opens for reading, or as the flags say besides.
        assert!(!open(libc::O_TRUNC) && open(libc::O_NONBLOCK));
        assert_eq!(fs::read(&path).unwrap(), b"content");
        let overwritten = restricted(false, || fs::write(&path, b"other"));
        overwritten.unwrap();
        assert_eq!(truncate(true), 0);
    }
    /// Catches a program that ends those who look after it, on kernels whose Landlock does not know of signals.
    #[test]
    fn guards_get_no_signals() {
        use rustix::process::{getpid, test_kill_process, test_kill_process_group};
        let refused = Err(rustix::io::Errno::ACCESS);
        restricted(true, || {
            assert_eq!(test_kill_process(getpid()), refused);
            assert_eq!(test_kill_process_group(getpid()), refused);
        });
    }
}
