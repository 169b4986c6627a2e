//! The global namespace: which of several definitions of a name holds (DESIGN §3). A pure function of the definitions.

use std::collections::BTreeMap;

use super::PackageIndex;
use super::facts::Origin;
use crate::error::{Error, Location, Result};

/// Where a global name leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Definition {
    Path(PackageIndex),
    Retriever(Origin),
    /// `wake.resolver` with `from=null`.
    BuiltIn,
}

/// One `getPkg` with `global`.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub label: String,
    pub definition: Definition,
    /// 0 to 100; more wins.
    pub priority: u8,
    /// The package at the workspace's top claims it: that beats every priority.
    pub is_root: bool,
    /// The label of who claims it.
    pub by: String,
    pub at: Option<Location>,
    /// What the definition is called in messages.
    pub shown: String,
}

impl Claim {
    fn rank(&self) -> (bool, u8) {
        (self.is_root, self.priority)
    }
}

/// The definition that holds for each name, and its claim's place in `claims`.
///
/// # Errors
/// `User`: two claims of the highest rank lead to different places.
pub fn decide(claims: &[Claim]) -> Result<BTreeMap<&str, &Claim>> {
    let mut winners: BTreeMap<&str, &Claim> = BTreeMap::new();
    for claim in claims {
        let winner = winners.entry(&claim.label).or_insert(claim);
        let is_first = (claim.rank(), std::cmp::Reverse(place(claim)))
            > (winner.rank(), std::cmp::Reverse(place(winner)));
        if is_first {
            *winner = claim;
        }
    }
    for claim in claims {
        let winner = winners[claim.label.as_str()];
        if claim.rank() == winner.rank() && claim.definition != winner.definition {
            return Err(tie(winner, claim));
        }
    }
    Ok(winners)
}

/// What orders claims of one rank, so that the same one stands for all whatever was found first.
fn place(claim: &Claim) -> (Option<(&str, u32, u32)>, &str) {
    let at = claim.at.as_ref();
    (
        at.map(|at| (at.file.as_str(), at.line, at.column)),
        &claim.by,
    )
}

fn tie(first: &Claim, second: &Claim) -> Error {
    let line = |claim: &Claim| {
        let place = claim.at.as_ref().map(|at| format!("  ({at})"));
        format!(
            "`{}` says `{}`{}",
            claim.by,
            claim.shown,
            place.unwrap_or_default()
        )
    };
    let (first, second) = match place(first) <= place(second) {
        true => (first, second),
        false => (second, first),
    };
    Error::user(format!(
        "Two packages define the global `{}` with the same priority",
        first.label
    ))
    .cause(line(first))
    .cause(line(second))
    .hint("raise one of them: `global={override: 1..100}`, or define it in the package at the top")
    .at_if_absent(first.at.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(by: &str, origin: &str, priority: u8, is_root: bool) -> Claim {
        Claim {
            label: "acme/log".into(),
            definition: Definition::Retriever(origin.into()),
            priority,
            is_root,
            by: by.into(),
            at: None,
            shown: origin.into(),
        }
    }

    #[test]
    fn the_highest_priority_wins_and_the_root_beats_all() {
        let low = claim("a", "x", 1, false);
        let high = claim("b", "y", 100, false);
        let root = claim("top", "z", 0, true);
        let claims = [low.clone(), high.clone()];
        assert_eq!(decide(&claims).unwrap()["acme/log"], &high);
        let claims = [root.clone(), high, low];
        assert_eq!(decide(&claims).unwrap()["acme/log"], &root);
    }

    /// Catches a tie that is decided by who comes first.
    #[test]
    fn a_tie_names_both_in_one_order() {
        let one = claim("a", "x", 5, false);
        let other = claim("b", "y", 5, false);
        let first = decide(&[one.clone(), other.clone()]).unwrap_err();
        let second = decide(&[other, one.clone()]).unwrap_err();
        assert_eq!(first, second);
        assert!(first.report().causes[0].contains("`a` says `x`"));
        let same = claim("c", "x", 5, false);
        assert_eq!(decide(&[same, one.clone()]).unwrap()["acme/log"], &one);
    }
}
