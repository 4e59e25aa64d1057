//! `greater_equal`: whether a >= b, element by element.

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a >= b, element by element.
    GreaterEqual, greater_equal, "greater_equal"
}

impl CompareRule for GreaterEqual {
    fn compare<T: PartialOrd>(a: &T, b: &T) -> bool {
        a >= b
    }
}
