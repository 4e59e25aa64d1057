//! `Lion`: steps of the sign of the mean gradient.

use super::prelude::*;

config! {
    /// Evolved sign momentum.
    pub struct Lion {
        /// How slowly the mean of gradients moves.
        beta_1: f64 = 0.9,
        /// How slowly the momentum moves.
        beta_2: f64 = 0.99,
    }
}

impl Optimize for Lion {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["momentum"]);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let before = at.slot("momentum")?;
        let mix = |share: f64| ops::add(&ops::times(&before, share)?, &ops::times(&at.gradient, 1.0 - share)?);
        at.set("momentum", mix(self.beta_2)?);
        ops::subtract(&at.variable, &ops::multiply(&at.learning_rate, &ops::sign(&mix(self.beta_1)?)?)?)
    }
}
