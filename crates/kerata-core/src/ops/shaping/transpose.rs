//! `transpose`: the axes in another order.

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// The axes in another order.
    pub struct Transpose("transpose") {
        /// For each axis of the result, the axis of the input that it was.
        pub order: Vec<usize>,
    }
}

/// The axes in another order; axes count from the end when negative.
pub fn transpose(x: &Tensor, order: &[i64]) -> Result<Tensor> {
    let order = order.iter().map(|&axis| x.spec().axis(axis)).collect::<Result<Vec<_>>>()?;
    if order.iter().enumerate().all(|(at, &axis)| at == axis) && order.len() == x.rank() {
        return Ok(x.clone());
    }
    x.apply(Transpose { order })
}

/// The last two axes exchanged.
pub fn swap_last(x: &Tensor) -> Result<Tensor> {
    swapaxes(x, -1, -2)
}

/// Two axes exchanged.
pub fn swapaxes(x: &Tensor, first: i64, second: i64) -> Result<Tensor> {
    let (first, second) = (x.spec().axis(first)?, x.spec().axis(second)?);
    let mut order: Vec<i64> = (0..x.rank() as i64).collect();
    order.swap(first, second);
    transpose(x, &order)
}

/// Axes moved to other places; the rest keep their order.
pub fn moveaxis(x: &Tensor, from: &[i64], to: &[i64]) -> Result<Tensor> {
    let place = |axes: &[i64]| axes.iter().map(|&axis| x.spec().axis(axis)).collect::<Result<Vec<_>>>();
    let (from, to) = (place(from)?, place(to)?);
    if from.len() != to.len() {
        return Err(Error::usage(format!("{} axes move to {} places", from.len(), to.len())));
    }
    let mut pairs: Vec<(usize, usize)> = to.into_iter().zip(from.iter().copied()).collect();
    pairs.sort_unstable();
    let mut order: Vec<i64> = (0..x.rank()).filter(|axis| !from.contains(axis)).map(|axis| axis as i64).collect();
    for (to, from) in pairs {
        order.insert(to.min(order.len()), from as i64);
    }
    transpose(x, &order)
}

impl Op for Transpose {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let mut sorted = self.order.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..x.rank()) {
            return Err(Error::mismatch(format!("order {:?} of {} axes", self.order, x.rank())));
        }
        let shape = self.order.iter().map(|&axis| x.shape.axes()[axis]).collect::<crate::Shape>();
        Ok(vec![TensorSpec::new(x.dtype, shape)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        self.spec(&[inputs.only()?.spec()])?;
        Ok(vec![inputs.only()?.transpose(&self.order)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let mut back = vec![0; self.order.len()];
        for (at, &axis) in self.order.iter().enumerate() {
            back[axis] = at as i64;
        }
        Ok(vec![Some(transpose(&g.grad(0)?, &back)?)])
    }
}
