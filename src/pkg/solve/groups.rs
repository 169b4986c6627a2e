//! Which versions of a subject exclude each other (DESIGN §3.4): versions of one group do, those of different groups may
//! stand side by side.

use semver::Version;

use crate::declare::model::Versions;

/// For each of sorted versions the number of its group, from 0 and without gaps: groups are runs.
pub(super) fn groups<'a>(mode: Versions, versions: impl Iterator<Item = &'a Version>) -> Vec<u32> {
    let mut groups = Vec::with_capacity(versions.size_hint().0);
    let mut last = None;
    let mut number = 0;
    for version in versions {
        if last.is_some_and(|last| !is_one_group(mode, last, version)) {
            number += 1;
        }
        last = Some(version);
        groups.push(number);
    }
    groups
}

/// Of the numbers of a version those that tell groups apart. In 0.x the minor stands for the major and the patch for the
/// minor, as in Cargo; in 0.0.x each patch is for itself.
fn is_one_group(mode: Versions, one: &Version, another: &Version) -> bool {
    match mode {
        Versions::One => true,
        Versions::OnePerMajor => major(one) == major(another),
        Versions::OnePerMinor => minor(one) == minor(another),
        // Each version is a group, so that a package that comes back below itself gets any that it asks for.
        Versions::Any => false,
    }
}

fn major(version: &Version) -> (u64, u64, u64) {
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}

fn minor(version: &Version) -> (u64, u64, u64) {
    match version.major {
        0 => (0, version.minor, version.patch),
        major => (major, version.minor, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches Cargo's rule for 0.x and 0.0.x, and pre-releases that fall out of the group they lead to.
    #[test]
    fn groups_are_what_may_not_stand_side_by_side() {
        let versions = [
            "0.0.1",
            "0.0.2",
            "0.1.0",
            "0.1.1",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "2.0.0",
        ]
        .map(|text| Version::parse(text).unwrap());
        let of = |mode| groups(mode, versions.iter());
        assert_eq!(of(Versions::One), [0; 9]);
        assert_eq!(of(Versions::OnePerMajor), [0, 1, 2, 2, 3, 3, 3, 3, 4]);
        assert_eq!(of(Versions::OnePerMinor), [0, 1, 2, 3, 4, 4, 4, 5, 6]);
        assert_eq!(of(Versions::Any), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
