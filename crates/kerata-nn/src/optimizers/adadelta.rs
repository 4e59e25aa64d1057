//! `Adadelta`: steps of a size learnt from earlier steps.

use super::prelude::*;

config! {
    /// Adagrad with a window of past gradients.
    pub struct Adadelta {
        /// How slowly the means move.
        rho: f64 = 0.95,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
    }
}

impl Optimize for Adadelta {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each(&["accumulated_grad", "accumulated_delta_var"]);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let root = |mean: &Tensor| ops::sqrt(&ops::plus(mean, self.epsilon)?);
        let gradients = at.mean("accumulated_grad", self.rho, &at.squares()?)?;
        let scale = ops::divide(&root(&at.slot("accumulated_delta_var")?)?, &root(&gradients)?)?;
        let squares = ops::multiply(&ops::square(&scale)?, &at.squares()?)?;
        at.mean("accumulated_delta_var", self.rho, &squares)?;
        let step = ops::multiply(&scale, &at.gradient)?;
        ops::subtract(&at.variable, &ops::multiply(&at.learning_rate, &step)?)
    }
}
