//! For which platforms a dependency of a crate is: `cfg(unix)`, `x86_64-unknown-linux-gnu`, …
//!
//! The system is the one that wake was made for, the processor any. Settings that only a particular build makes
//! (`cfg(miri)`, `cfg(loom)`) are off.

use super::super::truth::{Truth, and, not, or};

/// Conditions in conditions in …, beyond which the rest is not looked at.
const DEPTH: usize = 64;

/// Whether a dependency for `target` is wanted on some machine of this system.
pub(super) fn may_hold(target: &str) -> bool {
    let target = target.trim();
    let condition = target.strip_prefix("cfg(");
    let truth = match condition {
        Some(condition) => {
            let mut rest = condition;
            expression(&mut rest, DEPTH)
        }
        None => Some(!target.starts_with("wasm") && target.split('-').any(|part| part == os())),
    };
    truth != Some(false)
}

/// As the second or third part of a target's name has it.
fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
}

/// Reads one condition off `rest`. What is not understood is not known.
fn expression(rest: &mut &str, depth: usize) -> Truth {
    let depth = depth.checked_sub(1)?;
    let name = word(rest);
    match name {
        "all" | "any" | "not" if take(rest, '(') => {
            let mut truths = Vec::new();
            while !take(rest, ')') {
                let before = rest.len();
                truths.push(expression(rest, depth));
                take(rest, ',');
                if rest.len() == before {
                    return None;
                }
            }
            match name {
                "all" => truths.into_iter().fold(Some(true), and),
                "any" => truths.into_iter().fold(Some(false), or),
                _ => not(truths.first().copied().flatten()),
            }
        }
        _ if take(rest, '=') => {
            let value = text(rest)?;
            equals(name, value)
        }
        "unix" | "windows" => equals("target_family", name),
        "" => None,
        "true" => Some(true),
        _ if take(rest, '(') => None,
        "debug_assertions" | "panic" | "proc_macro" => None,
        _ => Some(false),
    }
}

fn equals(name: &str, value: &str) -> Truth {
    match name {
        "target_os" => Some(value == std::env::consts::OS),
        "target_family" => Some(value == std::env::consts::FAMILY),
        "target_arch" if value.starts_with("wasm") => Some(false),
        _ if name.starts_with("target_") => None,
        _ => Some(false),
    }
}

fn word<'a>(rest: &mut &'a str) -> &'a str {
    let text = rest.trim_start();
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    *rest = &text[end..];
    &text[..end]
}

fn take(rest: &mut &str, sign: char) -> bool {
    match rest.trim_start().strip_prefix(sign) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

fn text<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (value, after) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    *rest = after;
    Some(value)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Catches a lock that depends on the processor, and one that is full of what only other systems need.
    #[test]
    fn dependencies_of_other_systems_do_not_count() {
        for target in [
            "cfg(unix)",
            "cfg(any(windows, target_os = \"linux\"))",
            "cfg(not(windows))",
            "cfg(target_arch = \"aarch64\")",
            "cfg(not(target_arch = \"x86_64\"))",
            "cfg(all(unix, target_pointer_width = \"32\"))",
            "cfg(not(any(miri, loom)))",
            "x86_64-unknown-linux-gnu",
            "cfg(all())",
            "cfg(target_env = \"musl\")",
            "cfg(something(odd",
            "cfg(all(unix,,))",
        ] {
            assert!(may_hold(target), "{target}");
        }
        for target in [
            "cfg(windows)",
            "cfg(any())",
            "cfg(all(target_arch = \"wasm32\", target_os = \"unknown\"))",
            "cfg(target_arch=\"wasm32\")",
            "cfg(all(unix, not(target_family = \"unix\")))",
            "cfg(criterion)",
            "cfg(tokio_unstable = \"x\")",
            "x86_64-pc-windows-gnu",
            "wasm32-unknown-unknown",
        ] {
            assert!(!may_hold(target), "{target}");
        }
        let deep = format!("cfg({}unix{})", "not(".repeat(100_000), ")".repeat(100_000));
        assert!(may_hold(&deep));
    }
}
