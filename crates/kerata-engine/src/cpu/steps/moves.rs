//! Moving floats: transposes, slices, splits, concatenation, padding.

use kerata_core::ops::{Concat, Pad, Slice, Split, Transpose};
use kerata_core::{Array, DType, Result};

use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::moves::{View, pad, put, read};

/// The step of an op that moves floats.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    if request.inputs.iter().any(|input| input.spec.dtype != DType::Float32) {
        return None;
    }
    let op = request.op.as_any();
    if let Some(op) = op.downcast_ref::<Transpose>() {
        return Some(Box::new(Transposed(op.order.clone())));
    }
    if let Some(op) = op.downcast_ref::<Split>() {
        return Some(Box::new(Parts(op.clone())));
    }
    if let Some(op) = op.downcast_ref::<Concat>() {
        return Some(Box::new(Joined(op.axis)));
    }
    if let Some(op) = op.downcast_ref::<Pad>() {
        return Some(Box::new(Padded(op.clone())));
    }
    let op = op.downcast_ref::<Slice>()?;
    op.ranges.iter().all(|range| range.step > 0).then(|| Box::new(Sliced(op.clone())) as Box<dyn Kernel>)
}

struct Transposed(Vec<usize>);

impl Kernel for Transposed {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let view = View::of(inputs[0].shape()).transposed(&self.0);
        Ok(vec![viewed(cx, inputs[0], &view)?])
    }
}

struct Sliced(Slice);

impl Kernel for Sliced {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let mut view = View::of(inputs[0].shape());
        for (axis, range) in self.0.ranges.iter().enumerate() {
            let (start, count) = range.resolve(view.shape[axis]);
            view.start += usize::try_from(start).unwrap_or(0) * view.steps[axis];
            view.shape[axis] = count;
            view.steps[axis] *= range.step.unsigned_abs() as usize;
        }
        Ok(vec![viewed(cx, inputs[0], &view)?])
    }
}

struct Parts(Split);

impl Kernel for Parts {
    fn name(&self) -> &'static str {
        "split"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let axis = self.0.axis;
        let mut start = 0;
        self.0
            .sizes
            .iter()
            .map(|&size| {
                let mut view = View::of(inputs[0].shape());
                view.start = start * view.steps[axis];
                view.shape[axis] = size;
                start += size;
                viewed(cx, inputs[0], &view)
            })
            .collect()
    }
}

fn viewed(cx: &Context, x: &Array, view: &View) -> Result<Array> {
    let data = x.as_f32()?;
    cx.float(view.shape.clone(), |out| {
        read(cx.workers, data, view, out);
        Ok(())
    })
}

struct Joined(usize);

impl Kernel for Joined {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let axis = self.0;
        let mut shape = inputs[0].shape().to_vec();
        shape[axis] = inputs.iter().map(|input| input.shape()[axis]).sum();
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let width = shape[axis] * inner;
        let output = cx.float(shape, |out| {
            let mut start = 0;
            for input in inputs {
                let own = input.shape()[axis] * inner;
                // A part is `outer` runs, one in each row of the result.
                put(input.as_f32()?, &[outer, own], &[outer, width], &[0, start], out);
                start += own;
            }
            Ok(())
        })?;
        Ok(vec![output])
    }
}

struct Padded(Pad);

impl Kernel for Padded {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let x = inputs[0];
        let at: Vec<usize> = self.0.widths.iter().map(|&(before, _)| before).collect();
        let shape: Vec<usize> = x
            .shape()
            .iter()
            .zip(&self.0.widths)
            .map(|(size, (before, behind))| size + before + behind)
            .collect();
        let data = x.as_f32()?;
        let output = cx.float(shape.clone(), |out| {
            pad(cx.workers, data, (x.shape(), &shape, &at), self.0.value as f32, out);
            Ok(())
        })?;
        Ok(vec![output])
    }
}
