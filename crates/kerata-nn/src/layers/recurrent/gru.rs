//! `GRU`: gated recurrent unit.

use super::GRUCell;
use super::cell_layer::cell_layer;
use super::recurrence::{ARGUMENTS, Recurrence};
use crate::layers::prelude::*;

config! {
    /// Gated recurrent unit.
    pub struct GRU(
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
        /// Whether the reset gate is applied after the product with the recurrent kernel.
        reset_after: bool = true,
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

cell_layer! { GRU of GRUCell [
    activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
    bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
    recurrent_constraint, bias_constraint, dropout, recurrent_dropout, reset_after, seed,
] }
