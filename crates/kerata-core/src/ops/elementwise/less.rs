//! `less`: whether a < b, element by element.

use std::cmp::Ordering;

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a < b, element by element.
    Less, less, "less"
}

impl CompareRule for Less {
    fn holds(order: Option<Ordering>) -> bool {
        order == Some(Ordering::Less)
    }
}
