//! `depthwise!`: the depthwise convolution layer of a number of spatial axes.

/// Declares the depthwise convolution layer of a number of spatial axes.
macro_rules! depthwise {
    ($(#[$doc:meta])* $name:ident, $rank:literal) => {
        config! {
            $(#[$doc])*
            pub struct $name(
                /// Sizes of the window.
                kernel_size: Sizes,
            ) {
                /// Number of results for each channel.
                depth_multiplier: usize = 1,
                /// Distances between windows.
                strides: Sizes = Sizes::from([1; $rank]),
                /// What lies around the input.
                padding: Padding = Padding::Valid,
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// Distances between the elements of a window.
                dilation_rate: Sizes = Sizes::from([1; $rank]),
                /// Applied to the result.
                activation: Activation = Activation::linear(),
                /// Whether a bias is added.
                use_bias: bool = true,
                /// Start values of the kernel.
                depthwise_initializer: Initializer = Initializer::glorot_uniform(),
                /// Start values of the bias.
                bias_initializer: Initializer = Initializer::zeros(),
                /// Penalty on the kernel.
                depthwise_regularizer: Option<Regularizer> = None,
                /// Penalty on the bias.
                bias_regularizer: Option<Regularizer> = None,
                /// Penalty on the result.
                activity_regularizer: Option<Regularizer> = None,
                /// Where the kernel is brought back to.
                depthwise_constraint: Option<Constraint> = None,
                /// Where the bias is brought back to.
                bias_constraint: Option<Constraint> = None,
            }
            first [depth_multiplier, kernel_size]
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
                shape.extend([channels, self.depth_multiplier]);
                scope
                    .variable("kernel", shape, &self.depthwise_initializer)?
                    .regularize(&self.depthwise_regularizer)
                    .constrain(&self.depthwise_constraint);
                if self.use_bias {
                    scope
                        .variable("bias", [channels * self.depth_multiplier], &self.bias_initializer)?
                        .regularize(&self.bias_regularizer)
                        .constrain(&self.bias_constraint);
                }
                Ok(())
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let x = self.spatial().enter(inputs.only()?)?;
                let kernel = scope.get("kernel")?;
                let dilation = self.dilation_rate.of_rank($rank)?;
                let (x, padding) = padded(&x, &kernel, self.padding, &dilation)?;
                let strides = self.strides.of_rank($rank)?;
                let mut output = ops::depthwise_conv(&x, &kernel, &strides, padding, &dilation)?;
                if self.use_bias {
                    output = ops::add(&output, &scope.get("bias")?)?;
                }
                Ok(vec![self.activation.call(&self.spatial().leave(&output)?)?])
            }
        }
    };
}

pub(super) use depthwise;
