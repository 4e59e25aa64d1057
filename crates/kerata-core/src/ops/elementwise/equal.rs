//! `equal`: whether a == b, element by element.

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a == b, element by element.
    Equal, equal, "equal"
}

impl CompareRule for Equal {
    const ORDERED: bool = false;

    fn compare<T: PartialOrd>(a: &T, b: &T) -> bool {
        a == b
    }

    fn same<T: PartialEq>(a: &T, b: &T) -> bool {
        a == b
    }
}
