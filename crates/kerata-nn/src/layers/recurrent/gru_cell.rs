//! `GRUCell`: one step of `GRU`.

use super::dropout::{drop_part, seed_when_needed};
use crate::layers::prelude::*;

config! {
    /// One step of `GRU`.
    pub struct GRUCell(
        /// Size of the output and of a state.
        units: usize,
    ) {
        /// Applied to what is new.
        activation: Activation = Activation::from("tanh"),
        /// Applied to the gates.
        recurrent_activation: Activation = Activation::from("sigmoid"),
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
        /// Whether the reset gate is applied after the product with the recurrent kernel.
        reset_after: bool = true,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for GRUCell {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope
            .variable("kernel", [width, 3 * self.units], &self.kernel_initializer)?
            .regularize(&self.kernel_regularizer)
            .constrain(&self.kernel_constraint);
        scope
            .variable("recurrent_kernel", [self.units, 3 * self.units], &self.recurrent_initializer)?
            .regularize(&self.recurrent_regularizer)
            .constrain(&self.recurrent_constraint);
        if self.use_bias {
            let shape = if self.reset_after { vec![2, 3 * self.units] } else { vec![3 * self.units] };
            scope
                .variable("bias", shape, &self.bias_initializer)?
                .regularize(&self.bias_regularizer)
                .constrain(&self.bias_constraint);
        }
        seed_when_needed(scope, &self.seed, self.dropout + self.recurrent_dropout)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [x, hidden] = inputs.exactly()?;
        let x = drop_part(scope, x, self.dropout)?;
        let recurrent = drop_part(scope, hidden, self.recurrent_dropout)?;
        let mut from_input = ops::matmul(&x, &scope.get("kernel")?)?;
        let kernel = scope.get("recurrent_kernel")?;
        if self.use_bias {
            let bias = scope.get("bias")?;
            let bias = if self.reset_after { ops::index(&bias, 0, 0)? } else { bias };
            from_input = ops::add(&from_input, &bias)?;
        }
        let from_input = ops::split(&from_input, 3, -1)?;
        let [input_update, input_reset, input_new] = from_input.exactly()?;
        let (update, new) = if self.reset_after {
            let mut from_state = ops::matmul(&recurrent, &kernel)?;
            if self.use_bias {
                from_state = ops::add(&from_state, &ops::index(&scope.get("bias")?, 0, 1)?)?;
            }
            let from_state = ops::split(&from_state, 3, -1)?;
            let [state_update, state_reset, state_new] = from_state.exactly()?;
            let update = self.recurrent_activation.call(&ops::add(input_update, state_update)?)?;
            let reset = self.recurrent_activation.call(&ops::add(input_reset, state_reset)?)?;
            (update, ops::add(input_new, &ops::multiply(&reset, state_new)?)?)
        } else {
            let kernels = ops::split(&kernel, 3, -1)?;
            let [kernel_update, kernel_reset, kernel_new] = kernels.exactly()?;
            let state_update = ops::matmul(&recurrent, kernel_update)?;
            let state_reset = ops::matmul(&recurrent, kernel_reset)?;
            let update = self.recurrent_activation.call(&ops::add(input_update, &state_update)?)?;
            let reset = self.recurrent_activation.call(&ops::add(input_reset, &state_reset)?)?;
            let state_new = ops::matmul(&ops::multiply(&reset, &recurrent)?, kernel_new)?;
            (update, ops::add(input_new, &state_new)?)
        };
        let new = self.activation.call(&new)?;
        let kept = ops::multiply(&update, hidden)?;
        let rest = ops::subtract(&ops::scalar(&update, 1.0)?, &update)?;
        let hidden = ops::add(&kept, &ops::multiply(&rest, &new)?)?;
        Ok(vec![hidden.clone(), hidden])
    }

    fn states(&self) -> Vec<Vec<usize>> {
        vec![vec![self.units]]
    }
}
