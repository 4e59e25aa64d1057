//! `ScheduleFreeAdamW`: Adam that averages instead of lowering its rate.

use super::prelude::*;

config! {
    /// AdamW without a schedule.
    pub struct ScheduleFreeAdamW {
        /// How slowly the mean of gradients moves.
        beta_1: f64 = 0.9,
        /// How slowly the mean of squared gradients moves.
        beta_2: f64 = 0.999,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-8,
        /// Number of steps in which the rate rises.
        warmup_steps: usize = 0,
    }
}

impl Optimize for ScheduleFreeAdamW {
    fn common(&self) -> Common {
        Common::new(0.0025)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each_like_variables(&["momentum"], &["velocity"]);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let mut rate = at.learning_rate.clone();
        if self.warmup_steps > 0 {
            let share = ops::times(&at.step, 1.0 / self.warmup_steps as f64)?;
            rate = ops::multiply(&rate, &ops::minimum(&share, &at.number(1.0)?)?)?;
        }
        let before = at.slot("momentum")?;
        let velocity = at.approach("velocity", &at.squares()?, self.beta_2)?;
        let velocity = ops::divide(&velocity, &ops::one_minus(&at.power(self.beta_2)?)?)?;
        let root = ops::plus(&ops::sqrt(&velocity)?, self.epsilon)?;
        let step = ops::divide(&ops::multiply(&rate, &at.gradient)?, &root)?;
        let momentum = at.set("momentum", ops::subtract(&before, &step)?);
        let share = ops::divide(&at.number(1.0)?, &at.step)?;
        // Keras on TensorFlow takes the new momentum here, where the method means the one before the step.
        let old = ops::subtract(&at.variable, &ops::times(&momentum, 1.0 - self.beta_1)?)?;
        let old = ops::times(&old, 1.0 / self.beta_1)?;
        let old = ops::multiply(&ops::one_minus(&share)?, &old)?;
        let average = ops::add(&old, &ops::multiply(&share, &momentum)?)?;
        ops::add(&ops::times(&momentum, 1.0 - self.beta_1)?, &ops::times(&average, self.beta_1)?)
    }
}
