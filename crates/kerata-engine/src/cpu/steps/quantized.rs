//! Products with 8-bit weights (`quantized_matmul`), packed when the plan is made.

use std::cell::RefCell;

use kerata_core::{Array, Error, Result};

use kerata_core::graph::{Graph, Node};

use super::finish::Tail;
use super::fused::slices;
use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::memory::each_chunk;
use crate::cpu::kernels::product::Finish;
use crate::cpu::kernels::quantized::{Packed, Scaling, multiply};
use crate::cpu::kernels::rounded::Rounded;
use crate::cpu::kernels::way::Way;
use crate::cpu::workers::Workers;

/// Most floats in or out of a task, unless of a few rows: they stay in cache.
const FLOATS: usize = 16 * 1024;
/// Rows that are multiplied together.
const ROWS: usize = 16;
/// Multiply-adds worth a task of their own.
const TASK: usize = 400_000;
/// Columns that one task takes of a single row, whole panels.
const COLUMNS: usize = 256;

thread_local! {
    static ROUNDED: RefCell<Rounded> = RefCell::new(Rounded::default());
}

/// Whether a program may follow a node: always.
pub(super) fn takes(_: &Graph, _: &Node) -> bool {
    true
}

/// The step of a `quantized_matmul`.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let [_, kernel, scale] = &request.inputs[..] else { return None };
    let inverses = scale.constant.and_then(|scale| scale.as_f32().ok()).map(inverses);
    let packed = kernel.constant.and_then(|kernel| pack(kernel).ok());
    let columns = kernel.spec.size(1);
    let mut tail = Tail::new(request.epilogue.take());
    tail.absorb_bias(columns);
    Some(Box::new(Quantized { packed, inverses, tail }))
}

fn inverses(scales: &[f32]) -> Vec<f32> {
    scales.iter().map(|scale| 1.0 / scale).collect()
}

fn pack(kernel: &Array) -> Result<Packed> {
    let [depth, columns] = *kernel.shape() else { return Err(Error::internal("a kernel of two axes")) };
    Ok(Packed::new(kernel.as_slice::<i8>()?, depth, columns))
}

struct Quantized {
    /// The kernel, when it does not change.
    packed: Option<Packed>,
    /// One over the scales, when these do not change.
    inverses: Option<Vec<f32>>,
    tail: Tail,
}

impl Kernel for Quantized {
    fn name(&self) -> &'static str {
        if self.tail.is_empty() { "quantized_matmul" } else { "quantized_matmul+" }
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, kernel, scale, others @ ..] = inputs else {
            return Err(Error::internal("quantized_matmul takes three inputs"));
        };
        let (floats, scales) = (x.as_f32()?, scale.as_f32()?);
        let fresh;
        let packed = match &self.packed {
            Some(packed) => packed,
            None => {
                fresh = pack(kernel)?;
                &fresh
            }
        };
        let made;
        let inverses = match &self.inverses {
            Some(inverses) => inverses,
            None => {
                made = inverses(scales);
                &made
            }
        };
        let columns = packed.columns();
        let (lead, depth) = match x.shape() {
            [lead @ .., depth] if kernel.shape() == [*depth, columns] && scales.len() == columns => {
                (lead, *depth)
            }
            shape => {
                let kernel = kernel.shape();
                return Err(Error::mismatch(format!("quantized_matmul of shapes {shape:?} and {kernel:?}")));
            }
        };
        let shape: Vec<usize> = lead.iter().copied().chain([columns]).collect();
        let other_slices = slices(others)?;
        let output = cx.float(shape.clone(), |out| {
            self.tail.run(&shape, &other_slices, cx.isa, 0, |finish| {
                let scaling = Scaling { scales, inverses, bias: finish.bias, clamp: finish.clamp };
                fill(cx, floats, depth, packed, &scaling, &finish, out);
            });
            Ok(())
        })?;
        Ok(vec![self.tail.stretch(cx, output, others)?])
    }
}

/// Computes all rows; what follows them is done while they are in cache.
fn fill(
    cx: &Context,
    floats: &[f32],
    depth: usize,
    packed: &Packed,
    scaling: &Scaling,
    finish: &Finish,
    out: &mut [f32],
) {
    let columns = packed.columns();
    if columns == 0 {
        return;
    }
    let rows = out.len() / columns;
    let way = Way::of(cx.isa);
    let follow = |first: usize, out: &mut [f32]| {
        if let Some(rows) = finish.rows {
            rows(first, out);
        }
    };
    let is_shared = cx.workers.threads() > 1 && rows * depth * columns > TASK;
    if rows == 1 && is_shared && columns > COLUMNS {
        let mut rounded = Rounded::default();
        rounded.round(way, floats, depth, rows);
        each_chunk(cx.workers, out, COLUMNS, &|task, out| {
            let from = task * COLUMNS;
            multiply(way, &rounded, packed, scaling, (from, from + out.len()), out);
        });
        return follow(0, out);
    }
    let mut together = (FLOATS / depth.max(columns)).clamp(2 * ROWS, 16 * ROWS).next_multiple_of(ROWS);
    let alone = Workers::single();
    if is_shared {
        together = together.min(rows.div_ceil(2 * cx.workers.threads()).next_multiple_of(ROWS / 2));
    }
    each_chunk(if is_shared { cx.workers } else { &alone }, out, together * columns, &|task, out| {
        let first = task * together;
        let count = out.len() / columns;
        let floats = &floats[first * depth..(first + count) * depth];
        ROUNDED.with_borrow_mut(|rounded| {
            rounded.round(way, floats, depth, count);
            multiply(way, rounded, packed, scaling, (0, columns), out);
        });
        follow(first, out);
    });
}
