//! `LSTM`: long short-term memory.

use super::LSTMCell;
use super::recurrence::{ARGUMENTS, Recurrence};
use crate::layers::prelude::*;

config! {
    /// Long short-term memory.
    pub struct LSTM(
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
        /// Whether the bias of the forget gate starts with ones.
        unit_forget_bias: bool = true,
        /// Penalty on the kernel.
        kernel_regularizer: Option<Regularizer> = None,
        /// Penalty on the recurrent kernel.
        recurrent_regularizer: Option<Regularizer> = None,
        /// Penalty on the bias.
        bias_regularizer: Option<Regularizer> = None,
        /// Penalty on the result.
        activity_regularizer: Option<Regularizer> = None,
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
        /// Whether the outputs of all steps are given.
        return_sequences: bool = false,
        /// Whether the last states are given after the output.
        return_state: bool = false,
        /// Whether the sequence is read from its end.
        go_backwards: bool = false,
        /// Whether the states outlive a call.
        stateful: bool = false,
        /// Whether Keras writes every step out instead of a loop; the numbers are the same.
        unroll: bool = false,
        /// Whether steps that do not count give zeros instead of the output before.
        zero_output_for_mask: bool = false,
    }
    also {
        /// Whether the steps are the first axis, the batch the second (Keras 2).
        time_major: bool = false,
    }
    first [return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask]
}

impl LSTM {
    /// The cell that is called at each step.
    fn cell(&self, scope: &Scope) -> AnyLayer {
        let cell = LSTMCell::new(self.units)
            .activation(self.activation.clone())
            .recurrent_activation(self.recurrent_activation.clone())
            .use_bias(self.use_bias)
            .kernel_initializer(self.kernel_initializer.clone())
            .recurrent_initializer(self.recurrent_initializer.clone())
            .bias_initializer(self.bias_initializer.clone())
            .unit_forget_bias(self.unit_forget_bias)
            .kernel_regularizer(self.kernel_regularizer.clone())
            .recurrent_regularizer(self.recurrent_regularizer.clone())
            .bias_regularizer(self.bias_regularizer.clone())
            .kernel_constraint(self.kernel_constraint.clone())
            .recurrent_constraint(self.recurrent_constraint.clone())
            .bias_constraint(self.bias_constraint.clone())
            .dropout(self.dropout)
            .recurrent_dropout(self.recurrent_dropout)
            .seed(self.seed.clone());
        AnyLayer::new(cell).with_dtype(scope.policy().clone())
    }

    fn recurrence<'a>(&self, cell: &'a AnyLayer) -> Recurrence<'a> {
        Recurrence {
            cell,
            return_sequences: self.return_sequences,
            return_state: self.return_state,
            go_backwards: self.go_backwards,
            stateful: self.stateful,
            zero_output_for_mask: self.zero_output_for_mask,
            time_major: self.time_major,
        }
    }
}

impl Layer for LSTM {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let cell = self.cell(scope);
        self.recurrence(&cell).build(scope, inputs)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let cell = self.cell(scope);
        self.recurrence(&cell).call(scope, inputs)
    }

    fn arguments(&self) -> &'static [&'static str] {
        ARGUMENTS
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
