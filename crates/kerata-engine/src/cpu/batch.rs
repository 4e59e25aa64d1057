//! Whether samples of a batch can be run apart, and how many together: memory stays small and in cache, and threads
//! take whole tiles.

use std::sync::Mutex;

use kerata_core::graph::{Graph, Node, NodeKind, ValueId};
use kerata_core::ops::{
    Concat, Conv, Dim, Full, Pad, Pool, QuantizedMatmul, Range, Reshape, Slice, Split, Take, Transpose,
};
use kerata_core::{Array, DType, Error, Result, Shape};

use super::context;
use super::steps;

/// Floats of the largest value of a tile: with the values around it, it stays in the second-level cache.
const TILE: usize = 96 * 1024;
/// A tile reads all weights. Where they are so many times the largest value of a sample, they cost more than values that
/// leave the cache, and a tile takes more samples.
const WEIGHTS: usize = 8;
/// Elements of the weights of rows that are read anew for each tile at most; larger ones are read once for the whole batch.
const MOST_WEIGHTS: u64 = 4 << 20;

/// Samples that can be run apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Samples {
    /// Elements of the largest value of one.
    largest: usize,
    /// Elements that all of them read.
    weights: usize,
}

impl Samples {
    /// The samples of a graph, if no value of it mixes them: the first axis of every input, and of everything that follows
    /// from it, is the batch.
    pub fn of(graph: &Graph) -> Option<Samples> {
        let mut is_batch = vec![false; graph.nodes.len()];
        let mut samples = Samples { largest: 1, weights: 0 };
        for (at, node) in graph.nodes.iter().enumerate() {
            is_batch[at] = match &node.kind {
                NodeKind::Input { .. } => node.outputs.first()?.shape.axes().first()?.is_none(),
                NodeKind::Op(_) if node.inputs.iter().any(|input| is_batch[input.node]) => {
                    keeps_samples(graph, node, &|value: ValueId| is_batch[value.node])?;
                    true
                }
                _ => false,
            };
            for spec in &node.outputs {
                if is_batch[at] {
                    let sample = Shape::new(spec.shape.axes().get(1..)?.iter().copied());
                    samples.largest = samples.largest.max(elements(&sample)?);
                } else if matches!(node.kind, NodeKind::Variable { .. } | NodeKind::Constant(_)) {
                    samples.weights = samples.weights.saturating_add(elements(&spec.shape)?);
                }
            }
            if matches!(node.kind, NodeKind::Input { .. }) && !is_batch[at] {
                return None;
            }
        }
        let all = graph.updates.is_empty() && graph.outputs.iter().all(|(_, value)| is_batch[value.node]);
        all.then_some(samples)
    }

    /// Into how many tiles a batch is cut: each thread takes as many, as far as there are samples.
    pub fn tiles(&self, batch: usize, threads: usize) -> usize {
        let together = TILE.max(self.weights / WEIGHTS) / self.largest;
        batch.div_ceil(together.max(1)).next_multiple_of(threads).min(batch)
    }
}

fn elements(shape: &Shape) -> Option<usize> {
    usize::try_from(shape.elements()?).ok()
}

/// Whether the first axis of a node's outputs is the batch, sample by sample, given that some input's is.
fn keeps_samples(graph: &Graph, node: &Node, is_batch: &dyn Fn(ValueId) -> bool) -> Option<()> {
    let op = node.op()?;
    let rank = node.outputs.first()?.rank();
    let input_rank = |value: ValueId| graph.spec(value).map_or(0, |spec| spec.rank());
    let first = *node.inputs.first()?;
    let only_first = is_batch(first) && node.inputs[1..].iter().all(|&input| !is_batch(input));
    // Values that do not follow from the batch must not meet its axis, unless stretched along it.
    let meets = |value: ValueId| {
        let spec = graph.spec(value).ok();
        match is_batch(value) {
            true => input_rank(value) == rank,
            false => input_rank(value) < rank || spec.is_some_and(|spec| spec.size(0) == Some(1)),
        }
    };
    let any = op.as_any();
    let holds = if steps::unary(op).is_some()
        || steps::binary(op).is_some()
        || steps::comparison(op).is_some()
        || matches!(op.name(), "where" | "cast")
    {
        node.inputs.iter().all(|&input| meets(input))
    } else if let ("matmul", [left, right]) = (op.name(), &node.inputs[..]) {
        // Two axes of the right side are rows and columns, not batches.
        let is_matrix = input_rank(*right) <= 2;
        let is_small =
            || graph.spec(*right).is_ok_and(|spec| spec.shape.elements().is_some_and(|n| n <= MOST_WEIGHTS));
        is_batch(*left)
            && input_rank(*left) == rank
            && if is_matrix { !is_batch(*right) && (rank > 2 || is_small()) } else { meets(*right) }
    } else if any.is::<Conv>() || any.is::<Pool>() || (any.is::<QuantizedMatmul>() && rank > 1) {
        only_first
    } else if let Some(op) = any.downcast_ref::<Reshape>() {
        is_batch(first) && first_dim(&op.dims, &node.inputs, is_batch)
    } else if let Some(op) = any.downcast_ref::<Full>() {
        first_dim(&op.dims, &node.inputs, is_batch)
    } else if let Some(op) = any.downcast_ref::<Transpose>() {
        op.order.first() == Some(&0)
    } else if let Some((_, axes, _)) = steps::reduction(op) {
        !axes.contains(&0)
    } else if let Some(op) = any.downcast_ref::<Concat>() {
        op.axis > 0 && node.inputs.iter().all(|&input| is_batch(input))
    } else if let Some(op) = any.downcast_ref::<Slice>() {
        op.ranges.first() == Some(&Range::ALL)
    } else if let Some(op) = any.downcast_ref::<Split>() {
        op.axis > 0
    } else if let Some(op) = any.downcast_ref::<Pad>() {
        op.widths.first() == Some(&(0, 0))
    } else if let Some(op) = any.downcast_ref::<Take>() {
        // A table's rows, or elements inside each sample.
        let places = *node.inputs.get(1)?;
        (op.axis == 0 && !is_batch(first) && is_batch(places)) || (op.axis > 0 && only_first)
    } else {
        false
    };
    holds.then_some(())
}

/// Whether the first size of a shape is taken from the batch axis.
fn first_dim(dims: &[Dim], inputs: &[ValueId], is_batch: &dyn Fn(ValueId) -> bool) -> bool {
    match dims.first() {
        Some(Dim::Of { input, axis: 0 }) => inputs.get(*input).is_some_and(|&value| is_batch(value)),
        _ => false,
    }
}

/// Samples `from..to` of an array.
pub(super) fn samples(buffers: &context::Pool, array: &Array, from: usize, to: usize) -> Result<Array> {
    let mut shape = array.shape().to_vec();
    let width: usize = shape.get(1..).ok_or_else(|| Error::internal("a batch axis"))?.iter().product();
    shape[0] = to - from;
    if array.dtype() != DType::Float32 {
        return array.take_runs(&[from * width], (to - from) * width, shape);
    }
    let mut floats = buffers.take((to - from) * width);
    floats.copy_from_slice(&array.as_f32()?[from * width..to * width]);
    Array::from_f32(shape, floats)
}

/// An output of all samples while tiles of it are made.
pub(super) struct Whole {
    batch: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The floats so far, and the shape of a sample.
    floats: Vec<f32>,
    sample: Option<Vec<usize>>,
    /// Tiles of other elements by their first sample.
    others: Vec<(usize, Array)>,
}

impl Whole {
    pub fn new(batch: usize) -> Whole {
        Whole { batch, state: Mutex::default() }
    }

    /// Takes over the tile that begins with a sample.
    pub fn put(&self, buffers: &context::Pool, from: usize, part: Array) -> Result<()> {
        let mut state = self.state.lock().map_err(|_| Error::internal("a tile failed"))?;
        let [_, sample @ ..] = part.shape() else { return Err(Error::internal("a batch axis")) };
        if part.dtype() != DType::Float32 {
            state.others.push((from, part));
            return Ok(());
        }
        let width: usize = sample.iter().product();
        if state.sample.is_none() {
            state.floats = buffers.take(self.batch * width);
            state.sample = Some(sample.to_vec());
        }
        let to = state.floats.get_mut(from * width..from * width + part.len());
        to.ok_or_else(|| Error::internal("tiles of one shape"))?.copy_from_slice(part.as_f32()?);
        // Copied at once, the next tile writes to the same place in cache.
        buffers.recycle(part);
        Ok(())
    }

    /// The output, when all tiles are there.
    pub fn finish(self) -> Result<Array> {
        let mut state = self.state.into_inner().map_err(|_| Error::internal("a tile failed"))?;
        if let Some(sample) = state.sample {
            return Array::from_f32([&[self.batch], &sample[..]].concat(), state.floats);
        }
        state.others.sort_by_key(|(from, _)| *from);
        Array::join(&state.others.iter().map(|(_, part)| part).collect::<Vec<_>>(), 0)
    }
}

#[cfg(test)]
mod tests {
    use kerata_core::graph::{GraphBuilder, Tensor, TensorSpec};
    use kerata_core::ops;

    use super::*;

    /// The largest value of a sample of what is made of `[batch, 6]` and a weight of `[6, columns]`.
    fn largest_of(columns: u64, make: impl Fn(&Tensor, &Tensor) -> Result<Tensor>) -> Option<usize> {
        let builder = GraphBuilder::new("dense");
        let x = builder.input("x", TensorSpec::new(DType::Float32, Shape::new([None, Some(6)])));
        let weight = TensorSpec::new(DType::Float32, Shape::known([6, columns]));
        let weight = builder.variable("w", weight, true).unwrap();
        let y = make(&x, &weight).unwrap();
        let samples = Samples::of(&builder.finish(&[("y", &y)]).unwrap())?;
        assert_eq!(samples.weights, 6 * columns as usize);
        Some(samples.largest)
    }

    #[test]
    fn rows_of_a_product_with_weights_are_samples() {
        let largest = |make: &dyn Fn(&Tensor, &Tensor) -> Result<Tensor>| largest_of(4, make);
        assert_eq!(largest(&ops::matmul), Some(6));
        // Rows of a product with the batch as its right side are those of the left side.
        assert_eq!(largest(&|x, _| ops::matmul(x, &ops::matmul(&ops::transpose(x, &[1, 0])?, x)?)), None);
        assert_eq!(
            largest(&|x, weight| ops::matmul(
                &ops::transpose(weight, &[1, 0])?,
                &ops::transpose(x, &[1, 0])?
            )),
            None
        );
    }

    #[test]
    fn large_weights_of_rows_are_read_once_for_a_batch() {
        assert_eq!(largest_of(MOST_WEIGHTS / 6, ops::matmul), Some(MOST_WEIGHTS as usize / 6));
        assert_eq!(largest_of(MOST_WEIGHTS / 6 + 1, ops::matmul), None);
    }

    #[test]
    fn samples_of_more_elements_than_can_be_counted_are_not_run_apart() {
        let builder = GraphBuilder::new("vast");
        let x = builder
            .input("x", TensorSpec::new(DType::Float32, Shape::new([None, Some(1 << 40), Some(1 << 40)])));
        let y = ops::negative(&x).unwrap();
        assert_eq!(Samples::of(&builder.finish(&[("y", &y)]).unwrap()), None);
    }

    #[test]
    fn tiles_hold_few_samples_but_of_large_weights_more_and_each_thread_takes_as_many() {
        let small = Samples { largest: TILE / 4, weights: 1000 };
        assert_eq!([1, 3, 32].map(|batch| small.tiles(batch, 1)), [1, 1, 8]);
        assert_eq!([1, 3, 9].map(|batch| small.tiles(batch, 2)), [1, 2, 4]);
        let wide = Samples { largest: 8 * TILE, weights: 1000 };
        assert_eq!(wide.tiles(32, 2), 32);
        let heavy = Samples { weights: 24 * TILE * WEIGHTS, ..wide };
        assert_eq!([1, 2, 4].map(|threads| heavy.tiles(32, threads)), [11, 12, 12]);
        assert_eq!(heavy.tiles(0, 2), 0);
    }
}
