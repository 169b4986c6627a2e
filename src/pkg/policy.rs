//! How a resolution may go about its work: what the user allows and wants, checked by the command line.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde_json::json;

use super::facts::{Candidate, Subject};
use crate::declare::model::{Exec, Parameters, Program};

/// What becomes of the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockUse {
    /// It is brought up to date.
    #[default]
    Update,
    /// `--locked`: an error if it would change.
    Keep,
    /// `--frozen`: it is neither checked nor written.
    Trust,
}

/// Whether retrievers may be executed, and whether the lock may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockMode {
    pub lock: LockUse,
    /// `--offline`, `--frozen`: no retriever is executed.
    pub is_offline: bool,
}

impl LockMode {
    /// The flag that forbids to execute retrievers.
    pub fn flag(self) -> &'static str {
        match self.lock {
            LockUse::Trust => "--frozen",
            LockUse::Update | LockUse::Keep => "--offline",
        }
    }
}

/// Which locked versions are not to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Renewed {
    #[default]
    None,
    All,
    /// These labels.
    Named(BTreeSet<String>),
}

impl Renewed {
    /// Whether a package is to be chosen anew.
    pub fn contains(&self, label: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Named(labels) => labels.contains(label),
        }
    }
}

/// What the lock has to do with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not in the lock.
    New,
    /// It is in the lock and may be replaced.
    Renewed,
    /// It is in the lock and is kept where it can be.
    Locked,
}

/// What a resolution may do.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub mode: LockMode,
    pub renewed: Renewed,
    /// The only versions that may be chosen of these labels.
    pub precise: BTreeMap<String, Version>,
    /// New versions must have been published at or before this time, in seconds since the epoch.
    pub published_by: Option<i64>,
    /// Fetch everything that the parameters admit, not only what is needed.
    pub fetches_all: bool,
    /// The index that answers for names which nothing in the workspace defines: its path, relative to the workspace's top,
    /// or its address.
    pub registry: Option<String>,
    /// What `when` is compared with.
    pub parameters: Parameters,
}

impl Policy {
    /// How [`Self::registry`] is asked.
    pub fn registry(&self) -> Option<Exec> {
        let registry = self.registry.as_ref()?;
        let key = match registry.contains("://") {
            true => "url",
            false => "path",
        };
        Some(Exec {
            program: Program::Std("index".to_owned()),
            config: json!({ key: registry }),
            args: Vec::new(),
            env: BTreeMap::new(),
        })
    }

    /// Why a candidate may not be chosen, as what is said of the version.
    pub fn admits(
        &self,
        subject: &Subject,
        candidate: &Candidate,
        standing: Standing,
    ) -> Result<(), String> {
        let version = &candidate.version;
        if let Some(precise) = self.precise.get(&*subject.label) {
            return match precise == version {
                true => Ok(()),
                false => Err("is not the version that is wanted".to_owned()),
            };
        }
        if standing == Standing::Locked {
            return Ok(());
        }
        if candidate.is_yanked {
            return Err("is yanked".to_owned());
        }
        match (self.published_by, candidate.published) {
            (Some(latest), Some(published)) if published > latest && standing == Standing::New => {
                Err("is younger than `--min-age` admits".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether a package with this `when` is to be fetched.
    pub fn is_when(&self, when: &BTreeMap<String, Vec<String>>) -> bool {
        when.iter().all(|(name, values)| {
            let value = self.parameters.get(name).and_then(|value| value.as_str());
            value.is_some_and(|value| values.iter().any(|one| one == value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(version: &str, is_yanked: bool, published: Option<i64>) -> Candidate {
        Candidate {
            version: Version::parse(version).unwrap(),
            demands: Vec::new(),
            size: None,
            is_yanked,
            published,
            artifacts: Vec::new(),
        }
    }

    /// Catches a locked version that is lost because it was yanked, and a new one that is taken although it is too young.
    #[test]
    fn a_lock_keeps_what_would_not_be_chosen_anew() {
        let policy = Policy {
            published_by: Some(100),
            ..Policy::default()
        };
        let subject = Subject {
            label: "a/b".into(),
            origin: "crates".into(),
        };
        let yanked = candidate("1.0.0", true, None);
        assert!(policy.admits(&subject, &yanked, Standing::Locked).is_ok());
        assert!(policy.admits(&subject, &yanked, Standing::Renewed).is_err());
        let young = candidate("1.0.0", false, Some(101));
        assert!(policy.admits(&subject, &young, Standing::Renewed).is_ok());
        assert!(policy.admits(&subject, &young, Standing::New).is_err());
        assert!(
            policy
                .admits(
                    &subject,
                    &candidate("1.0.0", false, Some(100)),
                    Standing::New
                )
                .is_ok()
        );
        assert!(
            policy
                .admits(&subject, &candidate("1.0.0", false, None), Standing::New)
                .is_ok()
        );
    }

    #[test]
    fn when_is_about_parameters() {
        let parameters = Parameters::from([("System".to_owned(), "Linux".into())]);
        let policy = Policy {
            parameters,
            ..Policy::default()
        };
        let when = |name: &str, value: &str| {
            BTreeMap::from([(name.to_owned(), vec![value.to_owned(), "Other".to_owned()])])
        };
        assert!(policy.is_when(&BTreeMap::new()) && policy.is_when(&when("System", "Linux")));
        assert!(!policy.is_when(&when("System", "Windows")));
        assert!(!policy.is_when(&when("Missing", "Linux")));
    }
}
