//! The copies of the C library and of the loader: made once for each version of them, and kept in a directory of the user's.
//! How programs come to them, it does not know.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::image::{self, Instead, Settings, Whose};
use super::log;
use crate::fs;
use crate::observe::paths::loader_of;

/// How programs come to the copy of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Way {
    /// The copy of the loader is mounted over the loader, and opens it.
    Mounted,
    /// The loader is given it when it opens the library.
    Handed,
}

/// What copies are made of.
pub(in super::super) struct Originals {
    pub(super) loader: PathBuf,
    pub(super) library: PathBuf,
    /// What the sixth argument of calls is that nobody need be asked about.
    pub(in super::super) cookie: u64,
    cache: PathBuf,
    key: String,
}

/// Copies that are there.
pub(in super::super) struct Copies {
    directory: PathBuf,
    way: Way,
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

impl Originals {
    /// Those of this machine. `cache`: where copies are kept.
    ///
    /// # Errors
    /// Why there are none.
    pub(in super::super) fn find(cache: &Path) -> Result<Self, String> {
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
        fs::create_directories(cache).map_err(text)?;
        let cache = fs::canonicalize(cache).map_err(text)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(image::version().as_bytes());
        hasher.update(cache.as_os_str().as_bytes());
        for path in [&loader, &library] {
            hasher.update(format!("\0{}\0{:?}", path.display(), stamp(path)?).as_bytes());
        }
        let key = hasher.finalize();
        Ok(Self {
            loader,
            library,
            cookie: u64::from_le_bytes(std::array::from_fn(|index| key.as_bytes()[16 + index])),
            cache,
            key: key.to_hex()[..20].to_owned(),
        })
    }

    /// Their copies, made if they are not there yet.
    ///
    /// # Errors
    /// Why there are none.
    pub(in super::super) fn copies(&self, way: Way) -> Result<Copies, String> {
        let directory = match way {
            Way::Mounted => self.cache.join(&self.key),
            Way::Handed => self.cache.join(format!("{}-handed", self.key)),
        };
        let mut copies = Copies {
            directory,
            way,
            are_tried: false,
        };
        let said = match copies.said() {
            None => copies.make_once(self)?,
            Some(said) => said,
        };
        if said == FAILS {
            return Err("its copies of the C library do not work here".to_owned());
        }
        copies.are_tried = said == WORKS;
        let flags = statvfs(&copies.directory).map_err(|error| error.to_string())?;
        match flags.f_flag.contains(StatVfsMountFlags::NOEXEC) {
            true => Err(format!(
                "`{}` may not be executed",
                copies.directory.display()
            )),
            false => Ok(copies),
        }
    }
}

impl Copies {
    pub(super) fn loader(&self) -> PathBuf {
        self.directory.join(LOADER)
    }

    pub(super) fn library(&self) -> PathBuf {
        self.directory.join(LIBRARY)
    }

    /// Where there is only what one observer uses.
    pub(super) fn run(&self) -> PathBuf {
        self.directory.join(RUN)
    }

    /// Where the original loader is, while its copy is in its place.
    pub(super) fn original(&self) -> PathBuf {
        self.run().join(ORIGINAL)
    }

    /// The path by which programs open the log.
    pub(super) fn log(&self) -> PathBuf {
        self.run().join(log::NAME)
    }

    /// What says which file the first copy is that a program comes to: what is known holds only of that.
    fn identity(&self) -> Option<String> {
        let first = match self.way {
            Way::Mounted => self.loader(),
            Way::Handed => self.library(),
        };
        let data = fs::stamp::stat(&first).ok()?;
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
    fn make_once(&self, originals: &Originals) -> Result<String, String> {
        fs::create_directories(&self.run()).map_err(text)?;
        let _lock = fs::Lock::acquire(&self.directory.join("lock")).map_err(text)?;
        if let Some(said) = self.said() {
            return Ok(said);
        }
        match self.way {
            Way::Mounted => {
                let (loader, library) = (&originals.loader, &originals.library);
                let instead = Replaced::new(library, LIBRARY.as_ref(), self.library())?;
                self.make(loader, Whose::Loader, Some(&instead), originals.cookie)?;
                // Programs find the copy of the loader under the loader's name.
                let name = loader.file_name().unwrap_or_default();
                let instead = Replaced::new(&self.loader(), name, self.original())?;
                self.make(library, Whose::Library, Some(&instead), originals.cookie)?;
            }
            Way::Handed => self.make(&originals.library, Whose::Library, None, originals.cookie)?,
        }
        self.say(NEW);
        Ok(NEW.to_owned())
    }

    fn make(
        &self,
        original: &Path,
        whose: Whose,
        instead: Option<&Replaced>,
        cookie: u64,
    ) -> Result<(), String> {
        let log = self.log();
        let instead = instead.map(|replaced| Instead {
            device: replaced.device,
            inode: replaced.inode,
            suffix: &replaced.suffix,
            path: replaced.path.as_os_str().as_bytes(),
        });
        // What is handed over must be asked for.
        let log_cookie = match self.way {
            Way::Mounted => cookie,
            Way::Handed => 0,
        };
        let log = (log.as_os_str().as_bytes(), log_cookie);
        let settings = Settings::new(cookie, log, instead.as_ref());
        let settings = settings.ok_or_else(|| format!("`{}` is too long", self.run().display()))?;
        let copy = image::patched(&fs::read(original).map_err(text)?, &settings, whose);
        let copy = copy.map_err(|cause| format!("the C library is not understood: {cause}"))?;
        let write = |file: &mut BufWriter<std::fs::File>| {
            file.write_all(&copy)?;
            file.get_ref()
                .set_permissions(Permissions::from_mode(0o755))
        };
        let path = match whose {
            Whose::Loader => self.loader(),
            Whose::Library => self.library(),
        };
        fs::write_atomic_with(&path, write).map_err(text)
    }
}

/// A file that is not to be opened, and what is to be instead.
struct Replaced {
    device: u64,
    inode: u64,
    suffix: Vec<u8>,
    path: PathBuf,
}

impl Replaced {
    /// `name`: that under which programs open it.
    fn new(file: &Path, name: &OsStr, path: PathBuf) -> Result<Self, String> {
        let data = fs::stamp::stat(file).map_err(|error| error.to_string())?;
        Ok(Self {
            device: data.stamp.device,
            inode: data.stamp.inode,
            suffix: [b"/", name.as_bytes()].concat(),
            path,
        })
    }
}

fn text(error: crate::error::Error) -> String {
    error.to_string()
}
