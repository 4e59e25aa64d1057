//! `Nadam`: Adam that looks ahead.

use super::prelude::*;

config! {
    /// Adam with Nesterov momentum.
    pub struct Nadam {
        /// How slowly the mean of gradients moves.
        beta_1: f64 = 0.9,
        /// How slowly the mean of squared gradients moves.
        beta_2: f64 = 0.999,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
    }
}

impl Optimize for Nadam {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["momentum", "velocity"]);
        slots.shared("u_product", 1.0);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let u = self.u(at, 0.0)?;
        let next = self.u(at, 1.0)?;
        let product = ops::cast(&at.slot("u_product")?, at.variable.dtype())?;
        let product_next = ops::multiply(&product, &next)?;
        let (momentum, velocity) = at.moments(self.beta_1, self.beta_2)?;
        let past = ops::divide(&ops::multiply(&next, &momentum)?, &ops::one_minus(&product_next)?)?;
        let now = ops::multiply(&ops::one_minus(&u)?, &at.gradient)?;
        let momentum = ops::add(&past, &ops::divide(&now, &ops::one_minus(&product)?)?)?;
        let velocity = ops::divide(&velocity, &ops::one_minus(&at.power(self.beta_2)?)?)?;
        let root = ops::plus(&ops::sqrt(&velocity)?, self.epsilon)?;
        ops::subtract(&at.variable, &ops::divide(&ops::multiply(&momentum, &at.learning_rate)?, &root)?)
    }

    fn begin(&self, at: &Update<'_>) -> Result<()> {
        at.set("u_product", ops::multiply(&at.slot("u_product")?, &self.u(at, 0.0)?)?);
        Ok(())
    }
}

impl Nadam {
    /// The momentum of a step, so many steps ahead.
    fn u(&self, at: &Update<'_>, ahead: f64) -> Result<Tensor> {
        let decay = ops::power(&at.number(0.96)?, &ops::plus(&at.step, ahead)?)?;
        ops::times(&ops::one_minus(&ops::times(&decay, 0.5)?)?, self.beta_1)
    }
}
