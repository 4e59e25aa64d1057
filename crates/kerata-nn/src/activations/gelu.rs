//! `gelu`: Gaussian error linear unit.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

/// `x · Φ(x)` with the exact Φ.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    let half = ops::scalar(x, 0.5)?;
    let root = ops::scalar(x, std::f64::consts::FRAC_1_SQRT_2)?;
    let gate = ops::add(&ops::erf(&ops::multiply(x, &root)?)?, &ops::scalar(x, 1.0)?)?;
    ops::multiply(&ops::multiply(x, &half)?, &gate)
}
