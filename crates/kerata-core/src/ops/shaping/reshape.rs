//! `reshape`: the same elements under another shape.

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// The first input under another shape; further inputs only lend the sizes of their axes.
    pub struct Reshape("reshape") {
        /// Sizes of the axes, at most one of them inferred.
        pub dims: Vec<Dim>,
    }
}

/// The same elements under another shape: numbers, -1 for what is left over, or [`Tensor::size`] of any tensor.
pub fn reshape(x: &Tensor, sizes: impl IntoIterator<Item = impl Into<Size>>) -> Result<Tensor> {
    let mut inputs = vec![x.clone()];
    let dims = dims(sizes, &mut inputs);
    if inputs.len() == 1 && is_same(&dims, x.spec()) {
        return Ok(x.clone());
    }
    GraphBuilder::innermost(&inputs)?.add_one(Reshape { dims }, &inputs)
}

/// An axis of size 1 added at a place.
pub fn expand_dims(x: &Tensor, axis: i64) -> Result<Tensor> {
    let rank = x.rank() as i64 + 1;
    let place = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&place) {
        return Err(Error::mismatch(format!("axis {axis} is outside a shape of {rank} axes")));
    }
    let mut sizes = x.sizes();
    sizes.insert(place as usize, Size::Known(1));
    reshape(x, sizes)
}

/// Axes of size 1 left out: those named, or all that are known to be 1.
pub fn squeeze(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    let named = axes.iter().map(|&axis| x.spec().axis(axis)).collect::<Result<Vec<_>>>()?;
    if let Some(&axis) = named.iter().find(|&&axis| x.spec().size(axis).is_some_and(|size| size != 1)) {
        return Err(Error::mismatch(format!("axis {axis} of {} is not 1", x.shape())));
    }
    let goes = |axis: usize| if axes.is_empty() { x.spec().size(axis) == Some(1) } else { named.contains(&axis) };
    reshape(x, (0..x.rank()).filter(|&axis| !goes(axis)).map(|axis| x.size(axis)))
}

/// Everything after the first axis in one axis.
pub fn flatten(x: &Tensor) -> Result<Tensor> {
    let rest = (1..x.rank()).try_fold(1u64, |product, axis| product.checked_mul(x.spec().size(axis)? as u64));
    match rest {
        Some(rest) => reshape(x, [x.size(0), Size::Known(rest)]),
        None => reshape(x, [x.size(0), Size::Infer]),
    }
}

/// All elements in one axis.
pub fn ravel(x: &Tensor) -> Result<Tensor> {
    reshape(x, [-1])
}

/// Whether dims leave a shape as it is.
fn is_same(dims: &[Dim], x: &TensorSpec) -> bool {
    dims.len() == x.rank()
        && dims.iter().enumerate().all(|(at, dim)| match *dim {
            Dim::Known(size) => x.shape.axes()[at] == Some(size),
            Dim::Of { input: 0, axis } => axis == at,
            _ => false,
        })
}

impl Op for Reshape {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.first().ok_or_else(|| Error::mismatch("reshape without input"))?;
        let mut axes = shape_of_dims(&self.dims, inputs)?.axes().to_vec();
        if self.dims.iter().filter(|dim| **dim == Dim::Infer).count() > 1 {
            return Err(Error::usage("more than one size to infer"));
        }
        let refuse = |to: &[Option<u64>]| {
            Err(Error::mismatch(format!("{} does not reshape to {}", x.shape, Shape::new(to.iter().copied()))))
        };
        // An unknown axis that is passed on cancels out on both sides.
        let passed: Vec<usize> = self
            .dims
            .iter()
            .filter_map(|dim| match *dim {
                Dim::Of { input: 0, axis } if x.size(axis).is_none() => Some(axis),
                _ => None,
            })
            .collect();
        let mut left = passed.clone();
        let from: Vec<Option<u64>> = (0..x.rank())
            .filter(|axis| match left.iter().position(|passed| passed == axis) {
                Some(at) => {
                    left.swap_remove(at);
                    false
                }
                None => true,
            })
            .map(|axis| x.shape.axes()[axis])
            .collect();
        let mut passed_left = passed.len() - left.len();
        let rest: Vec<Option<u64>> = self
            .dims
            .iter()
            .zip(&axes)
            .filter(|(dim, size)| {
                let cancels = size.is_none() && matches!(dim, Dim::Of { input: 0, .. }) && passed_left > 0;
                passed_left -= usize::from(cancels);
                !cancels && **dim != Dim::Infer
            })
            .map(|(_, size)| *size)
            .collect();
        let product = |sizes: &[Option<u64>]| {
            sizes.iter().try_fold(1u64, |product, size| size.and_then(|size| product.checked_mul(size)))
        };
        if let (Some(have), Some(named)) = (product(&from), product(&rest)) {
            match self.dims.iter().position(|dim| *dim == Dim::Infer) {
                Some(at) if named > 0 && have % named == 0 => axes[at] = Some(have / named),
                Some(at) if named == 0 && have == 0 => axes[at] = Some(0),
                None if have == named => {}
                _ => return refuse(&axes),
            }
        }
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        Ok(vec![inputs[0].reshape(shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let mut grads = vec![None; g.inputs.len()];
        grads[0] = Some(reshape(&g.grad(0)?, g.input(0)?.sizes())?);
        Ok(grads)
    }
}
