//! `less_equal`: whether a <= b, element by element.

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a <= b, element by element.
    LessEqual, less_equal, "less_equal"
}

impl CompareRule for LessEqual {
    fn compare<T: PartialOrd>(a: &T, b: &T) -> bool {
        a <= b
    }
}
