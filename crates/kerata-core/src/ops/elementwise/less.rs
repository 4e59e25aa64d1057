//! `less`: whether a < b, element by element.

use super::compare::{CompareRule, compare};

compare! {
    /// Whether a < b, element by element.
    Less, less, "less"
}

impl CompareRule for Less {
    fn compare<T: PartialOrd>(a: &T, b: &T) -> bool {
        a < b
    }
}
