//! `isinf`: whether elements are infinite.

use super::predicate::{PredicateRule, predicate};
use super::real::Real;

predicate! {
    /// Whether elements are infinite.
    Isinf, isinf, "isinf"
}

impl PredicateRule for Isinf {
    fn real<T: Real>(x: T) -> bool {
        x.is_infinite()
    }
}
