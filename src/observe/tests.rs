//! Real programs of several kinds, and what is noted of them. What a test is for is said by its name.

#![expect(
    clippy::disallowed_methods,
    reason = "tests write their files directly"
)]

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Asking, Deeds, Gap, How, Observed, Observer, There, observer};
use crate::evaluate::Interrupt;
use crate::evaluate::exec::{self, Input, Process, Watch, output};
use crate::event::Outcome;

/// A directory with programs and files.
struct Place {
    directory: tempfile::TempDir,
    how: How,
}

impl Place {
    fn new(how: &How) -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            how: how.clone(),
        };
        for directory in ["dir", "empty", "tmp"] {
            std::fs::create_dir(place.path(directory)).unwrap();
        }
        for (path, text) in [("file", "text"), ("dir/inner", "inner"), ("old", "old")] {
            std::fs::write(place.path(path), text).unwrap();
        }
        std::os::unix::fs::symlink("file", place.path("link")).unwrap();
        std::os::unix::fs::symlink("dir", place.path("linked")).unwrap();
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(path)
    }

    /// Runs a program and returns what was observed of it. It must succeed.
    fn observe(&self, program: &Path, arguments: &[&str]) -> Observed {
        let process = Process {
            executable: program.to_owned(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            directory: self.path(""),
            environment: vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())],
            input: Input::Nothing,
            stdout: None,
            inherited: Vec::new(),
            console: false,
            timeout: None,
            grace: std::time::Duration::ZERO,
            response_file: crate::graph::ResponseFile::Never,
            temporary: self.path("tmp"),
            log: None,
            most_printed: output::FLOOD,
            observed: Some(Watch {
                how: self.how.clone(),
                busy: self.path(""),
            }),
        };
        let ended = exec::run(&process, &Interrupt::new().unwrap());
        assert_eq!(
            ended.outcome,
            Outcome::Succeeded,
            "{}",
            ended.printed.text()
        );
        ended.observed.unwrap().work_out()
    }

    fn shell(&self, script: &str) -> Observed {
        self.observe(Path::new("/bin/sh"), &["-c", script])
    }

    /// What was done with the paths below this place, by their names in it.
    fn told(&self, observed: &Observed) -> Vec<String> {
        let top = self.path("");
        let accesses = observed.accesses.iter();
        let tell = |access: &super::Access| {
            let name = access.path.strip_prefix(&top).ok()?;
            let absent = if access.found == Some(There::Nothing) {
                " (absent)"
            } else {
                ""
            };
            Some(format!("{}: {}{absent}", name.display(), access.deeds))
        };
        accesses.filter_map(tell).collect()
    }

    fn deeds(&self, observed: &Observed, path: &str) -> Option<Deeds> {
        let path = self.path(path);
        let found = observed.accesses.iter().find(|access| access.path == path);
        found.map(|access| access.deeds)
    }

    /// Compiles a C program that does what `body` says; `None` where there is no compiler.
    fn compile(&self, name: &str, body: &str, flags: &[&str]) -> Option<PathBuf> {
        let text = format!("{PRELUDE}int main(void) {{ {body} return 0; }}\n");
        let program = self.path(name);
        std::fs::hard_link(compiled(&text, flags)?, &program).unwrap();
        Some(program)
    }
}

/// A compiled program. Each is compiled once, for all tests and all ways.
fn compiled(text: &str, flags: &[&str]) -> Option<PathBuf> {
    static COMPILER: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let version = || Some(Command::new("gcc").arg("-v").output().ok()?.stderr);
    let compiler = COMPILER.get_or_init(version).as_ref()?;
    let directory = std::env::temp_dir().join("wake-test-programs");
    std::fs::create_dir_all(&directory).unwrap();
    let mut hasher = blake3::Hasher::new();
    hasher.update(compiler).update(text.as_bytes());
    hasher.update(flags.join("\0").as_bytes());
    let program = directory.join(&hasher.finalize().to_hex()[..20]);
    if !program.exists() {
        let place = tempfile::tempdir_in(&directory).unwrap();
        let (source, made) = (place.path().join("source.c"), place.path().join("program"));
        std::fs::write(&source, text).unwrap();
        let mut gcc = Command::new("gcc");
        gcc.args(["-w", "-o"]).arg(&made).arg(&source).args(flags);
        let output = gcc.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        std::fs::rename(&made, &program).unwrap();
    }
    Some(program)
}

const PRELUDE: &str = "#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>
";

/// Does it once for each way to observe that there is here; says so of those that there are not.
fn each_way(test: &str, check: impl Fn(&How)) {
    use std::io::Write;
    let copies = std::env::temp_dir().join("wake-test-copies");
    let ways = [(Some(&copies), true), (Some(&copies), false), (None, false)];
    for (copies, may_mount) in ways {
        let how = How {
            copies: copies.cloned(),
            may_mount,
        };
        let cause = match observer(&how).map(Observer::asking) {
            Ok(Asking::All(cause)) if how.copies.is_some() => Some(cause.as_str()),
            Ok(Asking::Loaders(cause)) if may_mount => Some(cause.as_str()),
            Ok(_) => None,
            Err(cause) => Some(cause),
        };
        match cause {
            None => check(&how),
            Some(cause) => {
                let _ = writeln!(std::io::stderr(), "skipped: {test} {how:?}: {cause}");
            }
        }
    }
}

/// Each system call with what is to be noted of it. The calls are made by the C library or, as `syscall` makes them,
/// without it; the program is dynamic or static.
#[test]
fn every_system_call_is_noted() {
    each_way("every_system_call_is_noted", |how| {
        let calls: &[(&str, &str, &[&str])] = &[
            ("open", "open(\"file\", O_RDONLY);", &["file: read"]),
            (
                "open absent",
                "open(\"no\", O_RDONLY);",
                &["no: read (absent)"],
            ),
            (
                "open link",
                "open(\"link\", O_RDONLY);",
                &["file: read", "link: link read"],
            ),
            (
                "open nofollow",
                "open(\"link\", O_RDONLY|O_NOFOLLOW);",
                &["link: read"],
            ),
            (
                "open to write",
                "open(\"new\", O_WRONLY|O_CREAT, 0644);",
                &["new: written (absent)"],
            ),
            (
                "open to append",
                "open(\"file\", O_WRONLY|O_APPEND);",
                &["file: read, written"],
            ),
            (
                "open both",
                "open(\"file\", O_RDWR);",
                &["file: read, written"],
            ),
            (
                "open path",
                "open(\"file\", O_PATH);",
                &["file: looked for"],
            ),
            ("creat", "creat(\"file\", 0644);", &["file: written"]),
            (
                "raw open",
                "syscall(SYS_open, \"file\", O_RDONLY);",
                &["file: read"],
            ),
            (
                "raw openat",
                "syscall(SYS_openat, AT_FDCWD, \"file\", O_RDONLY);",
                &["file: read"],
            ),
            (
                "openat",
                "int d = open(\"dir\", O_RDONLY|O_DIRECTORY); openat(d, \"inner\", O_RDONLY);",
                &["dir: looked for", "dir/inner: read"],
            ),
            (
                "openat2",
                "struct open_how how = {.flags = O_RDONLY}; syscall(SYS_openat2, AT_FDCWD, \"file\", &how, sizeof how);",
                &["file: read"],
            ),
            (
                "stat",
                "struct stat s; stat(\"file\", &s);",
                &["file: looked for"],
            ),
            (
                "raw stat",
                "struct stat s; syscall(SYS_stat, \"link\", &s);",
                &["file: looked for", "link: link read"],
            ),
            (
                "lstat",
                "struct stat s; lstat(\"link\", &s);",
                &["link: looked for"],
            ),
            (
                "raw lstat",
                "struct stat s; syscall(SYS_lstat, \"link\", &s);",
                &["link: looked for"],
            ),
            (
                "fstat",
                "struct stat s; fstat(open(\"file\", O_RDONLY), &s);",
                &["file: read"],
            ),
            (
                "statx",
                "struct statx s; statx(AT_FDCWD, \"file\", 0, STATX_ALL, &s);",
                &["file: looked for"],
            ),
            (
                "access",
                "access(\"no\", R_OK);",
                &["no: looked for (absent)"],
            ),
            (
                "raw access",
                "syscall(SYS_access, \"file\", R_OK);",
                &["file: looked for"],
            ),
            (
                "faccessat",
                "faccessat(AT_FDCWD, \"file\", R_OK, AT_EACCESS);",
                &["file: looked for"],
            ),
            (
                "readlink",
                "char b[99]; readlink(\"link\", b, 99);",
                &["link: link read"],
            ),
            (
                "raw readlink",
                "char b[99]; syscall(SYS_readlink, \"link\", b, 99);",
                &["link: link read"],
            ),
            (
                "readdir",
                "DIR *d = opendir(\"dir\"); while (readdir(d));",
                &["dir: listed, looked for"],
            ),
            (
                "raw getdents",
                "char b[999]; syscall(SYS_getdents, open(\"dir\", O_RDONLY), b, 999);",
                &["dir: read, listed"],
            ),
            (
                "chdir",
                "chdir(\"dir\"); open(\"inner\", O_RDONLY);",
                &["dir: looked for", "dir/inner: read"],
            ),
            (
                "fchdir",
                "fchdir(open(\"linked\", O_RDONLY)); open(\"inner\", O_RDONLY);",
                &["dir: read", "dir/inner: read", "linked: link read"],
            ),
            (
                "through a link",
                "open(\"linked/inner\", O_RDONLY);",
                &["dir/inner: read", "linked: link read"],
            ),
            (
                "up",
                "open(\"linked/../file\", O_RDONLY);",
                &["file: read", "linked: link read"],
            ),
            (
                "own directory",
                "open(\"/proc/self/cwd/file\", O_RDONLY);",
                &["file: read"],
            ),
            (
                "own descriptor",
                "dup2(open(\"dir\", O_RDONLY), 50); open(\"/proc/self/fd/50/inner\", O_RDONLY);",
                &["dir: read", "dir/inner: read"],
            ),
            (
                "rename",
                "rename(\"old\", \"new\");",
                &["new: written (absent)", "old: removed"],
            ),
            (
                "raw rename",
                "syscall(SYS_rename, \"old\", \"new\");",
                &["new: written (absent)", "old: removed"],
            ),
            (
                "renameat2",
                "renameat2(AT_FDCWD, \"old\", AT_FDCWD, \"file\", 0);",
                &["file: written", "old: removed"],
            ),
            (
                "link",
                "link(\"file\", \"new\");",
                &["file: read", "new: written (absent)"],
            ),
            (
                "symlink",
                "symlink(\"x\", \"new\");",
                &["new: written (absent)"],
            ),
            (
                "a link of its own",
                "symlink(\"file\", \"new\"); open(\"new\", O_RDONLY);",
                &["file: read", "new: link read, written (absent)"],
            ),
            (
                "a link that is gone again",
                "symlink(\"dir\", \"new\"); open(\"new/inner\", O_RDONLY); unlink(\"new\");",
                &[
                    "dir/inner: read",
                    "new: link read, written, removed (absent)",
                ],
            ),
            (
                "open to change",
                "fopen(\"no\", \"r+\");",
                &["no: read, written (absent)"],
            ),
            ("unlink", "unlink(\"old\");", &["old: removed"]),
            (
                "raw unlink",
                "syscall(SYS_unlink, \"old\");",
                &["old: removed"],
            ),
            (
                "unlinkat",
                "unlinkat(AT_FDCWD, \"old\", 0);",
                &["old: removed"],
            ),
            ("mkdir", "mkdir(\"new\", 0755);", &["new: written (absent)"]),
            ("rmdir", "rmdir(\"empty\");", &["empty: removed"]),
            (
                "mkfifo",
                "mkfifo(\"new\", 0644);",
                &["new: written (absent)"],
            ),
            ("truncate", "truncate(\"old\", 1);", &["old: read, written"]),
            ("chmod", "chmod(\"old\", 0600);", &["old: written"]),
            (
                "fchmod",
                "fchmod(open(\"old\", O_RDONLY), 0600);",
                &["old: read, written"],
            ),
            ("chown", "chown(\"old\", -1, -1);", &["old: written"]),
            ("utime", "utime(\"old\", 0);", &["old: written"]),
            (
                "futimens",
                "futimens(open(\"old\", O_RDONLY), 0);",
                &["old: read, written"],
            ),
            (
                "utimensat",
                "utimensat(AT_FDCWD, \"old\", 0, 0);",
                &["old: written"],
            ),
            (
                "getxattr",
                "char b[9]; getxattr(\"file\", \"user.x\", b, 9);",
                &["file: looked for"],
            ),
            (
                "setxattr",
                "setxattr(\"file\", \"user.x\", \"y\", 1, 0);",
                &["file: written"],
            ),
            (
                "execve failing",
                "execl(\"no\", \"no\", (char*)0);",
                &["no: executed (absent)"],
            ),
            (
                "fork",
                "if (!fork()) { open(\"file\", O_RDONLY); _exit(0); } wait(0);",
                &["file: read"],
            ),
            (
                "vfork",
                "if (!vfork()) { open(\"file\", O_RDONLY); _exit(0); } wait(0);",
                &["file: read"],
            ),
            (
                "two forks and a session",
                "int p[2]; pipe(p); if (!fork()) { setsid(); if (!fork()) { open(\"file\", O_RDONLY); _exit(0); } _exit(0); } \
             close(p[1]); char c; read(p[0], &c, 1); wait(0);",
                &["file: read"],
            ),
            (
                "all descriptors closed",
                "close_range(0, ~0u, 0); open(\"file\", O_RDONLY);",
                &["file: read"],
            ),
            (
                "no environment",
                "clearenv(); open(\"file\", O_RDONLY);",
                &["file: read"],
            ),
            (
                "a bad address",
                "open((char*)1, O_RDONLY); open(0, O_RDONLY);",
                &[],
            ),
            (
                "a name that is not UTF-8",
                "open(\"\\xff\\xfe\", O_RDONLY);",
                &["\u{fffd}\u{fffd}: read (absent)"],
            ),
        ];
        for flags in [&[][..], &["-static"]] {
            for (title, body, wanted) in calls {
                let place = Place::new(how);
                let Some(program) = place.compile("program", body, flags) else {
                    return;
                };
                let observed = place.observe(&program, &[]);
                let mut told = place.told(&observed);
                told.retain(|line| !line.starts_with("program"));
                assert_eq!(told, *wanted, "{title} {flags:?}");
                assert_eq!(observed.gap, None, "{title} {flags:?}");
            }
        }
    });
}

/// Catches a path that is cut, and one that crosses pages.
#[test]
fn long_paths_are_read_whole() {
    each_way("long_paths_are_read_whole", |how| {
        let place = Place::new(how);
        let body = "char *p = malloc(5000); memset(p, 0, 5000); for (int i = 0; i < 4088; i += 2) memcpy(p + i, \"./\", 2);
                strcpy(p + 4088, \"file\"); open(p, O_RDONLY);
                char *q = malloc(6000); memset(q, 'x', 5999); q[5999] = 0; open(q, O_RDONLY);";
        if let Some(program) = place.compile("program", body, &[]) {
            let observed = place.observe(&program, &[]);
            assert_eq!(place.deeds(&observed, "file"), Some(Deeds::READ));
        }
    });
}

/// Threads, and calls that are interrupted by signals all the time.
#[test]
fn nothing_is_lost_among_threads_and_signals() {
    each_way("nothing_is_lost_among_threads_and_signals", |how| {
        let place = Place::new(how);
        let body = "struct sigaction a = {.sa_handler = tick}; sigaction(SIGALRM, &a, 0); ualarm(300, 300);
                pthread_t t[4]; for (long i = 0; i < 4; i++) pthread_create(t + i, 0, work, (void*)i);
                for (int i = 0; i < 4; i++) pthread_join(t[i], 0);";
        let helpers = "static void tick(int s) {}
                   static void *work(void *n) { for (int i = 0; i < 500; i++) { char b[40];
                     sprintf(b, \"n%ld-%d\", (long)n, i); int r; do r = open(b, O_RDONLY); while (r < 0 && errno == EINTR); } return 0; }";
        let text = format!(
            "{PRELUDE}#include <errno.h>\n{helpers}\nint main(void) {{ {body} return 0; }}\n"
        );
        std::fs::write(place.path("program.c"), text).unwrap();
        let made = Command::new("gcc")
            .args(["-w", "-pthread", "-o"])
            .args([place.path("program"), place.path("program.c")])
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        let observed = place.observe(&place.path("program"), &[]);
        let seen = place.told(&observed);
        let seen = seen.iter().filter(|line| line.starts_with('n')).count();
        assert_eq!(seen, 4 * 500);
    });
}

/// Several programs at once: what one does is not noted of another.
#[test]
fn programs_at_the_same_time_are_told_apart() {
    each_way("programs_at_the_same_time_are_told_apart", |how| {
        let place = Place::new(how);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let place = &place;
                scope.spawn(move || {
                    for round in 0..10 {
                        let name = format!("w{worker}-{round}");
                        let script =
                            format!("for i in 1 2 3; do (test -e {name}.$i); done; : > {name}");
                        let observed = place.shell(&script);
                        let mut wanted: Vec<String> = (1..4)
                            .map(|i| format!("{name}.{i}: looked for (absent)"))
                            .collect();
                        wanted.insert(0, format!("{name}: written (absent)"));
                        let mut told = place.told(&observed);
                        told.retain(|line| line.starts_with('w'));
                        assert_eq!(told, wanted);
                    }
                });
            }
        });
    });
}

/// Scripts, programs that are looked for in PATH, interpreters and loaders.
#[test]
fn all_that_is_executed_is_noted() {
    each_way("all_that_is_executed_is_noted", |how| {
        let place = Place::new(how);
        let script = place.path("script");
        std::fs::write(
            &script,
            "#!/usr/bin/env sh\nPATH=dir:/bin:/usr/bin\ncat file > /dev/null\n",
        )
        .unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let observed = place.observe(&script, &[]);
        let executed: Vec<String> = observed
            .accesses
            .iter()
            .filter(|access| access.deeds.has(Deeds::EXECUTED))
            .map(|access| {
                access
                    .path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        assert!(executed.contains(&"script".to_owned()), "{executed:?}");
        assert!(executed.contains(&"env".to_owned()), "{executed:?}");
        assert!(executed.contains(&"cat".to_owned()), "{executed:?}");
        let told = place.told(&observed);
        assert!(
            told.contains(&"dir/cat: looked for (absent)".to_owned()),
            "{told:?}"
        );
        assert!(told.contains(&"file: read".to_owned()), "{told:?}");
        let has_loader = observed.accesses.iter().any(|access| {
            access.path.to_string_lossy().contains("/ld-linux") && access.deeds.has(Deeds::READ)
        });
        assert!(has_loader, "{:#?}", observed.accesses);
    });
}

/// Programs that make their system calls themselves.
#[test]
fn go_and_python_are_seen() {
    each_way("go_and_python_are_seen", |how| {
        let place = Place::new(how);
        if Path::new("/usr/bin/python3").exists() {
            let script = "import os; os.listdir('dir'); open('file').read(); os.path.exists('no'); os.rename('old', 'new')";
            let observed =
                place.observe(Path::new("/usr/bin/python3"), &["-I", "-S", "-c", script]);
            let mut told = place.told(&observed);
            told.retain(|line| !line.starts_with(": "));
            assert_eq!(
                told,
                [
                    "dir: listed, looked for",
                    "file: read",
                    "new: written (absent)",
                    "no: looked for (absent)",
                    "old: removed"
                ]
            );
            assert_eq!(observed.gap, None);
        }
        let go = ["/usr/local/go/bin/go", "/usr/bin/go"]
            .into_iter()
            .find(|go| Path::new(go).exists());
        let Some(go) = go else {
            return;
        };
        let place = Place::new(how);
        let source = "package main
import \"os\"
func main() { os.ReadFile(\"file\"); os.Stat(\"no\"); os.ReadDir(\"dir\"); os.WriteFile(\"new\", nil, 0644) }
";
        std::fs::write(place.path("main.go"), source).unwrap();
        let made = Command::new(go)
            .args(["build", "-o"])
            .args([place.path("program"), place.path("main.go")])
            .env("GOCACHE", place.path("tmp"))
            .env("GO111MODULE", "off")
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        std::fs::remove_file(place.path("main.go")).unwrap();
        let observed = place.observe(&place.path("program"), &[]);
        let mut told = place.told(&observed);
        told.retain(|line| !line.starts_with("program"));
        assert_eq!(
            told,
            [
                "dir: listed, looked for",
                "file: read",
                "new: written (absent)",
                "no: looked for (absent)"
            ]
        );
    });
}

/// What cannot be followed is told.
#[test]
fn gaps_are_told() {
    each_way("gaps_are_told", |how| {
        let cases = [
            (
                "chroot",
                "chroot(\"dir\");",
                "changes what paths mean (chroot)",
            ),
            (
                "a daemon",
                "if (!fork()) { setsid(); int p[2]; pipe(p); close(0); close(1); close(2); sleep(3); } usleep(50000);",
                "is still there",
            ),
            (
                "a socket of others",
                "struct sockaddr_un a = {.sun_family = AF_UNIX}; strcpy(a.sun_path, \"socket\");
             connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&a, sizeof a);",
                "talks with another process",
            ),
        ];
        for (title, body, wanted) in cases {
            let place = Place::new(how);
            let _server = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
            let Some(program) = place.compile("program", body, &[]) else {
                return;
            };
            let observed = place.observe(&program, &[]);
            let gap = observed.gap.map(|gap| gap.to_string()).unwrap_or_default();
            assert!(gap.contains(wanted), "{title}: {gap:?}");
        }
        // Its own socket is no gap.
        let place = Place::new(how);
        let body = "struct sockaddr_un a = {.sun_family = AF_UNIX}; strcpy(a.sun_path, \"own\");
                int s = socket(AF_UNIX, SOCK_STREAM, 0); bind(s, (struct sockaddr*)&a, sizeof a); listen(s, 1);
                connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&a, sizeof a);";
        if let Some(program) = place.compile("program", body, &[]) {
            assert_eq!(place.observe(&program, &[]).gap, None);
        }
    });
}

/// Calls that are made as programs of 32 bits make them, whose numbers mean something else.
#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_another_architecture_are_a_gap() {
    each_way("calls_of_another_architecture_are_a_gap", |how| {
        let place = Place::new(how);
        // 20 is getpid there; a kernel without it kills the child.
        let body = "if (!fork()) { int r; asm volatile(\"int $0x80\" : \"=a\"(r) : \"a\"(20)); _exit(0); } int s; wait(&s);
                if (WIFSIGNALED(s)) puts(\"not here\");";
        if let Some(program) = place.compile("program", body, &[]) {
            let gap = place.observe(&program, &[]).gap;
            assert!(matches!(gap, None | Some(Gap::Foreign)), "{gap:?}");
        }
    });
}

/// Files that are opened by a queue of requests, past all filters: programs are told that there is none.
#[test]
fn there_is_no_io_uring() {
    each_way("there_is_no_io_uring", |how| {
        let place = Place::new(how);
        let body = "char p[120] = {0}; long r = syscall(SYS_io_uring_setup, 1, p); if (r != -1 || errno != ENOSYS) return 1;";
        if let Some(program) = place.compile("program", body, &[]) {
            place.observe(&program, &[]);
        }
    });
}

/// Catches a call that is lost where many are made at once.
#[test]
fn nothing_is_lost_among_many_processes() {
    each_way("nothing_is_lost_among_many_processes", |how| {
        let place = Place::new(how);
        // Where all ask, that would take a minute.
        let each = if how.copies.is_some() { 10_000 } else { 400 };
        let body = format!(
            "for (int p = 0; p < 64; p++) if (!fork()) {{ for (int i = 0; i < {each}; i++) {{ char b[40];
                sprintf(b, \"n%d-%d\", p, i); open(b, O_RDONLY); }} _exit(0); }} while (wait(0) > 0);"
        );
        if let Some(program) = place.compile("program", &body, &[]) {
            let told = place.told(&place.observe(&program, &[]));
            let names = told.iter().filter(|line| line.starts_with('n'));
            assert_eq!(names.count(), 64 * each);
        }
    });
}

/// A relative path in a directory that is gone leads nowhere, and is no gap.
#[test]
fn a_working_directory_that_is_gone_is_no_place() {
    each_way("a_working_directory_that_is_gone_is_no_place", |how| {
        let place = Place::new(how);
        let observed = place.shell("cd empty && rmdir ../empty && test ! -e x && cat < /dev/null");
        assert_eq!(observed.gap, None);
        let names = observed
            .accesses
            .iter()
            .map(|access| access.path.as_os_str().as_bytes());
        assert!(!names.clone().any(|name| name.ends_with(b"/x")));
    });
}

/// A debugger in an operation works: nobody else traces.
#[test]
fn strace_works_inside() {
    if !Path::new("/usr/bin/strace").exists() {
        return;
    }
    each_way("strace_works_inside", |how| {
        let place = Place::new(how);
        let observed = place.shell("strace -f -o /dev/null cat file > /dev/null");
        assert_eq!(place.deeds(&observed, "file"), Some(Deeds::READ));
    });
}

/// Catches a full log that swallows what comes after: one process fills several.
#[test]
fn nothing_is_lost_when_logs_are_full() {
    each_way("nothing_is_lost_when_logs_are_full", |how| {
        let place = Place::new(how);
        let count = if how.copies.is_some() { 120_000 } else { 2_000 };
        let body = format!(
            "for (int i = 0; i < {count}; i++) {{ char b[40]; sprintf(b, \"n%d\", i); open(b, O_RDONLY); }}"
        );
        let Some(program) = place.compile("program", &body, &[]) else {
            return;
        };
        let observed = place.observe(&program, &[]);
        let seen = place.told(&observed);
        let seen = seen.iter().filter(|line| line.starts_with('n')).count();
        assert_eq!((seen, observed.gap), (count, None));
    });
}

/// A program that confines itself to few calls is killed for those that it did not foresee, and has foreseen none of
/// the recorder's.
#[test]
fn a_program_that_confines_itself_is_not_killed() {
    each_way("a_program_that_confines_itself_is_not_killed", |how| {
        let place = Place::new(how);
        let body = "open(\"old\", O_RDONLY);
            struct sock_filter f[] = { {BPF_LD|BPF_W|BPF_ABS, 0, 0, 0},
              {BPF_JMP|BPF_JEQ|BPF_K, 2, 0, SYS_openat}, {BPF_JMP|BPF_JEQ|BPF_K, 1, 0, SYS_exit_group},
              {BPF_RET|BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS}, {BPF_RET|BPF_K, 0, 0, SECCOMP_RET_ALLOW} };
            struct sock_fprog p = {5, f}; prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            if (argc > 1) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p); else prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
            open(\"file\", O_RDONLY); open(\"new\", O_WRONLY|O_CREAT, 0644); _exit(0);";
        let text = format!(
            "{PRELUDE}#include <linux/filter.h>\n#include <linux/seccomp.h>\n#include <sys/prctl.h>\n
             int main(int argc, char **argv) {{ {body} }}\n"
        );
        std::fs::write(place.path("program.c"), text).unwrap();
        let made = Command::new("gcc")
            .args(["-w", "-o"])
            .args([place.path("program"), place.path("program.c")])
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        for arguments in [&[][..], &["by the call itself"]] {
            let _ = std::fs::remove_file(place.path("new"));
            let observed = place.observe(&place.path("program"), arguments);
            let mut told = place.told(&observed);
            told.retain(|line| !line.starts_with("program"));
            let wanted = ["file: read", "new: written (absent)", "old: read"];
            assert_eq!(told, wanted, "{arguments:?}");
        }
    });
}

/// Catches what is written into memory that is the program's own meanwhile.
#[test]
fn a_program_may_map_over_the_log() {
    each_way("a_program_may_map_over_the_log", |how| {
        let place = Place::new(how);
        let body = "FILE *f = fopen(\"/proc/self/maps\", \"r\"); char line[4500]; unsigned long from[9], to[9]; int n = 0;
            while (fgets(line, sizeof line, f)) if (strstr(line, \"/run/log\") && n < 9) sscanf(line, \"%lx-%lx\", from + n, to + n), n++;
            while (n--) mmap((void*)from[n], to[n] - from[n], PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0);
            open(\"file\", O_RDONLY); for (int i = 3; i < 1024; i++) close(i); open(\"old\", O_RDONLY);";
        let body = format!("{{ {body} }}");
        let text = format!("{PRELUDE}#include <sys/mman.h>\nint main(void) {body}\n");
        std::fs::write(place.path("program.c"), text).unwrap();
        let made = Command::new("gcc")
            .args(["-w", "-o"])
            .args([place.path("program"), place.path("program.c")])
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        let observed = place.observe(&place.path("program"), &[]);
        let mut told = place.told(&observed);
        told.retain(|line| !line.starts_with("program"));
        assert_eq!(told, ["file: read", "old: read"]);
        assert_eq!(observed.gap, None);
    });
}

/// Catches an image or an archive with the copies of the C library instead of the real one.
#[test]
fn who_reads_the_c_library_gets_the_real_one() {
    each_way("who_reads_the_c_library_gets_the_real_one", |how| {
        let place = Place::new(how);
        let Some(loader) = super::paths::loader_of(Path::new("/bin/sh")) else {
            return;
        };
        let loader = PathBuf::from(std::ffi::OsStr::from_bytes(&loader));
        let loader = loader.canonicalize().unwrap();
        let library = loader.with_file_name("libc.so.6");
        let script = format!(
            "cat {} > tmp/loader; cat < {} > tmp/library",
            loader.display(),
            library.display()
        );
        let observed = place.shell(&script);
        assert_eq!(observed.gap, None);
        for (copy, original) in [("tmp/loader", &loader), ("tmp/library", &library)] {
            let are_equal =
                std::fs::read(place.path(copy)).unwrap() == std::fs::read(original).unwrap();
            assert!(are_equal, "{copy}");
        }
    });
}
