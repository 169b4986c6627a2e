//! Confines the calling process, for ever and with all that it starts. It knows nothing of what is run then.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::{Policy, places, system_calls};
use crate::error::{Error, Result};
use crate::fs;

/// What is asked for with the best effort: the rights of the newest Landlock that this code was written for.
const NEWEST: ABI = ABI::V6;

/// What must be there: with it no file can be opened, made, renamed or removed that is not granted.
const NEEDED: ABI = ABI::V1;

/// More processes than this at once, besides those of the whole machine when it starts, are a mistake.
const MOST_PROCESSES: u64 = 4096;

/// Confines the calling process. `guards` are the processes that it may not end.
///
/// # Errors
/// `Environment`: the step that does not work here.
pub(super) fn enter(policy: &Policy, guards: &[i32]) -> Result<()> {
    limit(Resource::Core, 0);
    if !policy.is_confined {
        return Ok(());
    }
    if let Some(bytes) = policy.largest_file {
        limit(Resource::Fsize, bytes);
    }
    if let Some(running) = running() {
        limit(Resource::Nproc, running + MOST_PROCESSES);
    }
    give_up_capabilities()?;
    restrict_files(policy)?;
    let is_covered = truncation_is_covered();
    system_calls::restrict(policy.network, guards, is_covered)
        .map_err(|error| impossible("seccomp, which restricts the network", &error.to_string()))
}

fn impossible(step: &str, cause: &str) -> Error {
    Error::environment("Cannot confine a program")
        .cause(format!("{step}: {cause}"))
        .hint("`--no-sandbox` runs retrievers unconfined")
}

/// Lowers a limit. Where that does not work, it is lower already.
fn limit(resource: Resource, value: u64) {
    let old = getrlimit(resource);
    let lower = |old: Option<u64>| Some(old.map_or(value, |old| old.min(value)));
    let _ = setrlimit(
        resource,
        Rlimit {
            current: lower(old.current),
            maximum: lower(old.maximum),
        },
    );
}

/// How many threads the machine has: the limit of processes counts all of the user's, wherever they came from.
fn running() -> Option<u64> {
    let load = fs::read(Path::new("/proc/loadavg")).ok()?;
    let text = String::from_utf8(load).ok()?;
    let (_, all) = text.split_whitespace().nth(3)?.split_once('/')?;
    all.parse().ok()
}

/// Root keeps what concerns the owners and modes of files, as Landlock decides which files these are, and nothing that
/// concerns the machine: mounting, devices, the clock, modules of the kernel.
fn give_up_capabilities() -> Result<()> {
    let kept = CapabilitySet::CHOWN
        | CapabilitySet::DAC_OVERRIDE
        | CapabilitySet::FOWNER
        | CapabilitySet::FSETID;
    let give_up = || {
        let mut sets = capabilities(None)?;
        sets.permitted &= kept;
        sets.effective &= kept;
        sets.inheritable &= kept;
        set_capabilities(None, sets)
    };
    give_up().map_err(|error: rustix::io::Errno| {
        impossible("giving up capabilities", &error.to_string())
    })
}

/// Writing, but for making devices.
fn writing() -> BitFlags<AccessFs> {
    AccessFs::from_all(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock)
}

/// Sets `no_new_privs`, too.
fn restrict_files(policy: &Policy) -> Result<()> {
    let restrict = || -> std::result::Result<RulesetStatus, RulesetError> {
        let reading = AccessFs::from_read(NEWEST);
        let using = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(NEEDED))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?
            .add_rules(path_beneath_rules(places::readable(), reading))?
            .add_rules(path_beneath_rules(places::devices(), using))?
            .add_rules(path_beneath_rules(&policy.read, reading))?
            .add_rules(path_beneath_rules(&policy.write, writing()))?;
        Ok(rules.restrict_self()?.ruleset)
    };
    let step = "Landlock, which restricts access to files";
    let absent = "the kernel does not have it (Linux 5.13), or it is not enabled";
    match restrict() {
        Ok(RulesetStatus::NotEnforced) => Err(impossible(step, absent)),
        Ok(_) => Ok(()),
        // Before any path is looked at, these say that the kernel does not know what is asked for.
        Err(RulesetError::HandleAccesses(_) | RulesetError::CreateRuleset(_)) => {
            Err(impossible(step, absent))
        }
        Err(error) => Err(impossible(step, &error.to_string())),
    }
}

/// Whether Landlock knows that to truncate a file is to write it.
fn truncation_is_covered() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Truncate)
        .and_then(Ruleset::create)
        .is_ok()
}
