//! Names of packages that are near a wrong one. It knows nothing of which are there.

use crate::error::near;

/// The labels that may have been meant by `label`, as a question. A namespace that two have in common makes them no
/// nearer.
pub(super) fn did_you_mean<'a>(
    label: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let (namespace, name) = label
        .rsplit_once('/')
        .map_or(("", label), |(namespace, name)| (namespace, name));
    let is_near = |known: &&str| {
        let shared = known
            .rsplit_once('/')
            .filter(|(other, _)| *other == namespace);
        match shared {
            Some((_, other)) => !near(name, [other]).is_empty(),
            None => !near(label, [*known]).is_empty(),
        }
    };
    let known: Vec<&str> = known.into_iter().filter(is_near).collect();
    let names: Vec<String> = near(label, known)
        .iter()
        .map(|one| format!("`{one}`"))
        .collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches an offer of whatever has the same namespace, and a typing error that is not seen.
    #[test]
    fn a_namespace_makes_nothing_near() {
        let known = ["crates/cc", "crates/lua-src", "acme/text"];
        assert_eq!(did_you_mean("crates/nothing-like-it", known), None);
        assert_eq!(did_you_mean("crates/shlex", known), None);
        let offer = |name: &str| Some(format!("did you mean `{name}`?"));
        assert_eq!(
            did_you_mean("crates/lua-scr", known),
            offer("crates/lua-src")
        );
        assert_eq!(did_you_mean("acne/text", known), offer("acme/text"));
    }
}
