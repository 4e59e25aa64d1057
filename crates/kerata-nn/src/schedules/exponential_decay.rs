//! `ExponentialDecay`: a rate that shrinks by a factor.

use super::prelude::*;

config! {
    /// `initial · rate ^ (step / steps)`.
    pub struct ExponentialDecay(
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// Number of steps that the decay takes.
        decay_steps: f64,
        /// How much it decays.
        decay_rate: f64,
    ) {
        /// Whether the rate falls in steps.
        staircase: bool = false,
        /// Name of the schedule.
        name: String = "ExponentialDecay".to_owned(),
    }
}

impl Schedule for ExponentialDecay {
    fn call(&self, step: &Tensor) -> Result<Tensor> {
        let mut share = ops::divide(step, &ops::scalar(step, self.decay_steps)?)?;
        if self.staircase {
            share = ops::floor(&share)?;
        }
        ops::times(&ops::power(&ops::scalar(step, self.decay_rate)?, &share)?, self.initial_learning_rate)
    }
}
