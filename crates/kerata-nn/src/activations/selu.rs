//! `selu`: scaled exponential linear unit.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `s · x` above zero, `s · a · (exp(x) - 1)` below.
pub fn selu(x: &Tensor) -> Result<Tensor> {
    const ALPHA: f64 = 1.673_263_242_354_377_3;
    const SCALE: f64 = 1.050_700_987_355_480_5;
    let zero = ops::scalar(x, 0.0)?;
    let below = ops::multiply(&ops::expm1(&ops::minimum(x, &zero)?)?, &ops::scalar(x, ALPHA)?)?;
    let both = ops::select(&ops::greater(x, &zero)?, x, &below)?;
    ops::multiply(&both, &ops::scalar(x, SCALE)?)
}
