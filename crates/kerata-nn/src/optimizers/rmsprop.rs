//! `RMSprop`: steps of the gradient over the root of its mean square.

use super::prelude::*;

config! {
    /// Root mean square propagation.
    pub struct RMSprop {
        /// How slowly the mean of squared gradients moves.
        rho: f64 = 0.9,
        /// Share of the last step that goes on.
        momentum: f64 = 0.0,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
        /// Whether the squared mean gradient is taken off.
        centered: bool = false,
    }
}

impl Optimize for RMSprop {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["velocity"]);
        if self.momentum > 0.0 {
            slots.each(&["momentum"]);
        }
        if self.centered {
            slots.each(&["average_gradient"]);
        }
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let mean = |slot: &'static str, value: &Tensor| at.mean(slot, self.rho, value);
        let velocity = mean("velocity", &at.squares()?)?;
        let square = match self.centered {
            true => ops::subtract(&velocity, &ops::square(&mean("average_gradient", &at.gradient)?)?)?,
            false => velocity,
        };
        let root = ops::sqrt(&ops::plus(&square, self.epsilon)?)?;
        let mut step = ops::divide(&ops::multiply(&at.learning_rate, &at.gradient)?, &root)?;
        if self.momentum > 0.0 {
            step = at.set("momentum", ops::add(&ops::times(&at.slot("momentum")?, self.momentum)?, &step)?);
        }
        ops::subtract(&at.variable, &step)
    }
}
