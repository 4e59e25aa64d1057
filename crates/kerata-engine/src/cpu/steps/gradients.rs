//! Transposed convolutions, and the gradients of convolutions, pooling and broadcasting.

use kerata_core::ops::{ConvKernelGradient, ConvTranspose, Op, PoolGradient, PoolKind, SumLike, Windows};
use kerata_core::{Array, DType, Error, Result};

use super::conv::{is_depthwise, window};
use super::reduce::Reduction;
use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::gradients as kernels;
use crate::cpu::kernels::reduce::Reduce;

/// The step of an op of floats on the way back.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let is_float =
        request.inputs.iter().all(|input| input.spec.dtype == DType::Float32 && input.spec.rank() <= 5);
    let op = request.op.as_any();
    let kernel = |at: usize| request.inputs.get(at).and_then(|input| input.spec.sizes().ok());
    let fits =
        |groups: usize, kernel: Option<Vec<usize>>| groups == 1 || is_depthwise(groups, kernel.as_deref());
    if !is_float {
        return None;
    }
    if let Some(op) = op.downcast_ref::<ConvTranspose>() {
        return fits(op.groups, kernel(1)).then(|| Box::new(ToInput(op.clone())) as Box<dyn Kernel>);
    }
    if let Some(op) = op.downcast_ref::<ConvKernelGradient>() {
        return fits(op.groups, kernel(2)).then(|| Box::new(ToFilters(op.clone())) as Box<dyn Kernel>);
    }
    if let Some(op) = op.downcast_ref::<PoolGradient>() {
        return Some(Box::new(ToPooled(op.clone())));
    }
    op.is::<SumLike>().then(|| Box::new(Summed) as Box<dyn Kernel>)
}

struct ToInput(ConvTranspose);

impl Kernel for ToInput {
    fn name(&self) -> &'static str {
        "conv_transpose"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [grad, kernel, ..] = inputs else {
            return Err(Error::internal("conv_transpose takes two inputs"));
        };
        let specs: Vec<_> = inputs.iter().map(|input| input.spec()).collect();
        let shape = self.0.spec(&specs)?.first().ok_or_else(|| Error::internal("one output"))?.sizes()?;
        let ConvTranspose { strides, padding, dilation, groups, .. } = &self.0;
        let sizes = kernel.shape();
        let taps = &sizes[..sizes.len() - 2];
        let windows = Windows { sizes: taps, strides, dilation, padding };
        let window = window(&windows, &shape, sizes[sizes.len() - 2])?;
        let (data, weights) = (grad.as_f32()?, kernel.as_f32()?);
        let output = cx.float(shape, |out| {
            if *groups > 1 {
                kernels::to_input_depthwise(cx.isa, cx.workers, data, &window, weights, out);
            } else {
                let filters = sizes[sizes.len() - 1];
                kernels::to_input(cx.isa, cx.workers, data, &window, weights, filters, out);
            }
            Ok(())
        })?;
        Ok(vec![output])
    }
}

struct ToFilters(ConvKernelGradient);

impl Kernel for ToFilters {
    fn name(&self) -> &'static str {
        "conv_kernel_gradient"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, grad, kernel] = inputs else { return Err(Error::internal("three inputs")) };
        let ConvKernelGradient { strides, padding, dilation, groups } = &self.0;
        let sizes = kernel.shape();
        let windows = Windows { sizes: &sizes[..sizes.len() - 2], strides, dilation, padding };
        let window = window(&windows, x.shape(), sizes[sizes.len() - 2])?;
        let (data, grads) = (x.as_f32()?, grad.as_f32()?);
        let output = cx.float(sizes.to_vec(), |out| {
            if *groups > 1 {
                kernels::to_filters_depthwise(cx.isa, data, grads, &window, out);
            } else {
                kernels::to_filters(cx.isa, cx.workers, data, grads, &window, out);
            }
            Ok(())
        })?;
        Ok(vec![output])
    }
}

struct ToPooled(PoolGradient);

impl Kernel for ToPooled {
    fn name(&self) -> &'static str {
        "pool_gradient"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, grad] = inputs else { return Err(Error::internal("two inputs")) };
        let PoolGradient { kind, sizes, strides, padding } = &self.0;
        let dilation = vec![1; sizes.len()];
        let windows = Windows { sizes, strides, dilation: &dilation, padding };
        let window = window(&windows, x.shape(), x.shape()[x.rank() - 1])?;
        let (data, grads) = (x.as_f32()?, grad.as_f32()?);
        let is_mean = *kind == PoolKind::Average;
        let output = cx.float(x.shape().to_vec(), |out| {
            kernels::to_pooled(cx.isa, cx.workers, data, grads, &window, is_mean, out);
            Ok(())
        })?;
        Ok(vec![output])
    }
}

struct Summed;

impl Kernel for Summed {
    fn name(&self) -> &'static str {
        "sum_like"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, like] = inputs else { return Err(Error::internal("two inputs")) };
        let lead =
            x.rank().checked_sub(like.rank()).ok_or_else(|| Error::mismatch("sum_like to more axes"))?;
        let axes: Vec<usize> = (0..x.rank())
            .filter(|&axis| axis < lead || x.shape()[axis] != like.shape()[axis - lead])
            .collect();
        if axes.is_empty() {
            return Ok(vec![(*x).clone()]);
        }
        let sum = Reduction { function: Reduce::Sum, axes, keepdims: true }.run(cx, &[x])?.swap_remove(0);
        Ok(vec![sum.reshape(like.shape())?])
    }
}
