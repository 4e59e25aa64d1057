//! `isfinite`: whether elements are finite.

use super::predicate::{PredicateRule, predicate};
use super::real::Real;

predicate! {
    /// Whether elements are finite.
    Isfinite, isfinite, "isfinite"
}

impl PredicateRule for Isfinite {
    fn real<T: Real>(x: T) -> bool {
        x.is_finite()
    }
}
