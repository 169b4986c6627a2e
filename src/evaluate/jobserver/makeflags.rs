//! What `MAKEFLAGS` says of a jobserver, read and written. It opens nothing.
//!
//! GNU make, 4.2 and later: `-jN --jobserver-auth=R,W`, two descriptors of a pipe, or (4.4) `-jN --jobserver-auth=fifo:PATH`.
//! Before 4.2: `-j --jobserver-fds=R,W`. Negative descriptors: there is a jobserver, and not for this process. The words are
//! divided by blanks, where a backslash makes a blank a part of a word; after `--` come variables of make. The last mention
//! counts. A first word without a dash holds the flags of one letter.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where tokens are taken from and returned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Fifo(PathBuf),
    /// Descriptors that were inherited, and are again by who is told of them: to read from and to write to.
    Pipe(i32, i32),
}

/// What a make that started this process says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-n`: nothing is to be done.
    pub is_dry_run: bool,
    /// `-jN`.
    pub jobs: Option<usize>,
    pub jobserver: Offer,
}

/// Whether there is a jobserver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    #[default]
    None,
    /// There is one, and not for this process: the line of the makefile does not say that it is recursive.
    Withheld,
    At(Place),
    /// A mention of another form: the text.
    Unknown(String),
}

impl Flags {
    /// Reads the value of `MAKEFLAGS`.
    pub fn parse(text: &str) -> Self {
        let mut flags = Self::default();
        for (number, word) in words(text).iter().enumerate() {
            if word == "--" {
                break;
            }
            if number == 0 && !word.starts_with('-') {
                flags.is_dry_run = !word.contains('=') && word.contains('n');
            } else if let Some(place) = word.strip_prefix("--jobserver-auth=") {
                flags.jobserver = offer(place);
            } else if let Some(place) = word.strip_prefix("--jobserver-fds=") {
                flags.jobserver = offer(place);
            } else if let Some(jobs) = word.strip_prefix("-j") {
                flags.jobs = jobs.parse().ok().filter(|jobs| *jobs > 0);
            }
        }
        flags
    }
}

/// Words between blanks, without the backslashes that keep a blank in a word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek().is_some_and(|next| is_blank(*next)) => {
                word.extend(characters.next());
            }
            blank if is_blank(blank) => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn is_blank(character: char) -> bool {
    character.is_ascii_whitespace()
}

fn offer(text: &str) -> Offer {
    if let Some(path) = text.strip_prefix("fifo:").filter(|path| !path.is_empty()) {
        return Offer::At(Place::Fifo(path.into()));
    }
    let numbers = text.split_once(',');
    let numbers = numbers.and_then(|(read, write)| Some((read.parse().ok()?, write.parse().ok()?)));
    match numbers {
        Some((read, write)) if read >= 0 && write >= 0 => Offer::At(Place::Pipe(read, write)),
        Some(_) => Offer::Withheld,
        None => Offer::Unknown(text.to_owned()),
    }
}

/// The value of `MAKEFLAGS` for a process that may take tokens; `jobs` is how many there are, with that of the process
/// itself.
pub fn format(jobs: Option<usize>, place: &Place) -> String {
    let jobs = jobs.map_or_else(String::new, |jobs| jobs.to_string());
    match place {
        Place::Fifo(path) => format!("-j{jobs} --jobserver-auth=fifo:{}", path.display()),
        Place::Pipe(read, write) => format!("-j{jobs} --jobserver-auth={read},{write}"),
    }
}

/// Whether a path can stand in `MAKEFLAGS`: not everybody who reads that undoes a quotation, and make expands dollars.
pub fn can_name(path: &Path) -> bool {
    let is_plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"/._-+,:@%=~".contains(byte)
    };
    path.to_str().is_some() && path.as_os_str().as_bytes().iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Offer {
        Flags::parse(text).jobserver
    }

    #[test]
    fn every_form_that_make_ever_wrote_is_read() {
        let pipe = Offer::At(Place::Pipe(3, 4));
        assert_eq!(at(" -j3 --jobserver-auth=3,4"), pipe);
        assert_eq!(at("k -j3 --jobserver-auth=3,4"), pipe);
        assert_eq!(at("w --jobserver-fds=3,4 -j"), pipe);
        // What cargo gives to a make: the same twice.
        assert_eq!(at("-j --jobserver-fds=3,4 --jobserver-auth=3,4"), pipe);
        let fifo = Offer::At(Place::Fifo("/tmp/GMfifo7".into()));
        assert_eq!(at(" -j3 --jobserver-auth=fifo:/tmp/GMfifo7 -- A=b"), fifo);
        assert_eq!(at(r"-j --jobserver-auth=fifo:/a\ b"), {
            Offer::At(Place::Fifo("/a b".into()))
        });
    }

    #[test]
    fn the_last_mention_counts_and_variables_are_none() {
        assert_eq!(
            at("-j --jobserver-auth=3,4 --jobserver-auth=5,6"),
            Offer::At(Place::Pipe(5, 6))
        );
        assert_eq!(at(" -- CC=--jobserver-auth=3,4"), Offer::None);
        assert_eq!(at(r" -- X=a\ --jobserver-auth=3,4"), Offer::None);
    }

    #[test]
    fn no_jobserver_is_told_from_one_that_is_withheld_or_strange() {
        for none in ["", " ", "k", " -j1", "-j", "-j 4", "--no-print-directory"] {
            assert_eq!(at(none), Offer::None, "{none:?}");
        }
        assert_eq!(at(" -j3 --jobserver-auth=-2,-2"), Offer::Withheld);
        for strange in ["", "3", "3,", "three,four", "fifo:", "3,4,5", "semaphore"] {
            let text = format!("-j3 --jobserver-auth={strange}");
            assert_eq!(at(&text), Offer::Unknown(strange.to_owned()));
        }
    }

    #[test]
    fn the_number_of_jobs_and_a_dry_run_are_read() {
        let flags = |text| {
            let flags = Flags::parse(text);
            (flags.jobs, flags.is_dry_run)
        };
        assert_eq!(flags(" -j1"), (Some(1), false));
        assert_eq!(flags("kn -j12 --jobserver-auth=3,4"), (Some(12), true));
        assert_eq!(flags("-j"), (None, false));
        assert_eq!(flags("-j0"), (None, false));
        assert_eq!(flags("-jmany --no-print-directory"), (None, false));
        // A variable is no letter, and neither is a long option.
        assert_eq!(flags("name=n"), (None, false));
    }

    #[test]
    fn what_is_written_can_be_read() {
        for place in [
            Place::Pipe(7, 12),
            Place::Fifo("/w/.wake/tmp/9/fifo".into()),
        ] {
            let flags = Flags::parse(&format(Some(5), &place));
            assert_eq!((flags.jobs, flags.jobserver), (Some(5), Offer::At(place)));
        }
        assert!(can_name(Path::new("/home/ü/w-1.0/.wake/tmp/9/fifo")));
        for path in ["/a b", "/a\tb", "/$HOME", "/a\\b", "/it's", "/a\"b", "/a#b"] {
            assert!(!can_name(Path::new(path)), "{path}");
        }
    }
}
