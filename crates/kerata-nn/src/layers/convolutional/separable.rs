//! `separable!`: the separable convolution layer of a number of spatial axes.

/// Declares the separable convolution layer of a number of spatial axes.
macro_rules! separable {
    ($(#[$doc:meta])* $name:ident, $rank:literal) => {
        config! {
            $(#[$doc])*
            pub struct $name(
                /// Number of output channels.
                filters: usize,
                /// Sizes of the window.
                kernel_size: Sizes,
            ) {
                /// Number of results for each channel, before they are mixed.
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
                /// Start values of the windows of each channel.
                depthwise_initializer: Initializer = Initializer::glorot_uniform(),
                /// Start values of the mix.
                pointwise_initializer: Initializer = Initializer::glorot_uniform(),
                /// Start values of the bias.
                bias_initializer: Initializer = Initializer::zeros(),
                /// Penalty on the windows.
                depthwise_regularizer: Option<Regularizer> = None,
                /// Penalty on the mix.
                pointwise_regularizer: Option<Regularizer> = None,
                /// Penalty on the bias.
                bias_regularizer: Option<Regularizer> = None,
                /// Penalty on the result.
                activity_regularizer: Option<Regularizer> = None,
                /// Where the windows are brought back to.
                depthwise_constraint: Option<Constraint> = None,
                /// Where the mix is brought back to.
                pointwise_constraint: Option<Constraint> = None,
                /// Where the bias is brought back to.
                bias_constraint: Option<Constraint> = None,
            }
            first [depth_multiplier]
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
                    .variable("depthwise_kernel", shape, &self.depthwise_initializer)?
                    .regularize(&self.depthwise_regularizer)
                    .constrain(&self.depthwise_constraint);
                let mut shape = vec![1; $rank];
                shape.extend([channels * self.depth_multiplier, self.filters]);
                scope
                    .variable("pointwise_kernel", shape, &self.pointwise_initializer)?
                    .regularize(&self.pointwise_regularizer)
                    .constrain(&self.pointwise_constraint);
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
                let depthwise = scope.get("depthwise_kernel")?;
                let pointwise = scope.get("pointwise_kernel")?;
                let dilation = self.dilation_rate.of_rank($rank)?;
                let (x, padding) = padded(&x, &depthwise, self.padding, &dilation)?;
                let strides = self.strides.of_rank($rank)?;
                let mut output = ops::separable_conv(&x, &depthwise, &pointwise, &strides, padding, &dilation)?;
                if self.use_bias {
                    output = ops::add(&output, &scope.get("bias")?)?;
                }
                Ok(vec![self.activation.call(&self.spatial().leave(&output)?)?])
            }
        }
    };
}

pub(super) use separable;
