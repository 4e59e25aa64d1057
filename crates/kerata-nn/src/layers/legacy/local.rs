//! `locally_connected!`: a convolution with a kernel of its own for each place, of Keras 1 and 2.

use kerata_core::array::Array;

use crate::layers::convolutional::{Spatial, convolve};
use crate::layers::prelude::*;

/// Where the windows of a layer lie.
pub(super) struct Windows {
    /// Sizes of the input without channels.
    pub input: Vec<usize>,
    /// Sizes of the output without channels.
    pub output: Vec<usize>,
    pub sizes: Vec<usize>,
    pub strides: Vec<usize>,
    pub is_same: bool,
}

impl Windows {
    pub fn of(
        spatial: Spatial,
        input: &TensorSpec,
        sizes: Vec<usize>,
        strides: Vec<usize>,
        padding: Padding,
    ) -> Result<Self> {
        let first = if spatial.data_format == DataFormat::ChannelsFirst { 2 } else { 1 };
        let own = (first..first + spatial.rank)
            .map(|axis| input.known_axis(axis as i64))
            .collect::<Result<Vec<_>>>()?;
        let is_same = padding == Padding::Same;
        let count = |axis: usize| match is_same {
            true => own[axis].div_ceil(strides[axis].max(1)),
            false => (own[axis] + strides[axis]).saturating_sub(sizes[axis]) / strides[axis].max(1),
        };
        let output = (0..spatial.rank).map(count).collect();
        Ok(Self { input: own, output, sizes, strides, is_same })
    }

    /// Whether an element of the input lies in the window of an element of the output.
    fn meet(&self, input: usize, output: usize) -> bool {
        let (mut input, mut output) = (input, output);
        (0..self.sizes.len()).rev().all(|axis| {
            let (place, window) = (input % self.input[axis], output % self.output[axis]);
            input /= self.input[axis];
            output /= self.output[axis];
            let half = self.sizes[axis] / 2;
            let start = (window * self.strides[axis]) as i64 - if self.is_same { half as i64 } else { 0 };
            (start..start + self.sizes[axis] as i64).contains(&(place as i64))
        })
    }

    /// The matrix of a kernel that is stored as a list of the weights between elements that meet, sorted by output, then
    /// input: for each input and output the place in the list, or its end.
    fn places(&self, channels: usize, filters: usize, is_first: bool) -> Result<(Array, usize)> {
        let (ins, outs): (usize, usize) = (self.input.iter().product(), self.output.iter().product());
        // Flat places of an element and a channel, and the way back.
        let split = |at: usize, elements: usize, width: usize| {
            if is_first { (at % elements, at / elements) } else { (at / width, at % width) }
        };
        let (rows, columns) = (ins * channels, outs * filters);
        let mut places = vec![0i32; rows * columns];
        let mut count = 0;
        for out in 0..columns {
            for input in 0..rows {
                let meet = self.meet(split(input, ins, channels).0, split(out, outs, filters).0);
                places[input * columns + out] = if meet { count } else { -1 };
                count += i32::from(meet);
            }
        }
        places.iter_mut().filter(|place| **place < 0).for_each(|place| *place = count);
        Ok((Array::from_vec([rows, columns], places)?, count as usize))
    }
}

/// Which weights there are: Keras's `implementation`.
pub(super) fn kernel_shape(
    windows: &Windows,
    spatial: Spatial,
    channels: usize,
    filters: usize,
    implementation: usize,
) -> Result<Vec<usize>> {
    let elements: usize = windows.sizes.iter().product();
    let is_first = spatial.data_format == DataFormat::ChannelsFirst;
    match implementation {
        1 => Ok(vec![windows.output.iter().product(), elements * channels, filters]),
        2 => {
            let side = |sizes: &[usize], width: usize| match is_first {
                true => std::iter::once(width).chain(sizes.iter().copied()).collect::<Vec<_>>(),
                false => sizes.iter().copied().chain([width]).collect(),
            };
            Ok([side(&windows.input, channels), side(&windows.output, filters)].concat())
        }
        3 => Ok(vec![windows.places(channels, filters, is_first)?.1]),
        other => Err(Error::unsupported(format!("implementation {other}"))),
    }
}

/// The result without bias, its channels where the layer has them.
pub(super) fn product(
    x: &Tensor,
    kernel: &Tensor,
    windows: &Windows,
    spatial: Spatial,
    filters: usize,
    implementation: usize,
) -> Result<Tensor> {
    let channels = spatial.channels(x.spec())?;
    let is_first = spatial.data_format == DataFormat::ChannelsFirst;
    let outs: usize = windows.output.iter().product();
    if implementation == 1 {
        let elements: usize = windows.sizes.iter().product();
        let width = elements * channels;
        // Windows with their channels last; kernels of layers with channels first have them first.
        let eye = ops::eye(x.builder(), width, width, 0, x.dtype())?;
        let shape = windows.sizes.iter().copied().chain([channels, width]);
        let ones = vec![1; spatial.rank];
        let parts = convolve(
            &spatial.enter(x)?,
            &ops::reshape(&eye, shape)?,
            &windows.strides,
            Padding::Valid,
            &ones,
        )?;
        let parts = ops::reshape(&parts, [x.size(0), outs.into(), width.into()])?;
        let kernel = if is_first {
            let apart = ops::reshape(kernel, [outs, channels, elements, filters])?;
            ops::reshape(&ops::transpose(&apart, &[0, 2, 1, 3])?, [outs, width, filters])?
        } else {
            kernel.clone()
        };
        let result = ops::einsum("bpf,pfo->bpo", &[&parts, &kernel])?;
        let sizes = std::iter::once(x.size(0))
            .chain(windows.output.iter().map(|&size| size.into()))
            .chain([filters.into()]);
        return spatial.leave(&ops::reshape(&result, sizes)?);
    }
    let rows = windows.input.iter().product::<usize>() * channels;
    let (places, count) = windows.places(channels, filters, is_first)?;
    let places = x.builder().constant(places);
    let matrix = if implementation == 2 {
        let is_weight = ops::less(&places, &ops::scalar(&places, count as i64)?)?;
        ops::multiply(
            &ops::reshape(kernel, [rows, outs * filters])?,
            &ops::cast(&is_weight, kernel.dtype())?,
        )?
    } else {
        let zero = ops::full(x.builder(), [1], 0.0, kernel.dtype())?;
        ops::take(&ops::concatenate(&[kernel.clone(), zero], 0)?, &places, Some(0))?
    };
    let flat = ops::reshape(x, [x.size(0), rows.into()])?;
    let mut sizes: Vec<ops::Size> = windows.output.iter().map(|&size| size.into()).collect();
    sizes.insert(if is_first { 0 } else { sizes.len() }, filters.into());
    sizes.insert(0, x.size(0));
    ops::reshape(&ops::matmul(&flat, &matrix)?, sizes)
}

/// The bias as it is added. With channels first its elements are meant in that order, whatever shape it is stored in.
pub(super) fn bias(stored: &Tensor, spatial: Spatial) -> Result<Tensor> {
    if spatial.data_format != DataFormat::ChannelsFirst {
        return Ok(stored.clone());
    }
    let mut sizes = stored.sizes();
    sizes.rotate_right(1);
    ops::reshape(stored, sizes)
}

/// Declares the layer of a number of spatial axes.
macro_rules! locally_connected {
    ($(#[$doc:meta])* $name:ident, $rank:literal) => {
        config! {
            $(#[$doc])*
            pub struct $name(
                /// Number of output channels.
                filters: usize,
                /// Sizes of the window.
                kernel_size: Sizes,
            ) {
                /// Distances between windows.
                strides: Sizes = Sizes::from([1; $rank]),
                /// What lies around the input.
                padding: Padding = Padding::Valid,
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// Applied to the result.
                activation: Activation = Activation::linear(),
                /// Whether a bias is added.
                use_bias: bool = true,
                /// Start values of the kernel.
                kernel_initializer: Initializer = Initializer::glorot_uniform(),
                /// Start values of the bias.
                bias_initializer: Initializer = Initializer::zeros(),
                /// Penalty on the kernel.
                kernel_regularizer: Option<Regularizer> = None,
                /// Penalty on the bias.
                bias_regularizer: Option<Regularizer> = None,
                /// Where the kernel is brought back to.
                kernel_constraint: Option<Constraint> = None,
                /// Where the bias is brought back to.
                bias_constraint: Option<Constraint> = None,
                /// How the weights are laid out: 1, 2 or 3.
                implementation: usize = 1,
            }
        }

        impl $name {
            fn spatial(&self) -> Spatial {
                Spatial { rank: $rank, data_format: self.data_format }
            }

            fn windows(&self, input: &TensorSpec) -> Result<Windows> {
                let (sizes, strides) = (self.kernel_size.of_rank($rank)?, self.strides.of_rank($rank)?);
                Windows::of(self.spatial(), input, sizes, strides, self.padding)
            }
        }

        impl Layer for $name {
            fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
                let input = inputs.only()?;
                let windows = self.windows(input)?;
                let channels = self.spatial().channels(input)?;
                let shape = kernel_shape(&windows, self.spatial(), channels, self.filters, self.implementation)?;
                scope
                    .variable("kernel", shape, &self.kernel_initializer)?
                    .regularize(&self.kernel_regularizer)
                    .constrain(&self.kernel_constraint);
                if self.use_bias {
                    let mut shape = windows.output;
                    shape.push(self.filters);
                    scope
                        .variable("bias", shape, &self.bias_initializer)?
                        .regularize(&self.bias_regularizer)
                        .constrain(&self.bias_constraint);
                }
                Ok(())
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let x = inputs.only()?;
                let windows = self.windows(x.spec())?;
                let kernel = scope.get("kernel")?;
                let mut output = product(x, &kernel, &windows, self.spatial(), self.filters, self.implementation)?;
                if self.use_bias {
                    output = ops::add(&output, &bias(&scope.get("bias")?, self.spatial())?)?;
                }
                Ok(vec![self.activation.call(&output)?])
            }
        }
    };
}

pub(super) use locally_connected;
