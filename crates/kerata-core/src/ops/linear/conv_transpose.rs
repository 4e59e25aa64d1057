//! `conv_transpose`: the way back of a convolution to its input.

use super::conv::{Layout, float_pair, for_each_axis, spatial_axes};
use super::floats::{FloatKernel, check_float, run_floats};
use super::window::{Padding, Windows};
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Conv, Gradient, Op, op, op_basics};
use crate::{Error, Result, Shape};

op! {
    /// What a convolution's output means for its input: from `(batch, spatial…, filters)` and the kernel
    /// `(window…, channels / groups, filters)` of the convolution to `(batch, spatial…, channels)`. A third input lends the
    /// spatial sizes of the result, which several may fit; else they follow as in Keras.
    pub struct ConvTranspose("conv_transpose") {
        /// Strides of the convolution.
        pub strides: Vec<usize>,
        /// Padding of the convolution.
        pub padding: Padding,
        /// Elements added to one side of each spatial axis of the result; Keras chooses when there are none.
        pub output_padding: Option<Vec<usize>>,
        /// Dilation of the convolution.
        pub dilation: Vec<usize>,
        /// Groups of the convolution.
        pub groups: usize,
    }
}

/// Transposed convolution as in Keras; the kernel is `(window…, filters of the result, channels of x)`.
pub fn conv_transpose(
    x: &Tensor,
    kernel: &Tensor,
    strides: &[usize],
    padding: Padding,
    output_padding: Option<&[usize]>,
    dilation: &[usize],
) -> Result<Tensor> {
    let inputs = float_pair(x, kernel)?;
    let spatial = spatial_axes(x.spec())?;
    let op = ConvTranspose {
        strides: for_each_axis(strides, spatial)?,
        padding,
        output_padding: output_padding.map(|padding| for_each_axis(padding, spatial)).transpose()?,
        dilation: for_each_axis(dilation, spatial)?,
        groups: 1,
    };
    GraphBuilder::innermost(&inputs)?.add_one(op, &inputs)
}

impl ConvTranspose {
    fn windows<'a>(&'a self, sizes: &'a [usize]) -> Windows<'a> {
        Windows { sizes, strides: &self.strides, dilation: &self.dilation, padding: &self.padding }
    }

    /// The size of the result along a spatial axis as Keras computes it.
    fn result_size(&self, windows: &Windows<'_>, axis: usize, size: usize) -> Result<usize> {
        let too_large = || Error::limit("the result of a transposed convolution");
        let (stride, span) = (self.strides[axis], windows.span(axis)?);
        let more = self.output_padding.as_ref().map(|padding| padding[axis]);
        let covered = size.saturating_sub(1).checked_mul(stride).ok_or_else(too_large)?;
        match (&self.padding, more) {
            (Padding::Same, None) => size.checked_mul(stride).ok_or_else(too_large),
            (Padding::Same, Some(more)) => (covered + span % 2).checked_add(more).ok_or_else(too_large),
            (padding, more) => {
                let cut = if let Padding::Explicit(pads) = padding { pads[axis].0.saturating_add(pads[axis].1) } else { 0 };
                let more = more.unwrap_or(span.max(stride) - span);
                let sum = covered.checked_add(span).and_then(|sum| sum.checked_add(more)).ok_or_else(too_large)?;
                sum.checked_sub(cut).ok_or_else(|| Error::mismatch("more padding than elements"))
            }
        }
    }

    fn conv(&self) -> Conv {
        Conv {
            strides: self.strides.clone(),
            padding: self.padding.clone(),
            dilation: self.dilation.clone(),
            groups: self.groups,
        }
    }
}

impl Op for ConvTranspose {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let (y, kernel, like) = match inputs {
            [y, kernel] => (y, kernel, None),
            [y, kernel, like] => (y, kernel, Some(like)),
            _ => return Err(Error::mismatch("conv_transpose takes two or three inputs")),
        };
        check_float(y.dtype)?;
        let spatial = spatial_axes(y)?;
        let sizes = kernel.sizes()?;
        let fits = kernel.dtype == y.dtype
            && kernel.rank() == y.rank()
            && self.groups > 0
            && y.size(spatial + 1).is_none_or(|filters| filters == sizes[spatial + 1])
            && sizes[spatial + 1] % self.groups == 0
            && self.output_padding.as_ref().is_none_or(|padding| padding.len() == spatial)
            && like.is_none_or(|like| like.rank() == y.rank());
        if !fits {
            return Err(Error::mismatch(format!("{y} taken back through {kernel} in {} groups", self.groups)));
        }
        let windows = self.windows(&sizes[..spatial]);
        windows.check(spatial)?;
        let mut axes = vec![y.shape.axes()[0]];
        for axis in 0..spatial {
            let size = match like {
                Some(like) => like.size(axis + 1),
                None => y.size(axis + 1).map(|size| self.result_size(&windows, axis, size)).transpose()?,
            };
            if let (Some(size), Some(own)) = (size, y.size(axis + 1))
                && windows.count(axis, size)? != own
            {
                return Err(Error::mismatch(format!("no convolution of {size} elements gives {own}")));
            }
            axes.push(size.map(|size| size as u64));
        }
        axes.push(Some((sizes[spatial] as u64).saturating_mul(self.groups as u64)));
        Ok(vec![TensorSpec::new(y.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.only()?.sizes()?;
        let (y, kernel) = (&inputs[0], &inputs[1]);
        let layout = Layout::new(&shape, kernel.shape(), &self.windows(&kernel.shape()[..y.rank() - 2]))?;
        Ok(vec![run_floats(&Backward(layout), &[y, kernel], shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (y, kernel, grad) = (g.input(0)?, g.input(1)?, g.grad(0)?);
        let inputs = [grad.clone(), kernel.clone()];
        let y_grad = GraphBuilder::innermost(&inputs)?.add_one(self.conv(), &inputs)?;
        let mut grads = vec![Some(y_grad), Some(ops::conv_kernel_gradient(&self.conv(), &grad, y, kernel)?)];
        grads.resize(g.inputs.len(), None);
        Ok(grads)
    }
}

struct Backward(Layout);

impl FloatKernel for Backward {
    fn run<T: num_traits::Float + Default + std::iter::Sum + std::ops::AddAssign>(
        &self,
        inputs: &[&[T]],
        count: usize,
    ) -> Vec<T> {
        let (layout, y, kernel) = (&self.0, inputs[0], inputs[1]);
        let depth = layout.groups * layout.filters;
        let mut out = vec![T::default(); count];
        layout.each(|x_start, y_start, tap| {
            for group in 0..layout.groups {
                let grads = &y[y_start + group * layout.filters..][..layout.filters];
                let sums = &mut out[x_start + group * layout.channels..][..layout.channels];
                for (channel, sum) in sums.iter_mut().enumerate() {
                    let weights = &kernel[(tap * layout.channels + channel) * depth + group * layout.filters..];
                    *sum += grads.iter().zip(weights).map(|(&grad, &weight)| grad * weight).sum();
                }
            }
        });
        out
    }
}
