//! `floor_divide`: the quotient rounded down; by zero, whole numbers give zero.

use super::binary::prelude::*;

binary! {
    /// The quotient rounded down; by zero, whole numbers give zero.
    FloorDivide, floor_divide, "floor_divide"
}

impl BinaryRule for FloorDivide {
    const DIFFERENTIABLE: bool = false;

    fn real<T: Real>(a: T, b: T) -> T {
        (a / b).floor()
    }

    fn integer(a: i128, b: i128) -> i128 {
        if b == 0 { 0 } else { a / b - i128::from(a % b != 0 && (a < 0) != (b < 0)) }
    }

    fn gradient(_: &Gradient<'_>) -> Result<[Option<Tensor>; 2]> {
        Ok([None, None])
    }
}
