//! Moving floats: transposes, slices and their way back, splits, concatenation, padding.

use kerata_core::ops::{Concat, Pad, Range, Slice, Split, Transpose, Unslice};
use kerata_core::{Array, DType, Error, Result};

use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::moves::{View, pad, read, write};

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
    if let Some(op) = op.downcast_ref::<Unslice>() {
        let shape = request.inputs.get(1)?.spec.sizes().ok();
        let is_known = op.ranges.iter().all(|range| range.step > 0);
        return is_known.then(|| Box::new(Unsliced { op: op.clone(), shape }) as Box<dyn Kernel>);
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
        Ok(vec![viewed(cx, 0, inputs[0], &view)?])
    }
}

struct Sliced(Slice);

impl Kernel for Sliced {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let view = sliced(inputs[0].shape(), &self.0.ranges);
        Ok(vec![viewed(cx, 0, inputs[0], &view)?])
    }
}

/// The elements of an array of a shape that lie in ranges.
fn sliced(shape: &[usize], ranges: &[Range]) -> View {
    let mut view = View::of(shape);
    for (axis, range) in ranges.iter().enumerate() {
        let (start, count) = range.resolve(view.shape[axis]);
        view.start += usize::try_from(start).unwrap_or(0) * view.steps[axis];
        view.shape[axis] = count;
        view.steps[axis] *= range.step.unsigned_abs() as usize;
    }
    view
}

struct Unsliced {
    op: Unslice,
    /// The shape of the result, if it is known: nothing else is asked of the second input.
    shape: Option<Vec<usize>>,
}

impl Kernel for Unsliced {
    fn name(&self) -> &'static str {
        "unslice"
    }

    fn reads(&self, input: usize) -> bool {
        input == 0 || self.shape.is_none()
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, like] = inputs else { return Err(Error::internal("unslice takes two inputs")) };
        let shape = self.shape.as_deref().unwrap_or(like.shape());
        let view = sliced(shape, &self.op.ranges);
        if view.shape != x.shape() {
            return Err(Error::mismatch(format!(
                "{:?} in the place of a slice of {:?}",
                x.shape(),
                view.shape
            )));
        }
        let data = x.as_f32()?;
        let output = cx.float(shape.to_vec(), |out| {
            out.fill(0.0);
            write(data, &view, out);
            Ok(())
        })?;
        Ok(vec![output])
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
            .enumerate()
            .map(|(output, &size)| {
                let mut view = View::of(inputs[0].shape());
                view.start = start * view.steps[axis];
                view.shape[axis] = size;
                start += size;
                viewed(cx, output, inputs[0], &view)
            })
            .collect()
    }
}

fn viewed(cx: &Context, output: usize, x: &Array, view: &View) -> Result<Array> {
    let data = x.as_f32()?;
    cx.float_for(output, view.shape.clone(), |out| {
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
                write(input.as_f32()?, &View { start, shape: vec![outer, own], steps: vec![width, 1] }, out);
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
