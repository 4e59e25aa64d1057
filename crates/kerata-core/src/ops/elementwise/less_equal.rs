//! `less_equal`: whether a <= b, element by element.

use std::cmp::Ordering;

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a <= b, element by element.
    LessEqual, less_equal, "less_equal"
}

impl CompareRule for LessEqual {
    fn holds(order: Option<Ordering>) -> bool {
        matches!(order, Some(Ordering::Less | Ordering::Equal))
    }
}
