//! `scatter_nd`: a tensor changed at places along several axes.

use super::gather_nd::{named_axes, starts};
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, Size, op, op_basics};
use crate::{Error, Result, Shape, named_attribute};

/// What a new element does to the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScatterMode {
    /// It takes its place; the last of several wins.
    Update,
    /// It is added.
    Add,
    /// The larger one stays.
    Max,
    /// The smaller one stays.
    Min,
    /// They are multiplied.
    Multiply,
}

named_attribute!(ScatterMode { Update = "update", Add = "add", Max = "max", Min = "min", Multiply = "multiply" });

op! {
    /// The first input changed by the third at the places of the second: for each vector along its last axis, an element
    /// or slice.
    pub struct ScatterNd("scatter_nd") {
        /// What a new element does to the old one.
        pub mode: ScatterMode,
    }
}

/// A tensor changed at places along its first axes: `places` is `(…, axes)`.
pub fn scatter_nd(x: &Tensor, places: &Tensor, updates: &Tensor, mode: ScatterMode) -> Result<Tensor> {
    let inputs = [x.clone(), places.clone(), ops::cast(updates, x.dtype())?];
    GraphBuilder::innermost(&inputs)?.add_one(ScatterNd { mode }, &inputs)
}

/// Zeros of a shape to which values are added at places.
pub fn scatter(
    places: &Tensor,
    values: &Tensor,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
) -> Result<Tensor> {
    scatter_nd(&ops::full(values.builder(), sizes, 0, values.dtype())?, places, values, ScatterMode::Add)
}

/// A tensor with values put in their places.
pub fn scatter_update(x: &Tensor, places: &Tensor, updates: &Tensor) -> Result<Tensor> {
    scatter_nd(x, places, updates, ScatterMode::Update)
}

impl Op for ScatterNd {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, places, updates] = inputs.exactly()?;
        let count = named_axes(x, places)?;
        let lead = &places.shape.axes()[..places.rank() - 1];
        let expected: Vec<Option<u64>> = lead.iter().chain(&x.shape.axes()[count..]).copied().collect();
        let fits = updates.rank() == expected.len()
            && updates.shape.axes().iter().zip(&expected).all(|(a, b)| a.is_none() || b.is_none() || a == b);
        let is_number = crate::ops::reduce::reduction::is_number(x.dtype);
        if !fits || updates.dtype != x.dtype || (!is_number && self.mode != ScatterMode::Update) {
            return Err(Error::mismatch(format!("{updates} at {places} in {x}, of shape {}", Shape::new(expected))));
        }
        Ok(vec![x.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, places, updates] = inputs.exactly()?;
        self.spec(&[x.spec(), places.spec(), updates.spec()])?;
        let count = named_axes(&x.spec(), &places.spec())?;
        let width: usize = x.shape()[count..].iter().product();
        let targets: Vec<usize> = starts(places, x.shape(), count)?
            .into_iter()
            .flat_map(|start| start..start + width)
            .collect();
        if targets.len() != updates.len() {
            return Err(Error::mismatch(format!("{} updates at {} places", updates.len(), targets.len())));
        }
        if self.mode == ScatterMode::Update {
            let mut from: Vec<usize> = (0..x.len()).collect();
            for (at, &target) in targets.iter().enumerate() {
                from[target] = x.len() + at;
            }
            let all = Array::join(&[&x.reshape([x.len()])?, &updates.reshape([updates.len()])?], 0)?;
            return Ok(vec![all.take_runs(&from, 1, x.shape())?]);
        }
        if x.dtype().is_integer() {
            let mut values = x.to_i128s()?;
            for (&target, update) in targets.iter().zip(updates.to_i128s()?) {
                let value = &mut values[target];
                *value = match self.mode {
                    ScatterMode::Max => update.max(*value),
                    ScatterMode::Min => update.min(*value),
                    ScatterMode::Multiply => value.wrapping_mul(update),
                    _ => *value + update,
                };
            }
            return Ok(vec![Array::from_i128s(x.shape().to_vec(), values, x.dtype())?]);
        }
        let mut values = x.to_f64s()?;
        for (&target, update) in targets.iter().zip(updates.to_f64s()?) {
            let value = &mut values[target];
            *value = match self.mode {
                ScatterMode::Max => update.max(*value),
                ScatterMode::Min => update.min(*value),
                ScatterMode::Multiply => *value * update,
                _ => *value + update,
            };
        }
        Ok(vec![Array::from_vec(x.shape(), values)?.cast(x.dtype())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (grad, x, places, updates) = (g.grad(0)?, g.input(0)?, g.input(1)?, g.input(2)?);
        let here = |tensor: &Tensor| ops::gather_nd(tensor, places);
        match self.mode {
            ScatterMode::Add => Ok(vec![Some(grad.clone()), None, Some(here(&grad)?)]),
            // As if no place were named twice, where the order of updates would decide.
            ScatterMode::Update => {
                let rest = scatter_update(&grad, places, &ops::zeros_like(updates)?)?;
                Ok(vec![Some(rest), None, Some(here(&grad)?)])
            }
            ScatterMode::Max | ScatterMode::Min => {
                let output = g.output(0)?;
                let kept = |tensor: &Tensor, result: &Tensor, grad: &Tensor| {
                    ops::multiply(grad, &ops::cast(&ops::equal(tensor, result)?, grad.dtype())?)
                };
                Ok(vec![Some(kept(x, output, &grad)?), None, Some(kept(updates, &here(output)?, &here(&grad)?)?)])
            }
            ScatterMode::Multiply => {
                let factors = scatter_nd(&ops::ones_like(x)?, places, updates, ScatterMode::Multiply)?;
                let others = ops::divide(&here(g.output(0)?)?, updates)?;
                Ok(vec![
                    Some(ops::multiply(&grad, &factors)?),
                    None,
                    Some(ops::multiply(&here(&grad)?, &others)?),
                ])
            }
        }
    }
}
