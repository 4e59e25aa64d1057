//! `Lamb`: Adam whose steps are as long as the weights are.

use super::prelude::*;

config! {
    /// Layer-wise adaptive moments.
    pub struct Lamb {
        /// How slowly the mean of gradients moves.
        beta_1: f64 = 0.9,
        /// How slowly the mean of squared gradients moves.
        beta_2: f64 = 0.999,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
    }
}

impl Optimize for Lamb {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["momentum", "velocity"]);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let (momentum, velocity) = at.moments(self.beta_1, self.beta_2)?;
        let momentum = ops::divide(&momentum, &ops::one_minus(&at.power(self.beta_1)?)?)?;
        let velocity = ops::divide(&velocity, &ops::one_minus(&at.power(self.beta_2)?)?)?;
        let step = ops::divide(&momentum, &ops::plus(&ops::sqrt(&velocity)?, self.epsilon)?)?;
        let norm = |x: &Tensor| ops::sqrt(&ops::sum(&ops::square(x)?, &[], false)?);
        let (of_weights, of_step) = (norm(&at.variable)?, norm(&step)?);
        let zero = at.number(0.0)?;
        let both = ops::logical_and(&ops::greater(&of_weights, &zero)?, &ops::greater(&of_step, &zero)?)?;
        let ratio = ops::select(&both, &ops::divide(&of_weights, &of_step)?, &at.number(1.0)?)?;
        ops::subtract(&at.variable, &ops::multiply(&ops::multiply(&ratio, &at.learning_rate)?, &step)?)
    }
}
