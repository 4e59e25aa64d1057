//! `not_equal`: whether a != b, element by element.

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a != b, element by element.
    NotEqual, not_equal, "not_equal"
}

impl CompareRule for NotEqual {
    const ORDERED: bool = false;

    fn compare<T: PartialOrd>(a: &T, b: &T) -> bool {
        a != b
    }

    fn same<T: PartialEq>(a: &T, b: &T) -> bool {
        a != b
    }
}
