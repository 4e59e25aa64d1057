//! `greater`: whether a > b, element by element.

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a > b, element by element.
    Greater, greater, "greater"
}

impl CompareRule for Greater {
    fn compare<T: PartialOrd>(a: &T, b: &T) -> bool {
        a > b
    }
}
