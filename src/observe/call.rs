//! What system calls do with which paths: a table. It reads no memory of the caller's.

use libc::c_long;

use super::trace::{Deeds, Gap};

/// A path that a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// What a relative path is relative to; `AT_FDCWD`: the working directory.
    pub(super) directory: i32,
    /// Where the path lies in the caller's memory; 0: none, the descriptor itself is meant.
    pub(super) address: u64,
    pub(super) deeds: Deeds,
}

/// What a call is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It touches these paths.
    Touches([Option<Named>; 2]),
    /// `openat2`: how it opens lies at the address.
    Opens { named: Named, how: u64 },
    /// It makes a link that leads to what is written at the address.
    Links { target: u64, named: Named },
    /// It binds a socket to the address, or connects one.
    Socket {
        address: u64,
        length: u64,
        binds: bool,
    },
    /// It will be killed for calls that it did not foresee.
    Confines,
    /// It puts a process into another group; 0: the caller.
    Groups { process: i32, group: i32 },
    /// It does what cannot be followed.
    Misses(Gap),
}

/// Calls that look at an open file if their path is empty: the numbers of the arguments with the descriptor and the flags.
pub(super) const OF_DESCRIPTORS: [(c_long, u32, u32); 2] =
    [(libc::SYS_newfstatat, 0, 3), (libc::SYS_statx, 0, 2)];

/// All calls that the observer is asked about.
pub(super) fn observed() -> impl Iterator<Item = c_long> {
    #[cfg(target_arch = "x86_64")]
    let old = [
        libc::SYS_open,
        libc::SYS_creat,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_access,
        libc::SYS_readlink,
        libc::SYS_getdents,
        libc::SYS_rename,
        libc::SYS_link,
        libc::SYS_symlink,
        libc::SYS_unlink,
        libc::SYS_rmdir,
        libc::SYS_mkdir,
        libc::SYS_mknod,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
        libc::SYS_uselib,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let old = [];
    let all = [
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_readlinkat,
        libc::SYS_getdents64,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_chdir,
        libc::SYS_statfs,
        libc::SYS_renameat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_unlinkat,
        libc::SYS_mkdirat,
        libc::SYS_mknodat,
        libc::SYS_truncate,
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        SYS_FCHMODAT2,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        libc::SYS_getxattr,
        libc::SYS_lgetxattr,
        libc::SYS_listxattr,
        libc::SYS_llistxattr,
        libc::SYS_inotify_add_watch,
        libc::SYS_name_to_handle_at,
        libc::SYS_open_by_handle_at,
        libc::SYS_bind,
        libc::SYS_connect,
        libc::SYS_setsid,
        libc::SYS_setpgid,
        libc::SYS_chroot,
        libc::SYS_pivot_root,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_setns,
        libc::SYS_fanotify_mark,
        libc::SYS_pidfd_getfd,
        libc::SYS_seccomp,
        SYS_SETXATTRAT,
        SYS_GETXATTRAT,
        SYS_LISTXATTRAT,
        SYS_REMOVEXATTRAT,
        SYS_OPEN_TREE_ATTR,
        SYS_FILE_GETATTR,
        SYS_FILE_SETATTR,
    ];
    old.into_iter().chain(all)
}

const SECCOMP_SET_MODE_FILTER: i32 = 1;

// The same numbers everywhere; the crate does not name them yet.
const SYS_FCHMODAT2: c_long = 452;
const SYS_SETXATTRAT: c_long = 463;
const SYS_GETXATTRAT: c_long = 464;
const SYS_LISTXATTRAT: c_long = 465;
const SYS_REMOVEXATTRAT: c_long = 466;
const SYS_OPEN_TREE_ATTR: c_long = 467;
const SYS_FILE_GETATTR: c_long = 468;
const SYS_FILE_SETATTR: c_long = 469;

/// What a call with these arguments does; `None`: nothing that counts.
pub(super) fn decode(number: c_long, arguments: &[u64; 6]) -> Option<Call> {
    let reader = Reader(arguments);
    #[cfg(target_arch = "x86_64")]
    if let Some(call) = reader.old(number) {
        return Some(call);
    }
    reader.changing(number).or_else(|| reader.looking(number))
}

const LOOKED: Deeds = Deeds::LOOKED;

/// Reads arguments.
struct Reader<'a>(&'a [u64; 6]);

impl Reader<'_> {
    /// A number of 32 bits: the kernel takes no more of it.
    fn int(&self, index: usize) -> i32 {
        self.0[index] as u32 as i32
    }

    /// A path relative to the working directory.
    fn here(&self, path: usize, deeds: Deeds) -> Named {
        Named {
            directory: libc::AT_FDCWD,
            address: self.0[path],
            deeds,
        }
    }

    /// A path relative to a directory that is the argument before it.
    fn at(&self, directory: usize, deeds: Deeds) -> Named {
        Named {
            directory: self.int(directory),
            address: self.0[directory + 1],
            deeds,
        }
    }

    fn descriptor(&self, index: usize, deeds: Deeds) -> Call {
        one(Named {
            directory: self.int(index),
            address: 0,
            deeds,
        })
    }

    /// [`Deeds::ITSELF`] if that flag is set, or not, among these flags.
    fn itself(&self, flags: usize, flag: i32, if_set: bool) -> Deeds {
        match ((self.int(flags) & flag) != 0) == if_set {
            true => Deeds::ITSELF,
            false => Deeds::default(),
        }
    }

    /// What there was before directories could be named by descriptors.
    #[cfg(target_arch = "x86_64")]
    fn old(&self, number: c_long) -> Option<Call> {
        let written = Deeds::WRITTEN;
        let made = Deeds::CREATED | Deeds::WRITTEN | Deeds::ITSELF;
        let removed = Deeds::REMOVED | Deeds::ITSELF;
        Some(match number {
            libc::SYS_open => one(self.here(0, opened(self.int(1)))),
            libc::SYS_creat => one(self.here(0, written | Deeds::CREATED)),
            libc::SYS_stat | libc::SYS_access => one(self.here(0, LOOKED)),
            libc::SYS_lstat => one(self.here(0, LOOKED | Deeds::ITSELF)),
            libc::SYS_readlink => one(self.here(0, Deeds::LINK | Deeds::ITSELF)),
            libc::SYS_getdents => self.descriptor(0, Deeds::LISTED),
            libc::SYS_rename => two(self.here(0, removed), self.here(1, made)),
            libc::SYS_link => two(
                self.here(0, Deeds::READ | Deeds::ITSELF),
                self.here(1, made),
            ),
            libc::SYS_symlink => Call::Links {
                target: self.0[0],
                named: self.here(1, made),
            },
            libc::SYS_mkdir | libc::SYS_mknod => one(self.here(0, made)),
            libc::SYS_unlink | libc::SYS_rmdir => one(self.here(0, removed)),
            libc::SYS_chmod | libc::SYS_chown | libc::SYS_utime | libc::SYS_utimes => {
                one(self.here(0, written))
            }
            libc::SYS_lchown => one(self.here(0, written | Deeds::ITSELF)),
            libc::SYS_futimesat => one(self.at(0, written)),
            libc::SYS_uselib => one(self.here(0, Deeds::READ)),
            _ => return None,
        })
    }

    /// What changes something, or makes it impossible to follow.
    fn changing(&self, number: c_long) -> Option<Call> {
        let written = Deeds::WRITTEN;
        let made = Deeds::CREATED | Deeds::WRITTEN | Deeds::ITSELF;
        let removed = Deeds::REMOVED | Deeds::ITSELF;
        let nofollow = libc::AT_SYMLINK_NOFOLLOW;
        Some(match number {
            libc::SYS_renameat | libc::SYS_renameat2 => two(self.at(0, removed), self.at(2, made)),
            libc::SYS_linkat => {
                let itself = self.itself(4, libc::AT_SYMLINK_FOLLOW, false);
                two(self.at(0, Deeds::READ | itself), self.at(2, made))
            }
            libc::SYS_symlinkat => Call::Links {
                target: self.0[0],
                named: self.at(1, made),
            },
            libc::SYS_unlinkat => one(self.at(0, removed)),
            libc::SYS_mkdirat | libc::SYS_mknodat => one(self.at(0, made)),
            libc::SYS_truncate => one(self.here(0, written | Deeds::READ)),
            libc::SYS_fchmod | libc::SYS_fchown => self.descriptor(0, written),
            libc::SYS_fsetxattr | libc::SYS_fremovexattr => self.descriptor(0, written),
            libc::SYS_fchmodat => one(self.at(0, written)),
            SYS_FCHMODAT2 | libc::SYS_utimensat => {
                one(self.at(0, written | self.itself(3, nofollow, true)))
            }
            libc::SYS_fchownat => one(self.at(0, written | self.itself(4, nofollow, true))),
            libc::SYS_setxattr | libc::SYS_removexattr => one(self.here(0, written)),
            libc::SYS_lsetxattr | libc::SYS_lremovexattr => {
                one(self.here(0, written | Deeds::ITSELF))
            }
            libc::SYS_bind | libc::SYS_connect => Call::Socket {
                address: self.0[1],
                length: self.0[2],
                binds: number == libc::SYS_bind,
            },
            libc::SYS_setsid => Call::Groups {
                process: 0,
                group: 0,
            },
            libc::SYS_setpgid => Call::Groups {
                process: self.int(0),
                group: self.int(1),
            },
            // Asking what the kernel can do is harmless.
            libc::SYS_seccomp if self.int(0) > SECCOMP_SET_MODE_FILTER => return None,
            libc::SYS_seccomp | libc::SYS_prctl => Call::Confines,
            libc::SYS_chroot => Call::Misses(Gap::Elsewhere("chroot")),
            libc::SYS_pivot_root => Call::Misses(Gap::Elsewhere("pivot_root")),
            libc::SYS_mount | libc::SYS_move_mount => Call::Misses(Gap::Elsewhere("mount")),
            libc::SYS_umount2 => Call::Misses(Gap::Elsewhere("umount")),
            SYS_SETXATTRAT | SYS_REMOVEXATTRAT => {
                one(self.at(0, written | self.itself(2, nofollow, true)))
            }
            SYS_FILE_SETATTR => one(self.at(0, written | self.itself(4, nofollow, true))),
            libc::SYS_open_tree | SYS_OPEN_TREE_ATTR => Call::Misses(Gap::Elsewhere("open_tree")),
            libc::SYS_setns => Call::Misses(Gap::Elsewhere("setns")),
            libc::SYS_open_by_handle_at => Call::Misses(Gap::Nameless("open_by_handle_at")),
            libc::SYS_pidfd_getfd => Call::Misses(Gap::Nameless("pidfd_getfd")),
            libc::SYS_fanotify_mark => Call::Misses(Gap::Nameless("fanotify")),
            _ => return None,
        })
    }

    /// What only learns something.
    fn looking(&self, number: c_long) -> Option<Call> {
        let nofollow = libc::AT_SYMLINK_NOFOLLOW;
        Some(match number {
            libc::SYS_openat => one(self.at(0, opened(self.int(2)))),
            libc::SYS_openat2 => Call::Opens {
                named: self.at(0, LOOKED),
                how: self.0[2],
            },
            libc::SYS_newfstatat => one(self.at(0, LOOKED | self.itself(3, nofollow, true))),
            libc::SYS_statx => one(self.at(0, LOOKED | self.itself(2, nofollow, true))),
            libc::SYS_faccessat => one(self.at(0, LOOKED)),
            libc::SYS_faccessat2 => one(self.at(0, LOOKED | self.itself(3, nofollow, true))),
            libc::SYS_name_to_handle_at => one(self.at(0, LOOKED)),
            SYS_GETXATTRAT | SYS_LISTXATTRAT => {
                one(self.at(0, LOOKED | self.itself(2, nofollow, true)))
            }
            SYS_FILE_GETATTR => one(self.at(0, LOOKED | self.itself(4, nofollow, true))),
            libc::SYS_readlinkat => one(self.at(0, Deeds::LINK | Deeds::ITSELF)),
            libc::SYS_getdents64 => self.descriptor(0, Deeds::LISTED),
            libc::SYS_execve => one(self.here(0, Deeds::EXECUTED)),
            libc::SYS_execveat => one(self.at(0, Deeds::EXECUTED)),
            libc::SYS_chdir | libc::SYS_statfs | libc::SYS_getxattr | libc::SYS_listxattr => {
                one(self.here(0, LOOKED))
            }
            libc::SYS_lgetxattr | libc::SYS_llistxattr => one(self.here(0, LOOKED | Deeds::ITSELF)),
            libc::SYS_inotify_add_watch => one(self.here(1, LOOKED)),
            _ => return None,
        })
    }
}

fn one(named: Named) -> Call {
    Call::Touches([Some(named), None])
}

fn two(first: Named, second: Named) -> Call {
    Call::Touches([Some(first), Some(second)])
}

/// What opening with these flags does.
pub(super) fn opened(flags: i32) -> Deeds {
    let has = |flag: i32| flags & flag == flag;
    let itself = match has(libc::O_NOFOLLOW) || has(libc::O_CREAT | libc::O_EXCL) {
        true => Deeds::ITSELF,
        false => Deeds::default(),
    };
    if has(libc::O_PATH) || has(libc::O_TMPFILE) {
        return LOOKED | itself;
    }
    let access = match flags & libc::O_ACCMODE {
        // Its entries count when they are read.
        libc::O_RDONLY if has(libc::O_DIRECTORY) => LOOKED,
        libc::O_RDONLY => Deeds::READ,
        libc::O_WRONLY if has(libc::O_APPEND) => Deeds::WRITTEN | Deeds::READ,
        libc::O_WRONLY => Deeds::WRITTEN,
        _ if has(libc::O_TRUNC) => Deeds::WRITTEN,
        _ => Deeds::WRITTEN | Deeds::READ,
    };
    // Both change what is there, or make it, even where it is opened to read.
    let changes = match (has(libc::O_CREAT), has(libc::O_TRUNC)) {
        (true, _) => Deeds::WRITTEN | Deeds::CREATED,
        (false, true) => Deeds::WRITTEN,
        (false, false) => Deeds::default(),
    };
    access | changes | itself
}
