//! Reductions of floats over any axes.

use kerata_core::{Array, DType, Result};

use super::names::reduction;
use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::memory::each_chunk;
use crate::cpu::kernels::moves::{View, read};
use crate::cpu::kernels::reduce::{self, Reduce};

/// The step of a reduction of floats.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let (function, axes, keepdims) = reduction(request.op)?;
    let x = request.inputs.first()?.spec;
    (x.dtype == DType::Float32)
        .then(|| Box::new(Reduction { function, axes: axes.to_vec(), keepdims }) as Box<dyn Kernel>)
}

/// A reduction over some axes.
pub(super) struct Reduction {
    pub function: Reduce,
    pub axes: Vec<usize>,
    pub keepdims: bool,
}

impl Kernel for Reduction {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let x = inputs[0];
        let sizes = x.shape();
        let is_reduced = |axis: usize| self.axes.contains(&axis);
        let shape = (0..x.rank())
            .filter(|&axis| self.keepdims || !is_reduced(axis))
            .map(|axis| if is_reduced(axis) { 1 } else { sizes[axis] })
            .collect::<Vec<_>>();
        // Axes of size one count as either; the others fall into runs that are kept or reduced.
        let mut runs: Vec<(bool, usize)> = Vec::new();
        for (axis, &size) in sizes.iter().enumerate().filter(|(_, size)| **size != 1) {
            match runs.last_mut() {
                Some((reduced, run)) if *reduced == is_reduced(axis) => *run *= size,
                _ => runs.push((is_reduced(axis), size)),
            }
        }
        let data = x.as_f32()?;
        let function = self.function;
        let output = cx.float(shape, |out| {
            match runs[..] {
                [] => out.copy_from_slice(data),
                [(false, _)] => out.copy_from_slice(data),
                [(true, width)] => rows(cx, function, data, width, out),
                [(false, _), (true, width)] => rows(cx, function, data, width, out),
                [(true, count), (false, width)] => columns(cx, function, data, 1, count, width, out),
                [(false, outer), (true, count), (false, width)] => {
                    columns(cx, function, data, outer, count, width, out);
                }
                _ => {
                    let kept = (0..x.rank()).filter(|&axis| !is_reduced(axis));
                    let order: Vec<usize> = kept.chain(self.axes.iter().copied()).collect();
                    let view = View::of(sizes).transposed(&order);
                    let mut moved = cx.pool.take(data.len());
                    read(cx.workers, data, &view, &mut moved);
                    let width = self.axes.iter().map(|&axis| sizes[axis]).product();
                    rows(cx, function, &moved, width, out);
                    cx.pool.give(moved);
                }
            }
            Ok(())
        })?;
        Ok(vec![output])
    }
}

/// Reduces rows of `width` elements.
fn rows(cx: &Context, function: Reduce, data: &[f32], width: usize, out: &mut [f32]) {
    let group = (16 * 1024 / width.max(1)).max(1);
    each_chunk(cx.workers, out, group, &|task, out| {
        let from = task * group * width;
        reduce::rows(cx.isa, function, &data[from..from + out.len() * width], width, out);
    });
}

/// Rows that are folded in one go; partial results of more are joined in order. A number of parts that threads share out
/// evenly, each of rows that one of them has most likely written.
fn rows_of_part(count: usize) -> usize {
    let rows = count.div_ceil(PARTS).clamp(LEAST, MOST);
    if count <= rows { rows } else { count.div_ceil(count.div_ceil(rows).next_multiple_of(4)) }
}

/// Parts of rows that are folded, as far as each has at least so many rows and at most so many.
const PARTS: usize = 16;
const LEAST: usize = 16;
const MOST: usize = 256;

/// Reduces the middle of `outer x count x width`.
fn columns(
    cx: &Context,
    function: Reduce,
    data: &[f32],
    outer: usize,
    count: usize,
    width: usize,
    out: &mut [f32],
) {
    let rows = rows_of_part(count);
    let parts = count.div_ceil(rows).max(1);
    let mut partial = cx.pool.take(outer * parts * width);
    reduce::parts(cx.isa, cx.workers, function, data, [outer, count, width], rows, &mut partial);
    for (out, partial) in out.chunks_exact_mut(width.max(1)).zip(partial.chunks_exact((parts * width).max(1)))
    {
        out.fill(function.identity());
        reduce::columns(cx.isa, function, partial, out);
        if function == Reduce::Mean {
            out.iter_mut().for_each(|x| *x /= count as f32);
        }
    }
    cx.pool.give(partial);
}
