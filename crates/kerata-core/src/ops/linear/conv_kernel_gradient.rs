//! `conv_kernel_gradient`: the way back of a convolution to its kernel.

use super::conv::{Layout, spatial_axes};
use super::floats::{FloatKernel, check_float, run_floats};
use super::window::{Padding, Windows};
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Conv, ConvTranspose, Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// What the gradient of a convolution's output (second input) means for its kernel, with the convolution's input first
    /// and its kernel, which lends its shape, third.
    pub struct ConvKernelGradient("conv_kernel_gradient") {
        /// Strides of the convolution.
        pub strides: Vec<usize>,
        /// Padding of the convolution.
        pub padding: Padding,
        /// Dilation of the convolution.
        pub dilation: Vec<usize>,
        /// Groups of the convolution.
        pub groups: usize,
    }
}

/// The gradient of a convolution's kernel from its input and the gradient of its output.
pub fn conv_kernel_gradient(conv: &Conv, x: &Tensor, grad: &Tensor, kernel: &Tensor) -> Result<Tensor> {
    let op = ConvKernelGradient {
        strides: conv.strides.clone(),
        padding: conv.padding.clone(),
        dilation: conv.dilation.clone(),
        groups: conv.groups,
    };
    let inputs = [x.clone(), grad.clone(), kernel.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(op, &inputs)
}

impl ConvKernelGradient {
    fn conv(&self) -> Conv {
        Conv {
            strides: self.strides.clone(),
            padding: self.padding.clone(),
            dilation: self.dilation.clone(),
            groups: self.groups,
        }
    }
}

impl Op for ConvKernelGradient {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, grad, kernel] = inputs.exactly()?;
        check_float(x.dtype)?;
        let forward = self.conv().spec(&[x.clone(), kernel.clone()])?;
        let forward = forward.only()?;
        let fits = grad.dtype == forward.dtype
            && grad.rank() == forward.rank()
            && grad.shape.axes().iter().zip(forward.shape.axes()).all(|(a, b)| a.is_none() || b.is_none() || a == b);
        if !fits {
            return Err(Error::mismatch(format!("gradient {grad} of a convolution that gives {forward}")));
        }
        Ok(vec![kernel.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, grad, kernel] = inputs.exactly()?;
        self.spec(&[x.spec(), grad.spec(), kernel.spec()])?;
        let spatial = spatial_axes(&x.spec())?;
        let windows = Windows {
            sizes: &kernel.shape()[..spatial],
            strides: &self.strides,
            dilation: &self.dilation,
            padding: &self.padding,
        };
        let layout = Layout::new(x.shape(), kernel.shape(), &windows)?;
        Ok(vec![run_floats(&ToKernel(layout), &[x, grad], kernel.shape().to_vec())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (x, grad, kernel_grad) = (g.input(0)?, g.input(1)?, g.grad(0)?);
        let back = ConvTranspose {
            strides: self.strides.clone(),
            padding: self.padding.clone(),
            output_padding: None,
            dilation: self.dilation.clone(),
            groups: self.groups,
        };
        let inputs = [grad.clone(), kernel_grad.clone(), x.clone()];
        let x_grad = GraphBuilder::innermost(&inputs)?.add_one(back, &inputs)?;
        let inputs = [x.clone(), kernel_grad];
        let grad_grad = GraphBuilder::innermost(&inputs)?.add_one(self.conv(), &inputs)?;
        Ok(vec![Some(x_grad), Some(grad_grad), None])
    }
}

struct ToKernel(Layout);

impl FloatKernel for ToKernel {
    fn run<T: num_traits::Float + Default + std::iter::Sum + std::ops::AddAssign>(
        &self,
        inputs: &[&[T]],
        count: usize,
    ) -> Vec<T> {
        let (layout, x, grad) = (&self.0, inputs[0], inputs[1]);
        let depth = layout.groups * layout.filters;
        let mut out = vec![T::default(); count];
        layout.each(|x_start, grad_start, tap| {
            for group in 0..layout.groups {
                let grads = &grad[grad_start + group * layout.filters..][..layout.filters];
                let values = &x[x_start + group * layout.channels..][..layout.channels];
                for (channel, &value) in values.iter().enumerate() {
                    let sums = &mut out[(tap * layout.channels + channel) * depth + group * layout.filters..];
                    for (sum, &grad) in sums.iter_mut().zip(grads) {
                        *sum += value * grad;
                    }
                }
            }
        });
        out
    }
}
