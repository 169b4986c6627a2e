//! Parameters: the command line's over the root recipe's over the host's defaults.

use serde_json::Value;

use super::Workspace;
use crate::declare::model::{Host, Parameters};
use crate::fs;

/// The keys of a root recipe that say something else than a parameter.
const NAMES: [&str; 4] = ["Flavor", "Architecture", "System", "Compiler"];

/// What an invocation that says nothing is built with.
pub fn host_defaults() -> Parameters {
    [
        ("Flavor", "Debug"),
        ("Architecture", std::env::consts::ARCH),
        ("System", "Linux"),
        ("Compiler", "GCC"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Value::from(value)))
    .collect()
}

/// The parameters of an invocation: `given` on the command line, over the workspace's, over `defaults`.
pub fn combine(defaults: &Parameters, workspace: &Workspace, given: &Parameters) -> Parameters {
    let mut parameters = defaults.clone();
    for name in NAMES {
        if let Some(value) = workspace.root_recipe.get(name) {
            parameters.insert(name.to_owned(), value.clone());
        }
    }
    parameters.extend(given.clone());
    parameters
}

/// What evaluation may know of this machine.
pub fn host() -> Host {
    let release = fs::read_if_exists(std::path::Path::new("/etc/os-release"))
        .ok()
        .flatten()
        .unwrap_or_default();
    let release = String::from_utf8_lossy(&release);
    let field = |name: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default()
    };
    Host {
        kernel: std::env::consts::OS.to_owned(),
        distribution: field("ID"),
        codename: field("VERSION_CODENAME"),
        architecture: std::env::consts::ARCH.to_owned(),
    }
}
