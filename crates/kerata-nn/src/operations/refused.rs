//! Functions that a file may name and that are not computed, each with its reason.

/// Class names and why, sorted.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("Eig", "the order and the phase of eigenvectors of a general matrix are not defined"),
    ("Histogram", "Keras 3.15 itself cannot call it in a model"),
    ("SegmentReduction", "it is only what segment functions have in common"),
];

/// Why a class is refused, when it is.
pub(super) fn reason(class: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(name, _)| *name == class).map(|(_, reason)| *reason)
}
