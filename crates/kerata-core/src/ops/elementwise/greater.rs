//! `greater`: whether a > b, element by element.

use std::cmp::Ordering;

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a > b, element by element.
    Greater, greater, "greater"
}

impl CompareRule for Greater {
    fn holds(order: Option<Ordering>) -> bool {
        order == Some(Ordering::Greater)
    }
}
