//! `Adamax`: Adam with the largest gradient instead of the mean square.

use super::prelude::*;

config! {
    /// Adam by the infinity norm.
    pub struct Adamax {
        /// How slowly the mean of gradients moves.
        beta_1: f64 = 0.9,
        /// How slowly the mean of squared gradients moves.
        beta_2: f64 = 0.999,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
    }
}

impl Optimize for Adamax {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["momentum", "norm"]);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let momentum = at.approach("momentum", &at.gradient, self.beta_1)?;
        let decayed = ops::times(&at.slot("norm")?, self.beta_2)?;
        let norm = at.set("norm", ops::maximum(&decayed, &at.absolutes()?)?);
        let correction = ops::one_minus(&at.power(self.beta_1)?)?;
        let divisor = ops::multiply(&correction, &ops::plus(&norm, self.epsilon)?)?;
        ops::subtract(&at.variable, &ops::divide(&ops::multiply(&at.learning_rate, &momentum)?, &divisor)?)
    }
}
