//! Puts the copies of the C library and of the loader where programs find them: in a mount namespace of the calling
//! thread, which all that it starts inherits. Outside of it nothing changes, and it ends with them.
//!
//! The kernel finds the copy of the loader under the loader's own name. That opens the copy of the library instead of the
//! library; whoever reads the loader's file gets the original one. So no program sees that it is observed but by its
//! memory map, and no variable of the environment is needed.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::image::{self, Instead, Settings, Whose};
use super::log;
use crate::fs;
use crate::observe::paths::loader_of;

/// Copies, ready to be put in place.
pub(in super::super) struct Copies {
    /// Where they are. Below `run`, there is in the namespace what only this observer uses.
    directory: PathBuf,
    loader: PathBuf,
    pub(in super::super) cookie: u64,
    /// Whether they have been tried.
    pub(in super::super) are_tried: bool,
}

/// The files of the copies, their test's result, and the directory of the log.
const LOADER: &str = "loader";
const LIBRARY: &str = "libc.so.6";
const TRIED: &str = "tried";
/// What is said there.
const NEW: &str = "new";
const WORKS: &str = "works";
const FAILS: &str = "fails";
const RUN: &str = "run";
/// The original loader, in the directory of the log.
const ORIGINAL: &str = "loader";

/// A program that is dynamically linked everywhere.
const SHELL: &str = "/bin/sh";

impl Copies {
    /// Those in a directory for copies; made if they are not there yet.
    ///
    /// # Errors
    /// Why there are none.
    pub(in super::super) fn open(cache: &Path) -> Result<Self, String> {
        let loader = loader_of(Path::new(SHELL)).ok_or("`/bin/sh` names no loader")?;
        let loader = fs::canonicalize(Path::new(OsStr::from_bytes(&loader)));
        let loader = loader.map_err(|error| error.to_string())?;
        let library = loader.with_file_name(LIBRARY);
        let stamp = |path: &Path| {
            let status = fs::stamp::stat(path).map_err(|error| error.to_string())?;
            let is_there = status.mode != 0;
            is_there
                .then_some(status.stamp)
                .ok_or_else(|| format!("`{}` is not there", path.display()))
        };
        let text = |error: crate::error::Error| error.to_string();
        fs::create_directories(cache).map_err(text)?;
        let cache = fs::canonicalize(cache).map_err(text)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(image::version().as_bytes());
        hasher.update(cache.as_os_str().as_bytes());
        for path in [&loader, &library] {
            hasher.update(format!("\0{}\0{:?}", path.display(), stamp(path)?).as_bytes());
        }
        let key = hasher.finalize();
        let directory = cache.join(&key.to_hex()[..20]);
        let cookie = u64::from_le_bytes(std::array::from_fn(|index| key.as_bytes()[16 + index]));
        let mut copies = Self {
            directory,
            loader,
            cookie,
            are_tried: false,
        };
        let said = match copies.said() {
            None => copies.make_once(&library)?,
            Some(said) => said,
        };
        if said == FAILS {
            return Err("its copies of the C library do not work here".to_owned());
        }
        copies.are_tried = said == WORKS;
        let flags = statvfs(&copies.directory).map_err(|error| error.to_string())?;
        match flags.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC) {
            true => Err(format!(
                "`{}` may not be executed",
                copies.directory.display()
            )),
            false => Ok(copies),
        }
    }

    /// What says which file the copy of the loader is: the copy of the library knows it by that.
    fn identity(&self) -> Option<String> {
        let data = fs::stamp::stat(&self.directory.join(LOADER)).ok()?;
        (data.mode != 0).then(|| format!("{}:{}", data.stamp.device, data.stamp.inode))
    }

    /// What is known of them; `None` if they are not there, or not as they were made.
    fn said(&self) -> Option<String> {
        let said = fs::read_if_exists(&self.directory.join(TRIED)).ok()??;
        let said = String::from_utf8(said).ok()?;
        let (known, identity) = said.split_once(' ')?;
        (identity == self.identity()?).then(|| known.to_owned())
    }

    fn say(&self, known: &str) {
        let text = format!("{known} {}", self.identity().unwrap_or_default());
        let _ = fs::write_atomic(&self.directory.join(TRIED), text.as_bytes());
    }

    /// Writes down what trying them came to.
    pub(in super::super) fn note_tried(&self, works: bool) {
        self.say(if works { WORKS } else { FAILS });
    }

    /// Makes them, if nobody else does meanwhile. Returns what is known of them.
    fn make_once(&self, library: &Path) -> Result<String, String> {
        let text = |error: crate::error::Error| error.to_string();
        fs::create_directories(&self.directory.join(RUN)).map_err(text)?;
        let _lock = fs::Lock::acquire(&self.directory.join("lock")).map_err(text)?;
        if let Some(said) = self.said() {
            return Ok(said);
        }
        self.make(library)?;
        self.say(NEW);
        Ok(NEW.to_owned())
    }

    fn make(&self, library: &Path) -> Result<(), String> {
        let text = |error: crate::error::Error| error.to_string();
        let originals = [
            fs::read(&self.loader).map_err(text)?,
            fs::read(library).map_err(text)?,
        ];
        let run = self.directory.join(RUN);
        let settings = |of: &Path, path: &Path, name: &Path| {
            let data = fs::open(of).and_then(|file| {
                file.metadata()
                    .map_err(|error| crate::error::Error::io("Cannot look at a file", &error))
            });
            let data = data.map_err(text)?;
            let suffix = [b"/", name.file_name().unwrap_or_default().as_bytes()].concat();
            let instead = Instead {
                device: data.dev(),
                inode: data.ino(),
                suffix: &suffix,
                path: path.as_os_str().as_bytes(),
            };
            let log = run.join(log::NAME);
            Settings::new(self.cookie, log.as_os_str().as_bytes(), &instead)
                .ok_or_else(|| format!("`{}` is too long", run.display()))
        };
        let place = |original: &[u8], settings: &Settings, whose, name: &str| {
            let copy = image::patched(original, settings, whose);
            let copy = copy.map_err(|cause| format!("the C library is not understood: {cause}"))?;
            let write = |file: &mut BufWriter<std::fs::File>| {
                file.write_all(&copy)?;
                file.get_ref()
                    .set_permissions(Permissions::from_mode(0o755))
            };
            fs::write_atomic_with(&self.directory.join(name), write).map_err(text)
        };
        let copy = self.directory.join(LIBRARY);
        let settings_of_loader = settings(library, &copy, Path::new(LIBRARY))?;
        place(&originals[0], &settings_of_loader, Whose::Loader, LOADER)?;
        let loader = self.directory.join(LOADER);
        let settings_of_library = settings(&loader, &run.join(ORIGINAL), &self.loader)?;
        place(&originals[1], &settings_of_library, Whose::Library, LIBRARY)
    }

    /// Puts them in place for all that the calling thread starts from now on. Returns the directory for the log.
    ///
    /// # Errors
    /// The kernel's: mostly, that it is not permitted.
    pub(in super::super) fn enter(&self) -> io::Result<OwnedFd> {
        #[expect(unsafe_code, reason = "the thread gets a working directory of its own")]
        // SAFETY: no descriptors are unshared; nothing else in this thread depends on what it had in common with others.
        unsafe {
            unshare_unsafe(UnshareFlags::NEWNS)?;
        }
        // What is mounted outside is seen; what is mounted here is not seen outside.
        mount_change(
            "/",
            MountPropagationFlags::REC | MountPropagationFlags::DOWNSTREAM,
        )?;
        let run = self.directory.join(RUN);
        mount(
            "wake",
            &run,
            "tmpfs",
            MountFlags::NOSUID | MountFlags::NODEV,
            c"mode=0700,size=50%",
        )?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let directory = openat(CWD, &run, flags, Mode::empty())?;
        let make = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        drop(openat(&directory, ORIGINAL, make, Mode::RUSR)?);
        mount_bind(&self.loader, run.join(ORIGINAL))?;
        mount_bind(self.directory.join(LOADER), &self.loader)?;
        Ok(directory)
    }

    /// Takes the copy of the loader away again.
    pub(in super::super) fn leave(&self) {
        let _ = unmount(&self.loader, UnmountFlags::DETACH);
    }
}
