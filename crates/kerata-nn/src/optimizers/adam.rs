//! `Adam`: steps of the mean gradient over the root of its mean square.

use super::prelude::*;

config! {
    /// Adaptive moment estimation.
    pub struct Adam {
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

impl Optimize for Adam {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["momentum", "velocity"]);
        if self.amsgrad {
            slots.each(&["velocity_hat"]);
        }
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let (momentum, mut velocity) = at.moments(self.beta_1, self.beta_2)?;
        if self.amsgrad {
            velocity = at.set("velocity_hat", ops::maximum(&at.slot("velocity_hat")?, &velocity)?);
        }
        at.adam_step(&momentum, &velocity, [self.beta_1, self.beta_2], self.epsilon)
    }
}
