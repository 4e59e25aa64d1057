//! `pool`: the largest element or the mean of windows.

use super::conv::{for_each_axis, spatial_axes};
use super::floats::{FloatKernel, run_floats};
use super::window::{Padding, Taps, Windows};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{DType, Error, Result, Shape, named_attribute};

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Its largest element.
    Max,
    /// The mean of those of its elements that do not lie in the padding.
    Average,
}

named_attribute!(PoolKind { Max = "max", Average = "average" });

op! {
    /// Windows over the spatial axes of `(batch, spatial…, channels)` reduced, each channel for itself.
    pub struct Pool("pool") {
        /// What becomes of a window.
        pub kind: PoolKind,
        /// Sizes of the windows.
        pub sizes: Vec<usize>,
        /// Distance between windows.
        pub strides: Vec<usize>,
        /// What lies around the input.
        pub padding: Padding,
    }
}

/// The largest element of windows; no strides means windows side by side.
pub fn max_pool(x: &Tensor, sizes: &[usize], strides: &[usize], padding: Padding) -> Result<Tensor> {
    pool(PoolKind::Max, x, sizes, strides, padding)
}

/// The mean of windows, without what lies in the padding; no strides means windows side by side.
pub fn average_pool(x: &Tensor, sizes: &[usize], strides: &[usize], padding: Padding) -> Result<Tensor> {
    pool(PoolKind::Average, &ops::to_float(x)?, sizes, strides, padding)
}

fn pool(kind: PoolKind, x: &Tensor, sizes: &[usize], strides: &[usize], padding: Padding) -> Result<Tensor> {
    let spatial = spatial_axes(x.spec())?;
    let sizes = for_each_axis(sizes, spatial)?;
    let strides = if strides.is_empty() { sizes.clone() } else { for_each_axis(strides, spatial)? };
    x.apply(Pool { kind, sizes, strides, padding })
}

impl Pool {
    pub(super) fn taps(&self, x: &[usize]) -> Result<Taps> {
        let dilation = vec![1; self.sizes.len()];
        self.windows(&dilation).taps(&x[1..x.len() - 1])
    }

    fn windows<'a>(&'a self, dilation: &'a [usize]) -> Windows<'a> {
        Windows { sizes: &self.sizes, strides: &self.strides, dilation, padding: &self.padding }
    }
}

impl Op for Pool {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let spatial = spatial_axes(x)?;
        let is_number = crate::ops::reduce::reduction::is_number(x.dtype);
        if !is_number || (x.dtype.is_integer() && self.kind == PoolKind::Average) {
            return Err(Error::mismatch(format!("{} pooling of {}", self.kind.name(), x.dtype)));
        }
        let dilation = vec![1; spatial];
        let windows = self.windows(&dilation);
        windows.check(spatial)?;
        let mut axes = x.shape.axes().to_vec();
        for axis in 0..spatial {
            axes[axis + 1] = x.size(axis + 1).map(|size| windows.count(axis, size)).transpose()?.map(|n| n as u64);
        }
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let shape = self.spec(&[x.spec()])?.only()?.sizes()?;
        let forward = Forward { kind: self.kind, taps: self.taps(x.shape())?, channels: shape[shape.len() - 1], batch: shape[0] };
        if x.dtype().is_integer() {
            // Whole numbers up to 2^53 pass through float64 unchanged.
            let wide = run_floats(&forward, &[&x.cast(DType::Float64)?], shape)?;
            return Ok(vec![wide.cast(x.dtype())?]);
        }
        Ok(vec![run_floats(&forward, &[x], shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(ops::pool_gradient(self, g.input(0)?, &g.grad(0)?)?)])
    }
}

struct Forward {
    kind: PoolKind,
    taps: Taps,
    channels: usize,
    batch: usize,
}

impl FloatKernel for Forward {
    fn run<T: num_traits::Float + Default + std::iter::Sum + std::ops::AddAssign>(
        &self,
        inputs: &[&[T]],
        count: usize,
    ) -> Vec<T> {
        let (x, channels) = (inputs[0], self.channels);
        let start = if self.kind == PoolKind::Max { T::neg_infinity() } else { T::zero() };
        let mut out = vec![start; count];
        let image = x.len().checked_div(self.batch).unwrap_or(0);
        for (window, sums) in out.chunks_exact_mut(channels.max(1)).enumerate() {
            let base = window / self.taps.windows * image;
            let mut seen = 0;
            for at in self.taps.window(window % self.taps.windows).iter().flatten() {
                seen += 1;
                for (sum, &value) in sums.iter_mut().zip(&x[base + at * channels..]) {
                    match self.kind {
                        PoolKind::Max => *sum = if value > *sum || value.is_nan() { value } else { *sum },
                        PoolKind::Average => *sum += value,
                    }
                }
            }
            if self.kind == PoolKind::Average {
                let share = T::from(seen).unwrap_or_else(T::one);
                sums.iter_mut().for_each(|sum| *sum = *sum / share);
            }
        }
        out
    }
}
