//! `conv`: convolution over one to three spatial axes.

use super::floats::{FloatKernel, check_float, run_floats};
use super::window::{Padding, Taps, Windows};
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, promote};
use crate::{Error, Result, Shape};

op! {
    /// Convolution (correlation, as all frameworks mean it) of `(batch, spatial…, channels)` with a kernel
    /// `(window…, channels / groups, filters)`.
    pub struct Conv("conv") {
        /// Distance between windows along each spatial axis.
        pub strides: Vec<usize>,
        /// What lies around the input.
        pub padding: Padding,
        /// Distance between the elements of a window.
        pub dilation: Vec<usize>,
        /// Channels and filters fall into so many groups that see only each other.
        pub groups: usize,
    }
}

/// Convolution; `strides` and `dilation` of one element stand for all axes. The number of groups follows from the shapes.
pub fn conv(x: &Tensor, kernel: &Tensor, strides: &[usize], padding: Padding, dilation: &[usize]) -> Result<Tensor> {
    let inputs = float_pair(x, kernel)?;
    let spatial = spatial_axes(x.spec())?;
    let channels = x.spec().known_axis(-1)?;
    let own = kernel.spec().known_axis(-2)?;
    if own == 0 || channels % own != 0 {
        return Err(Error::mismatch(format!("{channels} channels, the kernel takes {own}")));
    }
    let op = Conv {
        strides: for_each_axis(strides, spatial)?,
        padding,
        dilation: for_each_axis(dilation, spatial)?,
        groups: channels / own,
    };
    GraphBuilder::innermost(&inputs)?.add_one(op, &inputs)
}

/// Convolution of each channel with filters of its own; the kernel is `(window…, channels, multiplier)`. It is a
/// convolution with as many groups as channels.
pub fn depthwise_conv(
    x: &Tensor,
    kernel: &Tensor,
    strides: &[usize],
    padding: Padding,
    dilation: &[usize],
) -> Result<Tensor> {
    let (channels, multiplier) = (kernel.spec().known_axis(-2)?, kernel.spec().known_axis(-1)?);
    let mut sizes = kernel.sizes();
    sizes.truncate(kernel.rank() - 2);
    sizes.extend([ops::Size::Known(1), ops::Size::Known((channels * multiplier) as u64)]);
    conv(x, &ops::reshape(kernel, sizes)?, strides, padding, dilation)
}

/// Depthwise convolution, then a convolution with windows of one element.
pub fn separable_conv(
    x: &Tensor,
    depthwise: &Tensor,
    pointwise: &Tensor,
    strides: &[usize],
    padding: Padding,
    dilation: &[usize],
) -> Result<Tensor> {
    let y = depthwise_conv(x, depthwise, strides, padding, dilation)?;
    conv(&y, pointwise, &[1], Padding::Valid, &[1])
}

/// Two tensors in the float dtype in which they meet.
pub(super) fn float_pair(x: &Tensor, kernel: &Tensor) -> Result<Vec<Tensor>> {
    promote(&[x, kernel])?.iter().map(ops::to_float).collect()
}

/// Number of spatial axes.
pub(super) fn spatial_axes(x: &TensorSpec) -> Result<usize> {
    match x.rank() {
        rank @ 3.. => Ok(rank - 2),
        _ => Err(Error::mismatch(format!("{} has no batch, spatial and channel axes", x.shape))),
    }
}

/// One number for each axis, from one for all or one for each.
pub fn for_each_axis(numbers: &[usize], axes: usize) -> Result<Vec<usize>> {
    match numbers {
        [one] => Ok(vec![*one; axes]),
        all if all.len() == axes => Ok(all.to_vec()),
        _ => Err(Error::usage(format!("{} numbers for {axes} spatial axes", numbers.len()))),
    }
}

impl Conv {
    fn windows<'a>(&'a self, sizes: &'a [usize]) -> Windows<'a> {
        Windows { sizes, strides: &self.strides, dilation: &self.dilation, padding: &self.padding }
    }
}

impl Op for Conv {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [x, kernel] = inputs.exactly()?;
        check_float(x.dtype)?;
        let spatial = spatial_axes(x)?;
        let sizes = kernel.sizes()?;
        let channels = x.size(x.rank() - 1);
        let fits = kernel.dtype == x.dtype
            && kernel.rank() == x.rank()
            && self.groups > 0
            && channels.is_none_or(|channels| Some(channels) == sizes[spatial].checked_mul(self.groups))
            && sizes[spatial + 1] % self.groups == 0;
        if !fits {
            return Err(Error::mismatch(format!("{x} convolved with {kernel} in {} groups", self.groups)));
        }
        let windows = self.windows(&sizes[..spatial]);
        windows.check(spatial)?;
        let mut axes = vec![x.shape.axes()[0]];
        for axis in 0..spatial {
            axes.push(x.size(axis + 1).map(|size| windows.count(axis, size)).transpose()?.map(|count| count as u64));
        }
        axes.push(Some(sizes[spatial + 1] as u64));
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(axes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [x, kernel] = inputs.exactly()?;
        let shape = self.spec(&[x.spec(), kernel.spec()])?.only()?.sizes()?;
        let layout = Layout::new(x.shape(), kernel.shape(), &self.windows(&kernel.shape()[..x.rank() - 2]))?;
        Ok(vec![run_floats(&Forward(layout), &[x, kernel], shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (x, kernel, grad) = (g.input(0)?, g.input(1)?, g.grad(0)?);
        let back = ops::ConvTranspose {
            strides: self.strides.clone(),
            padding: self.padding.clone(),
            output_padding: None,
            dilation: self.dilation.clone(),
            groups: self.groups,
        };
        let inputs = [grad.clone(), kernel.clone(), x.clone()];
        let x_grad = GraphBuilder::innermost(&inputs)?.add_one(back, &inputs)?;
        Ok(vec![Some(x_grad), Some(ops::conv_kernel_gradient(self, x, &grad, kernel)?)])
    }
}

/// How the elements of input, kernel and output of a convolution lie.
pub(super) struct Layout {
    pub batch: usize,
    /// Spatial elements of the input.
    pub area: usize,
    pub taps: Taps,
    pub groups: usize,
    /// Channels of a group.
    pub channels: usize,
    /// Filters of a group.
    pub filters: usize,
}

impl Layout {
    pub fn new(x: &[usize], kernel: &[usize], windows: &Windows<'_>) -> Result<Self> {
        let spatial = x.len() - 2;
        let (channels, filters) = (kernel[spatial], kernel[spatial + 1]);
        let groups = x[spatial + 1].checked_div(channels).unwrap_or(1).max(1);
        Ok(Self {
            batch: x[0],
            area: x[1..=spatial].iter().product(),
            taps: windows.taps(&x[1..=spatial])?,
            groups,
            channels,
            filters: filters / groups,
        })
    }

    /// Calls for every window and every element of it that lies in the input: start of the input's channels, start of the
    /// output's filters, which element of the window.
    pub fn each(&self, mut f: impl FnMut(usize, usize, usize)) {
        let (width, depth) = (self.groups * self.channels, self.groups * self.filters);
        for image in 0..self.batch {
            for window in 0..self.taps.windows {
                let out = (image * self.taps.windows + window) * depth;
                for (tap, at) in self.taps.window(window).iter().enumerate() {
                    if let Some(at) = at {
                        f((image * self.area + at) * width, out, tap);
                    }
                }
            }
        }
    }
}

struct Forward(Layout);

impl FloatKernel for Forward {
    fn run<T: num_traits::Float + Default + std::iter::Sum + std::ops::AddAssign>(
        &self,
        inputs: &[&[T]],
        count: usize,
    ) -> Vec<T> {
        let (layout, x, kernel) = (&self.0, inputs[0], inputs[1]);
        let depth = layout.groups * layout.filters;
        let mut out = vec![T::default(); count];
        layout.each(|x_start, out_start, tap| {
            for group in 0..layout.groups {
                let sums = &mut out[out_start + group * layout.filters..][..layout.filters];
                let values = &x[x_start + group * layout.channels..][..layout.channels];
                for (channel, &value) in values.iter().enumerate() {
                    let weights = &kernel[(tap * layout.channels + channel) * depth + group * layout.filters..];
                    for (sum, &weight) in sums.iter_mut().zip(weights) {
                        *sum += value * weight;
                    }
                }
            }
        });
        out
    }
}
