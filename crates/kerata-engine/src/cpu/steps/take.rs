//! `take` of floats: rows of a table by their places.

use kerata_core::array::Elements;
use kerata_core::ops::Take;
use kerata_core::{Array, DType, Error, Result};

use super::{Kernel, Request};
use crate::cpu::context::Context;

/// The step of a `take` of floats by `int32` or `int64` places.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let op = request.op.as_any().downcast_ref::<Take>()?;
    let [x, places] = &request.inputs[..] else { return None };
    let known = matches!(places.spec.dtype, DType::Int32 | DType::Int64);
    (x.spec.dtype == DType::Float32 && known).then(|| Box::new(Taken(op.axis)) as Box<dyn Kernel>)
}

struct Taken(usize);

impl Kernel for Taken {
    fn name(&self) -> &'static str {
        "take"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, places] = inputs else { return Err(Error::internal("take has two inputs")) };
        let (outer, inner) = x.shape().split_at(self.0);
        let (size, inner) = (inner[0], &inner[1..]);
        let shape = [outer, places.shape(), inner].concat();
        let width: usize = inner.iter().product();
        let starts = match places.elements() {
            Elements::Int32(places) => starts(places.iter().map(|&p| i64::from(p)), size, width)?,
            Elements::Int64(places) => starts(places.iter().copied(), size, width)?,
            other => return Err(Error::internal(format!("places of {}", other.dtype()))),
        };
        let data = x.as_f32()?;
        let output = cx.float(shape, |out| {
            if width == 0 || starts.is_empty() {
                return Ok(());
            }
            for (block, out) in out.chunks_exact_mut(starts.len() * width).enumerate() {
                let data = &data[block * size * width..];
                for (row, &start) in out.chunks_exact_mut(width).zip(&starts) {
                    row.copy_from_slice(&data[start..start + width]);
                }
            }
            Ok(())
        })?;
        Ok(vec![output])
    }
}

/// Where the rows start; places count from the end when negative.
fn starts(places: impl Iterator<Item = i64>, size: usize, width: usize) -> Result<Vec<usize>> {
    places
        .map(|place| {
            let from_start = if place < 0 { place + size as i64 } else { place };
            usize::try_from(from_start)
                .ok()
                .filter(|&at| at < size)
                .map(|at| at * width)
                .ok_or_else(|| Error::usage(format!("place {place} is outside an axis of {size} elements")))
        })
        .collect()
}
