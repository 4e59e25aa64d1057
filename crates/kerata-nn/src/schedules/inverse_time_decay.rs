//! `InverseTimeDecay`: a rate that shrinks with the time passed.

use super::prelude::*;

config! {
    /// `initial / (1 + rate · step / steps)`.
    pub struct InverseTimeDecay(
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
        name: String = "InverseTimeDecay".to_owned(),
    }
}

impl Schedule for InverseTimeDecay {
    fn call(&self, step: &Tensor) -> Result<Tensor> {
        let mut share = ops::divide(step, &ops::scalar(step, self.decay_steps)?)?;
        if self.staircase {
            share = ops::floor(&share)?;
        }
        let divisor = ops::plus(&ops::times(&share, self.decay_rate)?, 1.0)?;
        ops::divide(&ops::scalar(step, self.initial_learning_rate)?, &divisor)
    }
}
