//! Conditions of which not all is known: `Some` where the answer is certain, `None` where it depends on the machine.
//!
//! What a package asks for is locked once for all machines, so what may hold on one of them counts as holding.

/// `None`: it depends on what is not known.
pub(super) type Truth = Option<bool>;

/// False, if either is.
pub(super) fn and(left: Truth, right: Truth) -> Truth {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// True, if either is.
pub(super) fn or(left: Truth, right: Truth) -> Truth {
    not(and(not(left), not(right)))
}

/// What is not known stays so.
pub(super) fn not(truth: Truth) -> Truth {
    truth.map(|truth| !truth)
}
