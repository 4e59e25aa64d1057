//! `AdamW`: Adam with weight decay.

use super::Adam;
use super::prelude::*;

config! {
    /// Adam whose variables decay.
    pub struct AdamW {
        /// How slowly the mean of gradients moves.
        beta_1: f64 = 0.9,
        /// How slowly the mean of squared gradients moves.
        beta_2: f64 = 0.999,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
        /// Whether the largest mean of squares so far is taken.
        amsgrad: bool = false,
    }
}

impl Optimize for AdamW {
    fn common(&self) -> Common {
        Common { weight_decay: Some(0.004), ..Common::new(0.001) }
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["momentum", "velocity"]);
        if self.amsgrad {
            slots.each(&["velocity_hat"]);
        }
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        Adam::new().beta_1(self.beta_1).beta_2(self.beta_2).epsilon(self.epsilon).amsgrad(self.amsgrad).update(at)
    }
}
