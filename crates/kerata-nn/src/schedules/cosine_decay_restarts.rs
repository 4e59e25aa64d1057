//! `CosineDecayRestarts`: half waves that start over, longer and lower each time.

use super::prelude::*;

config! {
    /// Half cosine waves, each `t_mul` times as long and `m_mul` times as high as the one before.
    pub struct CosineDecayRestarts(
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// Number of steps of the first wave.
        first_decay_steps: f64,
    ) {
        /// How much longer each wave is.
        t_mul: f64 = 2.0,
        /// How much higher each wave is.
        m_mul: f64 = 1.0,
        /// The lowest rate as a share of the first.
        alpha: f64 = 0.0,
        /// Name of the schedule.
        name: String = "SGDRDecay".to_owned(),
    }
}

impl Schedule for CosineDecayRestarts {
    fn call(&self, step: &Tensor) -> Result<Tensor> {
        let done = ops::divide(step, &ops::scalar(step, self.first_decay_steps)?)?;
        let (round, done) = if self.t_mul == 1.0 {
            let round = ops::floor(&done)?;
            (round.clone(), ops::subtract(&done, &round)?)
        } else {
            let grown = ops::subtract(&ops::scalar(step, 1.0)?, &ops::times(&done, 1.0 - self.t_mul)?)?;
            let base = ops::log(&ops::scalar(step, self.t_mul)?)?;
            let round = ops::floor(&ops::divide(&ops::log(&grown)?, &base)?)?;
            let length = ops::power(&ops::scalar(step, self.t_mul)?, &round)?;
            let before = ops::divide(&ops::one_minus(&length)?, &ops::scalar(step, 1.0 - self.t_mul)?)?;
            (round, ops::divide(&ops::subtract(&done, &before)?, &length)?)
        };
        let height = ops::times(&ops::power(&ops::scalar(step, self.m_mul)?, &round)?, 0.5)?;
        let wave = ops::multiply(&height, &ops::plus(&ops::cos(&ops::times(&done, PI)?)?, 1.0)?)?;
        let share = ops::plus(&ops::times(&wave, 1.0 - self.alpha)?, self.alpha)?;
        ops::times(&share, self.initial_learning_rate)
    }
}
