//! Products with 8-bit weights (`quantized_matmul`), packed when the plan is made.

use std::cell::RefCell;

use kerata_core::{Array, Error, Result};

use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::memory::each_chunk;
use crate::cpu::kernels::quantized::{Bytes, Packed, multiply};

/// Rows that one task rounds and multiplies: their bytes stay in the first-level cache.
const ROWS: usize = 32;
/// Columns that one task takes of a single row, whole panels.
const COLUMNS: usize = 256;

thread_local! {
    static BYTES: RefCell<Bytes> = RefCell::new(Bytes::default());
}

/// The step of a `quantized_matmul`.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let [_, kernel, _] = &request.inputs[..] else { return None };
    let packed = kernel.constant.and_then(|kernel| pack(kernel).ok());
    Some(Box::new(Quantized { packed }))
}

fn pack(kernel: &Array) -> Result<Packed> {
    let [depth, columns] = *kernel.shape() else { return Err(Error::internal("a kernel of two axes")) };
    Ok(Packed::new(kernel.as_slice::<i8>()?, depth, columns))
}

struct Quantized {
    /// The kernel, when it does not change.
    packed: Option<Packed>,
}

impl Kernel for Quantized {
    fn name(&self) -> &'static str {
        "quantized_matmul"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, kernel, scale] = inputs else {
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
        let columns = packed.columns();
        let (lead, depth) = match x.shape() {
            [lead @ .., depth] if kernel.shape() == [*depth, columns] && scales.len() == columns => {
                (lead, *depth)
            }
            shape => {
                return Err(Error::mismatch(format!(
                    "quantized_matmul of shapes {shape:?} and {:?}",
                    kernel.shape()
                )));
            }
        };
        let rows: usize = lead.iter().product();
        let shape: Vec<usize> = lead.iter().copied().chain([columns]).collect();
        let output = cx.float(shape, |out| {
            if depth == 0 || columns == 0 {
                out.fill(0.0);
            } else if rows == 1 {
                let mut bytes = Bytes::default();
                bytes.quantize(cx.isa, floats, depth);
                each_chunk(cx.workers, out, COLUMNS, &|task, out| {
                    let from = task * COLUMNS;
                    multiply(cx.isa, &bytes, packed, scales, (from, from + out.len()), out);
                });
            } else {
                each_chunk(cx.workers, out, ROWS * columns, &|task, out| {
                    let first = task * ROWS * depth;
                    let floats = &floats[first..first + out.len() / columns * depth];
                    BYTES.with_borrow_mut(|bytes| {
                        bytes.quantize(cx.isa, floats, depth);
                        multiply(cx.isa, bytes, packed, scales, (0, columns), out);
                    });
                });
            }
            Ok(())
        })?;
        Ok(vec![output])
    }
}
