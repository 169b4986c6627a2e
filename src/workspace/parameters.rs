//! Parameters: the command line over the root recipe over the user's config over the host's defaults (DESIGN §2.3).

use serde_json::Value;

pub use super::host::host;

use super::Workspace;
use crate::declare::model::Parameters;

/// The parameters that wake itself defines.
pub const NAMES: [&str; 4] = ["Flavor", "Architecture", "System", "Compiler"];

/// What is used where nobody says otherwise, and for what runs on the host.
pub fn host_defaults() -> Parameters {
    let defaults = [
        ("Flavor", "Debug"),
        ("Architecture", std::env::consts::ARCH),
        ("System", system()),
        ("Compiler", "GCC"),
    ];
    defaults
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect()
}

/// The name of the system that wake was made for, as recipes write it.
fn system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "MacOS",
        "windows" => "Windows",
        other => other,
    }
}

/// `command_line` over the workspace's root recipe over the user's config over `defaults`.
pub fn combine(
    defaults: &Parameters,
    workspace: &Workspace,
    command_line: &Parameters,
) -> Parameters {
    let mut parameters = defaults.clone();
    let root_recipe = workspace.root_recipe.iter();
    let shared = root_recipe.flat_map(|recipe| &recipe.parameters);
    let users = &workspace.user_config.parameters;
    parameters.extend(
        users
            .iter()
            .chain(shared)
            .chain(command_line)
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    parameters
}
