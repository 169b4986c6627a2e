//! What a retriever sees of the user's surroundings, and what it may touch: a pure function of its permissions, but for
//! which paths exist.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Retriever;
use super::run::{Private, Surroundings};
use crate::sandbox::{Network, Policy, existing};

const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Of the user's environment, what is not the client's but of the shell that wake was called from, or would make the
/// output of clients depend on the user's language.
const LEFT_OUT: [&str; 8] = [
    "PWD", "OLDPWD", "_", "SHLVL", "TMP", "TEMP", "LANGUAGE", "TEMPDIR",
];

/// Variables that name a directory to which a client writes.
const STATE: [&str; 7] = [
    "CARGO_HOME",
    "NPM_CONFIG_CACHE",
    "npm_config_cache",
    "PIP_CACHE_DIR",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
];

/// Files that clients look for in their working directory and all above, and fail where they are and cannot be read.
const CONFIGURATION: [&str; 9] = [
    ".cargo/config",
    ".cargo/config.toml",
    ".node-version",
    ".npmrc",
    ".nvmrc",
    ".python-version",
    ".tool-versions",
    "rust-toolchain",
    "rust-toolchain.toml",
];

impl Surroundings {
    /// Exactly what the process gets.
    pub(super) fn environment_of(
        &self,
        retriever: &Retriever,
        private: &Private,
    ) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::from([("PATH".to_owned(), USUAL_PATH.to_owned())]);
        if retriever.has_home {
            variables.extend(
                self.clients()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
        }
        variables.extend(
            [("LANG", "C.UTF-8"), ("TZ", "UTC")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        variables.extend(retriever.env.clone());
        for (name, path) in [
            ("HOME", self.home(retriever, private)),
            ("TMPDIR", private.temporary()),
        ] {
            variables.insert(name.to_owned(), path.display().to_string());
        }
        variables
    }

    /// The user's variables that concern clients.
    fn clients(&self) -> impl Iterator<Item = (&String, &String)> {
        self.environment.iter().filter(|(name, _)| {
            !name.starts_with("WAKE_")
                && !name.starts_with("LC_")
                && !LEFT_OUT.contains(&name.as_str())
        })
    }

    /// Its home directory: the user's, or an empty one.
    fn home(&self, retriever: &Retriever, private: &Private) -> PathBuf {
        let users = self.environment.get("HOME").filter(|_| retriever.has_home);
        users.map_or_else(|| private.home(), PathBuf::from)
    }

    /// What it may touch, besides `into`, which it fills.
    pub(super) fn policy(
        &self,
        retriever: &Retriever,
        private: &Private,
        into: &[PathBuf],
    ) -> Policy {
        if !self.is_sandboxed {
            return Policy::unconfined();
        }
        let mut policy = Policy::strict();
        policy.largest_file = Some(self.limits.fetched.bytes);
        policy.network = match (retriever.has_network, retriever.has_home) {
            (false, _) => Network::None,
            (true, false) => Network::Internet,
            // Clients ask agents for keys.
            (true, true) => Network::Local,
        };
        policy.read.push(retriever.program.clone());
        policy.read.extend(retriever.readable.iter().cloned());
        if retriever.program != self.program {
            // Those of `wake.std` run at the top of the workspace, which they may not read for that.
            policy.read.push(retriever.directory.clone());
        }
        policy.write.extend(into.iter().cloned());
        policy.write.extend([private.home(), private.temporary()]);
        if retriever.has_home {
            self.add_clients(&mut policy);
            let above = retriever.directory.ancestors();
            let files = above.flat_map(|above| CONFIGURATION.map(|name| above.join(name)));
            policy.read.extend(files);
        }
        policy
    }

    /// The user's home directory, the programs of the user's PATH, and all that variables name.
    fn add_clients(&self, policy: &mut Policy) {
        for (name, value) in self.clients() {
            let paths = existing(value);
            match name.as_str() {
                "HOME" => policy.write.extend(paths),
                "PATH" => policy
                    .read
                    .extend(paths.iter().map(|path| installation(path))),
                state if STATE.contains(&state) => policy.write.extend(paths),
                _ => policy.read.extend(paths),
            }
        }
    }
}

/// The directory into which the programs of `directory` are installed, with what they need beside them: a `bin` is not
/// alone.
fn installation(directory: &Path) -> PathBuf {
    let is_part = directory
        .file_name()
        .is_some_and(|name| ["bin", "sbin", "shims"].iter().any(|part| name == *part));
    let whole = directory
        .parent()
        .filter(|parent| is_part && parent.parent().is_some());
    whole.unwrap_or(directory).to_owned()
}
