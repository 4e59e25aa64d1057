//! `conv!`: the convolution layer of a number of spatial axes, and what all layers with windows share.

use crate::layers::prelude::*;

/// Where the channels of a tensor with so many spatial axes are.
#[derive(Clone, Copy)]
pub(crate) struct Spatial {
    /// Number of spatial axes.
    pub rank: usize,
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl Spatial {
    /// Number of channels of an input.
    pub fn channels(self, input: &TensorSpec) -> Result<usize> {
        if input.rank() != self.rank + 2 {
            return Err(Error::mismatch(format!("expected {} axes, found {}", self.rank + 2, input.shape)));
        }
        input.known_axis(if self.data_format == DataFormat::ChannelsFirst { 1 } else { -1 })
    }

    /// The tensor with its channels last.
    pub fn enter(self, x: &Tensor) -> Result<Tensor> {
        match self.data_format {
            DataFormat::ChannelsLast => Ok(x.clone()),
            DataFormat::ChannelsFirst => ops::moveaxis(x, &[1], &[-1]),
        }
    }

    /// The tensor with its channels where the layer has them.
    pub fn leave(self, x: &Tensor) -> Result<Tensor> {
        match self.data_format {
            DataFormat::ChannelsLast => Ok(x.clone()),
            DataFormat::ChannelsFirst => ops::moveaxis(x, &[-1], &[1]),
        }
    }
}

/// A convolution of a tensor with its channels last; `causal` padding is put before the input.
pub(crate) fn convolve(
    x: &Tensor,
    kernel: &Tensor,
    strides: &[usize],
    padding: Padding,
    dilation: &[usize],
) -> Result<Tensor> {
    let (x, padding) = padded(x, kernel, padding, dilation)?;
    ops::conv(&x, kernel, strides, padding, dilation)
}

/// The input and padding for an op: `causal` is zeros before the input.
pub(super) fn padded(
    x: &Tensor,
    kernel: &Tensor,
    padding: Padding,
    dilation: &[usize],
) -> Result<(Tensor, ops::Padding)> {
    match padding {
        Padding::Valid => Ok((x.clone(), ops::Padding::Valid)),
        Padding::Same => Ok((x.clone(), ops::Padding::Same)),
        Padding::Causal => {
            let before =
                dilation.first().copied().unwrap_or(1) * kernel.spec().known_axis(0)?.saturating_sub(1);
            let x = ops::pad(x, &[(0, 0), (before, 0), (0, 0)], ops::PadMode::Constant, 0.0)?;
            Ok((x, ops::Padding::Valid))
        }
    }
}

/// Declares the convolution layer of a number of spatial axes.
macro_rules! conv {
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
                /// Distances between the elements of a window.
                dilation_rate: Sizes = Sizes::from([1; $rank]),
                /// Channels and filters fall into so many groups that see only each other.
                groups: usize = 1,
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
                /// Penalty on the result.
                activity_regularizer: Option<Regularizer> = None,
                /// Where the kernel is brought back to.
                kernel_constraint: Option<Constraint> = None,
                /// Where the bias is brought back to.
                bias_constraint: Option<Constraint> = None,
            }
            also {
                /// Rank of the learned product beside the kernel (LoRA).
                lora_rank: Option<usize> = None,
                /// Factor of that product, times its rank.
                lora_alpha: Option<f64> = None,
            }
        }

        impl $name {
            fn lora(&self) -> Option<Lora> {
                Lora::of_kernel(self.lora_rank, self.lora_alpha)
            }

            fn spatial(&self) -> Spatial {
                Spatial { rank: $rank, data_format: self.data_format }
            }
        }

        impl Layer for $name {
            fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
                let channels = self.spatial().channels(inputs.only()?)?;
                if self.groups == 0 || channels % self.groups != 0 || self.filters % self.groups != 0 {
                    return Err(Error::mismatch(format!(
                        "{channels} channels and {} filters do not fall into {} groups",
                        self.filters, self.groups,
                    )));
                }
                let mut shape = self.kernel_size.of_rank($rank)?;
                shape.extend([channels / self.groups, self.filters]);
                scope
                    .variable("kernel", &shape, &self.kernel_initializer)?
                    .regularize(&self.kernel_regularizer)
                    .constrain(&self.kernel_constraint);
                if self.use_bias {
                    scope
                        .variable("bias", [self.filters], &self.bias_initializer)?
                        .regularize(&self.bias_regularizer)
                        .constrain(&self.bias_constraint);
                }
                self.lora().map_or(Ok(()), |lora| lora.build(scope, "kernel", &shape))
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let x = self.spatial().enter(inputs.only()?)?;
                let mut kernel = scope.get("kernel")?;
                if let Some(lora) = self.lora() {
                    kernel = lora.add(scope, &kernel)?;
                }
                let mut output = convolve(
                    &x,
                    &kernel,
                    &self.strides.of_rank($rank)?,
                    self.padding,
                    &self.dilation_rate.of_rank($rank)?,
                )?;
                if self.use_bias {
                    output = ops::add(&output, &scope.get("bias")?)?;
                }
                Ok(vec![self.activation.call(&self.spatial().leave(&output)?)?])
            }
        }
    };
}

pub(super) use conv;
