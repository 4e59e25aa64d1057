//! `Highway`: a dense layer of Keras 1 beside which its input goes on, in learned shares.

use crate::layers::prelude::*;

config! {
    /// A dense layer and its input, mixed by a second dense layer.
    pub struct Highway {
        /// Start values of the kernels.
        kernel_initializer: Initializer = Initializer::glorot_uniform(),
        /// Applied to the result of the first layer.
        activation: Activation = Activation::linear(),
        /// Whether biases are added.
        use_bias: bool = true,
        /// Penalty on the kernel.
        kernel_regularizer: Option<Regularizer> = None,
        /// Penalty on the bias.
        bias_regularizer: Option<Regularizer> = None,
        /// Where the kernel is brought back to.
        kernel_constraint: Option<Constraint> = None,
        /// Where the bias is brought back to.
        bias_constraint: Option<Constraint> = None,
    }
}

impl Layer for Highway {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope
            .variable("kernel", [width, width], &self.kernel_initializer)?
            .regularize(&self.kernel_regularizer)
            .constrain(&self.kernel_constraint);
        scope.variable("carry_kernel", [width, width], &self.kernel_initializer)?;
        if self.use_bias {
            scope
                .variable("bias", [width], &Initializer::zeros())?
                .regularize(&self.bias_regularizer)
                .constrain(&self.bias_constraint);
            scope.variable("carry_bias", [width], &Initializer::ones())?;
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let dense = |kernel: &str, bias: &str| {
            let product = ops::matmul(x, &scope.get(kernel)?)?;
            if self.use_bias { ops::add(&product, &scope.get(bias)?) } else { Ok(product) }
        };
        let share = ops::sigmoid(&dense("carry_kernel", "carry_bias")?)?;
        let changed = ops::multiply(&self.activation.call(&dense("kernel", "bias")?)?, &share)?;
        Ok(vec![ops::add(&changed, &ops::multiply(&ops::one_minus(&share)?, x)?)?])
    }
}
