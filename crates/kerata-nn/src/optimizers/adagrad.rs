//! `Adagrad`: steps of the gradient over the root of the sum of its squares.

use super::prelude::*;

config! {
    /// Adaptive gradients.
    pub struct Adagrad {
        /// Where the sums start.
        initial_accumulator_value: f64 = 0.1,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
    }
}

impl Optimize for Adagrad {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each_from("accumulator", self.initial_accumulator_value);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let sum = at.set("accumulator", ops::add(&at.slot("accumulator")?, &at.squares()?)?);
        let root = ops::sqrt(&ops::plus(&sum, self.epsilon)?)?;
        ops::subtract(&at.variable, &ops::divide(&ops::multiply(&at.learning_rate, &at.gradient)?, &root)?)
    }
}
