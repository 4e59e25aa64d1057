//! `greater_equal`: whether a >= b, element by element.

use std::cmp::Ordering;

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a >= b, element by element.
    GreaterEqual, greater_equal, "greater_equal"
}

impl CompareRule for GreaterEqual {
    fn holds(order: Option<Ordering>) -> bool {
        matches!(order, Some(Ordering::Greater | Ordering::Equal))
    }
}
