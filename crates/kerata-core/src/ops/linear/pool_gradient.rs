//! `pool_gradient`: the way back of pooling.

use super::floats::{FloatKernel, run_floats};
use super::pool::{Pool, PoolKind};
use super::window::{Padding, Taps};
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// What the gradient of a pooled tensor (second input) means for the tensor (first input): all of it for the first
    /// largest element of a window, or equal shares.
    pub struct PoolGradient("pool_gradient") {
        /// What became of a window.
        pub kind: PoolKind,
        /// Sizes of the windows.
        pub sizes: Vec<usize>,
        /// Distance between windows.
        pub strides: Vec<usize>,
        /// What lay around the input.
        pub padding: Padding,
    }
}

/// The gradient of a pooled tensor's input.
pub fn pool_gradient(pool: &Pool, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
    let op = PoolGradient {
        kind: pool.kind,
        sizes: pool.sizes.clone(),
        strides: pool.strides.clone(),
        padding: pool.padding.clone(),
    };
    let inputs = [x.clone(), grad.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(op, &inputs)
}

impl PoolGradient {
    fn pool(&self) -> Pool {
        Pool {
            kind: self.kind,
            sizes: self.sizes.clone(),
            strides: self.strides.clone(),
            padding: self.padding.clone(),
        }
    }
}

impl Op for PoolGradient {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, grad] = inputs.exactly()?;
        let pooled = self.pool().spec(std::slice::from_ref(x))?;
        let pooled = pooled.only()?;
        let fits = grad.dtype == pooled.dtype
            && grad.rank() == pooled.rank()
            && grad.shape.axes().iter().zip(pooled.shape.axes()).all(|(a, b)| a.is_none() || b.is_none() || a == b);
        if !fits {
            return Err(Error::mismatch(format!("gradient {grad} of a pooling that gives {pooled}")));
        }
        Ok(vec![x.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, grad] = inputs.exactly()?;
        self.spec(&[x.spec(), grad.spec()])?;
        let shape = x.shape();
        let back =
            Back { kind: self.kind, taps: self.pool().taps(shape)?, channels: shape[shape.len() - 1], batch: shape[0] };
        Ok(vec![run_floats(&back, &[x, grad], shape.to_vec())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        match self.kind {
            PoolKind::Average => {
                let grad = g.grad(0)?;
                Ok(vec![None, Some(grad.apply(self.pool())?)])
            }
            PoolKind::Max => Err(Error::unsupported("the second derivative of max pooling")),
        }
    }
}

struct Back {
    kind: PoolKind,
    taps: Taps,
    channels: usize,
    batch: usize,
}

impl FloatKernel for Back {
    fn run<T: num_traits::Float + Default + std::iter::Sum + std::ops::AddAssign>(
        &self,
        inputs: &[&[T]],
        count: usize,
    ) -> Vec<T> {
        let (x, grads, channels) = (inputs[0], inputs[1], self.channels);
        let mut out = vec![T::default(); count];
        let image = x.len().checked_div(self.batch).unwrap_or(0);
        for (window, grads) in grads.chunks_exact(channels.max(1)).enumerate() {
            let base = window / self.taps.windows * image;
            let taps = self.taps.window(window % self.taps.windows);
            let seen = T::from(taps.iter().flatten().count()).unwrap_or_else(T::one);
            for (channel, &grad) in grads.iter().enumerate() {
                let mut places = taps.iter().flatten().map(|at| base + at * channels + channel);
                match self.kind {
                    PoolKind::Average => places.for_each(|place| out[place] += grad / seen),
                    PoolKind::Max => {
                        let Some(first) = places.next() else { continue };
                        let best = places.fold(first, |best, place| if x[place] > x[best] { place } else { best });
                        out[best] += grad;
                    }
                }
            }
        }
        out
    }
}
