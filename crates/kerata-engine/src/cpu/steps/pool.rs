//! Pooling of floats.

use kerata_core::ops::{Pool, PoolKind, Windows};
use kerata_core::{Array, DType, Result};

use super::conv::window;
use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::pool::pool;

/// The step of a `pool` of floats.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let op = request.op.as_any().downcast_ref::<Pool>()?;
    let x = request.inputs.first()?.spec;
    (x.dtype == DType::Float32 && x.rank() <= 5).then(|| Box::new(Pooling(op.clone())) as Box<dyn Kernel>)
}

struct Pooling(Pool);

impl Kernel for Pooling {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let Pool { kind, sizes, strides, padding } = &self.0;
        let x = inputs[0];
        let dilation = vec![1; sizes.len()];
        let windows = Windows { sizes, strides, dilation: &dilation, padding };
        let channels = x.shape()[x.rank() - 1];
        let window = window(&windows, x.shape(), channels)?;
        let mut shape = vec![window.batch];
        shape.extend(&window.output[3 - sizes.len()..]);
        shape.push(channels);
        let data = x.as_f32()?;
        let output = cx.float(shape, |out| {
            pool(cx.isa, cx.workers, data, &window, *kind == PoolKind::Average, out);
            Ok(())
        })?;
        Ok(vec![output])
    }
}
