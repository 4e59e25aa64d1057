//! `SGD`: gradient descent, with momentum if wanted.

use super::prelude::*;

config! {
    /// Gradient descent.
    pub struct SGD {
        /// Share of the last step that goes on.
        momentum: f64 = 0.0,
        /// Whether the gradient is taken ahead.
        nesterov: bool = false,
    }
}

impl Optimize for SGD {
    fn common(&self) -> Common {
        Common::new(0.01)
    }

    fn build(&self, slots: &mut Slots) {
        if self.momentum != 0.0 {
            slots.each(&["momentum"]);
        }
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let step = ops::multiply(&at.gradient, &at.learning_rate)?;
        if self.momentum == 0.0 {
            return ops::subtract(&at.variable, &step);
        }
        let ahead = |momentum: &Tensor| ops::subtract(&ops::times(momentum, self.momentum)?, &step);
        let momentum = at.set("momentum", ahead(&at.slot("momentum")?)?);
        ops::add(&at.variable, &if self.nesterov { ahead(&momentum)? } else { momentum })
    }
}
