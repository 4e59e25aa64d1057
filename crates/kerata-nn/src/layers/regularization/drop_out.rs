//! Dropping a share of a tensor.

use crate::layers::prelude::*;

/// The tensor with a share of it set to zero and the rest made larger by as much; `sizes` of one drop whole axes.
pub(crate) fn drop_out(x: &Tensor, rate: f64, sizes: &[ops::Size], seed: &Tensor) -> Result<Tensor> {
    if seed.builder().generator() == ops::Generator::Jax {
        // Kept where the number is below the share that stays, and divided by it: XLA multiplies by the reciprocal.
        let chance = ops::random_uniform(seed, sizes.iter().cloned(), 0.0, 1.0, DType::Float32)?;
        let kept = ops::cast(&ops::less(&chance, &ops::scalar(&chance, 1.0 - rate)?)?, x.dtype())?;
        let factor = f64::from(1.0 / (1.0 - rate) as f32);
        return ops::multiply(&ops::times(x, factor)?, &kept);
    }
    let kept = ops::cast(&keep(rate, sizes, seed)?, x.dtype())?;
    ops::multiply(&ops::multiply(x, &kept)?, &ops::scalar(x, 1.0 / (1.0 - rate))?)
}

/// Which places stay when a share of them is dropped.
pub(super) fn keep(rate: f64, sizes: &[ops::Size], seed: &Tensor) -> Result<Tensor> {
    let chance = ops::random_uniform(seed, sizes, 0.0, 1.0, DType::Float32)?;
    ops::greater_equal(&chance, &ops::scalar(&chance, rate)?)
}

/// Sizes of the places that are dropped together: those of the tensor where `noise_shape` has none.
pub(crate) fn noise_sizes(x: &Tensor, noise_shape: Option<&[Option<i64>]>) -> Vec<ops::Size> {
    match noise_shape {
        None => x.sizes(),
        Some(shape) => shape
            .iter()
            .enumerate()
            .map(|(axis, size)| size.map_or_else(|| x.size(axis), ops::Size::from))
            .collect(),
    }
}
