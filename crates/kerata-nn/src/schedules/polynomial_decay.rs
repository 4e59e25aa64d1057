//! `PolynomialDecay`: a rate that falls to an end along a power.

use super::prelude::*;

config! {
    /// From the initial rate to the last one along a power of what is left.
    pub struct PolynomialDecay(
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// Number of steps that the decay takes.
        decay_steps: f64,
    ) {
        /// The rate at the end.
        end_learning_rate: f64 = 0.0001,
        /// The power.
        power: f64 = 1.0,
        /// Whether it starts over beyond the end.
        cycle: bool = false,
        /// Name of the schedule.
        name: String = "PolynomialDecay".to_owned(),
    }
}

impl Schedule for PolynomialDecay {
    fn call(&self, step: &Tensor) -> Result<Tensor> {
        let steps = ops::scalar(step, self.decay_steps)?;
        let (step, steps) = if self.cycle {
            let rounds = ops::ceil(&ops::divide(step, &steps)?)?;
            (step.clone(), ops::multiply(&steps, &ops::maximum(&rounds, &ops::scalar(step, 1.0)?)?)?)
        } else {
            (ops::minimum(step, &steps)?, steps)
        };
        let left = ops::one_minus(&ops::divide(&step, &steps)?)?;
        let left = ops::power(&left, &ops::scalar(&left, self.power)?)?;
        let height = self.initial_learning_rate - self.end_learning_rate;
        ops::plus(&ops::times(&left, height)?, self.end_learning_rate)
    }
}
