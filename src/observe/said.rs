//! From the bytes that a call was given to an absolute path. It knows nothing of what is done with it, and follows no link
//! but those of `/proc` that mean the caller itself.

use std::path::Path;

use super::call::Named;
use super::caller::{Caller, Unread};
use super::trace::Deeds;

/// What the bytes of a path mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// An absolute path.
    Path,
    /// No file that has a name.
    Nothing,
    /// It leads out of a directory that is gone.
    OutOfNowhere,
}

/// Reads a path from the caller's memory into `text`, as an absolute one.
pub(super) fn absolute(named: Named, caller: Caller, text: &mut Vec<u8>) -> Result<Said, Unread> {
    text.clear();
    if named.address != 0 {
        caller.text(named.address, text)?;
        if text.starts_with(b"/") {
            of_process(caller, text)?;
            return Ok(Said::Path);
        }
        if text.is_empty()
            && (named.directory < 0 || !named.deeds.changes() && !named.deeds.has(Deeds::EXECUTED))
        {
            // Nothing, or a file that was opened by its name before.
            return Ok(Said::Nothing);
        }
    } else if named.directory < 0 {
        return Ok(Said::Nothing);
    }
    let leads_up = leads_up(text);
    Ok(match complete(named.directory, caller, text)? {
        true => Said::Path,
        false if leads_up => Said::OutOfNowhere,
        false => Said::Nothing,
    })
}

/// Whether a relative path may lead out of its directory.
pub(super) fn leads_up(path: &[u8]) -> bool {
    path.starts_with(b"..") || path.windows(3).any(|part| part == b"/..")
}

/// Puts the directory that a path is relative to before it. Returns whether it has a name.
pub(super) fn complete(directory: i32, caller: Caller, text: &mut Vec<u8>) -> Result<bool, Unread> {
    if text.starts_with(b"/") {
        return Ok(true);
    }
    let Some(directory) = caller.directory(directory)? else {
        return Ok(false);
    };
    if !text.is_empty() {
        text.splice(0..0, directory.iter().copied().chain([b'/']));
    } else {
        text.extend(directory);
    }
    Ok(true)
}

/// Paths through `/proc/self` lead to the caller's own directories and files: what they are is known only now.
fn of_process(caller: Caller, text: &mut Vec<u8>) -> Result<(), Unread> {
    let Some(rest) = text.strip_prefix(b"/proc/") else {
        return match text.strip_prefix(b"/dev/fd/") {
            Some(rest) => {
                let inner = [b"/proc/self/fd/", rest].concat();
                *text = inner;
                of_process(caller, text)
            }
            None => Ok(()),
        };
    };
    let mut parts = rest.splitn(2, |&byte| byte == b'/');
    let (whose, inside) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let process = match whose {
        b"self" | b"thread-self" => caller.0.to_string(),
        digits if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            String::from_utf8_lossy(digits).into_owned()
        }
        _ => return Ok(()),
    };
    let mut parts = inside.split(|&byte| byte == b'/');
    let link = match parts.next() {
        Some(b"fd") => {
            let number = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
            format!("/proc/{process}/fd/{number}")
        }
        Some(name @ (b"cwd" | b"root" | b"exe")) => {
            format!("/proc/{process}/{}", String::from_utf8_lossy(name))
        }
        _ => return Ok(()),
    };
    let rest: Vec<&[u8]> = parts.collect();
    if let Some(target) = caller.follow(Path::new(&link))? {
        let mut path = target;
        for part in rest {
            path.push(b'/');
            path.extend(part);
        }
        *text = path;
    }
    Ok(())
}
