//! `SimpleRNNCell`: one step of `SimpleRNN`.

use super::dropout::{drop_part, seed_when_needed};
use crate::layers::prelude::*;

config! {
    /// One step of `SimpleRNN`.
    pub struct SimpleRNNCell(
        /// Size of the output and of a state.
        units: usize,
    ) {
        /// Applied to what is new.
        activation: Activation = Activation::from("tanh"),
        /// Whether a bias is added.
        use_bias: bool = true,
        /// Start values of the kernel.
        kernel_initializer: Initializer = Initializer::glorot_uniform(),
        /// Start values of the recurrent kernel.
        recurrent_initializer: Initializer = Initializer::orthogonal(),
        /// Start values of the bias.
        bias_initializer: Initializer = Initializer::zeros(),
        /// Penalty on the kernel.
        kernel_regularizer: Option<Regularizer> = None,
        /// Penalty on the recurrent kernel.
        recurrent_regularizer: Option<Regularizer> = None,
        /// Penalty on the bias.
        bias_regularizer: Option<Regularizer> = None,
        /// Where the kernel is brought back to.
        kernel_constraint: Option<Constraint> = None,
        /// Where the recurrent kernel is brought back to.
        recurrent_constraint: Option<Constraint> = None,
        /// Where the bias is brought back to.
        bias_constraint: Option<Constraint> = None,
        /// Share of the inputs that is dropped in training.
        dropout: f64 = 0.0,
        /// Share of the states that is dropped in training.
        recurrent_dropout: f64 = 0.0,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for SimpleRNNCell {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope
            .variable("kernel", [width, self.units], &self.kernel_initializer)?
            .regularize(&self.kernel_regularizer)
            .constrain(&self.kernel_constraint);
        scope
            .variable("recurrent_kernel", [self.units, self.units], &self.recurrent_initializer)?
            .regularize(&self.recurrent_regularizer)
            .constrain(&self.recurrent_constraint);
        if self.use_bias {
            scope
                .variable("bias", [self.units], &self.bias_initializer)?
                .regularize(&self.bias_regularizer)
                .constrain(&self.bias_constraint);
        }
        seed_when_needed(scope, &self.seed, self.dropout + self.recurrent_dropout)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [x, hidden] = inputs.exactly()?;
        let mut output = ops::matmul(&drop_part(scope, x, self.dropout)?, &scope.get("kernel")?)?;
        if self.use_bias {
            output = ops::add(&output, &scope.get("bias")?)?;
        }
        let recurrent = drop_part(scope, hidden, self.recurrent_dropout)?;
        output = ops::add(&output, &ops::matmul(&recurrent, &scope.get("recurrent_kernel")?)?)?;
        let output = self.activation.call(&output)?;
        Ok(vec![output.clone(), output])
    }

    fn states(&self) -> Vec<Vec<usize>> {
        vec![vec![self.units]]
    }
}
