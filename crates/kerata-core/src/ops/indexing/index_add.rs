//! `index_add`: slices added up at places along an axis; the way back of `take`.

use super::add::add_at;
use super::index::places;
use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// Zeros to which the first input is added at the places of the second along an axis; further inputs only lend the
    /// sizes of their axes.
    pub struct IndexAdd("index_add") {
        /// Which axis.
        pub axis: usize,
        /// Size of the axis.
        pub size: Dim,
    }
}

/// Zeros, `size` along an axis, to which slices of `x` are added at places. The places' axes stand in `x` for the axis.
pub fn index_add(x: &Tensor, places: &Tensor, size: impl Into<Size>, axis: usize) -> Result<Tensor> {
    let mut inputs = vec![x.clone(), places.clone()];
    let size = dims([size.into()], &mut inputs)[0];
    GraphBuilder::innermost(&inputs)?.add_one(IndexAdd { axis, size }, &inputs)
}

/// The sums of the rows of each segment; ids outside are dropped by the caller's choice of `count`.
pub fn segment_sum(x: &Tensor, ids: &Tensor, count: impl Into<Size>) -> Result<Tensor> {
    index_add(x, ids, count, 0)
}

impl Op for IndexAdd {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, places, ..] = inputs else { return Err(Error::mismatch("index_add takes two inputs")) };
        let end = self.axis.saturating_add(places.rank());
        let axes = x.shape.axes();
        if end > axes.len() || !places.dtype.is_integer() || self.size == Dim::Infer {
            return Err(Error::mismatch(format!("{places} as places along axis {} of {x}", self.axis)));
        }
        let fits = axes[self.axis..end].iter().zip(places.shape.axes()).all(|(a, b)| a.is_none() || b.is_none() || a == b);
        if !fits {
            return Err(Error::mismatch(format!("{places} as places along axis {} of {x}", self.axis)));
        }
        let size = shape_of_dims(&[self.size], inputs)?;
        let axes = axes[..self.axis].iter().chain(size.axes()).chain(&axes[end..]).copied();
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        let (x, at) = (&inputs[0], &inputs[1]);
        let places = places(at, shape[self.axis])?;
        let outer: usize = shape[..self.axis].iter().product();
        let inner: usize = shape[self.axis + 1..].iter().product();
        let mut targets = Vec::with_capacity(x.len());
        for block in 0..outer {
            for place in &places {
                let start = (block * shape[self.axis] + place) * inner;
                targets.extend(start..start + inner);
            }
        }
        Ok(vec![add_at(x, &targets, shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let mut grads = vec![None; g.inputs.len()];
        grads[0] = Some(ops::take(&g.grad(0)?, g.input(1)?, Some(self.axis as i64))?);
        Ok(grads)
    }
}
