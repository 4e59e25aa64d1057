//! Products of matrices, with what follows them done while the rows are in cache.

use kerata_core::graph::{Graph, Node};
use kerata_core::{Array, DType, Error, Result};

use super::fused::slices;
use super::{Given, Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::kernels::memory::each_chunk;
use crate::cpu::kernels::pack::{Panels, Strided};
use crate::cpu::kernels::patches::Rows;
use crate::cpu::kernels::product::{Place, product};
use crate::cpu::steps::finish::Tail;
use crate::cpu::workers::Workers;

/// Whether a program may follow a node: a float product.
pub(super) fn takes(graph: &Graph, node: &Node) -> bool {
    node.inputs.iter().all(|&input| graph.spec(input).is_ok_and(|spec| spec.dtype == DType::Float32))
}

/// The step of a `matmul` of floats.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let [left, right] = &request.inputs[..] else { return None };
    if left.spec.dtype != DType::Float32 || right.spec.dtype != DType::Float32 {
        return None;
    }
    let columns = right.spec.size(right.spec.rank().checked_sub(1)?);
    let weights = constant_matrix(right);
    let mut tail = Tail::new(request.epilogue.take());
    let packed = weights.map(|(array, values)| {
        let (depth, columns) = (array.shape()[0], array.shape()[1]);
        let scaled = tail.absorb(columns, values, |i| i % columns);
        pack(request.isa, depth, columns, &scaled)
    });
    if packed.is_none() {
        tail.absorb_bias(columns);
    }
    Some(Box::new(Matmul { packed, tail }))
}

fn constant_matrix<'a>(right: &Given<'a>) -> Option<(&'a Array, &'a [f32])> {
    let array = right.constant.filter(|array| array.rank() == 2)?;
    Some((array, array.as_f32().ok()?))
}

fn pack(isa: Isa, depth: usize, columns: usize, values: &[f32]) -> Panels {
    let mut panels = Panels::new(isa);
    panels.pack(depth, columns, Strided { data: values, start: 0, row: columns, column: 1 });
    panels
}

struct Matmul {
    packed: Option<Panels>,
    tail: Tail,
}

impl Kernel for Matmul {
    fn name(&self) -> &'static str {
        if self.tail.is_empty() { "matmul" } else { "matmul+" }
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [left, right, others @ ..] = inputs else {
            return Err(Error::internal("matmul takes two inputs"));
        };
        let (a, b) = (left.as_f32()?, right.as_f32()?);
        let ([.., m, depth], [.., inner, columns]) = (left.shape(), right.shape()) else {
            return Err(Error::mismatch("matmul takes matrices"));
        };
        let (m, depth, inner, columns) = (*m, *depth, *inner, *columns);
        if depth != inner {
            return Err(Error::mismatch(format!("matmul of {:?} and {:?}", left.shape(), right.shape())));
        }
        let left_batch = &left.shape()[..left.rank() - 2];
        let right_batch = &right.shape()[..right.rank() - 2];
        let mut shape = batch_shape(left_batch, right_batch)?;
        let batch: usize = shape.iter().product();
        shape.extend([m, columns]);
        let arrays = others;
        let others = slices(arrays)?;
        let output = cx.float(shape.clone(), |out| {
            // With one right side for all, the left side is one tall matrix.
            if right_batch.iter().all(|&size| size == 1) {
                let fresh;
                let panels = match &self.packed {
                    Some(panels) => panels,
                    None => {
                        fresh = pack(cx.isa, depth, columns, b);
                        &fresh
                    }
                };
                self.tail.run(&shape, &others, cx.isa, 0, |finish| {
                    let rows = Rows::Matrix { data: a, start: 0, stride: depth, depth };
                    let place = Place { start: 0, stride: columns };
                    product(cx.workers, &rows, batch * m, panels, out, place, finish);
                });
                return Ok(());
            }
            let alone = Workers::new(1)?;
            each_chunk(cx.workers, out, m * columns, &|i, out| {
                let (from, to) = (offset(i, &shape, left_batch), offset(i, &shape, right_batch));
                let mut panels = PANELS.take().filter(|panels| panels.isa() == cx.isa);
                let panels_ref = panels.get_or_insert_with(|| Panels::new(cx.isa));
                let matrix = Strided { data: b, start: to * depth * columns, row: columns, column: 1 };
                panels_ref.pack(depth, columns, matrix);
                self.tail.run(&shape, &others, cx.isa, i * m, |finish| {
                    let rows = Rows::Matrix { data: a, start: from * m * depth, stride: depth, depth };
                    product(&alone, &rows, m, panels_ref, out, Place { start: 0, stride: columns }, finish);
                });
                PANELS.set(panels);
            });
            Ok(())
        })?;
        Ok(vec![self.tail.stretch(cx, output, arrays)?])
    }
}

thread_local! {
    static PANELS: std::cell::RefCell<Option<Panels>> = const { std::cell::RefCell::new(None) };
}

fn batch_shape(left: &[usize], right: &[usize]) -> Result<Vec<usize>> {
    let rank = left.len().max(right.len());
    let size =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |own| shape[own]);
    (0..rank)
        .map(|axis| match (size(left, axis), size(right, axis)) {
            (1, size) => Ok(size),
            (size, other) if other == 1 || other == size => Ok(size),
            _ => Err(Error::mismatch(format!("batches {left:?} and {right:?}"))),
        })
        .collect()
}

/// The matrix of a side (with batch axes `own`) that goes into matrix `index` of the output.
fn offset(mut index: usize, output: &[usize], own: &[usize]) -> usize {
    let batch = &output[..output.len() - 2];
    let (mut offset, mut step) = (0, 1);
    for axis in (0..batch.len()).rev() {
        let position = index % batch[axis];
        index /= batch[axis];
        if let Some(own_axis) = (axis + own.len()).checked_sub(batch.len()) {
            if own[own_axis] != 1 {
                offset += position * step;
            }
            step *= own[own_axis];
        }
    }
    offset
}
