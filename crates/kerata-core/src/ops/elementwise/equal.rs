//! `equal`: whether a == b, element by element.

use std::cmp::Ordering;

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a == b, element by element.
    Equal, equal, "equal"
}

impl CompareRule for Equal {
    const ORDERED: bool = false;

    fn holds(order: Option<Ordering>) -> bool {
        order == Some(Ordering::Equal)
    }
}
