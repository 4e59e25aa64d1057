//! `conv_transpose!`: the transposed convolution layer of a number of spatial axes.

/// Declares the transposed convolution layer of a number of spatial axes.
macro_rules! conv_transpose {
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
                /// What is added at the end of each axis of the result, where a size is not certain.
                output_padding: Option<Sizes> = None,
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// Distances between the elements of a window.
                dilation_rate: Sizes = Sizes::from([1; $rank]),
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
        }

        impl $name {
            fn spatial(&self) -> Spatial {
                Spatial { rank: $rank, data_format: self.data_format }
            }
        }

        impl Layer for $name {
            fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
                let channels = self.spatial().channels(inputs.only()?)?;
                let mut shape = self.kernel_size.of_rank($rank)?;
                shape.extend([self.filters, channels]);
                scope
                    .variable("kernel", shape, &self.kernel_initializer)?
                    .regularize(&self.kernel_regularizer)
                    .constrain(&self.kernel_constraint);
                if self.use_bias {
                    scope
                        .variable("bias", [self.filters], &self.bias_initializer)?
                        .regularize(&self.bias_regularizer)
                        .constrain(&self.bias_constraint);
                }
                Ok(())
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let x = self.spatial().enter(inputs.only()?)?;
                let output_padding =
                    self.output_padding.as_ref().map(|padding| padding.of_rank($rank)).transpose()?;
                let padding = match self.padding {
                    Padding::Same => ops::Padding::Same,
                    _ => ops::Padding::Valid,
                };
                let mut output = ops::conv_transpose(
                    &x,
                    &scope.get("kernel")?,
                    &self.strides.of_rank($rank)?,
                    padding,
                    output_padding.as_deref(),
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

pub(super) use conv_transpose;
