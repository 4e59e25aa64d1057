//! `conv_lstm!`: the convolutional LSTM of a number of spatial axes, and its cell.

use super::dropout::{drop_part, seed_when_needed};
use crate::layers::convolutional::{Spatial, convolve};
use crate::layers::prelude::*;

config! {
    /// One step of a convolutional LSTM.
    pub struct ConvLSTMCell(
        /// Number of spatial axes.
        rank: usize,
        /// Number of output channels.
        filters: usize,
        /// Sizes of the window.
        kernel_size: Sizes,
    ) {
        /// Distances between windows.
        strides: Sizes = Sizes::from(1),
        /// What lies around the input.
        padding: Padding = Padding::Valid,
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// Distances between the elements of a window.
        dilation_rate: Sizes = Sizes::from(1),
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
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl ConvLSTMCell {
    fn spatial(&self) -> Spatial {
        Spatial { rank: self.rank, data_format: self.data_format }
    }

    /// The four gates that a step's input gives, side by side in the last axis.
    pub(super) fn input_gates(&self, scope: &Scope, x: &Tensor) -> Result<Tensor> {
        let x = self.spatial().enter(&drop_part(scope, x, self.dropout)?)?;
        let gates = convolve(
            &x,
            &scope.get("kernel")?,
            &self.strides.of_rank(self.rank)?,
            self.padding,
            &self.dilation_rate.of_rank(self.rank)?,
        )?;
        if self.use_bias { ops::add(&gates, &scope.get("bias")?) } else { Ok(gates) }
    }
}

impl Layer for ConvLSTMCell {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let channels = self.spatial().channels(inputs.only()?)?;
        let window = self.kernel_size.of_rank(self.rank)?;
        let kernel =
            |channels| window.iter().copied().chain([channels, 4 * self.filters]).collect::<Vec<_>>();
        scope
            .variable("kernel", kernel(channels), &self.kernel_initializer)?
            .regularize(&self.kernel_regularizer)
            .constrain(&self.kernel_constraint);
        scope
            .variable("recurrent_kernel", kernel(self.filters), &self.recurrent_initializer)?
            .regularize(&self.recurrent_regularizer)
            .constrain(&self.recurrent_constraint);
        if self.use_bias {
            scope
                .variable("bias", [4 * self.filters], &self.bias_initializer)?
                .regularize(&self.bias_regularizer)
                .constrain(&self.bias_constraint);
        }
        seed_when_needed(scope, &self.seed, self.dropout + self.recurrent_dropout)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [x, hidden, carry] = inputs.exactly()?;
        let recurrent = self.spatial().enter(&drop_part(scope, hidden, self.recurrent_dropout)?)?;
        let ones = vec![1; self.rank];
        let from_state = convolve(&recurrent, &scope.get("recurrent_kernel")?, &ones, Padding::Same, &ones)?;
        let gates = ops::split(&ops::add(&self.input_gates(scope, x)?, &from_state)?, 4, -1)?;
        let [input, forget, new, output] = gates.exactly()?;
        let carry = self.spatial().enter(carry)?;
        let input = self.recurrent_activation.call(input)?;
        let forget = self.recurrent_activation.call(forget)?;
        let new = ops::multiply(&input, &self.activation.call(new)?)?;
        let carry = ops::add(&ops::multiply(&forget, &carry)?, &new)?;
        let output = self.recurrent_activation.call(output)?;
        let hidden = ops::multiply(&output, &self.activation.call(&carry)?)?;
        let (hidden, carry) = (self.spatial().leave(&hidden)?, self.spatial().leave(&carry)?);
        Ok(vec![hidden.clone(), hidden, carry])
    }

    fn states(&self) -> Vec<Vec<usize>> {
        // Their other sizes follow from the input.
        vec![vec![self.filters]; 2]
    }
}

/// Declares the convolutional LSTM of a number of spatial axes.
macro_rules! conv_lstm {
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
            first [return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask]
        }

        impl $name {
            /// The cell that is called at each step.
            fn cell(&self, scope: &Scope) -> AnyLayer {
                let bias = match self.unit_forget_bias {
                    true => Initializer::from(UnitForgetBias {
                        units: self.filters,
                        others: self.bias_initializer.clone(),
                    }),
                    false => self.bias_initializer.clone(),
                };
                let cell = ConvLSTMCell::new($rank, self.filters, self.kernel_size.clone())
                    .strides(self.strides.clone())
                    .padding(self.padding)
                    .data_format(self.data_format)
                    .dilation_rate(self.dilation_rate.clone())
                    .activation(self.activation.clone())
                    .recurrent_activation(self.recurrent_activation.clone())
                    .use_bias(self.use_bias)
                    .kernel_initializer(self.kernel_initializer.clone())
                    .recurrent_initializer(self.recurrent_initializer.clone())
                    .bias_initializer(bias)
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
                    stateful: false,
                    zero_output_for_mask: self.zero_output_for_mask,
                    time_major: false,
                }
            }

            /// Zeros in the shape of what a step gives.
            fn zero_states(&self, scope: &Scope, sequence: &Tensor) -> Result<Vec<Tensor>> {
                let spatial = Spatial { rank: $rank, data_format: self.data_format };
                let first = ops::index(sequence, 0, 0)?;
                let channels = spatial.channels(first.spec())?;
                let mut window = self.kernel_size.of_rank($rank)?;
                window.extend([channels, self.filters]);
                let kernel = ops::full(scope.builder(), window, 0.0, first.dtype())?;
                let output = convolve(
                    &spatial.enter(&first)?,
                    &kernel,
                    &self.strides.of_rank($rank)?,
                    self.padding,
                    &self.dilation_rate.of_rank($rank)?,
                )?;
                let zeros = spatial.leave(&ops::zeros_like(&output)?)?;
                Ok(vec![zeros.clone(), zeros])
            }
        }

        impl Layer for $name {
            fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
                let cell = self.cell(scope);
                self.recurrence(&cell).build(scope, inputs)?;
                if self.stateful {
                    let sequence = inputs.first().ok_or_else(|| Error::mismatch("expected a sequence"))?;
                    let builder = scope.builder().clone();
                    let sequence = ops::swapaxes(&builder.input("sequence", sequence.clone()), 0, 1)?;
                    for (index, state) in self.zero_states(scope, &sequence)?.iter().enumerate() {
                        let zeros = Initializer::zeros();
                        let shape = state.spec().sizes()?;
                        scope.variable(&state_name(index), shape, &zeros)?.frozen().role(Role::State);
                    }
                }
                Ok(())
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let cell = self.cell(scope);
                let recurrence = Recurrence { stateful: self.stateful, ..self.recurrence(&cell) };
                let first = inputs.first().ok_or_else(|| Error::mismatch("expected a sequence"))?;
                let sequence = recurrence.time_first(first)?;
                let states = match recurrence.given_states(scope, inputs)? {
                    Some(states) => states,
                    None => self.zero_states(scope, &sequence)?,
                };
                recurrence.call_from(scope, &sequence, states)
            }

            fn arguments(&self) -> &'static [&'static str] {
                ARGUMENTS
            }

            fn supports_masking(&self) -> bool {
                true
            }
        }
    };
}

pub(super) use conv_lstm;
