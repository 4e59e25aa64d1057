//! `Equalization`: images in which all levels are as frequent, in training.

use super::images::{BYTES, images, in_range, range_of};
use super::random::random;
use crate::layers::prelude::*;

random! {
    @config
    /// Makes all levels of each channel as frequent in the whole batch, in training.
    Equalization {
        /// Number of levels.
        bins: usize = 256,
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
    }
}

impl Layer for Equalization {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        if !scope.training() {
            return Ok(vec![x.clone()]);
        }
        let x = ops::cast(x, scope.compute_dtype())?;
        Ok(vec![images(&x, self.data_format, |x| self.equalized(x))?])
    }
}

impl Equalization {
    fn equalized(&self, x: &Tensor) -> Result<Tensor> {
        let range = range_of(&self.value_range)?;
        let sizes = [3, 0, 1, 2].map(|axis| x.size(axis));
        let channels = x.spec().known_axis(3)?;
        // The pixels of each channel, in one row.
        let rows = ops::reshape(&ops::transpose(x, &[3, 0, 1, 2])?, [channels as i64, -1])?;
        let bytes = in_range(&rows, range, BYTES)?;
        let most = self.bins.saturating_sub(1) as f64;
        let last = |x: &Tensor| ops::cast(&ops::clip(x, 0.0, most)?, DType::Int32);
        let level = ops::times(&ops::cast(&bytes, DType::Float32)?, most)?;
        let level = last(&ops::divide(&level, &ops::scalar(&level, 255.0)?)?)?;
        let counts = ops::bincount(&level, None, self.bins)?;
        let curve = in_range(&curve(&counts)?, BYTES, range)?;
        let place = ops::times(&ops::divide(&bytes, &ops::scalar(&bytes, 255.0)?)?, most)?;
        let equalized = ops::take_along_axis(&ops::cast(&curve, x.dtype())?, &last(&place)?, 1)?;
        let occurs = ops::cast(&ops::greater(&counts, &ops::zeros_like(&counts)?)?, DType::Int32)?;
        let found = ops::sum(&occurs, &[1], true)?;
        let is_flat = ops::less(&found, &ops::scalar(&found, 2)?)?;
        let result = ops::select(&is_flat, &in_range(&bytes, BYTES, range)?, &equalized)?;
        ops::transpose(&ops::reshape(&result, sizes)?, &[1, 2, 3, 0])
    }
}

/// The new value, from 0 to 255, of each level: how many pixels are up to it.
fn curve(counts: &Tensor) -> Result<Tensor> {
    let sums = ops::cast(&ops::cumsum(counts, Some(-1))?, DType::Float64)?;
    let all = ops::max(&sums, &[-1], true)?;
    let is_none = ops::equal(&sums, &ops::zeros_like(&sums)?)?;
    let first = ops::min(&ops::select(&is_none, &all, &sums)?, &[-1], true)?;
    let above = ops::subtract(&all, &first)?;
    let above = ops::maximum(&above, &ops::ones_like(&above)?)?;
    let value = ops::divide(&ops::times(&ops::subtract(&sums, &first)?, 255.0)?, &above)?;
    ops::clip(&ops::round(&value)?, 0.0, 255.0)
}
