//! `CosineDecay`: a rate that falls along half a wave, after a warmup.

use super::prelude::*;

config! {
    /// Half a cosine wave, after a linear warmup if there is a target of it.
    pub struct CosineDecay(
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// Number of steps that the decay takes.
        decay_steps: f64,
    ) {
        /// The last rate as a share of the first.
        alpha: f64 = 0.0,
        /// Name of the schedule.
        name: String = "CosineDecay".to_owned(),
        /// The rate at the end of the warmup.
        warmup_target: Option<f64> = None,
        /// Number of steps of the warmup.
        warmup_steps: f64 = 0.0,
    }
}

impl Schedule for CosineDecay {
    fn call(&self, step: &Tensor) -> Result<Tensor> {
        let Some(target) = self.warmup_target else {
            return self.decay(&ops::minimum(step, &ops::scalar(step, self.decay_steps)?)?, self.initial_learning_rate);
        };
        let step = ops::minimum(step, &ops::scalar(step, self.decay_steps + self.warmup_steps)?)?;
        // Without warmup steps the quotient is undefined, and not chosen.
        let share = ops::divide(&step, &ops::scalar(&step, self.warmup_steps.max(f64::MIN_POSITIVE))?)?;
        let rise = target - self.initial_learning_rate;
        let warming = ops::plus(&ops::times(&share, rise)?, self.initial_learning_rate)?;
        let decaying = self.decay(&ops::plus(&step, -self.warmup_steps)?, target)?;
        let is_warming = ops::less(&step, &ops::scalar(&step, self.warmup_steps)?)?;
        ops::select(&is_warming, &warming, &decaying)
    }
}

impl CosineDecay {
    /// The rate so many steps after the warmup.
    fn decay(&self, step: &Tensor, from: f64) -> Result<Tensor> {
        let angle = ops::times(&ops::divide(step, &ops::scalar(step, self.decay_steps)?)?, PI)?;
        let wave = ops::times(&ops::plus(&ops::cos(&angle)?, 1.0)?, 0.5)?;
        ops::times(&ops::plus(&ops::times(&wave, 1.0 - self.alpha)?, self.alpha)?, from)
    }
}
