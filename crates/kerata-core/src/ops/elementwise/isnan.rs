//! `isnan`: whether elements are not a number.

use super::predicate::{PredicateRule, predicate};
use super::real::Real;

predicate! {
    /// Whether elements are not a number.
    Isnan, isnan, "isnan"
}

impl PredicateRule for Isnan {
    fn real<T: Real>(x: T) -> bool {
        x.is_nan()
    }
}
