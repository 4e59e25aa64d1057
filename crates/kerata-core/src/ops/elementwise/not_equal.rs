//! `not_equal`: whether a != b, element by element.

use std::cmp::Ordering;

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a != b, element by element.
    NotEqual, not_equal, "not_equal"
}

impl CompareRule for NotEqual {
    const ORDERED: bool = false;

    fn holds(order: Option<Ordering>) -> bool {
        order != Some(Ordering::Equal)
    }
}
