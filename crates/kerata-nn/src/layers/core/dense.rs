//! `Dense`: fully connected layer, `activation(inputs · kernel + bias)`.

use crate::layers::prelude::*;

config! {
    /// Fully connected layer.
    pub struct Dense(
        /// Size of the last output axis.
        units: usize,
    ) {
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
        /// How the kernel is quantized.
        quantization_config: Option<Tree> = None,
    }
}

impl Layer for Dense {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope
            .variable("kernel", [width, self.units], &self.kernel_initializer)?
            .regularize(&self.kernel_regularizer)
            .constrain(&self.kernel_constraint);
        if self.use_bias {
            scope
                .variable("bias", [self.units], &self.bias_initializer)?
                .regularize(&self.bias_regularizer)
                .constrain(&self.bias_constraint);
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut output = ops::matmul(inputs.only()?, &scope.get("kernel")?)?;
        if self.use_bias {
            output = ops::add(&output, &scope.get("bias")?)?;
        }
        Ok(vec![self.activation.call(&output)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
