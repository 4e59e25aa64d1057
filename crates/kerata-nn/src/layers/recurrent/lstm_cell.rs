//! `LSTMCell`: one step of `LSTM`.

use super::dropout::{drop_part, seed_when_needed};
use crate::initializers::{Initialize, Start};
use crate::layers::prelude::*;

config! {
    /// One step of `LSTM`.
    pub struct LSTMCell(
        /// Size of the output and of a state.
        units: usize,
    ) {
        /// Applied to what is new.
        activation: Activation = Activation::from("tanh"),
        /// Applied to the gates.
        recurrent_activation: Activation = Activation::from("sigmoid"),
        /// Whether a bias is added.
        use_bias: bool = true,
        /// Whether the bias of the forget gate starts with ones.
        unit_forget_bias: bool = true,
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

impl Layer for LSTMCell {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope
            .variable("kernel", [width, 4 * self.units], &self.kernel_initializer)?
            .regularize(&self.kernel_regularizer)
            .constrain(&self.kernel_constraint);
        scope
            .variable("recurrent_kernel", [self.units, 4 * self.units], &self.recurrent_initializer)?
            .regularize(&self.recurrent_regularizer)
            .constrain(&self.recurrent_constraint);
        if self.use_bias {
            let initializer = match self.unit_forget_bias {
                true => Initializer::from(UnitForgetBias { units: self.units, others: self.bias_initializer.clone() }),
                false => self.bias_initializer.clone(),
            };
            scope
                .variable("bias", [4 * self.units], &initializer)?
                .regularize(&self.bias_regularizer)
                .constrain(&self.bias_constraint);
        }
        seed_when_needed(scope, &self.seed, self.dropout + self.recurrent_dropout)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [x, hidden, carry] = inputs.exactly()?;
        let x = drop_part(scope, x, self.dropout)?;
        let recurrent = drop_part(scope, hidden, self.recurrent_dropout)?;
        let mut gates = ops::add(
            &ops::matmul(&x, &scope.get("kernel")?)?,
            &ops::matmul(&recurrent, &scope.get("recurrent_kernel")?)?,
        )?;
        if self.use_bias {
            gates = ops::add(&gates, &scope.get("bias")?)?;
        }
        let gates = ops::split(&gates, 4, -1)?;
        let [input, forget, new, output] = gates.exactly()?;
        let input = self.recurrent_activation.call(input)?;
        let forget = self.recurrent_activation.call(forget)?;
        let new = ops::multiply(&input, &self.activation.call(new)?)?;
        let carry = ops::add(&ops::multiply(&forget, carry)?, &new)?;
        let output = self.recurrent_activation.call(output)?;
        let hidden = ops::multiply(&output, &self.activation.call(&carry)?)?;
        Ok(vec![hidden.clone(), hidden, carry])
    }

    fn states(&self) -> Vec<Vec<usize>> {
        vec![vec![self.units]; 2]
    }
}

/// Ones for the forget gate, the second of four, and other start values for the others.
#[derive(Clone, Debug)]
pub(super) struct UnitForgetBias {
    /// Size of a gate.
    pub units: usize,
    /// Start values of the other gates.
    pub others: Initializer,
}

impl Config for UnitForgetBias {
    fn class_name(&self) -> &str {
        "UnitForgetBias"
    }

    fn config(&self) -> Object {
        Object::new()
    }
}

impl Initialize for UnitForgetBias {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        let part = |gates: usize| Start {
            builder: variable.builder.clone(),
            shape: vec![gates * self.units],
            ..*variable
        };
        let others = self.others.object()?;
        ops::concatenate(&[others.call(&part(1))?, part(1).full(1.0)?, others.call(&part(2))?], 0)
    }
}
